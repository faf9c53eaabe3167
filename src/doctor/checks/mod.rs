//! From facts to findings: pure functions, one file per family. A finding claims what the facts
//! show, no more; where several causes fit, each is reported with its certainty.
//!
//! `files`, `access_keys`, `environment`, `chain`, `sso` and `store` check what can be read;
//! `probes` and `steps` what was asked. `host` adds where else something missing may be; `merge`
//! joins findings about the same fact, and ranks them. `tools` asks what other programs read differently.

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
mod tools;

use super::facts::Facts;
use crate::config::Profile;
use crate::finding::{Finding, Severity, Tool};

/// So many damaged lines are compared with the findings.
const MAX_DAMAGED: usize = 50;

/// Everything that is wrong, most likely culprit first.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let families = [
        files::problems,
        access_keys::findings,
        environment::findings,
        chain::findings,
        sso::findings,
        store::findings,
        tools::findings,
        files::oddities,
    ];
    let mut found: Vec<Finding> = families.iter().flat_map(|family| family(facts)).collect();
    if let Some(probes) = &facts.probes {
        probes::add(facts, probes, &mut found);
    }
    drop_consequences(facts, &mut found);
    merge::rank(found)
}

/// What concerns these tools. What keeps one of them from getting the credentials is an error.
pub(super) fn for_tools(mut found: Vec<Finding>, tools: &[Tool]) -> Vec<Finding> {
    if tools.is_empty() {
        return found;
    }
    found.retain(|finding| {
        let mut about = finding.tools.iter();
        finding.tools.is_empty() || about.any(|tool| tools.contains(&tool))
    });
    for finding in &mut found {
        if tools.iter().any(|tool| finding.stops(*tool)) {
            finding.severity = Severity::Error;
        }
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Removes what a damaged line looks like: the finding about the damage says what to do.
fn drop_consequences(facts: &Facts, found: &mut Vec<Finding>) {
    let damaged = facts.set.sections().flat_map(Profile::damaged_lines);
    let damaged: Vec<Finding> = damaged.take(MAX_DAMAGED).collect();
    found.retain(|finding| {
        let mut same_place = damaged
            .iter()
            .filter(|line| line.place() == finding.place());
        same_place.all(|line| finding.summary.ends_with(&line.summary))
    });
}

#[cfg(test)]
mod tests;
