//! The decision under the lock, as a table.

use super::*;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding};

const NOW: Timestamp = Timestamp(100_000);

fn entry(key: &CacheKey, obtained: i64, lifetime: i64) -> Entry {
    let credentials = Credentials {
        access_key_id: "ASIAXXXXXXXXXXXXXXXX".into(),
        secret_access_key: Secret::new("secret".into()),
        session_token: Some(Secret::new("token".into())),
        expiration: Some(Timestamp(obtained + lifetime)),
        account_id: None,
    };
    Entry::new(key, Timestamp(obtained), credentials)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn the_decision_depends_on_failure_store_and_wait() {
    // One table: its length is the number of cases.
    let key = CacheKey::new("role", "aa");
    let old = || entry(&key, NOW.0 - 3000, 3600);
    let new = || entry(&key, NOW.0, 3600);
    let failed = |seconds_ago: i64| Failure {
        at: NOW.plus(-seconds_ago),
        finding: Finding::new(Cause::DnsFailure, "x"),
    };
    let began = NOW.plus(-2);
    for (what, valid, force, waited, failure, stored, action) in [
        (
            "nothing is known",
            None,
            false,
            false,
            None,
            None,
            Action::Fetch,
        ),
        (
            "the holder failed while we waited",
            None,
            false,
            true,
            Some(1),
            None,
            Action::ShareFailure,
        ),
        (
            "a failure from before the wait is not shared",
            None,
            false,
            true,
            Some(9),
            None,
            Action::Fetch,
        ),
        (
            "a failure is not shared without a wait",
            None,
            false,
            false,
            Some(1),
            None,
            Action::Fetch,
        ),
        (
            "a failed source is left alone",
            Some(old()),
            false,
            false,
            Some(9),
            None,
            Action::ServeValid,
        ),
        (
            "for half a minute",
            Some(old()),
            false,
            false,
            Some(31),
            None,
            Action::Fetch,
        ),
        (
            "unless a renewal is requested",
            Some(old()),
            true,
            false,
            Some(9),
            None,
            Action::Fetch,
        ),
        (
            "the holder stored a new one",
            None,
            false,
            true,
            None,
            Some(new()),
            Action::ServeStored,
        ),
        (
            "an old one is renewed",
            Some(old()),
            false,
            false,
            None,
            Some(old()),
            Action::Fetch,
        ),
        (
            "a requested renewal is not skipped",
            Some(new()),
            true,
            false,
            None,
            Some(new()),
            Action::Fetch,
        ),
        (
            "but may be that of the holder",
            Some(old()),
            true,
            true,
            None,
            Some(new()),
            Action::ServeStored,
        ),
    ] {
        let renewal = Renewal {
            step: 0,
            key: &key,
            force,
            valid,
            began,
        };
        let failure = failure.map(failed);
        assert_eq!(
            renewal.decide(waited, failure.as_ref(), stored.as_ref(), NOW),
            action,
            "{what}"
        );
    }
}
