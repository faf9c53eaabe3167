//! The server that the browser comes back to, on 127.0.0.1 (RFC 8252, section 7.3).
//!
//! Only `GET /oauth/callback` with the state of this sign-in decides, once; everything else is not
//! found. Each connection is a task with a time limit of its own: browsers open connections on which
//! they send nothing.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, oneshot};

use super::page::Page;
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Result};
use crate::sync::lock;

/// AWS accepts no other path.
const PATH: &str = "/oauth/callback";
/// A client that has not sent its request by then is disconnected.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// The redirect has a code and a state; in bytes.
const HEADER_BYTES: usize = 64 * 1024;
/// Further connections wait: each costs a file descriptor.
const CONNECTIONS: usize = 64;
/// How long the last page may take to reach the browser.
const LAST_PAGE_TIME: Duration = Duration::from_secs(2);

/// What came back: a code, or why there is none.
pub(super) type Approval = Result<Secret, Refused>;

/// `error` and `error_description` of the redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) error: String,
    pub(super) description: String,
}

/// A redirect that decides.
pub(super) struct Answer {
    pub(super) approval: Approval,
    pub(super) waiting: Waiting,
}

/// The browser that waits for a page.
pub(super) struct Waiting {
    page: oneshot::Sender<Page>,
    sent: oneshot::Receiver<()>,
}

impl Waiting {
    /// Shows a page, and waits until the browser has it.
    pub(super) async fn show(self, page: Page) {
        if self.page.send(page).is_ok() {
            let _ = tokio::time::timeout(LAST_PAGE_TIME, self.sent).await; // the browser may be gone
        }
    }
}

/// A bound port, and the state that the redirect has to carry.
pub(super) struct Callback {
    listener: TcpListener,
    address: SocketAddr,
    state: String,
}

impl Callback {
    /// Binds a port: before the URL is shown, because a browser that is signed in comes back at
    /// once.
    pub(super) fn bind(port: Option<u16>, state: String) -> Result<Self> {
        let failed = |e: io::Error| {
            let summary = match port {
                Some(port) => format!("port {port} of 127.0.0.1 cannot be used: {e}"),
                None => format!("no port of 127.0.0.1 can be used: {e}"),
            };
            Finding::new(Cause::Usage, summary)
                .remedy("choose another --port, or sign in with --device, which needs none")
        };
        let address = (Ipv4Addr::LOCALHOST, port.unwrap_or(0));
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            state,
        })
    }

    /// Where AWS sends the browser.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// What a person pasted: the whole address, or its query. `None` where it does not belong to
    /// this sign-in.
    pub(super) fn pasted(&self, text: &str) -> Option<Approval> {
        let text = text.trim();
        let query = text.split_once('?').map_or(text, |(_, query)| query);
        let query = query.split('#').next().unwrap_or(query);
        approval(query, &self.state)
    }

    /// Serves until dropped; sends each redirect that decides, which is one.
    pub(super) async fn serve(self: Arc<Self>, answers: mpsc::Sender<Answer>) {
        let listener = self
            .listener
            .try_clone()
            .and_then(tokio::net::TcpListener::from_std);
        let Ok(listener) = listener else {
            return std::future::pending().await; // what is pasted still counts
        };
        let server = Arc::new(Server {
            host: self.address.to_string(),
            state: self.state.clone(),
            answers: Mutex::new(Some(answers)),
        });
        let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await;
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(10)).await; // probably out of file descriptors
                continue;
            };
            let server = server.clone();
            tokio::spawn(async move {
                let _place = place;
                server.serve(TokioIo::new(stream)).await;
            });
        }
    }
}

struct Server {
    host: String,
    state: String,
    /// Taken by the redirect that decides.
    answers: Mutex<Option<mpsc::Sender<Answer>>>,
}

impl Server {
    async fn serve(&self, stream: TokioIo<tokio::net::TcpStream>) {
        let (sent, is_sent) = oneshot::channel();
        let is_sent = Mutex::new(Some(is_sent));
        let service = service_fn(|request: Request<Incoming>| {
            let wanted = self.decides(request.method(), request.uri(), request.headers());
            let is_sent = wanted.is_some().then(|| lock(&is_sent).take()).flatten();
            async move {
                let page = match (wanted, is_sent) {
                    (Some(approval), Some(sent)) => self.page(approval, sent).await,
                    _ => None,
                };
                Ok::<_, Infallible>(response(page))
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .keep_alive(false)
            .max_buf_size(HEADER_BYTES);
        let _ = http.serve_connection(stream, service).await; // a failing client affects no other
        let _ = sent.send(()); // of other connections no one waits for the end
    }

    /// The approval in a request that decides.
    fn decides(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Approval> {
        let host = headers.get(HOST).map(HeaderValue::as_bytes);
        let is_ours = host == Some(self.host.as_bytes());
        if method != Method::GET || uri.path() != PATH || !is_ours {
            return None;
        }
        approval(uri.query().unwrap_or_default(), &self.state)
    }

    /// Passes the approval on and waits for the page; `None` for every redirect but the first.
    async fn page(&self, approval: Approval, sent: oneshot::Receiver<()>) -> Option<Page> {
        let answers = lock(&self.answers).take()?;
        let (page, waiting) = oneshot::channel();
        let answer = Answer {
            approval,
            waiting: Waiting { page, sent },
        };
        answers.send(answer).await.ok()?;
        waiting.await.ok()
    }
}

/// The approval in the query of a redirect with the right state.
fn approval(query: &str, state: &str) -> Option<Approval> {
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let given = value("state")?;
    if !bool::from(given.as_bytes().ct_eq(state.as_bytes())) {
        return None;
    }
    if let Some(error) = value("error") {
        let description = value("error_description").unwrap_or_default();
        return Some(Err(Refused { error, description }));
    }
    let code = value("code").filter(|code| !code.is_empty())?;
    Some(Ok(Secret::new(code)))
}

fn response(page: Option<Page>) -> Response<Full<Bytes>> {
    let (status, kind, body) = match page {
        Some(page) => (StatusCode::OK, "text/html; charset=utf-8", page.html()),
        None => (
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
            "not found\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address has the code: it is not passed on, and the page loads nothing.
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert(
        "content-security-policy",
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_state_decides() {
        let code = |query: &str| {
            approval(query, "s1").map(|approval| approval.map(|code| code.expose().to_owned()))
        };
        assert_eq!(code("code=a%2Bb&state=s1"), Some(Ok("a+b".to_owned())));
        for ignored in [
            "",
            "code=a",
            "code=a&state=s2",
            "state=s1",
            "code=&state=s1",
            "state=s11&code=a",
        ] {
            assert_eq!(code(ignored), None, "{ignored}");
        }
        let refused = Refused {
            error: "access_denied".to_owned(),
            description: "no thanks".to_owned(),
        };
        assert_eq!(
            code("error=access_denied&error_description=no+thanks&state=s1"),
            Some(Err(refused))
        );
    }

    #[test]
    fn a_pasted_address_counts_in_every_form() {
        let callback = Callback::bind(None, "s1".to_owned()).unwrap();
        let uri = callback.redirect_uri();
        for text in [
            format!("{uri}?code=a&state=s1"),
            format!("  {uri}?state=s1&code=a#  "),
            "code=a&state=s1".to_owned(),
        ] {
            assert!(matches!(callback.pasted(&text), Some(Ok(_))), "{text}");
        }
        for text in ["", "a", "https://elsewhere/?code=a&state=s2"] {
            assert!(callback.pasted(text).is_none(), "{text}");
        }
    }
}
