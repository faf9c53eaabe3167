//! Look, lock, look again, fetch, store: for each step of a chain.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use super::cache_key::{mfa_keys, step_keys};
use super::decision::{Action, Renewal};
use super::entry::Entry;
use super::freshness::Freshness;
use super::lock::{self, Failure, LockAttempt, Patience, RefreshLock};
use super::mfa::{Mfa, NoCodes, TYPING_TIME};
use crate::config::{Base, Chain, Hop};
use crate::credentials::Credentials;
use crate::finding::{Class, Finding, Result};
use crate::source::{Http, Identity, Sources};
use crate::store::{self, CacheKey, Store};
use crate::time::{Timestamp, human_duration};
use crate::world::World;

/// Obtains the credentials of one chain. Step 0 is its base, every following step a role.
pub(crate) struct Refresher<'a> {
    pub(super) world: &'a World,
    pub(super) chain: &'a Chain,
    pub(super) store: &'a dyn Store,
    pub(super) sources: Sources<'a>,
    keys: Vec<Option<CacheKey>>,
    mfa_keys: Vec<Option<CacheKey>>,
    pub(super) mfa: Mfa<'a>,
    /// Whether an MFA code was needed.
    pub(super) code_needed: Cell<bool>,
    /// The MFA session that was made last: a store may keep nothing.
    pub(super) new_session: RefCell<Option<(CacheKey, Entry)>>,
    /// Whether to renew the last step even if it is fresh.
    force: bool,
    obtained: Cell<Option<Timestamp>>,
    /// Whether the last step was fetched by this process.
    pub(super) is_new: Cell<bool>,
    failed_renewal: RefCell<Option<Finding>>,
}

impl<'a> Refresher<'a> {
    /// A refresher for `chain`.
    pub(crate) fn new(
        world: &'a World,
        chain: &'a Chain,
        store: &'a dyn Store,
        deadline: Instant,
    ) -> Self {
        let sources = Sources::new(world, chain, deadline);
        let keys = step_keys(chain, world, &sources.calls.connections);
        let mfa_keys = mfa_keys(chain, world, &sources.calls.connections);
        let (obtained, failed_renewal) = (Cell::default(), RefCell::default());
        Self {
            world,
            chain,
            store,
            sources,
            keys,
            mfa_keys,
            mfa: Mfa::new(&NoCodes),
            code_needed: Cell::default(),
            new_session: RefCell::default(),
            force: false,
            obtained,
            is_new: Cell::default(),
            failed_renewal,
        }
    }

    /// Uses the connections of other calls.
    pub(crate) fn sharing(mut self, http: &Arc<Http>) -> Self {
        self.sources = self.sources.sharing(http);
        self
    }

    /// Renews the last step even if it is fresh.
    pub(crate) fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Makes MFA sessions in this way.
    pub(crate) fn mfa(mut self, mfa: Mfa<'a>) -> Self {
        self.mfa = mfa;
        self
    }

    /// Credentials of the profile that the chain was resolved from.
    pub(crate) fn obtain(&self) -> Result<Credentials> {
        self.sources.reject_recursion()?;
        self.step(self.last_step(), self.force)
    }

    /// When AWS issued what [`Self::obtain`] returned, if that is cached.
    pub(crate) fn obtained(&self) -> Option<Timestamp> {
        self.obtained.get()
    }

    /// Why [`Self::obtain`] returned what was cached before, if it was due for renewal.
    pub(crate) fn failed_renewal(&self) -> Option<Finding> {
        self.failed_renewal.borrow().clone()
    }

    /// The owner of `credentials` according to AWS.
    pub(crate) fn identity(&self, credentials: &Credentials) -> Result<Identity> {
        self.sources.identity(credentials, None)
    }

    /// Deletes what is cached for the profile: AWS no longer accepts it.
    pub(crate) fn invalidate(&self) {
        self.invalidate_step(self.last_step());
    }

    /// The calls behind this refresher.
    pub(crate) fn sources(&self) -> &Sources<'a> {
        &self.sources
    }

    /// Credentials of one step; for a diagnosis.
    pub(crate) fn obtain_step(&self, step: usize) -> Result<Credentials> {
        self.sources.reject_recursion()?;
        self.step(step, false)
    }

    /// Whether valid credentials of a step are cached.
    pub(crate) fn is_step_cached(&self, step: usize) -> bool {
        let entry = self.key(step).and_then(|key| self.read_cached(key));
        entry.is_some_and(|entry| self.freshness_of(&entry) != Freshness::Expired)
    }

    /// Deletes what is cached for a step.
    pub(crate) fn invalidate_step(&self, step: usize) {
        if let Some(key) = self.key(step) {
            let _ = self.store.remove(key); // a failing store is reported when the successor is stored
        }
    }

    pub(super) fn last_step(&self) -> usize {
        self.keys.len() - 1
    }

    pub(super) fn key(&self, step: usize) -> Option<&CacheKey> {
        self.keys.get(step).and_then(Option::as_ref)
    }

    pub(super) fn hop(&self, step: usize) -> Option<&Hop> {
        self.chain.hop(step)
    }

    /// Every role with its step.
    pub(super) fn hops(&self) -> impl Iterator<Item = (usize, &Hop)> {
        (1..).zip(&self.chain.hops)
    }

    pub(super) fn mfa_key(&self, step: usize) -> Option<&CacheKey> {
        self.mfa_keys.get(step).and_then(Option::as_ref)
    }

    pub(super) fn step(&self, step: usize, force: bool) -> Result<Credentials> {
        let Some(key) = self.key(step) else {
            return self.fetch(step);
        };
        let name = self.chain.step_name(step);
        let cached = self
            .read_cached(key)
            .map(|entry| (self.freshness_of(&entry), entry));
        let valid = match cached {
            Some((Freshness::Fresh, entry)) if !force => {
                log::debug!("{name}: cached and fresh, {} left", self.time_left(&entry));
                return Ok(self.serve(step, entry));
            }
            Some((Freshness::RenewSoon(reason), entry)) => {
                log::debug!(
                    "{name}: {} left, renewing because {reason}",
                    self.time_left(&entry)
                );
                Some(entry)
            }
            Some((Freshness::Fresh, entry)) => {
                log::debug!(
                    "{name}: {} left, renewing as requested",
                    self.time_left(&entry)
                );
                Some(entry)
            }
            Some((Freshness::Expired, _)) | None => {
                log::debug!("{name}: nothing valid is cached, asking the source");
                None
            }
        };
        if valid.is_none() {
            self.prepare_mfa(step)?;
        }
        let renewal = Renewal {
            step,
            key,
            force,
            valid,
            began: self.world.now(),
        };
        let began = Instant::now();
        // While something valid is left, the lock is not worth waiting for.
        let patience = renewal.valid.is_none().then(|| self.patience(step));
        match lock::acquire(self.world, key, patience, lock::RENEWING) {
            LockAttempt::Acquired { lock, waited } => {
                if waited {
                    // The other process may have asked a person.
                    self.extend_if_attended(began.elapsed());
                }
                self.renew(renewal, lock, waited)
            }
            LockAttempt::Busy => match renewal.valid {
                Some(entry) => {
                    log::debug!("another process is renewing it: serving what is still valid");
                    Ok(self.serve(step, entry))
                }
                None => Err(lock::lock_timeout(
                    self.world,
                    &name,
                    began.elapsed(),
                    lock::MORE_TIME,
                )),
            },
        }
    }

    /// How to wait for the lock of a step: at a terminal, the process that holds it may be asking for
    /// an MFA code.
    fn patience(&self, step: usize) -> Patience {
        let deadline = self.sources.calls.deadline();
        let has_mfa = self.mfa_key(step).is_some();
        // A foreign process may ask a person, or spend a refresh token, as `aws login` sessions do.
        let is_once_only = matches!(
            self.chain.base,
            Base::LoginSession { .. } | Base::Process { .. }
        );
        Patience {
            deadline: if has_mfa && self.world.attended {
                deadline + TYPING_TIME
            } else {
                deadline
            },
            may_succeed: !(has_mfa || step == 0 && is_once_only),
        }
    }

    /// The second look, and the renewal, under the lock.
    fn renew(
        &self,
        renewal: Renewal<'_>,
        mut lock: Option<RefreshLock>,
        waited: bool,
    ) -> Result<Credentials> {
        let failure = lock.as_mut().and_then(RefreshLock::last_failure);
        let has_code = |hop: &Hop| hop.mfa_serial.is_some() && self.may_have_code(hop);
        let failure = failure.filter(|failure| {
            let own_code = self.hop(renewal.step).is_some_and(has_code);
            !(own_code && failure.finding.class() == Class::NeedsPerson)
        });
        let stored = self.read_cached(renewal.key);
        let action = renewal.decide(waited, failure.as_ref(), stored.as_ref(), self.world.now());
        match (action, failure, renewal.valid.clone(), stored) {
            (Action::ShareFailure, Some(failure), ..) => {
                log::debug!("the process that held the lock failed: sharing its diagnosis");
                Err(failure.finding)
            }
            (Action::ServeValid, Some(failure), Some(entry), _) => {
                let cause = failure.finding.cause.id();
                log::debug!("the last renewal failed ({cause}): not calling the source again yet");
                self.failed_renewal.replace(Some(failure.finding));
                Ok(self.serve(renewal.step, entry))
            }
            (Action::ServeStored, _, _, Some(entry)) => {
                log::debug!("another process renewed it meanwhile");
                Ok(self.serve(renewal.step, entry))
            }
            // The process that held the lock could leave no result here, and nor can this one: it
            // does not make the others wait.
            (_, None, None, None) if waited && !store::keeps_entries(self.store) => {
                log::debug!("nothing can be stored: calling the source without the lock");
                drop(lock);
                self.fetch_and_store(renewal, None)
            }
            _ => self.fetch_and_store(renewal, lock),
        }
    }

    fn fetch_and_store(
        &self,
        renewal: Renewal<'_>,
        mut lock: Option<RefreshLock>,
    ) -> Result<Credentials> {
        let finding = match self.fetch(renewal.step) {
            Ok(credentials) => {
                if let Some(lock) = &mut lock {
                    lock.clear_failure();
                }
                self.is_new.set(renewal.step == self.last_step());
                return Ok(self.store(renewal.key, renewal.step, credentials));
            }
            Err(finding) => finding,
        };
        // This process may have been stopped meanwhile, and another one have taken over.
        let key_id = |entry: &Entry| entry.credentials.access_key_id.clone();
        if let Some(stored) = self.read_cached(renewal.key)
            && stored.obtained >= renewal.began
            && renewal.valid.as_ref().map(key_id) != Some(key_id(&stored))
            && self.freshness_of(&stored) == Freshness::Fresh
        {
            log::debug!("the renewal failed, but another process has succeeded:\n{finding}");
            return Ok(self.serve(renewal.step, stored));
        }
        if let Some(lock) = &mut lock {
            lock.leave_failure(&Failure {
                at: self.world.now(),
                finding: finding.clone(),
            });
        }
        let valid = renewal
            .valid
            .filter(|entry| self.freshness_of(entry) != Freshness::Expired);
        match valid {
            Some(entry) if !renewal.force => {
                let left = self.time_left(&entry);
                log::debug!(
                    "the renewal failed, serving what is valid for {left} more:\n{finding}"
                );
                self.failed_renewal.replace(Some(finding));
                Ok(self.serve(renewal.step, entry))
            }
            _ => Err(finding),
        }
    }

    fn serve(&self, step: usize, entry: Entry) -> Credentials {
        if step == self.last_step() {
            self.obtained.set(Some(entry.obtained));
        }
        entry.credentials
    }

    /// The newest entry that is stored under `key`. A store has older ones where it could not replace
    /// them.
    pub(super) fn read_cached(&self, key: &CacheKey) -> Option<Entry> {
        let entry_of = |bytes: &[u8]| Entry::from_bytes(key, bytes);
        let first = match self.store.get(key) {
            Ok(bytes) => bytes.and_then(|bytes| entry_of(&bytes)),
            Err(e) => {
                log::debug!("cannot read the {} store: {e}", self.store.name());
                None
            }
        };
        match first {
            Some(entry) if self.freshness_of(&entry) != Freshness::Fresh => {
                let all = self.store.get_all(key).unwrap_or_default();
                let all = all.iter().filter_map(|bytes| entry_of(bytes));
                all.max_by_key(|entry| entry.obtained).or(Some(entry))
            }
            first => first,
        }
    }

    pub(super) fn freshness_of(&self, entry: &Entry) -> Freshness {
        entry.freshness(self.world.now())
    }

    pub(super) fn time_left(&self, entry: &Entry) -> String {
        human_duration(entry.expiration().seconds_from(self.world.now()))
    }

    /// Stores what was fetched, and returns it whether or not that works.
    fn store(&self, key: &CacheKey, step: usize, credentials: Credentials) -> Credentials {
        if credentials.expiration.is_none() {
            log::debug!("the credentials have no expiration: not cached");
            return credentials;
        }
        let name = self.chain.step_name(step);
        let entry = Entry::new(key, self.world.now(), credentials);
        let label = format!("awsfresh: {name} (profile {})", self.chain.profile);
        match self.store.put(key, &label, &entry.to_bytes()) {
            Ok(()) => {
                let left = self.time_left(&entry);
                log::debug!("{name}: stored in {}, {left} left", self.store.name());
            }
            Err(e) => {
                log::warn!("the credentials could not be stored and are used without a cache: {e}")
            }
        }
        self.serve(step, entry)
    }
}
