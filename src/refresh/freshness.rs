//! How fresh a credential is. Pure: the clock comes in.

use crate::time::Timestamp;

/// botocore and .NET run a credential process again on every request once less than 15 minutes are left; five more
/// leave room for clock differences and for a renewal that fails once.
const WINDOW: i64 = 20 * 60;

/// Below this, a credential could end on its way to AWS: it counts as expired.
const MARGIN: i64 = 5;

/// No AWS session lives longer. What claims to (a process that says 9999 for "never"), or was obtained in a future that
/// only a wrong clock has seen, is asked for again, and still served where that fails.
const LONGEST: i64 = 36 * 3600;

/// What to do with a cached credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Hand it out.
    Fresh,
    /// Valid, but try to renew it first.
    RenewSoon,
    /// Not to be handed out.
    Expired,
}

/// Judges a credential by when it was `obtained` and when it ends. Renewal is due when less than
/// `min(20 min, a third of its lifetime)` is left.
pub fn freshness(obtained: Timestamp, expiration: Timestamp, now: Timestamp) -> Freshness {
    let lifetime = expiration.seconds_from(obtained).max(0);
    let left = expiration.seconds_from(now);
    if left <= MARGIN.min(lifetime / 10) {
        Freshness::Expired
    } else if left < WINDOW.min(lifetime / 3) || !(-WINDOW..LONGEST).contains(&now.seconds_from(obtained)) {
        Freshness::RenewSoon
    } else {
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_renewed_in_its_last_twenty_minutes() {
        let at = |now| freshness(Timestamp(0), Timestamp(3600), Timestamp(now));
        assert_eq!(at(0), Freshness::Fresh);
        assert_eq!(at(2400), Freshness::Fresh);
        assert_eq!(at(2401), Freshness::RenewSoon);
        assert_eq!(at(3594), Freshness::RenewSoon);
        assert_eq!(at(3595), Freshness::Expired);
        assert_eq!(at(9999), Freshness::Expired);
    }

    #[test]
    fn a_quarter_of_an_hour_is_renewed_in_its_last_third() {
        let at = |now| freshness(Timestamp(0), Timestamp(900), Timestamp(now));
        assert_eq!(at(600), Freshness::Fresh);
        assert_eq!(at(601), Freshness::RenewSoon);
    }

    #[test]
    fn what_never_ends_is_asked_for_again_after_a_while() {
        let at = |now| freshness(Timestamp(0), Timestamp(253_402_300_799), Timestamp(now));
        assert_eq!(at(LONGEST - 1), Freshness::Fresh);
        assert_eq!(at(LONGEST), Freshness::RenewSoon);
        assert_eq!(at(-WINDOW), Freshness::Fresh, "the clock was put back a little");
        assert_eq!(at(-WINDOW - 1), Freshness::RenewSoon, "obtained in the future");
    }

    #[test]
    fn nonsense_is_expired_or_fresh_but_never_a_panic() {
        assert_eq!(freshness(Timestamp(10), Timestamp(0), Timestamp(5)), Freshness::Expired);
        assert_eq!(freshness(Timestamp(i64::MIN), Timestamp(i64::MAX), Timestamp(0)), Freshness::RenewSoon);
    }
}
