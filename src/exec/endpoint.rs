//! The container credentials protocol on 127.0.0.1, answered from memory.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
//!
//! Real clients give up after one or two seconds: no request waits for anything. Whoever does not know the token, or
//! comes by a browser, gets nothing.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::sync::oneshot;

use super::asked::{Answers, Asked, announced};
use super::{Live, lock};
use crate::credentials::Credentials;
use crate::diagnosis::{Cause, Finding, Result, printable};
use crate::digest::random_hex;
use crate::time::Timestamp;

/// A client that has not told its request by then is in nobody's way any more.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Requests have a handful of headers.
const HEADER_BYTES: usize = 16 * 1024;
/// More at a time are left waiting: each costs a file descriptor.
const CONNECTIONS: usize = 4096;

/// A server for one run; gone when dropped.
pub struct Endpoint {
    url: String,
    token: String,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    live: Arc<Live>,
    now: fn() -> Timestamp,
    drill: Option<i64>,
    host: String,
    path: String,
    token: String,
    profile: String,
    answers: Mutex<Option<Answers>>,
    last: Mutex<Option<Body>>,
}

/// An answer as it is sent, and what it was made of.
struct Body {
    key_id: String,
    expiration: Option<Timestamp>,
    bytes: Bytes,
}

impl Endpoint {
    /// Serves `live` until dropped. Under a drill every answer ends at most `drill` seconds ahead.
    pub fn start(live: Arc<Live>, profile: &str, now: fn() -> Timestamp, drill: Option<i64>) -> Result<Self> {
        let refused = |e: io::Error| {
            Finding::new(Cause::Unexpected, format!("the endpoint on 127.0.0.1 does not start: {e}"))
                .try_this("--deliver profile opens no port")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let host = listener.local_addr().map_err(refused)?.to_string();
        let path = format!("/{}", random_hex::<16>().map_err(refused)?);
        let token = random_hex::<32>().map_err(refused)?;
        let url = format!("http://{host}{path}");
        let (profile, answers, last) = (profile.to_owned(), Mutex::default(), Mutex::default());
        let state = Arc::new(State { live, now, drill, host, path, token: token.clone(), profile, answers, last });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (stop, stopped) = oneshot::channel();
        let of_server = state.clone();
        let thread = std::thread::Builder::new()
            .name("endpoint".into())
            .spawn(move || runtime.block_on(serve(listener, of_server, stopped)))
            .map_err(refused)?;
        Ok(Self { url, token, state, stop: Some(stop), thread: Some(thread) })
    }

    /// For `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// For `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What was answered so far.
    pub fn answers(&self) -> Option<Answers> {
        *lock(&self.state.answers)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(()); // the server may have ended
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            _ = &mut stopped => return,
            accepted = accepted => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await; // out of file descriptors, most likely
            continue;
        };
        let _ = stream.set_nodelay(true); // slower without, not wrong
        let state = state.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request: Request<Incoming>| {
                let response = state.answer(request.method(), request.uri().path(), request.headers());
                async move { Ok::<_, Infallible>(response) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADER_BYTES);
            let _ = http.serve_connection(TokioIo::new(stream), service).await; // a client's mistake is its own matter
        });
    }
}

impl State {
    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let is = |name: HeaderName, wanted: &str| {
            let mut values = headers.get_all(name).iter();
            matches!((values.next(), values.next()), (Some(value), None) if same(value.as_bytes(), wanted.as_bytes()))
        };
        let by_browser = headers.keys().any(|name| *name == ORIGIN || *name == REFERER || name.as_str().starts_with("sec-"));
        if !is(HOST, &self.host) || by_browser {
            return refusal(StatusCode::FORBIDDEN, "Forbidden", "requests by other names or from browsers are refused");
        }
        if !same(path.as_bytes(), self.path.as_bytes()) {
            return refusal(StatusCode::NOT_FOUND, "NotFound", "nothing is here");
        }
        if !is(AUTHORIZATION, &self.token) {
            return refusal(StatusCode::FORBIDDEN, "Forbidden", "the authorization token is not the one of this run");
        }
        if method != Method::GET {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only GET");
        }
        let now = (self.now)();
        self.live.with(|credentials, failure| match credentials.expiration {
            Some(end) if end <= now => self.over(end, failure),
            end => {
                let announced = announced(end, now, self.drill);
                let mut answers = lock(&self.answers);
                *answers = Some(Answers::and(*answers, Asked { at: now, expiration: announced }));
                response(StatusCode::OK, self.body(credentials, announced))
            }
        })
    }

    /// The last one, as long as it would be made of the same.
    fn body(&self, credentials: &Credentials, expiration: Option<Timestamp>) -> Bytes {
        let mut last = lock(&self.last);
        match &*last {
            Some(body) if body.key_id == credentials.access_key_id && body.expiration == expiration => body.bytes.clone(),
            _ => {
                let bytes = Bytes::from(body(credentials, expiration));
                *last = Some(Body { key_id: credentials.access_key_id.clone(), expiration, bytes: bytes.clone() });
                bytes
            }
        }
    }

    /// The body is all that clients show of a failure.
    fn over(&self, end: Timestamp, failure: Option<&Finding>) -> Response<Full<Bytes>> {
        let why = match failure {
            Some(finding) => finding.clone().for_profile(&self.profile).to_string(),
            None => format!("awsfresh: profile `{}`: the credentials ended at {end} [session-expired]", self.profile),
        };
        let line: Vec<&str> = why.lines().map(str::trim).collect();
        refusal(StatusCode::SERVICE_UNAVAILABLE, "CredentialsUnavailable", &line.join("; "))
    }
}

/// All four keys are required by the JS and Rust SDKs, and `Expiration` ends in `Z`.
fn body(credentials: &Credentials, expiration: Option<Timestamp>) -> String {
    let mut body = json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        "Token": credentials.session_token.as_ref().map_or("", |token| token.expose()),
    });
    if let Some(end) = expiration {
        body["Expiration"] = end.to_string().into();
    }
    if let Some(account) = &credentials.account_id {
        body["AccountId"] = account.as_str().into();
    }
    body.to_string()
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    response(status, json!({ "Code": code, "Message": printable(message) }).to_string().into())
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Compares in a time that does not depend on where the two differ.
fn same(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
