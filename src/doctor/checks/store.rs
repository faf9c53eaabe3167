//! The store: without one, every call fetches new credentials.

use crate::doctor::facts::Facts;
use crate::finding::{Cause, Finding, Subject};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Some(store) = &facts.store else {
        return Vec::new();
    };
    let Err(error) = &store.state else {
        return Vec::new();
    };
    let remedy = match error.cause() {
        Cause::StoreLocked => "unlock the keyring, or use AWSFRESH_STORE=sealed",
        _ => "select another store with AWSFRESH_STORE: auto, keyring, sealed or none",
    };
    let summary = format!(
        "the store `{}` is unavailable; every call fetches new credentials",
        store.name
    );
    let finding = Finding::new(error.cause(), summary).about(Subject::Store);
    vec![finding.evidence(error.detail()).remedy(remedy).warning()]
}
