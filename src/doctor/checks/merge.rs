//! Findings about the same fact become one; then they are ranked.

use std::collections::BTreeMap;

use crate::doctor::facts::Facts;
use crate::finding::{Cause, Certainty, Class, Finding, Severity};

/// So many findings of one cause and severity are reported.
const MAX_OF_A_KIND: usize = 50;

/// The findings for the first `limit` of `items`; the last one says how many more there are.
pub(super) fn first_few<T>(
    items: impl IntoIterator<Item = T>,
    limit: usize,
    finding: impl Fn(T) -> Option<Finding>,
) -> Vec<Finding> {
    let mut items = items.into_iter();
    let found = items.by_ref().take(limit).filter_map(finding).collect();
    and_more(found, items.count())
}

/// Says with the last one how many more findings there are.
pub(super) fn and_more(mut found: Vec<Finding>, more: usize) -> Vec<Finding> {
    if let Some(last) = found.pop() {
        found.push(last.and_more(more));
    }
    found
}

/// Removes repetitions, and puts the most likely culprit first.
pub(super) fn rank(found: Vec<Finding>) -> Vec<Finding> {
    let mut ranked: Vec<Finding> = Vec::new();
    // By the place of the last one of their kind.
    let mut more: BTreeMap<usize, usize> = BTreeMap::new();
    for finding in found {
        if ranked.iter().any(|known| is_same(known, &finding)) {
            continue;
        }
        let kind = |one: &Finding| (one.cause, one.severity) == (finding.cause, finding.severity);
        if ranked.iter().filter(|known| kind(known)).count() < MAX_OF_A_KIND {
            ranked.push(finding);
        } else if let Some(last) = ranked.iter().rposition(kind) {
            *more.entry(last).or_default() += 1;
        }
    }
    for (at, count) in more {
        ranked[at] = ranked[at].clone().and_more(count);
    }
    // Signing in needs the network.
    let is_cut_off = ranked.iter().any(|finding| {
        finding.severity == Severity::Error && finding.class() == Class::Unreachable
    });
    ranked.sort_by_key(|finding| {
        let needs_person = finding.class() == Class::NeedsPerson;
        (
            finding.severity,
            finding.certainty,
            is_cut_off && needs_person,
        )
    });
    ranked
}

/// Whether two findings are about one fact: with the same cause, they say the same or name the same
/// place.
fn is_same(a: &Finding, b: &Finding) -> bool {
    let same_place = a.place().is_some() && a.place() == b.place();
    a.cause == b.cause && (a.summary == b.summary || same_place)
}

/// Adds AWS's words to a local finding, if both are about the same fact; returns whether they are.
pub(super) fn merge_evidence(
    found: &mut [Finding],
    said: &Finding,
    is_candidate: impl Fn(&Finding) -> bool,
) -> bool {
    let is_same = |known: &&mut Finding| known.cause == said.cause && is_candidate(known);
    let Some(known) = found.iter_mut().find(is_same) else {
        return false;
    };
    for line in &said.evidence {
        if !known.evidence.contains(line) {
            known.evidence.push(line.clone());
        }
    }
    known.certainty = known.certainty.min(said.certainty).min(Certainty::Likely);
    true
}

/// Whether a network failure has been reported: it is one, however many probes met it.
pub(super) fn already_reported(found: &[Finding], finding: &Finding) -> bool {
    // Where no name resolves, nothing responds in time either.
    let follows = |known: &Finding| {
        (known.cause, finding.cause) == (Cause::DnsFailure, Cause::ConnectTimeout)
    };
    let is_known = |known: &Finding| known.cause == finding.cause || follows(known);
    finding.class() == Class::Unreachable && found.iter().any(is_known)
}

/// Lowers the certainty where requests go to a host that is not AWS: what it says proves little.
pub(super) fn uncertain_if_overridden(facts: &Facts, finding: Finding) -> Finding {
    let is_by_host = matches!(finding.class(), Class::Rejected | Class::Unreachable);
    if facts.is_overridden() && is_by_host {
        finding.possible()
    } else {
        finding
    }
}

/// Lowers the certainty of what depends on the clock, which is wrong: it is ahead and sees
/// expirations too early. What AWS said stays certain.
pub(super) fn mark_clock_dependent(found: &mut [Finding]) {
    let depends_on_clock = [
        Cause::SsoSessionExpired,
        Cause::SsoRegistrationExpired,
        Cause::WebIdentityExpired,
        Cause::SessionExpired,
    ];
    for finding in found {
        if depends_on_clock.contains(&finding.cause) && finding.aws_answer.is_none() {
            finding.certainty = Certainty::Possible;
        }
    }
}
