//! The AWS double: one in-process server on 127.0.0.1 that implements STS, the SSO portal,
//! SSO-OIDC, AWS Sign-In with its federation endpoint, and the metadata endpoints, and checks signatures for S3 and other
//! services. Tests can inject faults. This file has the API for tests and the connection loop.

pub mod clock;
pub mod echo;
mod family;
mod federation;
mod http;
mod iam;
mod metadata;
mod proxy;
mod signin;
mod sigv4;
mod sso;
mod sts;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use echo::Form;
use family::Family;
use http::{Connection, Reply, Request};
pub use proxy::Proxy;
pub use sso::SsoSession;
pub use sts::Role;

/// One request to the double.
#[derive(Clone, Debug)]
pub struct Call {
    /// `AssumeRole`, `GetRoleCredentials`, `CreateToken`, …, or `METHOD /path` if unknown.
    pub action: String,
    /// The ARN of the caller, if the signature is valid.
    pub caller: Option<String>,
    /// Query, form and JSON fields.
    pub params: BTreeMap<String, String>,
    /// The `Host` header.
    pub host: String,
    /// 0 until the double answers.
    pub status: u16,
}

/// A connection through a [`Proxy`].
#[derive(Clone, Debug)]
pub struct Tunnel {
    /// The host it leads to.
    pub host: String,
    /// How many requests had been answered before it was opened.
    pub answered: usize,
}

/// A way to misbehave.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answer correctly, and close the connection without having said so.
    Closing,
    /// Answer correctly after this delay.
    Latency(Duration),
    /// Keep the connection open and never answer.
    Hang,
    /// Close the connection without an answer.
    Drop,
    /// Answer with bytes that are not HTTP.
    Garbage,
    /// Answer with a web page, like a captive portal.
    Html(u16),
    /// Answer with exactly these bytes.
    Raw {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Reject the request in the error format of the service.
    Error {
        status: u16,
        code: String,
        message: String,
    },
    /// Reject the request with a message that quotes it in this form: its headers and fields, and
    /// these texts.
    Echo {
        status: u16,
        code: String,
        form: Form,
        more: Vec<String>,
    },
    /// Announce the whole answer, send half of it, and close the connection.
    Truncated,
    /// Use a clock that is this many seconds ahead.
    ClockOffset(i64),
    /// Check requests with a clock that is this many seconds ahead, but send the right `Date`, so
    /// that no client can correct its clock from the answer. The effect is that of requests that
    /// were delayed on the way.
    HeldUp(i64),
}

/// A rejection, before it is formatted for its service.
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }
}

/// An access key of any kind.
#[derive(Clone)]
pub(crate) struct Key {
    secret: String,
    token: Option<String>,
    arn: String,
    /// The role of an assumed-role session.
    role_arn: Option<String>,
    mfa: bool,
    /// Whether it was issued to a session.
    chained: bool,
    expires: Option<i64>,
}

#[derive(Default)]
pub(crate) struct State {
    keys: HashMap<String, Key>,
    /// Deactivated at IAM.
    inactive_keys: HashMap<String, Key>,
    /// When a key was created, in epoch seconds.
    key_dates: HashMap<String, i64>,
    key_delay: usize,
    /// How often each new key is still rejected.
    rejections: HashMap<String, usize>,
    roles: HashMap<String, Role>,
    mfa: Vec<sts::MfaDevice>,
    web_identities: HashMap<String, sts::WebIdentity>,
    sso: Vec<sso::Portal>,
    account_names: HashMap<String, String>,
    portal_limit: Option<sso::Limit>,
    devices: HashMap<String, sso::Device>,
    approves_devices: bool,
    codes: HashMap<String, sso::Code>,
    clients: HashMap<String, sso::Client>,
    /// What the page for approvals comes back with.
    refusal: Option<(String, String)>,
    logins: Vec<signin::Login>,
    signin_tokens: Vec<String>,
    unknown_in: Vec<String>,
    surroundings: metadata::Surroundings,
    calls: Vec<Call>,
    tunnels: Vec<Tunnel>,
    fault: Option<Fault>,
    fault_by_action: HashMap<String, Fault>,
    fault_once: VecDeque<Fault>,
}

impl State {
    /// The most specific fault wins: one for a single request, then one for the action, then the
    /// general one.
    fn take_fault(&mut self, action: &str) -> Option<Fault> {
        let once = self.fault_once.pop_front();
        once.or_else(|| self.fault_by_action.get(action).cloned())
            .or_else(|| self.fault.clone())
    }
}

pub(crate) type Shared = Arc<Mutex<State>>;

/// A poisoned lock must not hide the failure of the test that poisoned it.
fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running double. Dropping it stops the server.
pub struct Double {
    url: String,
    shared: Shared,
    runtime: Option<Runtime>,
}

impl Double {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = Shared::default();
        let server = Arc::clone(&shared);
        let url = listen(&runtime, move |stream| serve(stream, Arc::clone(&server)));
        Self {
            url,
            shared,
            runtime: Some(runtime),
        }
    }

    /// The endpoint of all services.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Starts a CONNECT proxy in front of the double, with its own CA.
    pub fn proxy(&self) -> Proxy {
        let authority = Arc::new(proxy::Authority::new());
        let ca_pem = authority.pem();
        let shared = Arc::clone(&self.shared);
        let runtime = self.runtime.as_ref().expect("taken only on drop");
        let url = listen(runtime, move |stream| {
            proxy::tunnel(stream, Arc::clone(&authority), Arc::clone(&shared))
        });
        Proxy { url, ca_pem }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The connections through its proxies, in the order in which they were opened.
    pub fn tunnels(&self) -> Vec<Tunnel> {
        self.state().tunnels.clone()
    }

    /// How often `action` was requested, whatever the answer.
    pub fn count(&self, action: &str) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| call.action == action)
            .count()
    }

    /// Misbehaves on every request until [`Double::heal`].
    pub fn fault(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Makes these regions reject every key as unknown.
    pub fn unknown_in(&self, regions: &[String]) {
        self.state().unknown_in = regions.to_vec();
    }

    /// Revokes all sessions that were issued.
    pub fn forget_sessions(&self) {
        self.state().keys.retain(|_, key| key.token.is_none());
    }

    /// Misbehaves on one request, after earlier faults of this kind.
    pub fn fault_once(&self, fault: Fault) {
        self.state().fault_once.push_back(fault);
    }

    /// Misbehaves on every request for `action` until [`Double::heal`].
    pub fn fault_on(&self, action: &str, fault: Fault) {
        self.state()
            .fault_by_action
            .insert(action.to_owned(), fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut state = self.state();
        state.fault = None;
        state.fault_by_action.clear();
        state.fault_once.clear();
        state.refusal = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        // A plain drop would panic inside the runtime of an async test, and would wait for a
        // request that hangs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Binds a free port and runs `handle` on each connection; returns the URL.
fn listen<F, T>(runtime: &Runtime, handle: F) -> String
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a socket that can be polled");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a running runtime");
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true); // 40 ms slower without
            tokio::spawn(handle(stream));
        }
    });
    url
}

/// Answers requests on one connection until either side closes it.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: Shared) {
    let mut connection = Connection::new(stream);
    while let Ok(Some(request)) = connection.next().await {
        let (index, fault) = record(&shared, &request);
        let (offset, shown) = match fault {
            Some(Fault::ClockOffset(seconds)) => (seconds, seconds),
            Some(Fault::HeldUp(seconds)) => (seconds, 0),
            _ => (0, 0),
        };
        let answer = || {
            let now = clock::now();
            let reply = answer(&mut lock(&shared), &request, now + offset);
            settle(&shared, index, &reply);
            reply.to_bytes(now + shown)
        };
        let refused = |status, code, message| {
            let reply = refuse(
                &request,
                &Refusal {
                    status,
                    code,
                    message,
                },
            );
            settle(&shared, index, &reply);
            reply.to_bytes(clock::now())
        };
        let (bytes, keep_open) = match fault {
            Some(Fault::Hang) => return pending().await,
            Some(Fault::Drop) => return,
            Some(Fault::Garbage) => (
                b"\x15\x03\x01\x00\x02\x02\x46 this is not HTTP \xff\xfe\r\n\r\n".to_vec(),
                false,
            ),
            Some(Fault::Truncated) => {
                let whole = answer();
                let body = whole
                    .windows(4)
                    .position(|window| window == b"\r\n\r\n")
                    .map_or(whole.len(), |at| at + 4);
                (whole[..body.midpoint(whole.len())].to_vec(), false)
            }
            Some(Fault::Html(status)) => {
                let page = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title>\
                            </head><body>Welcome</body></html>\n";
                let reply = Reply::new(status, "text/html; charset=utf-8", page.to_owned());
                settle(&shared, index, &reply);
                (reply.to_bytes(clock::now()), true)
            }
            Some(Fault::Raw {
                status,
                headers,
                body,
            }) => {
                let reply = Reply {
                    status,
                    headers,
                    body,
                    caller: None,
                };
                settle(&shared, index, &reply);
                (reply.to_bytes(clock::now()), true)
            }
            Some(Fault::Error {
                status,
                code,
                message,
            }) => (refused(status, code, message), true),
            Some(Fault::Echo {
                status,
                code,
                form,
                more,
            }) => (refused(status, code, form.quote(&request, &more)), true),
            Some(Fault::Closing) => (answer(), false),
            Some(Fault::Latency(delay)) => {
                tokio::time::sleep(delay).await;
                (answer(), true)
            }
            Some(Fault::ClockOffset(_) | Fault::HeldUp(_)) | None => (answer(), true),
        };
        if connection.send(&bytes).await.is_err() || !keep_open {
            return;
        }
    }
}

/// Records the request on arrival, so that a test can count requests that hang.
fn record(shared: &Shared, request: &Request) -> (usize, Option<Fault>) {
    let action = service(request).action(request);
    let mut state = lock(shared);
    // `ACTION@TEXT` applies only if the host, a parameter or the signature contains TEXT.
    let contains = |text: &str| {
        let headers = ["host", "authorization"]
            .into_iter()
            .filter_map(|name| request.header(name));
        headers
            .chain(request.params.values().map(String::as_str))
            .any(|value| value.contains(text))
    };
    let exact = state.fault_by_action.iter().find(|(key, _)| {
        key.split_once('@')
            .is_some_and(|(name, text)| name == action && contains(text))
    });
    let exact = exact.map(|(_, fault)| fault.clone());
    let fault = exact.or_else(|| state.take_fault(&action));
    state.calls.push(Call {
        action,
        caller: None,
        params: request.params.clone(),
        host: request.header("host").unwrap_or_default().to_owned(),
        status: 0,
    });
    (state.calls.len() - 1, fault)
}

fn settle(shared: &Shared, index: usize, reply: &Reply) {
    let mut state = lock(shared);
    let call = &mut state.calls[index];
    call.status = reply.status;
    call.caller.clone_from(&reply.caller);
}

#[derive(Clone, Copy)]
enum Service {
    Sts,
    Iam,
    Portal,
    Oidc,
    Signin,
    Federation,
    Metadata,
    /// A service that only checks the caller.
    Other(Family),
}

impl Service {
    fn action(self, request: &Request) -> String {
        let named = match self {
            Self::Sts | Self::Iam | Self::Federation => request.param("Action"),
            Self::Portal | Self::Oidc => sso::action(&request.path),
            Self::Signin => signin::action(&request.path),
            Self::Metadata => metadata::action(&request.path),
            Self::Other(family) => Some(family.name()),
        };
        named.map_or_else(
            || format!("{} {}", request.method, request.path),
            str::to_owned,
        )
    }
}

fn service(request: &Request) -> Service {
    match request.path.as_str() {
        "/token" | "/client/register" | "/device_authorization" | "/authorize" => Service::Oidc,
        "/federation" => Service::Federation,
        _ if iam::is_iam(request) => Service::Iam,
        path if sso::action(path).is_some() => Service::Portal,
        path if signin::action(path).is_some() => Service::Signin,
        path if metadata::action(path).is_some() => Service::Metadata,
        _ => Family::of(request).map_or(Service::Sts, Service::Other),
    }
}

fn answer(state: &mut State, request: &Request, now: i64) -> Reply {
    let answered = match service(request) {
        Service::Sts => return sts::answer(state, request, now),
        Service::Other(family) => return family.answer(state, request, now),
        Service::Iam => iam::answer(state, request, now),
        Service::Portal => sso::portal(state, request, now),
        Service::Oidc => sso::oidc(state, request, now),
        Service::Signin => signin::answer(state, request, now),
        Service::Federation => federation::answer(state, request, now),
        Service::Metadata => metadata::answer(state, request, now),
    };
    answered.unwrap_or_else(|refusal| refuse(request, &refusal))
}

fn refuse(request: &Request, refusal: &Refusal) -> Reply {
    match service(request) {
        Service::Sts | Service::Iam => sts::refuse(refusal),
        Service::Portal => sso::refuse_portal(refusal),
        Service::Oidc => sso::refuse_oidc(refusal),
        Service::Signin => signin::refuse(refusal),
        Service::Federation => federation::refuse(refusal),
        Service::Metadata => metadata::refuse(refusal),
        Service::Other(family) => family.refuse(refusal),
    }
}

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Random characters of an alphabet whose size divides 256.
fn random(alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("random bytes from the system");
    bytes
        .iter()
        .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
        .collect()
}

/// The part of a principal's ID after its prefix. It is always the same for the same ARN.
fn stable_id(arn: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, arn.as_bytes());
    digest
        .as_ref()
        .iter()
        .take(17)
        .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
        .collect()
}
