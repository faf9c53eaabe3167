//! From facts to findings: pure functions, a file per family. A finding claims what the facts show, no more; where
//! several causes fit, each is told with its certainty.

mod answers;
mod chain;
mod environment;
mod files;
mod keys;
mod links;
mod place;
mod sso;
mod store;

use super::facts::Facts;
use super::{Certainty, Finding, Severity};

/// Everything that is wrong, most likely culprit first.
pub fn all(facts: &Facts) -> Vec<Finding> {
    let local = [files::problems, keys::findings, environment::findings, chain::findings, sso::findings, store::findings, files::oddities];
    let mut found: Vec<Finding> = local.iter().flat_map(|family| family(facts)).collect();
    answers::findings(facts, &mut found);
    let mut ranked: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        // Seen on two ways, told once.
        if !ranked.iter().any(|known| known.cause == finding.cause && (known.summary == finding.summary || shares_place(known, &finding))) {
            ranked.push(finding);
        }
    }
    // Nobody can sign in where nothing is reached.
    let cut_off = ranked.iter().any(|finding| finding.severity == Severity::Error && finding.exit_code() == 7);
    ranked.sort_by_key(|finding| (finding.severity, finding.certainty, cut_off && finding.exit_code() == 4));
    ranked
}

fn shares_place(a: &Finding, b: &Finding) -> bool {
    let place = |finding: &Finding| finding.evidence.first().cloned();
    place(a).is_some() && place(a) == place(b)
}

/// Joins what AWS said to what was found here, if that is the same thing.
fn confirm(found: &mut [Finding], answer: &Finding, is_it: impl Fn(&Finding) -> bool) -> bool {
    let Some(known) = found.iter_mut().find(|finding| finding.cause == answer.cause && is_it(finding)) else { return false };
    let new = answer.evidence.iter().filter(|line| !known.evidence.contains(line)).cloned().collect::<Vec<_>>();
    known.evidence.extend(new);
    known.certainty = known.certainty.min(answer.certainty).min(Certainty::Likely);
    true
}

#[cfg(test)]
mod tests;
