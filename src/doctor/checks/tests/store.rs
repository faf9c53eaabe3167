use super::*;
use crate::store::{Status, StoreError};

#[test]
fn a_store_that_fails_is_a_warning() {
    let store = |error: StoreError| {
        let status = Status {
            name: "keyring",
            reason: "as configured".into(),
            state: Err(error),
        };
        facts(&prod(), &base()).with(|facts| facts.store = Some(status))
    };
    let detail = || "x".to_owned();
    warning(
        store(StoreError::Locked { detail: detail() }),
        Cause::StoreLocked,
    );
    warning(
        store(StoreError::Unavailable { detail: detail() }),
        Cause::StoreUnavailable,
    );
}
