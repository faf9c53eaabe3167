//! Opening a page whose address is a secret. Other users can read the arguments of a browser, so it
//! gets an address of 127.0.0.1 that is valid once, and is redirected from there.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, HOST, HeaderValue, LOCATION, REFERRER_POLICY};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq;
use tokio::sync::mpsc;

use super::Options;
use super::opener::{Opener, Way};
use crate::config::Network;
use crate::credentials::Secret;
use crate::digest::random_hex;
use crate::finding::{Cause, Finding, Result};
use crate::source::Calls;
use crate::sync::lock;
use crate::world::World;

/// How long a browser may take to start and ask for the page.
const BROWSER_TIME: Duration = Duration::from_secs(60);
/// A client that has not sent its request by then is disconnected.
const HEADER_TIME: Duration = Duration::from_secs(5);

/// What to do without a browser.
const PRINT: &str = "add --print, and open the URL in any browser";

/// A browser of the person at this machine.
pub(crate) struct Browser(Opener);

impl Browser {
    /// The browser that opens with `command`, `$BROWSER` or by default. Fails where none can open.
    pub(crate) fn find(world: &World, command: Option<&str>) -> Result<Self> {
        let options = Options {
            browser: command.map(str::to_owned),
            ..Options::default()
        };
        match Way::choose(&options, world) {
            Way::Browser(opener) => Ok(Self(opener)),
            Way::Device(reason) => Err(no_browser().evidence(reason)),
        }
    }

    /// Opens a page.
    pub(crate) fn open(&self, url: &str) -> Result<()> {
        if self.0.open(url) {
            Ok(())
        } else {
            Err(no_browser())
        }
    }

    /// Opens a page without its address in the arguments of the browser. Waits until a browser has
    /// asked for it.
    pub(crate) fn open_secret(&self, world: &World, url: Secret) -> Result<()> {
        let handover = Handover::bind(url)?;
        let deadline = std::time::Instant::now() + BROWSER_TIME;
        let calls = Calls::new(world, &Network::default(), deadline);
        calls.run_within(BROWSER_TIME * 2, async {
            self.open(&handover.page())?;
            let served = tokio::time::timeout(BROWSER_TIME, handover.serve()).await;
            served.map_err(|_| {
                let summary = "the browser did not ask for the page of the console within 60 s";
                Finding::new(Cause::Usage, summary).remedy(PRINT)
            })
        })
    }
}

fn no_browser() -> Finding {
    Finding::new(Cause::Usage, "no browser can open the console from here").remedy(PRINT)
}

/// A bound port, and the address to redirect to.
struct Handover {
    listener: TcpListener,
    address: SocketAddr,
    path: String,
    /// Taken by the first request.
    url: Arc<Mutex<Option<Secret>>>,
}

impl Handover {
    fn bind(url: Secret) -> Result<Self> {
        let failed = |e: io::Error| {
            let summary = format!("the page cannot be passed to a browser: {e}");
            Finding::new(Cause::Usage, summary).remedy(PRINT)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            path: format!("/{}", random_hex::<16>().map_err(failed)?),
            url: Arc::new(Mutex::new(Some(url))),
        })
    }

    /// What the browser opens.
    fn page(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    /// Serves until the redirect is sent.
    async fn serve(self) {
        let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) else {
            return std::future::pending().await; // the caller has a time limit
        };
        let (host, path) = (Arc::new(self.address.to_string()), Arc::new(self.path));
        let (sent, mut is_sent) = mpsc::channel(1);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let client = Client {
                            host: host.clone(),
                            path: path.clone(),
                            url: self.url.clone(),
                            sent: sent.clone(),
                        };
                        tokio::spawn(client.serve(TokioIo::new(stream)));
                    }
                    // Probably out of file descriptors.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                _ = is_sent.recv() => return,
            }
        }
    }
}

/// One connection. Browsers open some on which they send nothing.
struct Client {
    host: Arc<String>,
    path: Arc<String>,
    url: Arc<Mutex<Option<Secret>>>,
    sent: mpsc::Sender<()>,
}

impl Client {
    async fn serve(self, stream: TokioIo<tokio::net::TcpStream>) {
        let took = Mutex::new(false);
        let service = service_fn(|request: Request<Incoming>| {
            let url = self.is_ours(&request).then(|| lock(&self.url).take());
            let url = url.flatten();
            *lock(&took) |= url.is_some();
            async move { Ok::<_, Infallible>(response(url.as_ref())) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .keep_alive(false);
        let _ = http.serve_connection(stream, service).await; // a failing client affects no other
        if *lock(&took) {
            let _ = self.sent.send(()).await; // the server has ended
        }
    }

    fn is_ours(&self, request: &Request<Incoming>) -> bool {
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
        let path = request.uri().path().as_bytes();
        request.method() == Method::GET
            && host == Some(self.host.as_bytes())
            && bool::from(path.ct_eq(self.path.as_bytes()))
    }
}

fn response(url: Option<&Secret>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let location = url.and_then(|url| HeaderValue::from_str(url.expose()).ok());
    *response.status_mut() = match location {
        Some(_) => StatusCode::FOUND,
        None => StatusCode::NOT_FOUND,
    };
    let headers = response.headers_mut();
    headers.extend(location.map(|location| (LOCATION, location)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
