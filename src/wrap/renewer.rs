//! The credentials of a running command, renewed ahead of time by the wall clock, so that a machine
//! that slept renews at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credentials::Credentials;
use crate::finding::{Finding, Result};
use crate::refresh::{Freshness, freshness};
use crate::time::Timestamp;

/// How often the clock is checked.
const TICK: Duration = Duration::from_secs(1);
/// The longest pause between two attempts at a renewal that fails, in seconds.
const MAX_PAUSE: i64 = 30;

/// Credentials that other threads use while they are renewed.
pub(super) struct Renewer {
    state: Mutex<State>,
    stop: Condvar,
}

struct State {
    credentials: Credentials,
    obtained: Timestamp,
    /// When a renewal succeeded last.
    renewed: Option<Timestamp>,
    failure: Option<Finding>,
    stopped: bool,
}

/// The last credentials of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) expiration: Option<Timestamp>,
    /// When a renewal got them; `None` for those of the start.
    pub(super) renewed: Option<Timestamp>,
}

/// The outcome of a renewal.
pub(super) struct Renewal {
    /// The credentials to use from now on, and when AWS issued them; the old ones, if they are all
    /// there is.
    pub(super) outcome: Result<(Credentials, Timestamp)>,
    /// Why they are the old ones, if they are.
    pub(super) failure: Option<Finding>,
}

impl Renewer {
    /// Starts with credentials that AWS issued at `obtained`.
    pub(super) fn new(credentials: Credentials, obtained: Timestamp) -> Self {
        let state = State {
            credentials,
            obtained,
            renewed: None,
            failure: None,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            stop: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        crate::sync::lock(&self.state)
    }

    /// The credentials in use now.
    pub(super) fn credentials(&self) -> Credentials {
        self.lock().credentials.clone()
    }

    /// Reads the credentials in use now, and why their renewal failed if it did, without a copy.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Credentials, Option<&Finding>) -> T) -> T {
        let state = self.lock();
        read(&state.credentials, state.failure.as_ref())
    }

    /// Why the last renewal failed, if it did.
    pub(super) fn failure(&self) -> Option<Finding> {
        self.lock().failure.clone()
    }

    /// The last credentials so far.
    pub(super) fn last(&self) -> Last {
        let state = self.lock();
        Last {
            expiration: state.credentials.expiration,
            renewed: state.renewed,
        }
    }

    /// Ends [`Self::keep_fresh`].
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.stop.notify_all();
    }

    /// Waits up to `time`; returns whether [`Self::stop`] was called.
    pub(super) fn stopped_within(&self, time: Duration) -> bool {
        let waited = self
            .stop
            .wait_timeout_while(self.lock(), time, |state| !state.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// Renews with `obtain` until [`Self::stop`]; calls `renewed` after each success.
    pub(super) fn keep_fresh(
        &self,
        now: impl Fn() -> Timestamp,
        obtain: impl Fn() -> Renewal,
        renewed: impl Fn(),
    ) {
        let mut next = now();
        while !self.stopped_within(TICK) {
            let (due, left) = {
                let state = self.lock();
                let Some(end) = state.credentials.expiration else {
                    return;
                };
                (
                    freshness(state.obtained, end, now()) != Freshness::Fresh,
                    end.seconds_from(now()),
                )
            };
            if !due || now() < next {
                continue;
            }
            let renewal = obtain();
            next = now().plus((left / 10).clamp(1, MAX_PAUSE));
            let mut state = self.lock();
            match renewal.outcome {
                Ok((credentials, obtained))
                    if credentials.access_key_id != state.credentials.access_key_id =>
                {
                    (state.credentials, state.obtained, state.failure) =
                        (credentials, obtained, renewal.failure);
                    state.renewed = Some(now());
                    drop(state);
                    renewed();
                }
                Ok(_) => state.failure = renewal.failure,
                Err(finding) => state.failure = Some(finding),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::credentials::Secret;
    use crate::finding::Cause;

    fn credentials(id: &str, end: i64) -> Credentials {
        let secret = Secret::new("s".into());
        Credentials {
            access_key_id: id.into(),
            secret_access_key: secret,
            session_token: None,
            expiration: Some(Timestamp(end)),
            account_id: None,
        }
    }

    #[test]
    fn a_failure_is_kept_until_a_renewal_succeeds() {
        // Each look at the clock is a minute later.
        let (clock, calls) = (Cell::new(0), Cell::new(0));
        let now = || Timestamp(clock.replace(clock.get() + 60));
        let renewer = Renewer::new(credentials("A", 3600), Timestamp(0));
        let obtain = || {
            calls.set(calls.get() + 1);
            if calls.get() == 1 {
                return Renewal {
                    outcome: Err(Finding::new(Cause::DnsFailure, "x")),
                    failure: None,
                };
            }
            assert_eq!(renewer.failure().unwrap().cause, Cause::DnsFailure);
            Renewal {
                outcome: Ok((credentials("B", 90_000), Timestamp(3000))),
                failure: None,
            }
        };
        clock.set(2390); // two thirds through
        let renewals = Cell::new(0);
        renewer.keep_fresh(now, obtain, || {
            assert_eq!(renewer.credentials().access_key_id, "B");
            renewals.set(renewals.get() + 1);
            renewer.stop();
        });
        assert_eq!(
            (
                renewals.get(),
                renewer.failure(),
                renewer.credentials().access_key_id
            ),
            (1, None, "B".to_owned())
        );
    }
}
