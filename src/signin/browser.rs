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
use crate::finding::{Cause, Finding, Result, remedy};
use crate::source::Calls;
use crate::source::sso::{self, NoToken, Registration, Session, Token};
use crate::text::redacted;
use crate::ui::{self, Countdown, Terminal};

/// How often the time left is shown.
const TICK: Duration = Duration::from_secs(1);
/// The wait ends by its own limit, not by the limit around it.
const GRACE: Duration = Duration::from_secs(5);

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
    /// AWS does not know the registration.
    UnknownClient(Finding),
    /// Anything else.
    Failed(Finding),
}

impl From<Finding> for BrowserError {
    fn from(finding: Finding) -> Self {
        Self::Failed(finding)
    }
}

impl From<NoToken> for BrowserError {
    fn from(error: NoToken) -> Self {
        match error {
            NoToken::UnknownClient(finding) => Self::UnknownClient(finding),
            NoToken::Failed(finding) => Self::Failed(finding),
            NoToken::Pending | NoToken::SlowDown => {
                let summary = "SSO-OIDC answered a sign-in by browser as one with a device code";
                Self::Failed(Finding::new(Cause::AwsUnavailable, summary).remedy("try again"))
            }
        }
    }
}

impl BrowserError {
    fn finding(&self) -> &Finding {
        match self {
            Self::TimedOut(finding) | Self::UnknownClient(finding) | Self::Failed(finding) => {
                finding
            }
        }
    }
}

/// What the wait ends with.
enum Event {
    Redirect(Answer),
    Pasted(Approval),
    TimedOut,
}

impl BrowserFlow<'_> {
    /// Opens the page, waits for the person, exchanges the code, and saves the token with `save`
    /// before the browser shows that all is well.
    pub(super) fn run(&self, save: impl Fn(Token) -> Result<Token>) -> Result<Token, BrowserError> {
        let random = |e| Finding::new(Cause::Unexpected, format!("cannot sign in: {e}"));
        // 64 characters, as the AWS CLI has them.
        let verifier = Secret::new(random_hex::<32>().map_err(random)?);
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()));
        let state = random_hex::<16>().map_err(random)?;
        let callback = Arc::new(Callback::bind(self.port, state.clone())?);
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
        let began = Instant::now();
        let waiting = async {
            let (sender, answers) = mpsc::channel(1);
            // It serves until this flow ends: a second redirect gets an answer, too.
            let server = AbortOnDrop(tokio::spawn(callback.clone().serve(sender)));
            Ok((self.wait_for_person(&callback, answers).await, server))
        };
        let (event, _server) = self.calls.run_within(self.wait + GRACE, waiting)?;
        self.calls.extend(began.elapsed());
        let (approval, waiting) = match event {
            Event::TimedOut => return Err(BrowserError::TimedOut(self.timed_out())),
            Event::Pasted(approval) => (approval, None),
            Event::Redirect(answer) => {
                let Answer { approval, waiting } = answer;
                (approval, Some(waiting))
            }
        };
        let token = self.exchange(approval, &redirect_uri, &verifier);
        let token = token.and_then(|token| Ok(save(token)?));
        if let Some(waiting) = waiting {
            let page = self.page(&token);
            let showing = async {
                waiting.show(page).await;
                Ok(())
            };
            let _ = self.calls.run_within(GRACE, showing); // the browser may be gone
        }
        token
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
        let hint = if pasting {
            " (or paste its address)"
        } else {
            ""
        };
        let mut countdown = Countdown::new("waiting for the browser", hint, self.wait);
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
                        "awsfresh: this is not the address of this sign-in; paste all of it, with \
                            `code=` and `state=`",
                    ),
                    Some(_) => {}
                    None => lines = None,
                },
                () = &mut end => return Event::TimedOut,
                _ = tick.tick() => countdown.show(),
            }
        }
    }

    fn exchange(
        &self,
        approval: Approval,
        redirect_uri: &str,
        verifier: &Secret,
    ) -> Result<Token, BrowserError> {
        let code = approval.map_err(|refused| self.refused(&refused))?;
        let call = async {
            let approval = sso::Approval::Code {
                code: &code,
                redirect_uri,
                verifier,
            };
            Ok(sso::token(self.calls, self.session, self.registration, approval).await)
        };
        // The code is spent: the response is worth a wait.
        let limit = self.calls.time_left() + sso::ROTATION_GRACE;
        Ok(self.calls.run_within(limit, call)??)
    }

    fn page(&self, token: &Result<Token, BrowserError>) -> Page {
        let session = self.session.label().to_owned();
        match token {
            Ok(_) => Page::SignedIn { session },
            Err(error) => {
                let finding = error.finding();
                let said = finding.evidence.first().map(String::as_str);
                let lines: Vec<&str> = [Some(finding.summary.as_str()), said]
                    .into_iter()
                    .flatten()
                    .collect();
                let why = lines.join("\n");
                Page::Failed { session, why }
            }
        }
    }

    /// The finding for an error in the redirect.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1>
    fn refused(&self, refused: &Refused) -> BrowserError {
        let label = self.session.label();
        let said = match refused.description.as_str() {
            "" => refused.error.clone(),
            description => format!("{}: {description}", refused.error),
        };
        let said = redacted(&said);
        match refused.error.as_str() {
            "server_error" | "temporarily_unavailable" => Finding::server_error("the sign-in page")
                .evidence(said)
                .into(),
            "invalid_client" | "unauthorized_client" | "invalid_request" => {
                let summary = format!("AWS rejected this program at the sign-in to `{label}`");
                let finding = Finding::new(Cause::SsoRegistrationExpired, summary).evidence(said);
                BrowserError::UnknownClient(finding.remedy(self.session.login()))
            }
            _ => {
                let summary = format!("the sign-in to `{label}` was refused in the browser");
                let finding = Finding::new(Cause::SsoSessionMissing, summary).evidence(said);
                finding.remedy(self.session.login()).into()
            }
        }
    }

    fn timed_out(&self) -> Finding {
        let label = self.session.label();
        let summary = format!("the sign-in to `{label}` was not finished in the browser");
        let waited = humantime::format_duration(self.wait);
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(format!("waited {waited} for the browser to come back"))
            .remedy(self.session.login())
            .remedy(remedy!(
                "if the browser shows an error or cannot reach 127.0.0.1: {}",
                self.session.config().login_command_with("--device")
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
