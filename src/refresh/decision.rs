//! What to do once the lock is held: a pure decision, so that every case can be tested.

use super::entry::Entry;
use super::freshness::Freshness;
use super::lock::Failure;
use crate::store::CacheKey;
use crate::time::Timestamp;

/// After a renewal that failed while something valid was left, the source is not called for this
/// time, in seconds.
const BACK_OFF: i64 = 30;

/// A renewal of one step.
pub(super) struct Renewal<'a> {
    pub(super) step: usize,
    pub(super) key: &'a CacheKey,
    pub(super) force: bool,
    /// What is cached and still valid.
    pub(super) valid: Option<Entry>,
    /// When the cache was read.
    pub(super) began: Timestamp,
}

/// What to do under the lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Fail as the process that held the lock before did.
    ShareFailure,
    /// Serve what is valid: the last renewal failed a moment ago.
    ServeValid,
    /// Serve what the process that held the lock before has stored.
    ServeStored,
    /// Call the source.
    Fetch,
}

impl Renewal<'_> {
    /// Decides by the failure that is left in the lock, by what is stored now, and by whether the
    /// lock was waited for.
    pub(super) fn decide(
        &self,
        waited: bool,
        failure: Option<&Failure>,
        stored: Option<&Entry>,
        now: Timestamp,
    ) -> Action {
        if let Some(failure) = failure {
            if self.valid.is_none() && waited && failure.at >= self.began {
                return Action::ShareFailure;
            }
            if self.valid.is_some() && !self.force && now.seconds_from(failure.at) < BACK_OFF {
                return Action::ServeValid;
            }
        }
        let is_fresh = |entry: &&Entry| entry.freshness(now) == Freshness::Fresh;
        match stored.filter(is_fresh) {
            Some(entry) if !self.force || (waited && entry.obtained >= self.began) => {
                Action::ServeStored
            }
            _ => Action::Fetch,
        }
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
