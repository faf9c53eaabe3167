//! The browser flow: an authorization code with PKCE (RFC 7636), as the AWS CLI does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;

use super::callback::{Answer, Approval, Callback, Refused};
use super::opener::Opener;
use super::page::Page;
use crate::credentials::Secret;
use crate::digest::{random_hex, sha256};
use crate::finding::{Cause, Finding, Result};
use crate::source::Calls;
use crate::source::sso::{self, NoToken, Registration, Session, Token};
use crate::text::printable;
use crate::ui::{self, Countdown, Terminal};

/// How often the time left is shown.
const TICK: Duration = Duration::from_secs(1);
/// The last call may take longer than the person's time.
const GRACE: Duration = Duration::from_secs(20);

/// One sign-in by browser.
pub(super) struct BrowserFlow<'a> {
    pub(super) calls: &'a Calls<'a>,
    pub(super) session: &'a Session<'a>,
    pub(super) registration: &'a Registration,
    pub(super) opener: &'a Opener,
    pub(super) port: Option<u16>,
    pub(super) wait: Duration,
}

/// Why there is no token.
pub(super) enum BrowserError {
    /// No browser came back in time. Where AWS has forgotten the registration, it shows that in the
    /// browser alone.
    TimedOut(Finding),
    /// Anything else.
    NoToken(NoToken),
}

impl From<Finding> for BrowserError {
    fn from(finding: Finding) -> Self {
        Self::NoToken(NoToken::Failed(finding))
    }
}

/// What the wait ends with.
enum Event {
    Redirect(Answer),
    Pasted(Approval),
    TimedOut,
}

impl BrowserFlow<'_> {
    /// Opens the page, waits for the person, and exchanges the code. `save` is called with the token
    /// before the browser shows that all is well.
    pub(super) fn run(&self, save: impl Fn(&Token) -> Result<()>) -> Result<Token, BrowserError> {
        let random = |e| Finding::new(Cause::Unexpected, format!("cannot sign in: {e}"));
        // 64 characters, as the AWS CLI has them.
        let verifier = Secret::new(random_hex::<32>().map_err(random)?);
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()));
        let state = random_hex::<16>().map_err(random)?;
        let callback = Callback::bind(self.port, state.clone())?;
        let redirect_uri = callback.redirect_uri();
        let url = sso::authorize_url(
            self.calls,
            self.session,
            self.registration,
            &redirect_uri,
            &state,
            &challenge,
        )?;
        self.announce(&url);
        let flow = async {
            let callback = Arc::new(callback);
            let (sender, answers) = mpsc::channel(1);
            let server = tokio::spawn(callback.clone().serve(sender));
            let _server = AbortOnDrop(server);
            let (approval, browser) = match self.wait_for_person(&callback, answers).await {
                Event::TimedOut => return Ok(Err(BrowserError::TimedOut(self.timed_out()))),
                Event::Pasted(approval) => (approval, None),
                Event::Redirect(answer) => (answer.approval.clone(), Some(answer)),
            };
            let token = self.exchange(approval, &redirect_uri, &verifier).await;
            let token = token.and_then(|token| match save(&token) {
                Ok(()) => Ok(token),
                Err(finding) => Err(NoToken::Failed(finding)),
            });
            if let Some(browser) = browser {
                browser.show(self.page(&token)).await;
            }
            Ok(token.map_err(BrowserError::NoToken))
        };
        self.calls.run_within(self.wait + GRACE, flow)?
    }

    fn announce(&self, url: &str) {
        let label = self.session.label();
        let what = if self.opener.open(url) {
            "signing in to SSO session `{}` in the browser; if no page opens, open this one:"
        } else {
            "to sign in to SSO session `{}`, open this page in a browser:"
        };
        ui::say(&format!("awsfresh: {}", what.replace("{}", label)));
        ui::say(&format!("  {url}"));
        if let (Opener::Person, Some(port)) = (self.opener, self.port) {
            ui::say(&format!(
                "  on another machine, first: ssh -L {port}:127.0.0.1:{port} THIS-HOST"
            ));
        }
    }

    /// Waits for the redirect or for a pasted address.
    async fn wait_for_person(
        &self,
        callback: &Callback,
        mut answers: mpsc::Receiver<Answer>,
    ) -> Event {
        let reader = LineReader::start();
        let pasting = reader.is_some();
        let (mut lines, _reader) = match reader {
            Some((lines, reader)) => (Some(lines), Some(reader)),
            None => (None, None),
        };
        let text = if pasting {
            "waiting for the browser (or paste the address that it ends at)"
        } else {
            "waiting for the browser"
        };
        let countdown = Countdown::new(text, self.wait);
        let end = tokio::time::sleep_until((Instant::now() + self.wait).into());
        tokio::pin!(end);
        let mut tick = tokio::time::interval(TICK);
        loop {
            let pasted = async {
                match &mut lines {
                    Some(lines) => lines.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(answer) = answers.recv() => return Event::Redirect(answer),
                line = pasted => match line.map(|line| (callback.pasted(&line), line)) {
                    Some((Some(approval), _)) => return Event::Pasted(approval),
                    Some((None, line)) if !line.is_empty() => ui::say(
                        "awsfresh: that is not the address of this sign-in; it contains `code=` \
                            and `state=`",
                    ),
                    Some(_) => {}
                    None => lines = None,
                },
                () = &mut end => return Event::TimedOut,
                _ = tick.tick() => countdown.show(),
            }
        }
    }

    async fn exchange(
        &self,
        approval: Approval,
        redirect_uri: &str,
        verifier: &Secret,
    ) -> Result<Token, NoToken> {
        let code = approval.map_err(|refused| NoToken::Failed(self.refused(&refused)))?;
        let approval = sso::Approval::Code {
            code: &code,
            redirect_uri,
            verifier,
        };
        sso::token(self.calls, self.session, self.registration, approval).await
    }

    fn page(&self, token: &Result<Token, NoToken>) -> Page {
        let session = self.session.label().to_owned();
        let why = match token {
            Ok(_) => return Page::SignedIn { session },
            Err(NoToken::Failed(finding) | NoToken::UnknownClient(finding)) => {
                let said = finding.evidence.first().map(String::as_str);
                [Some(finding.summary.as_str()), said]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Err(NoToken::Pending | NoToken::SlowDown) => "AWS did not accept the code".to_owned(),
        };
        Page::Failed { session, why }
    }

    fn refused(&self, refused: &Refused) -> Finding {
        let label = self.session.label();
        let summary = format!("the sign-in to `{label}` was refused in the browser");
        let said = match refused.description.as_str() {
            "" => refused.error.clone(),
            description => format!("{}: {description}", refused.error),
        };
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(printable(&said))
            .remedy(self.session.login())
    }

    fn timed_out(&self) -> Finding {
        let label = self.session.label();
        let summary = format!("the sign-in to `{label}` was not finished in the browser");
        let waited = humantime::format_duration(self.wait);
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(format!("waited {waited} for the browser to come back"))
            .remedy(self.session.login())
            .remedy(format!(
                "if the browser shows an error or cannot reach 127.0.0.1: {} --device",
                self.session.login()
            ))
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads lines from the terminal until dropped.
struct LineReader {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LineReader {
    /// `None` where there is no terminal to read from.
    fn start() -> Option<(mpsc::Receiver<String>, Self)> {
        if !ui::is_attended() {
            return None;
        }
        let mut terminal = Terminal::open()?;
        let (sender, lines) = mpsc::channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = stop.clone();
        let thread = std::thread::Builder::new().name("paste".into());
        let thread = thread.spawn(move || {
            while let Some(line) = terminal.line(&is_stopped) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        let thread = Some(thread.ok()?);
        Some((lines, Self { stop, thread }))
    }
}

impl Drop for LineReader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
