//! The main job with no AWS account: the real program, as separate processes, against a stand-in for AWS on loopback,
//! in a throwaway home. `cargo run --release --example demo`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

// Not the whole of tests/support: the rest needs the built binary, which is there for tests alone.
#[path = "../tests/support/double/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, clippy::expect_used)]
mod double;
#[path = "../tests/support/sandbox.rs"]
#[allow(dead_code, missing_docs)]
mod sandbox;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use double::{Double, Fault, Role};
use sandbox::{Run, Sandbox};

/// Set for the processes this one starts: they are awsfresh itself, the same code the binary runs.
const AS_AWSFRESH: &str = "AWSFRESH_DEMO_AS_AWSFRESH";

const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";

fn main() -> ExitCode {
    if std::env::var_os(AS_AWSFRESH).is_some() {
        return awsfresh::main().into();
    }
    let aws = Double::start();
    aws.add_user(
        "AKIAQDEMODEMODEMODEM",
        "demoSecretdemoSecretdemoSecretdemoSecret",
        "arn:aws:iam::111111111111:user/ann",
    );
    let role = |lifetime| Role {
        trusts: vec!["*".into()],
        lifetime: Some(lifetime),
        ..Role::new(ROLE)
    };
    aws.add_role(role(3600));

    let home = Sandbox::new(std::env::current_exe().unwrap(), &aws.url());
    home.env(AS_AWSFRESH, "1");
    home.credentials(
        "[base]\naws_access_key_id = AKIAQDEMODEMODEMODEM\naws_secret_access_key = demoSecretdemoSecretdemoSecretdemoSecret\n",
    );
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    ));
    println!(
        "A stand-in for AWS runs on {}. The home is {}.\n~/.aws/config:\n",
        aws.url(),
        home.home().display()
    );
    println!("    [profile deploy]\n    role_arn = {ROLE}\n    source_profile = base\n");

    step("A cold call asks AWS for a session");
    let run = home.credentials_of("deploy");
    show(&run);
    asked(&aws, 1);

    step("A warm call answers from the sealed cache");
    let run = home.credentials_of("deploy");
    show(&run);
    asked(&aws, 1);

    step("Twenty processes at once on a cold cache, with AWS taking 150 ms: one of them asks");
    home.run(&["forget", "--all"]);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let began = Instant::now();
    let children: Vec<_> = (0..20)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    let answers: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().stdout)
        .collect();
    aws.heal();
    let same = answers.iter().all(|a| a == &answers[0] && !a.is_empty());
    println!(
        "  20 answers in {} ms, all the same session: {same}",
        began.elapsed().as_millis()
    );
    asked(&aws, 2);

    step("A renewal: sessions now last 9 seconds, and are renewed in their last third");
    aws.add_role(role(9));
    home.run(&["forget", "--all"]);
    let first = home.credentials_of("deploy");
    println!("  {}", key_of(&first));
    std::thread::sleep(Duration::from_millis(7200));
    println!(
        "  {} (7 s later: renewed before it ended)",
        key_of(&home.credentials_of("deploy"))
    );
    asked(&aws, 4);

    step("An outage: AWS fails while the session is still valid for a moment, then it ends");
    std::thread::sleep(Duration::from_millis(7200));
    aws.fault(Fault::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: "demo".into(),
    });
    println!(
        "  {} (still valid: handed out with its true expiration)",
        key_of(&home.credentials_of("deploy"))
    );
    std::thread::sleep(Duration::from_secs(3));
    show(&home.credentials_of("deploy"));
    aws.heal();

    #[cfg(unix)]
    wrapped(&aws, &home, role(6));

    step("A failure explained: somebody deletes the access key");
    aws.remove_key("AKIAQDEMODEMODEMODEM");
    show(&home.credentials_of("deploy"));

    step("What the AWS CLI would say of that, read from a log: awsfresh explain");
    let log = home.file(
        "log",
        "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.\n",
    );
    println!(
        "{}",
        home.wrap(&["explain", log.to_str().unwrap(), "-p", "base"])
            .stdout
    );

    step(
        "A key id that lost its end, and a note behind the secret: awsfresh doctor -p deploy --offline",
    );
    home.credentials(
        "[base]\naws_access_key_id = AKIAQDEMODEMODEMO\naws_secret_access_key = demoSecretdemoSecretdemoSecretdemoSecret # May\n",
    );
    println!(
        "{}",
        home.wrap(&["doctor", "-p", "deploy", "--offline"]).stdout
    );

    step("What is cached");
    println!("{}", home.run(&["status"]).stdout);
    ExitCode::SUCCESS
}

/// The command does what an SDK does: it runs the `credential_process` of the profile it was given.
#[cfg(unix)]
fn wrapped(aws: &Double, home: &Sandbox, short: Role) {
    let ask = format!("{} | grep -o 'ASIA[A-Z0-9]*'", sandbox::ASK);
    aws.add_role(short);
    home.run(&["forget", "--all"]);
    step("A command that runs longer than its credentials: awsfresh -p deploy -- COMMAND");
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--",
        "sh",
        "-c",
        &format!("{ask}; sleep 7; {ask}"),
    ]);
    let keys: Vec<&str> = run.stdout.lines().collect();
    println!("  at its start {}, 7 s later {}", keys[0], keys[1]);
    assert_ne!(keys[0], keys[1], "the demo does not do what it says");

    step(
        "The same with --deliver env, which nothing can renew: the command fails, and is told why",
    );
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--deliver",
        "env",
        "--",
        "sh",
        "-c",
        "sleep 7; exit 1",
    ]);
    println!(
        "  exit {}\n{}",
        run.code.unwrap_or(-1),
        run.stderr.trim_end()
    );
}

fn step(text: &str) {
    println!("\n── {text}");
}

fn key_of(run: &Run) -> String {
    let answer = run.answer();
    format!(
        "{} until {}",
        answer["AccessKeyId"].as_str().unwrap(),
        answer["Expiration"].as_str().unwrap()
    )
}

fn show(run: &Run) {
    match run.code {
        Some(0) => println!(
            "  {} ({:.1} ms)",
            key_of(run),
            run.took.as_secs_f64() * 1000.0
        ),
        code => println!("  exit {}\n{}", code.unwrap_or(-1), run.stderr.trim_end()),
    }
}

fn asked(aws: &Double, times: usize) {
    let count = aws.count("AssumeRole");
    println!("  AssumeRole calls so far: {count}");
    assert_eq!(count, times, "the demo does not do what it says");
}
