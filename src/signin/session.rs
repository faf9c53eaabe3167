//! Signing in to one SSO session: not where it is valid, never twice at once, and never without a
//! place for the token.

use std::path::Path;
use std::time::Instant;

use super::Options;
use super::browser::{BrowserError, BrowserFlow};
use super::device::DeviceFlow;
use super::opener::{Opener, Way};
use crate::config::{Network, SsoSession};
use crate::credentials::Secret;
use crate::finding::{Cause, Class, Finding, Result, remedy};
use crate::refresh::{SsoTokens, registration_key};
use crate::source::Calls;
use crate::source::sso::{
    self, Flow, NoToken, Registration, Session, Token, TokenFacts, TokenSource,
};
use crate::store::{self, Store};
use crate::time::Timestamp;
use crate::world::World;

/// A token and its registration are shorter, in bytes.
const ROOM: usize = 16 * 1024;

/// Signs in to sessions.
pub(crate) struct SignIn<'a> {
    pub(crate) world: &'a World,
    pub(crate) store: &'a dyn Store,
    pub(crate) options: &'a Options,
}

/// A session that is signed in.
pub(crate) struct SignedIn {
    pub(crate) facts: TokenFacts,
    /// Whether it was valid before.
    pub(crate) was_valid: bool,
}

/// What one sign-in works with.
struct Attempt<'a> {
    sign_in: &'a SignIn<'a>,
    calls: &'a Calls<'a>,
    session: &'a Session<'a>,
    tokens: &'a SsoTokens<'a>,
}

impl SignIn<'_> {
    /// Signs in to `config` unless it is valid and no new session is wanted.
    pub(crate) fn sign_in(&self, config: &SsoSession, network: &Network) -> Result<SignedIn> {
        let outcome = self.sign_in_if(config, network, || true)?;
        outcome.ok_or_else(|| Session::new(config, self.world).not_signed_in())
    }

    /// The same, asking `consent` before a person is needed; `None` without it.
    pub(super) fn sign_in_if(
        &self,
        config: &SsoSession,
        network: &Network,
        consent: impl FnOnce() -> bool,
    ) -> Result<Option<SignedIn>> {
        let session = Session::new(config, self.world);
        let calls = Calls::new(self.world, network, self.world.deadline()?);
        let tokens = SsoTokens::new(&session, &calls, self.store);
        let attempt = Attempt {
            sign_in: self,
            calls: &calls,
            session: &session,
            tokens: &tokens,
        };
        let valid = |token: Token| {
            let token = attempt.shared_if_wanted(token)?;
            Ok(Some(SignedIn {
                facts: session.facts(&token),
                was_valid: true,
            }))
        };
        let force = self.options.force;
        if !force && let Some(token) = attempt.valid_token()? {
            return valid(token);
        }
        let before = attempt.newest();
        let began = Instant::now();
        let (_lock, waited) = tokens.sign_in_lock(began + self.options.wait)?;
        calls.extend(began.elapsed());
        if waited
            && let Some(token) = attempt.valid_token()?
            && (!force || Some(token.access()) != before.as_ref())
        {
            return valid(token);
        }
        let began = Instant::now();
        let agreed = consent();
        calls.extend(began.elapsed());
        if !agreed {
            return Ok(None);
        }
        let token = attempt.begin()?;
        Ok(Some(SignedIn {
            facts: session.facts(&token),
            was_valid: false,
        }))
    }
}

impl Attempt<'_> {
    fn now(&self) -> Timestamp {
        self.sign_in.world.now()
    }

    /// The access token of the best sign-in so far.
    fn newest(&self) -> Option<Secret> {
        let tokens = self.tokens.all().ok()?;
        tokens.first().map(|token| token.access().clone())
    }

    /// The token, refreshed where that is due, if the portal accepts it. Fails where AWS cannot be
    /// reached or the store cannot be read: then no one can sign in either.
    fn valid_token(&self) -> Result<Option<Token>> {
        let mut rejected = None;
        // The portal may reject a token that looks valid; a refreshed one may do.
        for _ in 0..2 {
            let token = match self.tokens.obtain(rejected.as_ref()) {
                Ok(token) => token,
                Err(finding) => {
                    return match finding.class() {
                        Class::Unreachable | Class::Store | Class::Lock | Class::Usage => {
                            Err(finding)
                        }
                        _ if finding.cause == Cause::FipsUnavailable => Err(finding),
                        _ => {
                            log::debug!("{finding}");
                            Ok(None)
                        }
                    };
                }
            };
            let access = token.access().clone();
            let check = sso::check_token(self.calls, self.session, &access);
            if self.calls.run(check)? {
                return Ok(Some(token));
            }
            rejected = Some(access);
        }
        Ok(None)
    }

    /// Begins a session: the token is saved when this returns.
    fn begin(&self) -> Result<Token> {
        let way = Way::choose(self.sign_in.options, self.sign_in.world);
        let flow = match &way {
            Way::Browser(_) => Flow::Browser,
            Way::Device(_) => Flow::Device,
        };
        self.check_place()?;
        let (registration, is_stored) = self.registration(flow)?;
        if self.sign_in.options.force {
            self.end_session()?;
        }
        match way {
            Way::Browser(opener) => self.by_browser(&opener, &registration),
            Way::Device(reason) => self.by_device(reason, &registration, is_stored),
        }
    }

    fn place(&self) -> TokenSource {
        if self.sign_in.options.share_with_cli {
            TokenSource::File
        } else {
            TokenSource::Store
        }
    }

    /// Fails where a token could not be kept, before a person does anything.
    fn check_place(&self) -> Result<()> {
        let what = format!("token of SSO session `{}`", self.session.label());
        match self.place() {
            TokenSource::File => self.session.check_room(ROOM).map_err(|e| {
                let dir = self.session.path().parent().unwrap_or(Path::new("."));
                no_place(&what, &e.to_string()).remedy(remedy!("ls -ld {}", dir))
            }),
            TokenSource::Store => require_store(self.sign_in.store, &what).map_err(|finding| {
                finding.remedy(remedy!(
                    "or keep it in plain text, in the file of the AWS CLI: {}",
                    self.session.config().login_command_with("--share-with-cli")
                ))
            }),
        }
    }

    /// Ends the session at AWS, so that permissions and end of the next one are new. Its tokens, the
    /// AWS CLI's included, are worth nothing then, and would look valid.
    fn end_session(&self) -> Result<()> {
        let places = [TokenSource::Store, TokenSource::File];
        let (_, told) = self.tokens.end(&places, false)?;
        told
    }

    /// A token that is valid, in the AWS CLI's file if it is to be there.
    fn shared_if_wanted(&self, token: Token) -> Result<Token> {
        if token.source() == self.place() || self.place() == TokenSource::Store {
            return Ok(token);
        }
        self.save(token)
    }

    fn by_browser(&self, opener: &Opener, registration: &Registration) -> Result<Token> {
        let flow = BrowserFlow {
            calls: self.calls,
            session: self.session,
            registration,
            opener,
            port: self.sign_in.options.port,
            wait: self.sign_in.options.wait,
        };
        let save = |token: Token| self.save(token);
        flow.run(save).map_err(|error| match error {
            BrowserError::Failed(finding) => finding,
            BrowserError::UnknownClient(finding) => {
                self.drop_registration(Flow::Browser);
                finding
            }
            BrowserError::TimedOut(finding) => {
                self.drop_registration(Flow::Browser);
                finding.evidence(
                    "if AWS has forgotten this program, only the browser shows it; the next \
                    sign-in registers again",
                )
            }
        })
    }

    fn by_device(
        &self,
        reason: &'static str,
        registration: &Registration,
        is_stored: bool,
    ) -> Result<Token> {
        let attempt = |registration: &Registration| {
            let flow = DeviceFlow {
                calls: self.calls,
                session: self.session,
                registration,
                reason,
                wait: self.sign_in.options.wait,
            };
            flow.run()
        };
        let mut outcome = attempt(registration);
        if let Err(NoToken::UnknownClient(finding)) = &outcome {
            self.drop_registration(Flow::Device);
            if is_stored {
                log::debug!("registering again:\n{finding}");
                outcome = attempt(&self.registration(Flow::Device)?.0);
            }
        }
        match outcome {
            Ok(token) => self.save(token),
            Err(NoToken::Failed(finding) | NoToken::UnknownClient(finding)) => Err(finding),
            Err(NoToken::Pending | NoToken::SlowDown) => Err(self.session.not_signed_in()),
        }
    }

    fn save(&self, token: Token) -> Result<Token> {
        let token = token.moved_to(self.place());
        self.tokens.replace(&token)?;
        Ok(token)
    }

    /// The registration for a flow, and whether it was stored.
    fn registration(&self, flow: Flow) -> Result<(Registration, bool)> {
        let key = registration_key(self.session, flow);
        let store = self.sign_in.store;
        let stored = store.get(&key).ok().flatten();
        let stored = stored.and_then(|bytes| Registration::from_bytes(&bytes));
        if let Some(registration) = stored.filter(|stored| stored.is_usable(self.now())) {
            return Ok((registration, true));
        }
        log::debug!("registering this program at SSO-OIDC");
        let registration = sso::register(self.calls, self.session, flow)?;
        let label = self.session.label();
        let label = format!("awsfresh: registration for SSO session {label}");
        if let Err(e) = store.put(&key, &label, &registration.to_bytes()) {
            log::debug!("the registration is not kept: {e}");
        }
        Ok((registration, false))
    }

    fn drop_registration(&self, flow: Flow) {
        // One that stays is dropped the next time.
        let _ = self
            .sign_in
            .store
            .remove(&registration_key(self.session, flow));
    }
}

/// Fails where the store would not keep what a person is about to be asked for: `what`, as in "the
/// token". It is written to, because a store may be readable alone.
pub(crate) fn require_store(store: &dyn Store, what: &str) -> Result<()> {
    let status = store.check();
    if status.name == "none" && status.state.is_ok() {
        return Err(no_place(what, "the store is `none`, which keeps nothing")
            .remedy("omit --store none, and unset AWSFRESH_STORE"));
    }
    let kept = match status.state {
        Ok(()) => store::check_room(store, ROOM),
        Err(error) => Err(error.detail().to_owned()),
    };
    kept.map_err(|why| {
        no_place(what, &why)
            .remedy("unlock the keyring, or name a key file: AWSFRESH_KEY_FILE=FILE")
    })
}

fn no_place(what: &str, why: &str) -> Finding {
    let summary = format!("there is no place to keep the {what}");
    Finding::new(Cause::StoreUnavailable, summary).evidence(why)
}
