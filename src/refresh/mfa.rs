//! MFA: a session of GetSessionToken with a code of the device, cached and shared by every role
//! behind that device; or the code in AssumeRole itself, where such a session cannot serve.
//!
//! A lock per device is taken before a person is asked: two prompts at once never happen.

use std::fs::File;
use std::time::{Duration, Instant};

use super::Refresher;
use super::entry::Entry;
use super::freshness::Freshness;
use super::lock::{self, Failure, LockAttempt, Patience, RefreshLock};
use crate::config::{CHAINED_SESSION_LIMIT, Hop};
use crate::credentials::Credentials;
use crate::finding::{Cause, Class, Finding, Result, Subject};
use crate::source::mfa;
use crate::store::CacheKey;
use crate::time::Timestamp;

/// How long an MFA session lasts unless the user asks for another time, in seconds: the default of
/// GetSessionToken.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
const DEFAULT_DURATION: u32 = 12 * 3600;
/// How often a person may type a code.
const ATTEMPTS: u32 = 3;
/// How long to wait for another process whose user is typing a code.
pub(super) const TYPING_TIME: Duration = Duration::from_secs(180);
/// Devices show a new code in this interval, in seconds (RFC 6238).
const CODE_PERIOD: i64 = 30;

/// Where codes come from besides `mfa_process`.
pub(crate) trait CodeSource: Sync {
    /// A code that the user gave in advance; it is returned once.
    fn given(&self) -> Option<String>;
    /// Whether there may be a code: one is given, or there is a person to ask.
    fn may_have_one(&self) -> bool;
    /// What `mfa_process` may read from: the terminal, where there is a person.
    fn terminal(&self) -> Option<File>;
    /// Asks a person for a code; `None` where there is none to ask. `rejected` is why the code
    /// before was not accepted.
    fn ask(&self, hop: &Hop, serial: &str, rejected: Option<&Finding>) -> Option<Result<String>>;
}

/// When an MFA session is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renew {
    /// It has expired.
    Expired,
    /// It has expired, or will soon.
    Due,
    /// In any case.
    Always,
}

/// How MFA sessions are made.
#[derive(Clone, Copy)]
pub(crate) struct Mfa<'a> {
    pub(crate) codes: &'a dyn CodeSource,
    /// How long a new session lasts, in seconds.
    pub(crate) duration: u32,
    pub(crate) renew: Renew,
}

impl<'a> Mfa<'a> {
    /// Sessions of the default length with codes of `codes`, where there is no valid one.
    pub(crate) fn new(codes: &'a dyn CodeSource) -> Self {
        Self {
            codes,
            duration: DEFAULT_DURATION,
            renew: Renew::Expired,
        }
    }
}

/// No code but that of `mfa_process`: for unattended calls.
pub(super) struct NoCodes;

impl CodeSource for NoCodes {
    fn given(&self) -> Option<String> {
        None
    }

    fn may_have_one(&self) -> bool {
        false
    }

    fn terminal(&self) -> Option<File> {
        None
    }

    fn ask(&self, _: &Hop, _: &str, _: Option<&Finding>) -> Option<Result<String>> {
        None
    }
}

/// What [`Refresher::start_mfa`] did for one role.
pub(crate) struct MfaStarted {
    pub(crate) serial: String,
    pub(crate) expiration: Option<Timestamp>,
    /// Whether no code was needed.
    pub(crate) was_valid: bool,
    /// Whether a session can begin without a person.
    pub(crate) unattended: bool,
}

impl Refresher<'_> {
    /// Makes the MFA session of every role that needs one, or the session of the role itself where
    /// the code goes there.
    pub(crate) fn start_mfa(&self) -> Result<Vec<MfaStarted>> {
        let mut started = Vec::new();
        for (step, hop) in self.hops() {
            let (Some(serial), Some(key)) = (&hop.mfa_serial, self.mfa_key(step)) else {
                continue;
            };
            self.code_needed.set(false);
            let caller = self.step(step - 1, false)?;
            let credentials = if is_direct(hop, &caller) {
                self.step(step, self.mfa.renew == Renew::Always)?
            } else {
                self.mfa_session(key, hop, serial, &caller, None)?
            };
            started.push(MfaStarted {
                serial: serial.clone(),
                expiration: credentials.expiration,
                was_valid: !self.code_needed.get(),
                unattended: hop.mfa_process.is_some(),
            });
        }
        Ok(started)
    }

    /// Makes the MFA session of a step before the lock of the step is taken: who waits for that lock
    /// does not wait for a person.
    pub(super) fn prepare_mfa(&self, step: usize) -> Result<()> {
        let Some(hop) = self.hop(step) else {
            return Ok(());
        };
        if let (Some(serial), Some(key)) = (&hop.mfa_serial, self.mfa_key(step)) {
            let caller = self.step(step - 1, false)?;
            if !is_direct(hop, &caller) {
                self.mfa_session(key, hop, serial, &caller, None)?;
            }
        }
        Ok(())
    }

    /// The credentials of a role that requires MFA.
    pub(super) fn hop_with_mfa(
        &self,
        step: usize,
        hop: &Hop,
        serial: &str,
        caller: &Credentials,
    ) -> Result<Credentials> {
        let Some(key) = self.mfa_key(step) else {
            return Err(hop.mfa_needed(serial));
        };
        if is_direct(hop, caller) {
            let (_lock, _) = self.device_lock(key, hop, serial)?;
            return self.with_code(hop, serial, |code| {
                self.sources.hop(hop, caller, Some((serial, code)))
            });
        }
        let session = self.mfa_session(key, hop, serial, caller, None)?;
        match self.sources.hop(hop, &session, None) {
            // AWS no longer accepts the session from the cache: it must not be served again.
            Err(finding) if finding.means_stale_credentials() => {
                log::debug!("AWS rejected the cached MFA session: replacing it");
                let rejected = Some(session.access_key_id.as_str());
                let session = self.mfa_session(key, hop, serial, caller, rejected)?;
                self.sources.hop(hop, &session, None)
            }
            outcome => outcome,
        }
    }

    /// The session of a device: the cached one, unless it has the ID `rejected`, or a new one.
    fn mfa_session(
        &self,
        key: &CacheKey,
        hop: &Hop,
        serial: &str,
        caller: &Credentials,
        rejected: Option<&str>,
    ) -> Result<Credentials> {
        let cached = || {
            let own = self.new_session.borrow().clone();
            let own = own.filter(|(of, _)| of == key).map(|(_, entry)| entry);
            let is_new = own.is_some();
            let entry = own.or_else(|| self.read_cached(key))?;
            let id = &entry.credentials.access_key_id;
            let is_usable = match (self.mfa.renew, self.freshness_of(&entry)) {
                (_, Freshness::Expired) => false,
                (Renew::Expired, _) | (Renew::Due, Freshness::Fresh) => true,
                (Renew::Due | Renew::Always, _) => is_new,
            };
            let is_rejected = rejected == Some(id.as_str());
            (is_usable && !is_rejected).then_some(entry)
        };
        if let Some(entry) = cached() {
            log::debug!("MFA session of {serial}: {} left", self.time_left(&entry));
            return Ok(entry.credentials);
        }
        let began = self.world.now();
        let (mut lock, waited) = self.device_lock(key, hop, serial)?;
        if let Some(entry) = cached() {
            return Ok(entry.credentials);
        }
        let failure = lock.as_mut().and_then(RefreshLock::last_failure);
        let shared = failure.filter(|failure| {
            let own_code = failure.finding.class() == Class::NeedsPerson && self.may_have_code(hop);
            waited && failure.at >= began && !own_code
        });
        if let Some(failure) = shared {
            return Err(failure.finding);
        }
        let session = self.with_code(hop, serial, |code| {
            let duration = self.mfa.duration;
            self.sources
                .mfa_session(hop, caller, serial, code, duration)
        });
        if let Some(lock) = &mut lock {
            match &session {
                Ok(_) => lock.clear_failure(),
                Err(finding) => lock.leave_failure(&Failure {
                    at: self.world.now(),
                    finding: finding.clone(),
                }),
            }
        }
        let entry = Entry::new(key, self.world.now(), session?);
        self.new_session.replace(Some((key.clone(), entry.clone())));
        let label = format!("awsfresh: MFA session of {serial}");
        match self.store.put(key, &label, &entry.to_bytes()) {
            Ok(()) => log::debug!("MFA session of {serial}: {} left", self.time_left(&entry)),
            Err(e) => {
                log::warn!("the MFA session could not be stored and is used without a cache: {e}");
            }
        }
        Ok(entry.credentials)
    }

    /// Whether this process may get a code where another one had none.
    pub(super) fn may_have_code(&self, hop: &Hop) -> bool {
        hop.mfa_process.is_some() || self.mfa.codes.may_have_one()
    }

    /// The lock of a device. At a terminal, another process may be asking its user; without one, a
    /// process that needs a person is not waited for.
    fn device_lock(
        &self,
        key: &CacheKey,
        hop: &Hop,
        serial: &str,
    ) -> Result<(Option<RefreshLock>, bool)> {
        let began = Instant::now();
        let deadline = if self.world.attended {
            Some(began + TYPING_TIME)
        } else {
            let waits = self.may_have_code(hop);
            waits.then(|| self.sources.calls.deadline())
        };
        let patience = deadline.map(|deadline| Patience {
            deadline,
            may_succeed: false,
        });
        match lock::acquire(self.world, key, patience, "asking for an MFA code") {
            LockAttempt::Acquired { lock, waited } => {
                self.extend_if_attended(began.elapsed());
                Ok((lock, waited))
            }
            LockAttempt::Busy if deadline.is_none() => Err(hop.mfa_needed(serial)),
            LockAttempt::Busy => {
                let remedy = "finish or end the other prompt, then try again";
                let finding =
                    lock::lock_timeout(self.world, "MFA session", began.elapsed(), remedy);
                Err(finding.evidence(format!("mfa_serial = {serial}")))
            }
        }
    }

    /// Makes a call with a code, and again with another one where AWS rejects it.
    fn with_code(
        &self,
        hop: &Hop,
        serial: &str,
        call: impl Fn(&str) -> Result<Credentials>,
    ) -> Result<Credentials> {
        if mfa::is_security_key(serial) {
            return Err(hop.security_key(serial));
        }
        self.code_needed.set(true);
        let mut rejected: Option<Finding> = None;
        for attempt in 1..=ATTEMPTS {
            let (code, may_ask_again) = self.code(hop, serial, rejected.as_ref())?;
            match call(&code) {
                Err(finding) if is_wrong_code(&finding) => {
                    let next = CODE_PERIOD - self.world.now().0.rem_euclid(CODE_PERIOD);
                    let finding = finding.evidence(format!(
                        "code of {serial}; most devices show the next one in {next} s"
                    ));
                    if !may_ask_again || attempt == ATTEMPTS {
                        return Err(finding);
                    }
                    rejected = Some(finding);
                }
                outcome => return outcome,
            }
        }
        Err(rejected.unwrap_or_else(|| hop.mfa_needed(serial)))
    }

    /// A code, and whether another one can be had. The time that a person takes does not count.
    fn code(&self, hop: &Hop, serial: &str, rejected: Option<&Finding>) -> Result<(String, bool)> {
        if let Some(code) = self.mfa.codes.given() {
            return Ok((mfa::checked_code(&code, "--mfa-code")?, false));
        }
        let began = Instant::now();
        let code = match &hop.mfa_process {
            Some(process) => {
                log::debug!("running mfa_process of profile `{}`", hop.profile);
                let code = mfa::run(
                    &self.sources.calls,
                    process,
                    &hop.profile,
                    self.mfa.codes.terminal(),
                );
                code.map(|code| (code, false))
            }
            None => match self.mfa.codes.ask(hop, serial, rejected) {
                Some(code) => code.map(|code| (code, true)),
                None => Err(hop.mfa_needed(serial)),
            },
        };
        self.extend_if_attended(began.elapsed());
        code
    }

    /// Unattended callers give up by the clock, whoever was waited for.
    pub(super) fn extend_if_attended(&self, by: Duration) {
        if self.world.attended {
            self.sources.calls.extend(by);
        }
    }
}

/// Whether another code of the same device may be accepted.
fn is_wrong_code(finding: &Finding) -> bool {
    finding.cause == Cause::MfaCodeRejected && !finding.is_about(&Subject::MfaDevice)
}

/// Whether the code goes into AssumeRole: a session cannot make another one, and a role that is
/// assumed from a session lasts an hour at most.
fn is_direct(hop: &Hop, caller: &Credentials) -> bool {
    let is_long = hop
        .duration_seconds
        .is_some_and(|seconds| seconds > CHAINED_SESSION_LIMIT);
    caller.session_token.is_some() || is_long
}
