//! What AWS and the network responded, together with what was found locally; `steps` has the steps
//! of the chain.

use super::chain::account_remedy;
use super::environment::{is_idle, out_of_place};
use super::merge::{
    already_reported, mark_clock_dependent, merge_evidence, uncertain_if_overridden,
};
use super::steps;
use crate::aws::partition;
use crate::aws::shared_findings::clock_sync_command;
use crate::config::{Base, Chain};
use crate::doctor::aws_cli_cache::supports_sso_sessions;
use crate::doctor::facts::Facts;
use crate::doctor::probe_results::{HostResult, HostRole, ProbeResults, StepResult};
use crate::finding::{Cause, Class, Finding, Severity, Subject, remedy};
use crate::time::human_duration;

/// Clocks further apart than this, in seconds, get requests rejected; half of it is worth a
/// warning.
pub(super) const SKEW_LIMIT: i64 = 300;

/// Adds what the probes show to what was `found` locally, or confirms it.
pub(super) fn add(facts: &Facts, probes: &ProbeResults, found: &mut Vec<Finding>) {
    let clock = clock(probes, found);
    let is_ahead = clock
        .as_ref()
        .is_some_and(|(finding, skew)| finding.severity == Severity::Error && *skew < 0);
    found.extend(clock.map(|(finding, _)| finding));
    found.extend(hosts(facts, probes, found)); // before the steps: these findings name the host
    add_environment(facts, probes, found);
    if let Some(step) = probes.steps.last() {
        steps::add(facts, step, found);
    }
    if is_ahead {
        mark_clock_dependent(found);
    }
    // An MFA code does not help while the credentials that need it do not work.
    if facts
        .failure()
        .is_some_and(|finding| finding.cause != Cause::MfaNeeded)
    {
        found.sort_by_key(|finding| finding.cause == Cause::MfaNeeded);
    }
    found.extend(probes.steps.iter().filter_map(replaced));
    add_account(facts, probes, found);
    found.extend(get_session_token(facts, probes));
    found.extend(cli_sessions(facts, probes));
    found.extend(old_cli(probes));
    add_issuers(probes, found);
    add_ambient(facts, probes, found);
}

/// What AWS says of the keys in the environment.
fn add_environment(facts: &Facts, probes: &ProbeResults, found: &mut Vec<Finding>) {
    let Some(Err(finding)) = &probes.environment else {
        return;
    };
    let mut finding = finding.clone().about(Subject::Environment);
    finding.summary = format!("the keys in the environment: {}", finding.summary);
    finding
        .evidence
        .insert(0, "the environment variable AWS_ACCESS_KEY_ID".to_owned());
    // No request was made: the variable or the line that names the region has been reported.
    let is_region = |known: &Finding| known.cause == Cause::RegionInvalid;
    if is_region(&finding) && found.iter().any(is_region) {
        return;
    }
    if finding.cause == Cause::AccessKeyUnknown
        && let Some(what) = out_of_place(facts)
    {
        finding = finding.remedy(what);
    }
    let is_candidate = |known: &Finding| known.is_about(&Subject::Environment);
    if merge_evidence(found, &finding, is_candidate) || already_reported(found, &finding) {
        return;
    }
    let is_harmless = (is_idle(facts) && finding.class() != Class::Unreachable)
        || finding.cause == Cause::PermissionDenied;
    found.push(uncertain_if_overridden(facts, finding).warning_if(is_harmless));
}

/// Cached credentials that AWS rejected, where new ones work.
fn replaced(step: &StepResult) -> Option<Finding> {
    let said = step
        .rejected_cached
        .as_ref()
        .filter(|_| step.outcome.is_ok())?;
    let summary = format!(
        "AWS rejected the cached credentials of {}; they were replaced",
        step.name
    );
    let finding = Finding::new(Cause::RoleDeleted, summary).info();
    let finding = finding.evidence(said.evidence.first().cloned().unwrap_or_default());
    Some(finding.remedy("nothing to do, except restart programs that still hold the old ones"))
}

/// Sessions in the AWS CLI's cache that AWS no longer accepts.
fn cli_sessions(facts: &Facts, probes: &ProbeResults) -> Vec<Finding> {
    let mut found = Vec::new();
    for (session, outcome) in facts.cli_sessions.iter().zip(&probes.cli_sessions) {
        let Err(said) = outcome else { continue };
        if !said.means_stale_credentials() && said.cause != Cause::SessionTokenDamaged {
            continue;
        }
        let end = session
            .credentials
            .expiration
            .map(|end| end.to_string())
            .unwrap_or_default();
        let summary = format!(
            "AWS no longer accepts the AWS CLI's cached session of {}",
            session.role
        );
        let finding = Finding::new(Cause::RoleDeleted, summary)
            .evidence(format!("{}, until {end}", session.path.display()))
            .evidence(said.evidence.first().cloned().unwrap_or_default())
            .remedy(remedy!("rm {}", session.path));
        // A token of the global endpoint is rejected in an opt-in region, too.
        let in_opt_in = facts.region().is_some_and(partition::is_opt_in);
        found.push(
            finding
                .likely_if(in_opt_in)
                .warning_if(!probes.chain_works()),
        );
    }
    found
}

fn old_cli(probes: &ProbeResults) -> Option<Finding> {
    let version = probes
        .cli_version
        .as_ref()
        .filter(|version| !supports_sso_sessions(version))?;
    let summary = format!("this AWS CLI is {version}, which does not support [sso-session]");
    let finding = Finding::new(Cause::SsoNotRefreshable, summary).evidence("aws --version");
    Some(finding.remedy("install the AWS CLI 2.9 or later").warning())
}

/// The host of AWS whose clock differs most.
pub(super) fn most_skewed_host(probes: &ProbeResults) -> Option<&HostResult> {
    let is_aws = |host: &&HostResult| host.outcome.as_ref().is_ok_and(|reply| reply.is_aws);
    probes
        .hosts
        .iter()
        .filter(is_aws)
        .max_by_key(|host| host.skew.unwrap_or(0).abs())
}

/// A clock that differs, and by how many seconds AWS is ahead.
fn clock(probes: &ProbeResults, found: &[Finding]) -> Option<(Finding, i64)> {
    let host = most_skewed_host(probes)?;
    let skew = host.skew.filter(|skew| skew.abs() > SKEW_LIMIT / 2)?;
    if found.iter().any(|known| known.cause == Cause::ClockSkew) {
        return None;
    }
    let which = if skew > 0 { "behind" } else { "ahead of" };
    let summary = format!(
        "this machine's clock is {} {which} that of AWS",
        human_duration(skew)
    );
    let finding = Finding::new(Cause::ClockSkew, summary)
        .about(Subject::Host(host.name.clone()))
        .evidence(format!("the Date header of {}", host.name))
        .remedy(clock_sync_command());
    Some((finding.warning_if(skew.abs() <= SKEW_LIMIT), skew))
}

/// `aws_account_id` of the profile with the key, and what AWS says.
fn add_account(facts: &Facts, probes: &ProbeResults, found: &mut Vec<Finding>) {
    let Some(Ok(identity)) = probes.steps.first().map(|step| &step.outcome) else {
        return;
    };
    let Ok(Chain {
        base: Base::Static { origin, .. },
        ..
    }) = &facts.chain
    else {
        return;
    };
    let mut profiles = facts
        .profiles()
        .filter(|one| one.get("aws_access_key_id").is_some());
    let Some(wanted) = profiles.find_map(|one| one.get("aws_account_id")) else {
        return;
    };
    // That was read from the key ID; AWS knows.
    found.retain(|known| known.cause != Cause::IdentityUnexpected);
    let (actual, place) = (&identity.account, &wanted.origin);
    if *actual == wanted.text {
        return;
    }
    let summary = format!(
        "the key belongs to account {actual}, but aws_account_id is {}",
        wanted.text
    );
    let finding = Finding::new(Cause::IdentityUnexpected, summary)
        .about_place(origin)
        .evidence(format!("AWS says: {}", identity.arn))
        .evidence(format!("{origin}; aws_account_id at {place}"));
    found.push(finding.remedy(account_remedy(&wanted.text, actual, place)));
}

/// Sessions of GetSessionToken look like their user and have less access.
fn get_session_token(facts: &Facts, probes: &ProbeResults) -> Option<Finding> {
    let is_login = |chain: &Chain| matches!(chain.base, Base::LoginSession { .. });
    if facts.chain.as_ref().is_ok_and(is_login) {
        return None; // those of `aws login` have all the access of the user
    }
    let sessions = probes.steps.iter().filter(|step| step.is_session);
    let mut identities = sessions.filter_map(|step| step.outcome.as_ref().ok());
    let identity = identities.find(|identity| identity.is_user())?;
    let summary = "credentials of GetSessionToken without MFA cannot call IAM and most of STS";
    let finding = Finding::new(Cause::GetSessionTokenLimits, summary).warning();
    let finding = finding
        .evidence(identity.arn.clone())
        .evidence("of STS, they can call AssumeRole and GetCallerIdentity only");
    Some(
        finding.remedy("if IAM says InvalidClientTokenId: use a role, or the long-term key itself"),
    )
}

/// Hosts that cannot be reached, and responses that are not from AWS.
fn hosts(facts: &Facts, probes: &ProbeResults, found: &[Finding]) -> Vec<Finding> {
    let is_by_aws = |finding: &Finding| matches!(finding.class(), Class::Rejected | Class::Denied);
    // AWS alone knows the credentials, or denies a request of a known caller: then AWS was reached.
    let aws_reached =
        probes.steps.iter().any(StepResult::works) || probes.failure().is_some_and(is_by_aws);
    let (home, others): (Vec<_>, Vec<_>) = probes
        .hosts
        .iter()
        .partition(|host| host.role == HostRole::HomeSts);
    let home_responds = home.iter().any(|host| host.outcome.is_ok());
    let mut new: Vec<Finding> = Vec::new();
    for host in others {
        let is_new = |cause| found.iter().chain(&new).all(|known| known.cause != cause);
        match &host.outcome {
            Err(finding) if !probes.chain_works() => {
                let is_typo =
                    finding.cause == Cause::DnsFailure && home_responds && !facts.is_overridden();
                if is_typo && new.iter().all(|known| known.cause != Cause::RegionInvalid) {
                    new.push(misspelt_region(host));
                } else if is_new(finding.cause) {
                    let other = probes
                        .failure()
                        .is_some_and(|one| one.cause != finding.cause);
                    let finding = uncertain_if_overridden(facts, finding.clone());
                    let finding = finding.about(Subject::Host(host.name.clone()));
                    new.push(finding.warning_if(aws_reached && other));
                }
            }
            Ok(reply)
                if !aws_reached
                    && !reply.is_aws
                    && reply.status < 500
                    && host.role == HostRole::Sts
                    && is_new(Cause::CaptivePortal) =>
            {
                let evidence = format!("HTTP {} without x-amzn-RequestId", reply.status);
                new.push(
                    Finding::not_aws(&host.name, &evidence).about(Subject::Host(host.name.clone())),
                );
            }
            _ => {}
        }
    }
    new
}

fn misspelt_region(host: &HostResult) -> Finding {
    let summary = format!(
        "{} does not resolve; the region is probably misspelt",
        host.name
    );
    Finding::new(Cause::RegionInvalid, summary)
        .about(Subject::Host(host.name.clone()))
        .evidence("STS in the home region resolves")
        .remedy("check the region's spelling: in the profile, AWS_REGION and AWS_DEFAULT_REGION")
        .likely()
}

/// The issuers of the certificates that are not trusted.
fn add_issuers(probes: &ProbeResults, found: &mut [Finding]) {
    let is_tls = |known: &&mut Finding| known.cause == Cause::TlsUntrusted;
    let Some(known) = found.iter_mut().find(is_tls) else {
        return;
    };
    for issuer in probes.hosts.iter().filter_map(|host| host.issuer.as_ref()) {
        let line = format!("its certificate is signed by `{issuer}`");
        if !known.evidence.contains(&line) {
            known.evidence.push(line);
        }
    }
}

/// What the machine or the container offers, where nothing is configured.
fn add_ambient(facts: &Facts, probes: &ProbeResults, found: &mut Vec<Finding>) {
    let Some(Err(finding)) = &probes.ambient else {
        return;
    };
    if found
        .iter()
        .any(|known| known.cause == Cause::CredentialsMissing)
    {
        found.push(finding.clone().info());
        return;
    }
    let is_known = facts.ambient_source.is_none()
        || merge_evidence(found, finding, |_| true)
        || already_reported(found, finding);
    if !is_known {
        found.push(uncertain_if_overridden(facts, finding.clone()));
    }
}
