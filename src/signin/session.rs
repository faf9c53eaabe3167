//! Signing in to one SSO session: not where it is valid, never twice at once, and never without a
//! place for the token.

use std::time::Instant;

use super::Options;
use super::browser::{BrowserError, BrowserFlow};
use super::device::DeviceFlow;
use super::opener::Way;
use crate::config::{Network, SsoSession};
use crate::finding::{Cause, Finding, Result};
use crate::refresh::{SsoTokens, registration_key};
use crate::source::Calls;
use crate::source::sso::{self, Flow, NoToken, Registration, Session, Token, TokenSource};
use crate::store::Store;
use crate::time::Timestamp;
use crate::world::World;

/// Signs in to sessions.
pub(crate) struct SignIn<'a> {
    pub(crate) world: &'a World,
    pub(crate) store: &'a dyn Store,
    pub(crate) options: &'a Options,
}

/// A session that is signed in.
pub(crate) struct SignedIn {
    /// Its name, or its start URL.
    pub(crate) label: String,
    /// When the access token expires.
    pub(crate) expires: Timestamp,
    /// Whether it is renewed without a person.
    pub(crate) refreshable: bool,
    /// Whether it was valid before.
    pub(crate) was_valid: bool,
    /// Where the token is.
    pub(crate) place: String,
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
    pub(crate) fn session(&self, config: &SsoSession, network: &Network) -> Result<SignedIn> {
        self.unless_valid(config, network, || true)
    }

    /// The same, asking `consent` before a person is needed.
    pub(super) fn unless_valid(
        &self,
        config: &SsoSession,
        network: &Network,
        consent: impl FnOnce() -> bool,
    ) -> Result<SignedIn> {
        let session = Session::new(config, self.world);
        let calls = Calls::new(self.world, network, self.world.deadline()?);
        let tokens = SsoTokens::new(&session, &calls, self.store);
        let attempt = Attempt {
            sign_in: self,
            calls: &calls,
            session: &session,
            tokens: &tokens,
        };
        let valid = |token: &Token| attempt.signed_in(token, true);
        if !self.options.force
            && let Some(token) = attempt.valid_token()?
        {
            return Ok(valid(&token));
        }
        let began = Instant::now();
        let (_lock, waited) = tokens.sign_in_lock(began + self.options.wait)?;
        calls.extend(began.elapsed());
        if waited && let Some(token) = attempt.valid_token()? {
            return Ok(valid(&token));
        }
        if !consent() {
            return Err(session.not_signed_in());
        }
        attempt.run()
    }
}

impl Attempt<'_> {
    fn now(&self) -> Timestamp {
        self.sign_in.world.now()
    }

    fn signed_in(&self, token: &Token, was_valid: bool) -> SignedIn {
        let facts = self.session.facts(token);
        SignedIn {
            label: facts.label,
            expires: facts.expires,
            refreshable: facts.refreshable,
            was_valid,
            place: facts.place,
        }
    }

    /// The token, refreshed where that is due, if the portal accepts it. Fails only where AWS cannot
    /// be reached: then no one can sign in either.
    fn valid_token(&self) -> Result<Option<Token>> {
        let mut rejected = None;
        // The portal may reject a token that looks valid; a refreshed one may do.
        for _ in 0..2 {
            let token = match self.tokens.obtain(rejected.as_ref()) {
                Ok(token) => token,
                Err(finding) if finding.class() == Cause::SsoSessionMissing.class() => {
                    log::debug!("{finding}");
                    return Ok(None);
                }
                Err(finding) => return Err(finding),
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

    fn run(&self) -> Result<SignedIn> {
        self.check_place()?;
        if self.sign_in.options.force {
            self.end()?;
        }
        let token = match Way::choose(self.sign_in.options, self.sign_in.world) {
            Way::Browser(opener) => self.by_browser(&opener)?,
            Way::Device(reason) => self.by_device(reason)?,
        };
        Ok(self.signed_in(&token, false))
    }

    fn share(&self) -> bool {
        self.sign_in.options.share_with_cli
    }

    /// Fails where a token could not be kept, before a person does anything.
    fn check_place(&self) -> Result<()> {
        if self.share() {
            return Ok(());
        }
        let status = self.sign_in.store.check();
        let why = match &status.state {
            Ok(()) if status.name == "none" => "--store none keeps nothing".to_owned(),
            Ok(()) => return Ok(()),
            Err(error) => error.detail().to_owned(),
        };
        let label = self.session.label();
        let summary = format!("there is no place to keep the token of SSO session `{label}`");
        Err(Finding::new(Cause::StoreUnavailable, summary)
            .evidence(why)
            .remedy("unlock the keyring, or name a key file: AWSFRESH_KEY_FILE=FILE")
            .remedy(format!(
                "or keep it in the AWS CLI's file, in plain text: {} --share-with-cli",
                self.session.login()
            )))
    }

    /// Ends the session at AWS, so that permissions and end of the next one are new.
    fn end(&self) -> Result<()> {
        for token in self.tokens.all() {
            if token.is_valid(self.now()) {
                let call = sso::end_session(self.calls, self.session, token.access());
                self.calls.run(call)?;
            }
        }
        Ok(())
    }

    fn by_browser(&self, opener: &super::opener::Opener) -> Result<Token> {
        let save = |token: &Token| self.save(token);
        let attempt = |registration: &Registration| {
            let began = Instant::now();
            let flow = BrowserFlow {
                calls: self.calls,
                session: self.session,
                registration,
                opener,
                port: self.sign_in.options.port,
                wait: self.sign_in.options.wait,
            };
            let outcome = flow.run(save);
            self.calls.extend(began.elapsed());
            outcome
        };
        let (registration, _) = self.registration(Flow::Browser)?;
        match attempt(&registration) {
            Ok(token) => Ok(self.placed(token)),
            Err(BrowserError::NoToken(NoToken::UnknownClient(finding))) => {
                self.drop_registration(Flow::Browser);
                Err(finding)
            }
            Err(BrowserError::TimedOut(finding)) => {
                self.drop_registration(Flow::Browser);
                Err(finding.evidence(
                    "AWS shows an unknown client registration in the browser alone: the next \
                    sign-in registers again",
                ))
            }
            Err(BrowserError::NoToken(NoToken::Failed(finding))) => Err(finding),
            Err(BrowserError::NoToken(NoToken::Pending | NoToken::SlowDown)) => {
                Err(self.session.not_signed_in())
            }
        }
    }

    fn by_device(&self, reason: &'static str) -> Result<Token> {
        let attempt = |registration: &Registration| {
            let began = Instant::now();
            let flow = DeviceFlow {
                calls: self.calls,
                session: self.session,
                registration,
                reason,
                wait: self.sign_in.options.wait,
            };
            let outcome = flow.run();
            self.calls.extend(began.elapsed());
            outcome
        };
        let (registration, is_stored) = self.registration(Flow::Device)?;
        let mut outcome = attempt(&registration);
        if let Err(NoToken::UnknownClient(finding)) = &outcome {
            self.drop_registration(Flow::Device);
            if is_stored {
                log::debug!("registering again:\n{finding}");
                outcome = attempt(&self.registration(Flow::Device)?.0);
            }
        }
        match outcome {
            Ok(token) => {
                self.save(&token)?;
                Ok(self.placed(token))
            }
            Err(NoToken::Failed(finding) | NoToken::UnknownClient(finding)) => Err(finding),
            Err(NoToken::Pending | NoToken::SlowDown) => Err(self.session.not_signed_in()),
        }
    }

    fn save(&self, token: &Token) -> Result<()> {
        self.tokens.replace(&self.placed(token.clone()))
    }

    fn placed(&self, token: Token) -> Token {
        let place = if self.share() {
            TokenSource::File
        } else {
            TokenSource::Store
        };
        token.moved_to(place)
    }

    /// The registration for a flow, and whether it was stored.
    fn registration(&self, flow: Flow) -> Result<(Registration, bool)> {
        let key = registration_key(self.session, flow);
        let store = self.sign_in.store;
        let stored = store.get(&key).ok().flatten();
        let stored = stored.and_then(|bytes| serde_json::from_slice::<Registration>(&bytes).ok());
        if let Some(registration) = stored.filter(|stored| stored.is_usable(self.now())) {
            return Ok((registration, true));
        }
        log::debug!("registering this program at SSO-OIDC");
        let registration = sso::register(self.calls, self.session, flow)?;
        let label = format!(
            "awsfresh: registration for SSO session {}",
            self.session.label()
        );
        let saved = serde_json::to_vec(&registration)
            .map_err(|e| e.to_string())
            .and_then(|bytes| {
                let bytes = zeroize::Zeroizing::new(bytes);
                store.put(&key, &label, &bytes).map_err(|e| e.to_string())
            });
        if let Err(why) = saved {
            log::debug!("the registration is not kept: {why}");
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
