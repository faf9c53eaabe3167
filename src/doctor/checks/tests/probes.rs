use super::*;
use crate::doctor::metadata::Metadata;
use crate::doctor::probe_results::HostRole;
use crate::doctor::reachability::HostReply;

/// The regional STS host.
const STS: &str = "sts.eu-west-1.amazonaws.com";

/// The facts with these hosts and no steps.
fn with(hosts: Vec<HostResult>) -> Facts {
    facts(&prod(), &base()).probed(Vec::new()).with_hosts(hosts)
}

/// A host of AWS that answers, with a local clock `skew` seconds off.
fn host(name: &str, skew: i64) -> HostResult {
    let reply = HostReply {
        status: 302,
        date: None,
        is_aws: true,
    };
    HostResult {
        name: name.into(),
        role: HostRole::Sts,
        outcome: Ok(reply),
        issuer: None,
        skew: Some(skew),
    }
}

/// A host that is not reached.
fn unreachable(cause: Cause) -> HostResult {
    HostResult {
        outcome: Err(Finding::new(cause, "no such name").remedy("x")),
        skew: None,
        ..host("sts.eu-west-9.amazonaws.com", 0)
    }
}

#[test]
fn clock_skew_is_a_warning_and_beyond_five_minutes_an_error() {
    error(with(vec![host(STS, 400)]), Cause::ClockSkew);
    warning(with(vec![host(STS, -200)]), Cause::ClockSkew);
    assert_eq!(all(&with(vec![host(STS, 3)])), []);
}

#[test]
fn an_unreachable_host_is_reported_with_its_cause() {
    error(
        with(vec![unreachable(Cause::DnsFailure)]),
        Cause::DnsFailure,
    );
    error(
        with(vec![unreachable(Cause::ConnectTimeout)]),
        Cause::ConnectTimeout,
    );
}

#[test]
fn a_region_is_invalid_if_only_its_host_name_does_not_resolve() {
    let home = HostResult {
        role: HostRole::HomeSts,
        ..host("sts.us-east-1.amazonaws.com", 0)
    };
    holds(
        with(vec![unreachable(Cause::DnsFailure), home]),
        Cause::RegionInvalid,
        Severity::Error,
        Certainty::Likely,
    );
}

#[test]
fn an_answer_that_is_not_from_aws_is_a_captive_portal() {
    let page = HostResult {
        outcome: Ok(HostReply {
            status: 200,
            date: None,
            is_aws: false,
        }),
        skew: None,
        ..host(STS, 0)
    };
    error(with(vec![page]), Cause::CaptivePortal);
}

#[test]
fn the_state_of_the_metadata_service_decides_the_cause() {
    let metadata = |state: Metadata| {
        facts(&prod(), &base())
            .probed(vec![fails(Step::Base, Cause::MetadataUnreachable)])
            .with(|facts| facts.probes.as_mut().unwrap().metadata = Some(state))
    };
    error(metadata(Metadata::HopLimit), Cause::MetadataHopLimit);
    error(
        metadata(Metadata::NoRole("HTTP 404".into())),
        Cause::MetadataNoRole,
    );
    error(
        metadata(Metadata::RoleDenied("AssumeRoleUnauthorizedAccess".into())),
        Cause::MetadataNoRole,
    );
    error(metadata(Metadata::Disabled), Cause::MetadataUnreachable);
    error(
        metadata(Metadata::Unreachable("refused".into())),
        Cause::MetadataUnreachable,
    );
}
