//! Compares the container endpoint of a wrapped command with a server of the same library and a
//! constant answer, in one run, with 50 and with 1,000 keep-alive clients.
//! `cargo bench --bench endpoint`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use support::double::{Double, Role};
use support::sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const AS_CONSTANT: &str = "AWSFRESH_BENCH_AS_CONSTANT";
const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

fn main() {
    if let Ok(body) = std::env::var(AS_CONSTANT) {
        return constant(body);
    }
    let aws = Double::start();
    aws.add_user(
        "AKIAQBENCHBENCHBENCH",
        "benchSecret",
        "arn:aws:iam::111111111111:user/ann",
    );
    aws.add_role(Role {
        trusts: vec!["*".into()],
        ..Role::new(ROLE)
    });
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.credentials(
        "[base]\naws_access_key_id = AKIAQBENCHBENCHBENCH\naws_secret_access_key = benchSecret\n",
    );
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n"
    ));
    let show = "echo $AWS_CONTAINER_CREDENTIALS_FULL_URI; echo $AWS_CONTAINER_AUTHORIZATION_TOKEN; \
                read line";
    let wrapped = [
        "-p",
        "deploy",
        "--deliver",
        "endpoint",
        "--",
        "sh",
        "-c",
        show,
    ];
    let (mut ours, lines) = lines(home.command(&wrapped), 2);
    let (host, path) = lines[0]
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nAccept: */*\r\n\r\n",
        lines[1]
    );

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let body = runtime.block_on(async {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let mut buffer = vec![0; 8192];
        stream.write_all(request.as_bytes()).await.unwrap();
        let whole = exchange(&mut stream, &mut buffer).await;
        String::from_utf8_lossy(&buffer[..whole])
            .split_once("\r\n\r\n")
            .unwrap()
            .1
            .to_owned()
    });
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(AS_CONSTANT, body)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let (mut theirs, address) = self::lines(command, 1);

    for clients in [50, 1000] {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            a.push(runtime.block_on(load(host, &request, clients)));
            b.push(runtime.block_on(load(&address[0], &request, clients)));
        }
        let (a, b) = (median(a), median(b));
        println!(
            "{clients} clients: {:.0}/s against {:.0}/s: ratio {:.2} (at least 0.7); p99 {:.2} ms \
             against {:.2} ms: ratio {:.2} (at most 1.3); refused {}",
            a.per_second,
            b.per_second,
            a.per_second / b.per_second,
            a.p99,
            b.p99,
            a.p99 / b.p99,
            a.refused
        );
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", ours.id())).unwrap_or_default();
    println!(
        "peak resident memory: {}",
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap_or(" unknown")
            .trim()
    );
    drop((ours.stdin.take(), theirs.stdin.take()));
    ours.wait().unwrap();
    theirs.kill().unwrap();
    theirs.wait().unwrap();
}

/// Starts a program that waits on stdin, and reads the first lines of its output.
fn lines(mut command: Command, count: usize) -> (Child, Vec<String>) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .map(Result::unwrap)
        .take(count)
        .collect();
    (child, lines)
}

struct Measured {
    per_second: f64,
    p99: f64,
    refused: usize,
}

fn median(mut all: Vec<Measured>) -> Measured {
    let refused = all.iter().map(|one| one.refused).sum();
    all.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let per_second = all[all.len() / 2].per_second;
    all.sort_by(|a, b| a.p99.total_cmp(&b.p99));
    Measured {
        per_second,
        p99: all[all.len() / 2].p99,
        refused,
    }
}

/// Every client sends its next request as soon as it has its answer.
async fn load(host: &str, request: &str, clients: usize) -> Measured {
    let mut streams = Vec::new();
    for _ in 0..clients {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap(); // ours keeps few that are silent
        exchange(&mut stream, &mut [0; 8192]).await;
        streams.push(stream);
    }
    let end = Instant::now() + ROUND;
    let ask = |mut stream: TcpStream| {
        let request = request.to_owned();
        tokio::spawn(async move {
            let (mut times, mut refused, mut buffer) = (Vec::new(), 0, vec![0; 8192]);
            while Instant::now() < end {
                let began = Instant::now();
                stream.write_all(request.as_bytes()).await.unwrap();
                exchange(&mut stream, &mut buffer).await;
                refused += usize::from(!buffer.starts_with(b"HTTP/1.1 200"));
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            (times, refused)
        })
    };
    let tasks: Vec<_> = streams.into_iter().map(ask).collect();
    let (mut times, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (more, bad) = task.await.unwrap();
        times.extend(more);
        refused += bad;
    }
    times.sort_by(f64::total_cmp);
    Measured {
        per_second: times.len() as f64 / ROUND.as_secs_f64(),
        p99: times[times.len() * 99 / 100],
        refused,
    }
}

/// Reads one complete answer and returns its length.
async fn exchange(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        filled += stream.read(&mut buffer[filled..]).await.unwrap();
        let text = String::from_utf8_lossy(&buffer[..filled]).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        if body.len() >= length {
            return filled;
        }
    }
}

/// A server with the same library, runtime and headers, and a constant body.
fn constant(body: String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let body = Bytes::from(body);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = stream.set_nodelay(true);
            let body = body.clone();
            tokio::spawn(async move {
                let answer = || {
                    hyper::Response::builder()
                        .header("content-type", "application/json")
                        .header("cache-control", "no-store")
                        .body(Full::new(body.clone()))
                };
                let service = service_fn(|_| std::future::ready(answer()));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}
