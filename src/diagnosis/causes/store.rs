//! The store: without one everything is asked again every time.

use crate::diagnosis::facts::Facts;
use crate::diagnosis::{Cause, Finding};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Some((store, warning)) = facts.store.as_ref().and_then(|store| Some((store, store.warning.as_ref()?))) else { return Vec::new() };
    let (cause, fix) = match warning.contains("locked") {
        true => (Cause::StoreLocked, "unlock the keyring, or AWSFRESH_STORE=sealed"),
        false => (Cause::StoreUnavailable, "AWSFRESH_STORE names another one: auto, keyring, sealed or none"),
    };
    let summary = format!("the store `{}` does not serve: credentials are asked for again every time", store.name);
    vec![Finding::new(cause, summary).seen(warning.clone()).try_this(fix).warning()]
}
