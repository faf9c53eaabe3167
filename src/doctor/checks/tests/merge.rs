use super::*;
use crate::doctor::probe_results::HostRole;

#[test]
fn errors_rank_before_warnings_and_certain_before_possible_ones() {
    let several = facts(
        &(prod() + "[staging]\n"),
        &base().replace(KEY, "AKIAQCUT").replace(SECRET, "cut"),
    );
    let ranked: Vec<_> = all(&several)
        .into_iter()
        .map(|finding| (finding.severity, finding.certainty))
        .collect();
    let mut sorted = ranked.clone();
    sorted.sort();
    assert_eq!(ranked, sorted);
    assert!(ranked.len() > 2);
}

#[test]
fn a_missing_fips_endpoint_is_reported_once() {
    let blocked = Finding::new(Cause::FipsUnavailable, "no host").remedy("x");
    let facts = facts(SSO_CONFIG, "").with(|facts| facts.sso_blocked = Some(blocked.clone()));
    let step = StepResult {
        outcome: Err(blocked),
        ..works(Step::Base, "")
    };
    assert_eq!(causes(&facts.probed(vec![step])), [Cause::FipsUnavailable]);
}

#[test]
fn a_silent_name_server_is_reported_once() {
    let outcome = Err(Finding::new(Cause::DnsFailure, "no name server answers"));
    let silent = HostResult {
        name: "sts.eu-west-1.amazonaws.com".into(),
        role: HostRole::Sts,
        outcome,
        issuer: None,
        skew: None,
    };
    let facts = facts(&prod(), &base()).probed(vec![fails(Step::Base, Cause::ConnectTimeout)]);
    assert_eq!(causes(&facts.with_hosts(vec![silent])), [Cause::DnsFailure]);
}
