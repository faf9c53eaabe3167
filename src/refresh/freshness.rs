//! How fresh a credential is. Pure: the clock comes in.

use std::fmt;

use crate::time::Timestamp;

/// botocore and .NET run a credential process for every request once less than 15 minutes are left;
/// five more leave room for clock differences and for a renewal that fails once. In seconds.
const WINDOW: i64 = 20 * 60;

/// With less time left, in seconds, a credential could expire on its way to AWS: it counts as
/// expired.
const MARGIN: i64 = 5;

/// No AWS session lives longer, in seconds. A credential that claims to (a process that says 9999
/// for "never") is renewed, and still served if that fails.
const MAX_AGE: i64 = 36 * 3600;

/// A credential that was obtained further in the future, in seconds, shows that a clock was wrong.
const CLOCK_TOLERANCE: i64 = 20 * 60;

/// What to do with a cached credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Valid, but try to renew it first.
    RenewSoon(Reason),
    /// Do not serve it.
    Expired,
}

/// Why a renewal is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It expires soon.
    ExpiresSoon,
    /// It is older than any AWS session.
    TooOld,
    /// It was obtained in the future: a clock was wrong.
    FromTheFuture,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExpiresSoon => "it expires soon",
            Self::TooOld => "it is older than any AWS session",
            Self::FromTheFuture => "it was obtained in the future",
        })
    }
}

/// Judges a credential by when it was `obtained` and when it expires. A renewal is due when less
/// than `min(20 min, a third of its lifetime)` is left.
pub fn freshness(obtained: Timestamp, expiration: Timestamp, now: Timestamp) -> Freshness {
    let lifetime = expiration.seconds_from(obtained).max(0);
    let left = expiration.seconds_from(now);
    let age = now.seconds_from(obtained);
    if left <= MARGIN.min(lifetime / 10) {
        Freshness::Expired
    } else if left < WINDOW.min(lifetime / 3) {
        Freshness::RenewSoon(Reason::ExpiresSoon)
    } else if age >= MAX_AGE {
        Freshness::RenewSoon(Reason::TooOld)
    } else if age < -CLOCK_TOLERANCE {
        Freshness::RenewSoon(Reason::FromTheFuture)
    } else {
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::Freshness::{Expired, Fresh, RenewSoon};
    use super::*;

    #[test]
    fn an_hour_is_renewed_in_its_last_twenty_minutes() {
        let at = |now| freshness(Timestamp(0), Timestamp(3600), Timestamp(now));
        assert_eq!(at(0), Fresh);
        assert_eq!(at(2400), Fresh);
        assert_eq!(at(2401), RenewSoon(Reason::ExpiresSoon));
        assert_eq!(at(3594), RenewSoon(Reason::ExpiresSoon));
        assert_eq!(at(3595), Expired);
        assert_eq!(at(9999), Expired);
    }

    #[test]
    fn a_quarter_of_an_hour_is_renewed_in_its_last_third() {
        let at = |now| freshness(Timestamp(0), Timestamp(900), Timestamp(now));
        assert_eq!(at(600), Fresh);
        assert_eq!(at(601), RenewSoon(Reason::ExpiresSoon));
    }

    #[test]
    fn a_credential_without_end_is_renewed_after_a_while() {
        let at = |now| freshness(Timestamp(0), Timestamp(253_402_300_799), Timestamp(now));
        assert_eq!(at(MAX_AGE - 1), Fresh);
        assert_eq!(at(MAX_AGE), RenewSoon(Reason::TooOld));
        assert_eq!(
            at(-CLOCK_TOLERANCE),
            Fresh,
            "the clock was put back a little"
        );
        assert_eq!(at(-CLOCK_TOLERANCE - 1), RenewSoon(Reason::FromTheFuture));
    }

    #[test]
    fn nonsense_never_panics() {
        assert_eq!(
            freshness(Timestamp(10), Timestamp(0), Timestamp(5)),
            Expired
        );
        let nonsense = freshness(Timestamp(i64::MIN), Timestamp(i64::MAX), Timestamp(0));
        assert_eq!(nonsense, RenewSoon(Reason::TooOld));
    }
}
