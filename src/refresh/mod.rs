//! Fresh credentials, obtained once however many ask: look, lock, look again, fetch, store.
//!
//! Each link of a chain is cached under its own key and refreshed under its own lock, from the end towards the base,
//! so locks are always taken in the same order. A valid credential is never dropped before its successor is stored,
//! and never withheld because a store could not be written or a source is down.

mod entry;
mod freshness;
mod key;
mod lock;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Instant;

pub use entry::Entry;
pub use freshness::{Freshness, freshness};
pub use key::{TOKEN_KIND, keys, token_key};
use lock::{Failure, RefreshLock};

use crate::config::Chain;
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::{Cause, Finding, Result};
use crate::source::sso::{Home, Offers, Session, Token};
use crate::source::{Identity, Sources};
use crate::store::{CacheKey, Store};
use crate::time::{Timestamp, for_people};
use crate::world::World;

/// After a failed renewal of a credential that is still valid, the source is left alone this long, in seconds.
const BACK_OFF: i64 = 30;

/// Who listens to what happens on the way.
pub trait Tell {
    /// A decision and its reason.
    fn trace(&self, text: &str);
    /// Something that went wrong and did not stop the answer.
    fn warn(&self, text: &str);
}

/// Obtains the credentials of one chain.
pub struct Refresher<'a> {
    world: &'a World,
    chain: &'a Chain,
    store: &'a dyn Store,
    sources: Sources<'a>,
    keys: Vec<Option<CacheKey>>,
    began: Instant,
    deadline: Instant,
    locks: PathBuf,
    /// Ask the source even where the cached credential is fresh.
    force: bool,
    tell: &'a dyn Tell,
    obtained: Cell<Option<Timestamp>>,
    failed_renewal: RefCell<Option<Finding>>,
}

/// The state of a lock attempt.
enum Turn {
    /// This process does the work; without a lock where the file system has none. `waited` tells whether somebody else
    /// held it meanwhile.
    Ours { lock: Option<RefreshLock>, waited: bool },
    /// Somebody else holds it still.
    Theirs,
}

impl<'a> Refresher<'a> {
    /// A refresher for `chain`.
    pub fn new(world: &'a World, chain: &'a Chain, store: &'a dyn Store, deadline: Instant, tell: &'a dyn Tell) -> Self {
        let sources = Sources::new(world, chain, deadline);
        let keys = keys(chain, world);
        let locks = world.state_dir().join("locks");
        let (obtained, failed_renewal) = (Cell::default(), RefCell::default());
        let began = Instant::now();
        Self { world, chain, store, sources, keys, began, deadline, locks, force: false, tell, obtained, failed_renewal }
    }

    /// Renews the last link of the chain even where it is fresh.
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Credentials for the profile the chain was resolved from.
    pub fn obtain(&self) -> Result<Credentials> {
        self.sources.refuse_recursion()?;
        self.link(self.keys.len() - 1, self.force)
    }

    /// When AWS gave what [`Self::obtain`] returned, if that is cached.
    pub fn obtained(&self) -> Option<Timestamp> {
        self.obtained.get()
    }

    /// Why what [`Self::obtain`] returned is what was cached before, where it was due for renewal.
    pub fn failed_renewal(&self) -> Option<Finding> {
        self.failed_renewal.borrow().clone()
    }

    /// Who AWS says `credentials` belong to.
    pub fn identity(&self, credentials: &Credentials) -> Result<Identity> {
        self.sources.identity(credentials, None)
    }

    /// How many links the chain has: its base, and a role each.
    pub fn links(&self) -> usize {
        self.keys.len()
    }

    /// The credentials of link `n`, the base being 0.
    pub fn obtain_link(&self, n: usize) -> Result<Credentials> {
        self.sources.refuse_recursion()?;
        self.link(n, false)
    }

    /// Whether the credentials of link `n` are kept in the store.
    pub fn is_cached(&self, n: usize) -> bool {
        let key = self.keys.get(n).and_then(Option::as_ref);
        key.and_then(|key| self.look(key)).is_some_and(|entry| self.judge(&entry) != Freshness::Expired)
    }

    /// What the user of the chain's SSO session has; `None` where it does not start with one, or the portal does not say.
    pub fn offers(&self) -> Option<Offers> {
        let token = self.sso_token(&Session::of(&self.chain.base, self.world)?, None).ok()?;
        self.sources.offers(token.access()).ok()
    }

    /// What asks AWS for this chain.
    pub fn sources(&self) -> &Sources<'a> {
        &self.sources
    }

    /// AWS no longer takes what is cached for the profile: it is not handed out again.
    pub fn distrust(&self) {
        self.distrust_link(self.keys.len() - 1);
    }

    /// The same for link `n`.
    pub fn distrust_link(&self, n: usize) {
        if let Some(Some(key)) = self.keys.get(n) {
            let _ = self.store.remove(key); // a store that cannot be written is told of when the successor is kept
        }
    }

    /// Credentials of link `n`: 0 is the base.
    fn link(&self, n: usize, force: bool) -> Result<Credentials> {
        let Some(key) = self.keys.get(n).and_then(Option::as_ref) else {
            return self.fetch(n);
        };
        let cached = self.look(key);
        let known = match cached {
            Some(entry) => match self.judge(&entry) {
                Freshness::Fresh if !force => {
                    self.tell.trace(&format!("{}: cached and fresh, {} left", self.name(n), self.left(&entry)));
                    return Ok(self.serve(n, entry));
                }
                Freshness::Expired => None,
                _ => Some(entry),
            },
            None => None,
        };
        self.tell.trace(&match &known {
            Some(entry) => format!("{}: {} left, renewing", self.name(n), self.left(entry)),
            None => format!("{}: nothing valid cached, asking the source", self.name(n)),
        });
        let began = self.world.now();
        let (mut lock, waited) = match self.take_turn(key, known.is_some())? {
            Turn::Ours { lock, waited } => (lock, waited),
            Turn::Theirs => match known {
                Some(entry) => {
                    self.tell.trace("another process is renewing it: handing out what is still valid");
                    return Ok(self.serve(n, entry));
                }
                None => return Err(self.lock_timeout(n)),
            },
        };
        let failure = lock.as_mut().and_then(RefreshLock::last_failure);
        if let Some(failure) = failure {
            if known.is_none() && waited && failure.at >= began {
                self.tell.trace("the process we waited for failed: sharing its diagnosis");
                return Err(failure.finding);
            }
            if let Some(entry) = known.as_ref().filter(|_| !force && self.world.now().seconds_from(failure.at) < BACK_OFF) {
                self.tell.trace(&format!("the last renewal failed ({}): not asking again yet", failure.finding.cause.id()));
                self.failed_renewal.replace(Some(failure.finding));
                return Ok(self.serve(n, entry.clone()));
            }
        }
        // Look again: the holder before us may have done the work. Its entry is newer than our look.
        if let Some(entry) = self.look(key)
            && self.judge(&entry) == Freshness::Fresh
            && (!force || (waited && entry.obtained >= began))
        {
            self.tell.trace("another process renewed it meanwhile");
            return Ok(self.serve(n, entry));
        }
        match self.fetch(n) {
            Ok(credentials) => {
                if let Some(lock) = &mut lock {
                    lock.clear_failure();
                }
                Ok(self.keep(key, n, credentials))
            }
            Err(finding) => {
                if let Some(lock) = &mut lock {
                    lock.leave_failure(&Failure { at: self.world.now(), finding: finding.clone() });
                }
                match known.filter(|entry| self.judge(entry) != Freshness::Expired) {
                    Some(entry) if !force => {
                        self.tell.trace(&format!("renewal failed, handing out what is valid for {} more:\n{finding}", self.left(&entry)));
                        self.failed_renewal.replace(Some(finding));
                        Ok(self.serve(n, entry))
                    }
                    _ => Err(finding),
                }
            }
        }
    }

    fn serve(&self, n: usize, entry: Entry) -> Credentials {
        if n + 1 == self.keys.len() {
            self.obtained.set(Some(entry.obtained));
        }
        entry.credentials
    }

    fn look(&self, key: &CacheKey) -> Option<Entry> {
        match self.store.get(key) {
            Ok(bytes) => Entry::from_bytes(key, &bytes?),
            Err(e) => {
                self.tell.trace(&format!("the {} store cannot be read: {e}", self.store.name()));
                None
            }
        }
    }

    fn judge(&self, entry: &Entry) -> Freshness {
        freshness(entry.obtained, entry.expiration(), self.world.now())
    }

    fn left(&self, entry: &Entry) -> String {
        for_people(entry.expiration().seconds_from(self.world.now()))
    }

    fn name(&self, n: usize) -> String {
        match n.checked_sub(1).and_then(|i| self.chain.hops.get(i)) {
            Some(hop) => format!("role {}", hop.role_arn.text),
            None => format!("source of `{}`", self.chain.profile),
        }
    }

    /// Tries the lock; while something valid is left it is not worth waiting for.
    fn take_turn(&self, key: &CacheKey, something_valid: bool) -> Result<Turn> {
        let attempt = RefreshLock::try_take(&self.locks, key).and_then(|taken| match taken {
            Some(lock) => Ok(Turn::Ours { lock: Some(lock), waited: false }),
            None if something_valid => Ok(Turn::Theirs),
            None => {
                self.tell.trace("waiting for another process that is asking the source");
                RefreshLock::wait(&self.locks, key, self.deadline)
                    .map(|taken| taken.map_or(Turn::Theirs, |lock| Turn::Ours { lock: Some(lock), waited: true }))
            }
        });
        Ok(attempt.unwrap_or_else(|e| {
            self.tell.trace(&format!("no lock can be had in {} ({e}): going on without", self.locks.display()));
            Turn::Ours { lock: None, waited: false }
        }))
    }

    fn lock_timeout(&self, n: usize) -> Finding {
        Finding::new(Cause::LockTimeout, format!("another awsfresh is still asking for the {}", self.name(n)))
            .seen(format!("waited {:.1} s for its lock in {}", self.began.elapsed().as_secs_f64(), self.locks.display()))
            .try_this("try again; AWSFRESH_TIMEOUT=SECONDS allows more time")
    }

    fn fetch(&self, n: usize) -> Result<Credentials> {
        let Some(hop) = n.checked_sub(1).and_then(|i| self.chain.hops.get(i)) else {
            return self.fetch_base();
        };
        let caller = self.link(n - 1, false)?;
        self.tell.trace(&format!("calling AssumeRole for {}", hop.role_arn.text));
        match self.sources.hop(hop, &caller) {
            // The caller's session came from our cache and AWS no longer takes it: it is not handed out again.
            Err(finding) if matches!(finding.cause, Cause::AccessKeyUnknown | Cause::SessionExpired) => match self.keys.get(n - 1) {
                Some(Some(key)) => {
                    self.tell.trace("AWS does not take the cached source credentials: dropping them and asking once more");
                    let _ = self.store.remove(key);
                    self.sources.hop(hop, &self.link(n - 1, false)?)
                }
                _ => Err(finding),
            },
            outcome => outcome,
        }
    }

    fn fetch_base(&self) -> Result<Credentials> {
        let Some(session) = Session::of(&self.chain.base, self.world) else {
            return self.sources.base(None);
        };
        let token = self.sso_token(&session, None)?;
        let with_login = |finding: Finding| match finding.cause {
            Cause::SsoSessionExpired if finding.remedy.is_empty() => finding.try_this(session.login()),
            _ => finding,
        };
        match self.sources.base(Some(token.access())).map_err(with_login) {
            Err(finding) if finding.cause == Cause::SsoSessionExpired => {
                self.tell.trace("the portal does not take the token: refreshing it");
                // Where that fails too, what the portal said is the better diagnosis.
                let renewed = self.sso_token(&session, Some(token.access())).map_err(|_| finding)?;
                self.sources.base(Some(renewed.access())).map_err(with_login)
            }
            outcome => outcome,
        }
    }

    /// A usable SSO token: as it lies there, or refreshed under the lock. `refused` is one that did not work.
    fn sso_token(&self, session: &Session<'_>, refused: Option<&Secret>) -> Result<Token> {
        let usable = |token: &Token| token.is_fresh(self.world.now()) && Some(token.access()) != refused;
        let key = token_key(session);
        let token = self.read_token(session, &key)?;
        if usable(&token) {
            return Ok(token);
        }
        let Turn::Ours { lock: _lock, .. } = self.take_turn(&key, false)? else { return Err(self.lock_timeout(0)) };
        let token = self.read_token(session, &key)?; // the process before us, or the AWS CLI, may have refreshed it
        if usable(&token) {
            return Ok(token);
        }
        self.tell.trace(&format!("refreshing the token of the SSO session `{}`", session.label()));
        let renewed = session.refresh(&self.sources, &token).or_else(|finding| {
            let again = self.read_token(session, &key)?; // the AWS CLI takes no lock: it may have used the refresh token first
            if again != token && usable(&again) {
                return Ok(again);
            }
            if again.is_valid(self.world.now()) && Some(again.access()) != refused {
                self.tell.trace(&format!("the refresh failed, the token is still valid:\n{finding}"));
                return Ok(again);
            }
            let over = matches!(finding.cause, Cause::SsoNotRefreshable) && !again.is_valid(self.world.now());
            Err(if over { session.ended(&again, self.world.now()).seen(finding.summary) } else { finding })
        })?;
        if renewed != token {
            self.write_token(session, &key, &renewed);
        }
        if !renewed.is_valid(self.world.now()) {
            return Err(
                Finding::new(Cause::AwsUnavailable, "SSO-OIDC answered with an access token that cannot be used").try_this("try again")
            );
        }
        Ok(renewed)
    }

    /// Our own token, if there is one, else the AWS CLI's.
    fn read_token(&self, session: &Session<'_>, key: &CacheKey) -> Result<Token> {
        let ours = self.store.get(key).unwrap_or_else(|e| {
            self.tell.trace(&format!("the {} store cannot be read: {e}", self.store.name()));
            None
        });
        match ours.and_then(|bytes| Token::from_store(&bytes)) {
            Some(token) => Ok(token),
            None => session.read(),
        }
    }

    /// Puts a renewed token back. Where that fails the token in hand still serves, but its refresh token is lost with
    /// this process: that is said aloud.
    fn write_token(&self, session: &Session<'_>, key: &CacheKey, token: &Token) {
        let outcome = match token.home {
            Home::Store => {
                let label = format!("awsfresh: SSO session {}", session.label());
                self.store.put(key, &label, &token.to_bytes()).map_err(|e| e.to_string())
            }
            Home::File => session.write(token).map_err(|e| e.to_string()),
        };
        if let Err(why) = outcome {
            let label = session.label();
            self.tell
                .warn(&format!("the renewed token of the SSO session `{label}` cannot be kept ({why}): sign in again once that is mended"));
        }
    }

    /// Stores what was fetched, and returns it whatever becomes of that.
    fn keep(&self, key: &CacheKey, n: usize, credentials: Credentials) -> Credentials {
        if credentials.expiration.is_none() {
            self.tell.trace("the credentials name no expiration: not cached");
            return credentials;
        }
        let entry = Entry::new(key, self.world.now(), credentials);
        let label = format!("awsfresh: {} (profile {})", self.name(n), self.chain.profile);
        match self.store.put(key, &label, &entry.to_bytes()) {
            Ok(()) => self.tell.trace(&format!("{}: stored in {}, {} left", self.name(n), self.store.name(), self.left(&entry))),
            Err(e) => self.tell.warn(&format!("the credentials could not be stored, and are handed out all the same: {e}")),
        }
        self.serve(n, entry)
    }
}
