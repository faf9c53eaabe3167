//! From facts to findings: pure functions, one file per family. A finding claims what the facts
//! show, no more; where several causes fit, each is reported with its certainty.
//!
//! `files`, `access_keys`, `environment`, `chain`, `sso` and `store` check what can be read;
//! `probes` and `steps` what was asked. `host` adds where else something missing may be; `merge`
//! joins findings about the same fact, and ranks them.

mod access_keys;
mod chain;
mod environment;
mod files;
mod host;
mod merge;
mod probes;
mod sso;
mod steps;
mod store;

use super::facts::Facts;
use crate::finding::Finding;

/// Everything that is wrong, most likely culprit first.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let families = [
        files::problems,
        access_keys::findings,
        environment::findings,
        chain::findings,
        sso::findings,
        store::findings,
        files::oddities,
    ];
    let mut found: Vec<Finding> = families.iter().flat_map(|family| family(facts)).collect();
    if let Some(probes) = &facts.probes {
        probes::add(facts, probes, &mut found);
    }
    merge::rank(found)
}

#[cfg(test)]
mod tests;
