//! MFA: a session of GetSessionToken with a code of the device, cached and shared by every role
//! behind that device; or the code in AssumeRole itself, where such a session cannot serve.
//!
//! A lock per device is taken before a person is asked: two prompts at once never happen.

use std::time::{Duration, Instant};

use super::Refresher;
use super::entry::Entry;
use super::freshness::Freshness;
use super::lock::{self, Failure, LockAttempt, RefreshLock};
use crate::config::{CHAINED_SESSION_LIMIT, Hop};
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result};
use crate::source::mfa;
use crate::store::CacheKey;
use crate::time::human_duration;

/// How long an MFA session lasts unless the user asks for another time, in seconds: the default of
/// GetSessionToken.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
pub(crate) const DEFAULT_DURATION: u32 = 12 * 3600;
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
    /// Asks a person for a code; `None` where there is none to ask. `rejected` is why the code
    /// before was not accepted.
    fn ask(&self, hop: &Hop, serial: &str, rejected: Option<&Finding>) -> Option<Result<String>>;
    /// How long a new session is to last, in seconds.
    fn duration(&self) -> u32;
    /// Whether a valid session is replaced, too.
    fn renews(&self) -> bool {
        false
    }
}

/// No code but that of `mfa_process`: for unattended calls.
pub(crate) struct NoCodes;

impl CodeSource for NoCodes {
    fn given(&self) -> Option<String> {
        None
    }

    fn ask(&self, _: &Hop, _: &str, _: Option<&Finding>) -> Option<Result<String>> {
        None
    }

    fn duration(&self) -> u32 {
        DEFAULT_DURATION
    }
}

impl Refresher<'_> {
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
            let (_lock, _) = self.device_lock(key, serial)?;
            return self.with_code(hop, serial, |code| {
                self.sources.hop(hop, caller, Some((serial, code)))
            });
        }
        let session = self.mfa_session(key, hop, serial, caller)?;
        match self.sources.hop(hop, &session, None) {
            // AWS no longer accepts the session from the cache: it must not be served again.
            Err(finding) if finding.means_stale_credentials() => {
                log::debug!("AWS rejected the cached MFA session: deleting it");
                let _ = self.store.remove(key); // a failing store is reported when the successor is stored
                let session = self.mfa_session(key, hop, serial, caller)?;
                self.sources.hop(hop, &session, None)
            }
            outcome => outcome,
        }
    }

    /// The cached session of the device behind a step, if it is valid.
    pub(crate) fn cached_mfa_session(&self, step: usize) -> Option<Entry> {
        let entry = self.read_cached(self.mfa_key(step)?)?;
        (self.freshness_of(&entry) != Freshness::Expired).then_some(entry)
    }

    fn mfa_session(
        &self,
        key: &CacheKey,
        hop: &Hop,
        serial: &str,
        caller: &Credentials,
    ) -> Result<Credentials> {
        let began = self.world.now();
        let cached = || {
            let entry = self.read_cached(key)?;
            let is_new = !self.codes.renews() || entry.obtained >= began;
            (is_new && self.freshness_of(&entry) != Freshness::Expired).then_some(entry)
        };
        if let Some(entry) = cached() {
            log::debug!("MFA session of {serial}: {} left", self.time_left(&entry));
            return Ok(entry.credentials);
        }
        let (mut lock, waited) = self.device_lock(key, serial)?;
        if let Some(entry) = cached() {
            return Ok(entry.credentials);
        }
        let failure = lock.as_mut().and_then(RefreshLock::last_failure);
        if let Some(failure) = failure.filter(|failure| waited && failure.at >= began) {
            return Err(failure.finding);
        }
        let duration = self.codes.duration();
        let session = self.with_code(hop, serial, |code| {
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
        let label = format!("awsfresh: MFA session of {serial}");
        match self.store.put(key, &label, &entry.to_bytes()) {
            Ok(()) => {
                let left = human_duration(entry.expiration().seconds_from(self.world.now()));
                log::debug!("MFA session of {serial}: {left} left");
            }
            Err(e) => {
                log::warn!("the MFA session could not be stored and is used without a cache: {e}");
            }
        }
        Ok(entry.credentials)
    }

    fn device_lock(&self, key: &CacheKey, serial: &str) -> Result<(Option<RefreshLock>, bool)> {
        let began = Instant::now();
        let deadline = if self.world.attended {
            began + TYPING_TIME
        } else {
            self.sources.calls.deadline()
        };
        let busy = "asking for an MFA code";
        let attended = self.world.attended;
        match lock::acquire(&self.locks, key, Some(deadline), attended, busy) {
            LockAttempt::Acquired { lock, waited } => {
                self.sources.calls.extend(began.elapsed());
                Ok((lock, waited))
            }
            LockAttempt::Busy => {
                let what = format!("MFA session of {serial}");
                Err(lock::lock_timeout(&what, began.elapsed(), &self.locks))
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
        let mut rejected: Option<Finding> = None;
        for attempt in 1..=ATTEMPTS {
            let (code, may_ask_again) = self.code(hop, serial, rejected.as_ref())?;
            match call(&code) {
                Err(finding) if finding.cause == Cause::MfaCodeRejected => {
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

    /// A code, and whether another one can be had. The time that it takes does not count.
    fn code(&self, hop: &Hop, serial: &str, rejected: Option<&Finding>) -> Result<(String, bool)> {
        self.codes_needed.set(self.codes_needed.get() + 1);
        if let Some(code) = self.codes.given() {
            return Ok((mfa::checked_code(&code, "--mfa-code")?, false));
        }
        let began = Instant::now();
        let code = match &hop.mfa_process {
            Some(process) => {
                log::debug!("running mfa_process of profile `{}`", hop.profile);
                let code = mfa::run(&self.sources.calls, process, &hop.profile);
                code.map(|code| (code, false))
            }
            None => match self.codes.ask(hop, serial, rejected) {
                Some(code) => code.map(|code| (code, true)),
                None => Err(hop.mfa_needed(serial)),
            },
        };
        self.sources.calls.extend(began.elapsed());
        code
    }

    /// How many MFA codes were needed so far.
    pub(crate) fn codes_needed(&self) -> u32 {
        self.codes_needed.get()
    }
}

/// Whether the code goes into AssumeRole: a session cannot make another one, and a role that is
/// assumed from a session lasts an hour at most.
fn is_direct(hop: &Hop, caller: &Credentials) -> bool {
    let is_long = hop
        .duration_seconds
        .is_some_and(|seconds| seconds > CHAINED_SESSION_LIMIT);
    caller.session_token.is_some() || is_long
}
