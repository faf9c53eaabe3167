//! The container credentials protocol on 127.0.0.1, served from memory.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
//!
//! Real clients give up after one or two seconds: no request waits for anything. A request without
//! the token, or from a browser, is rejected, and its connection ends.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, REFERER,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::connections::{Connections, Place, Removed};
use super::open_files::OpenFiles;
use super::renewer::Renewer;
use super::request_log::{Request as CredentialsRequest, Summary, announced};
use crate::credentials::Credentials;
use crate::digest::random_hex;
use crate::finding::{Cause, Finding, Result};
use crate::known_secrets::hide;
use crate::sync::lock;
use crate::text::printable;
use crate::time::Timestamp;

/// Requests have a handful of headers, in bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// The connections at a time, where the limit of open files permits so many.
const CONNECTIONS: u64 = 4096;
/// Connections that wait to be accepted. The standard library permits 128: on a busy machine they
/// are used up before this process runs again, and further clients wait for 1 s.
const BACKLOG: u32 = 4096;
/// Files that remain for the rest of the process: a renewal needs the network, locks and the store.
const RESERVE: u64 = 32;
/// After a connection that could not be accepted, probably because of the limit of open files.
const PAUSE: Duration = Duration::from_millis(20);

/// A server for one run; it stops when dropped.
pub(super) struct Endpoint {
    url: String,
    token: String,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    renewer: Arc<Renewer>,
    now: fn() -> Timestamp,
    drill: Option<i64>,
    host: String,
    path: String,
    token: String,
    profile: String,
    requests: Mutex<Option<Summary>>,
    last: Mutex<Option<Body>>,
}

/// A response body, and what it was made of.
struct Body {
    key_id: String,
    expiration: Option<Timestamp>,
    bytes: Bytes,
}

impl Endpoint {
    /// Serves the credentials of `renewer` until dropped. Under a drill each response expires at
    /// most `drill` seconds ahead.
    pub(super) fn start(
        renewer: Arc<Renewer>,
        profile: &str,
        now: fn() -> Timestamp,
        drill: Option<i64>,
        open_files: &OpenFiles,
    ) -> Result<Self> {
        let failed = |e: io::Error| {
            Finding::new(
                Cause::Unexpected,
                format!("cannot start the endpoint on 127.0.0.1: {e}"),
            )
            .remedy("use --deliver profile, which opens no port")
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = listen(&runtime).map_err(failed)?;
        let room = open_files.make_room(&listener, CONNECTIONS + RESERVE);
        let places = usize::try_from(room.saturating_sub(RESERVE)).unwrap_or(0);
        let connections = Connections::new(places);
        let host = listener.local_addr().map_err(failed)?.to_string();
        let path = format!("/{}", random_hex::<16>().map_err(failed)?);
        let token = random_hex::<32>().map_err(failed)?;
        let url = format!("http://{host}{path}");
        let (profile, requests, last) = (profile.to_owned(), Mutex::default(), Mutex::default());
        let state = Arc::new(State {
            renewer,
            now,
            drill,
            host,
            path,
            token: token.clone(),
            profile,
            requests,
            last,
        });
        let (stop, stopped) = oneshot::channel();
        let of_server = state.clone();
        let thread = std::thread::Builder::new()
            .name("endpoint".into())
            .spawn(move || runtime.block_on(serve(listener, of_server, connections, stopped)))
            .map_err(failed)?;
        Ok(Self {
            url,
            token,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// For `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// For `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Option<Summary> {
        *lock(&self.state.requests)
    }

    /// From here on only new requests count.
    pub(super) fn forget_requests(&self) {
        *lock(&self.state.requests) = None;
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

fn listen(runtime: &Runtime) -> io::Result<TcpListener> {
    let _context = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(BACKLOG)
}

async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    connections: Arc<Connections>,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            connections.remove_stranger();
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (place, removed) = connections.enter();
        tokio::spawn(serve_connection(stream, state.clone(), place, removed));
        // Otherwise many connections could follow before the request of this one is read.
        tokio::task::yield_now().await;
    }
}

/// Answers the requests of one connection, until one is rejected or it loses its place.
async fn serve_connection(stream: TcpStream, state: Arc<State>, place: Place, removed: Removed) {
    let _ = stream.set_nodelay(true); // slower without, not wrong
    let service = service_fn(|request: Request<Incoming>| {
        let rejected = state.rejection(request.method(), request.uri().path(), request.headers());
        let response = rejected.unwrap_or_else(|| {
            place.is_of_client();
            state.answer()
        });
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.max_buf_size(HEADER_BYTES);
    tokio::select! {
        biased;
        _ = http.serve_connection(TokioIo::new(stream), service) => {} // a failing client affects no other
        () = place.lost(removed) => {}
    }
}

impl State {
    /// The response to a request that is not one of the command's.
    fn rejection(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Full<Bytes>>> {
        let is = |name: HeaderName, wanted: &str| {
            let mut values = headers.get_all(name).iter();
            matches!((values.next(), values.next()), (Some(value), None) if same(value.as_bytes(), wanted.as_bytes()))
        };
        let from_browser = headers
            .keys()
            .any(|name| *name == ORIGIN || *name == REFERER || name.as_str().starts_with("sec-"));
        let (status, code, message) = if !is(HOST, &self.host) || from_browser {
            let message = "requests to other names or from browsers are rejected";
            (StatusCode::FORBIDDEN, "Forbidden", message)
        } else if !same(path.as_bytes(), self.path.as_bytes()) {
            (StatusCode::NOT_FOUND, "NotFound", "not found")
        } else if !is(AUTHORIZATION, &self.token) {
            let message = "the authorization token is wrong";
            (StatusCode::FORBIDDEN, "Forbidden", message)
        } else if method != Method::GET {
            let message = "only GET is allowed";
            (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
        } else {
            return None;
        };
        let mut response = error_response(status, code, message);
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        Some(response)
    }

    fn answer(&self) -> Response<Full<Bytes>> {
        let now = (self.now)();
        self.renewer
            .with(|credentials, failure| match credentials.expiration {
                Some(end) if end <= now => self.expired(end, failure),
                end => {
                    let announced = announced(end, now, self.drill);
                    let request = CredentialsRequest {
                        at: now,
                        expiration: announced,
                    };
                    let mut requests = lock(&self.requests);
                    *requests = Some(Summary::with(*requests, request));
                    response(StatusCode::OK, self.body(credentials, announced))
                }
            })
    }

    /// The last body, as long as it would be made of the same.
    fn body(&self, credentials: &Credentials, expiration: Option<Timestamp>) -> Bytes {
        let mut last = lock(&self.last);
        match &*last {
            Some(body)
                if body.key_id == credentials.access_key_id && body.expiration == expiration =>
            {
                body.bytes.clone()
            }
            _ => {
                let bytes = Bytes::from(body(credentials, expiration));
                *last = Some(Body {
                    key_id: credentials.access_key_id.clone(),
                    expiration,
                    bytes: bytes.clone(),
                });
                bytes
            }
        }
    }

    /// Clients show only the body of a failure.
    fn expired(&self, end: Timestamp, failure: Option<&Finding>) -> Response<Full<Bytes>> {
        let why = match failure {
            Some(finding) => finding.clone().for_profile(&self.profile).to_string(),
            None => format!(
                "awsfresh: profile `{}`: the credentials expired at {end} [session-expired]",
                self.profile
            ),
        };
        let line: Vec<&str> = why.lines().map(str::trim).collect();
        error_response(
            StatusCode::SERVICE_UNAVAILABLE,
            "CredentialsUnavailable",
            &line.join("; "),
        )
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

fn error_response(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    response(
        status,
        json!({ "Code": code, "Message": printable(&hide(message)) })
            .to_string()
            .into(),
    )
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Compares in a time that does not depend on where the two differ.
fn same(given: &[u8], wanted: &[u8]) -> bool {
    given.ct_eq(wanted).into()
}
