//! Why a step of the chain does not work: what AWS said about it, together with everything else
//! that was asked.

use super::merge::{already_reported, merge_evidence, uncertain_if_overridden};
use super::probes::{SKEW_LIMIT, most_skewed_host};
use crate::aws::partition;
use crate::aws::shared_findings::region_of;
use crate::config::Base;
use crate::config::Value;
use crate::doctor::facts::Facts;
use crate::doctor::metadata::Metadata;
use crate::doctor::probe_results::{Step, StepResult};
use crate::finding::{Cause, Finding, Remedy, Subject, remedy};
use crate::host_kind::HostKind;
use crate::source::sso::Assignments;

/// A new key may not be known everywhere in AWS for this long, in seconds.
const PROPAGATION: i64 = 60;
/// So many names are listed.
const MAX_NAMES: usize = 10;

/// Adds why the last step that was probed does not work, or confirms what was `found` locally.
pub(super) fn add(facts: &Facts, step: &StepResult, found: &mut Vec<Finding>) {
    let Err(finding) = &step.outcome else { return };
    if step.identity_hidden {
        let summary = "AWS accepts the credentials but does not reveal whose they are".to_owned();
        found.push(
            Finding {
                summary,
                ..finding.clone()
            }
            .warning(),
        );
        return;
    }
    let has = |cause| found.iter().any(|known| known.cause == cause);
    let is_clock_known = finding.cause == Cause::ClockSkew && has(Cause::ClockSkew);
    if already_reported(found, finding) || is_clock_known {
        return;
    }
    let is_repeated =
        |known: &Finding| known.cause == finding.cause && known.summary == finding.summary;
    let is_candidate = |known: &Finding| !known.is_about(&Subject::Environment);
    if merge_evidence(found, finding, is_candidate) || found.iter().any(is_repeated) {
        return;
    }
    let finding = with_clock(facts, uncertain_if_overridden(facts, finding.clone()));
    let has = |cause| found.iter().any(|known| known.cause == cause);
    let is_consequence = match finding.cause {
        Cause::DnsFailure => has(Cause::RegionInvalid),
        Cause::SsoSessionExpired => has(Cause::SsoRegionMismatch),
        _ => false,
    };
    let finding = if is_consequence {
        finding.possible()
    } else {
        finding
    };
    explain(facts, step, with_key(facts, step, finding), found);
}

/// What the rejection means in the light of the other probes.
fn explain(facts: &Facts, step: &StepResult, finding: Finding, found: &mut Vec<Finding>) {
    if let Some((home, true)) = &step.home_region {
        found.extend(valid_at_home_only(facts, home, step, &finding));
    } else if let Some(other) = step.other_partition {
        found.push(of_other_partition(facts, other, finding));
    } else if let Some(assignments) = &step.assignments {
        found.push(assigned_instead(facts, assignments, finding));
    } else {
        let finding = with_claims(facts, step, finding);
        if finding.cause == Cause::AssumeRoleDenied {
            denied(facts, step, finding, found);
            return;
        }
        let propagation = key_not_propagated(facts, step, &finding);
        found.push(metadata(facts).unwrap_or(finding));
        found.extend(propagation);
    }
}

/// A wrong clock that the clock of AWS does not confirm.
fn with_clock(facts: &Facts, finding: Finding) -> Finding {
    let host = facts.probes.as_ref().and_then(most_skewed_host);
    let agrees = |skew: i64| skew.abs() <= SKEW_LIMIT / 2;
    match host.filter(|host| finding.cause == Cause::ClockSkew && host.skew.is_some_and(agrees)) {
        Some(host) => finding
            .likely()
            .evidence(format!(
                "the clock of {} agrees with this machine's",
                host.name
            ))
            .remedy(
                "if it happens again: a proxy, or a machine that was suspended, delays requests",
            ),
        None => finding,
    }
}

/// The place of the key that AWS rejects.
fn with_key(facts: &Facts, step: &StepResult, mut finding: Finding) -> Finding {
    let is_of_key = matches!(
        finding.cause,
        Cause::AccessKeyUnknown | Cause::SecretWrong | Cause::SessionExpired
    );
    if let Ok(chain) = &facts.chain
        && let Base::Static { origin, .. }
        | Base::StoredKeys {
            access_key_id: Value { origin, .. },
            ..
        } = &chain.base
        && is_of_key
        && step.step == Step::Base
    {
        finding.evidence.insert(0, format!("the key at {origin}"));
        return finding.about_place(origin);
    }
    finding
}

/// What the web identity token says that AWS rejects.
fn with_claims(facts: &Facts, step: &StepResult, finding: Finding) -> Finding {
    let is_rejection = matches!(
        finding.cause,
        Cause::AssumeRoleDenied | Cause::WebIdentityRejected
    );
    match &facts.web_identity {
        Some(Ok(claims)) if is_rejection && step.step == Step::Base => {
            let (issuer, audience, subject) = (&claims.issuer, &claims.audience, &claims.subject);
            finding.evidence(format!(
                "the token says: iss {issuer}, aud {audience}, sub {subject}"
            ))
        }
        _ => finding,
    }
}

/// The metadata service itself says more than the SDK says about it.
fn metadata(facts: &Facts) -> Option<Finding> {
    let state = facts.probes.as_ref()?.metadata.as_ref()?;
    let finding = state.finding()?;
    if !matches!(state, Metadata::Unreachable(_)) || !facts.host.is(HostKind::Ec2) {
        return Some(finding);
    }
    Some(finding.evidence("this is an EC2 instance, by its firmware").remedy(
        "aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled; \
            a firewall of the machine may block it, too",
    ))
}

fn key_not_propagated(facts: &Facts, step: &StepResult, finding: &Finding) -> Option<Finding> {
    let file = &facts.files[1];
    let modified = file.modified.or(facts.files[0].modified)?;
    let is_new = facts.now.seconds_from(modified) < PROPAGATION;
    if finding.cause != Cause::AccessKeyUnknown || !is_new || step.is_session {
        return None;
    }
    let summary = "the key was written within the last minute: AWS may not know it everywhere yet";
    let finding = Finding::new(Cause::KeyNotPropagated, summary).possible();
    let finding = finding.evidence(file.path.display().to_string());
    Some(finding.remedy("if it was created just now, try again in half a minute"))
}

/// Valid in the home region, rejected in the region. A session token that was obtained elsewhere
/// can be one of the global endpoint.
fn valid_at_home_only(
    facts: &Facts,
    home: &str,
    step: &StepResult,
    said: &Finding,
) -> Vec<Finding> {
    let region = facts.region().unwrap_or(home);
    let with_evidence = |finding: Finding| {
        let evidence = format!("STS in {home} accepts them, STS in {region} does not");
        finding
            .evidence(evidence)
            .evidence(said.evidence.last().cloned().unwrap_or_default())
    };
    let is_foreign = |base: &Base| {
        matches!(
            base,
            Base::Static { .. }
                | Base::StoredKeys { .. }
                | Base::Environment { .. }
                | Base::Process { .. }
        )
    };
    let is_foreign = step.step == Step::Base
        && facts
            .chain
            .as_ref()
            .is_ok_and(|chain| is_foreign(&chain.base));
    let summary = format!("region {region} is not enabled in the account of these credentials");
    let disabled = Finding::new(Cause::RegionDisabled, summary).remedy(remedy!(
        "aws account enable-region --region-name {}, or use {}",
        region,
        home
    ));
    let disabled = with_evidence(disabled);
    if !(step.is_session && is_foreign && partition::is_opt_in(region)) {
        return vec![disabled.likely()];
    }
    let summary =
        format!("the session token is one of the global STS endpoint, and not valid in {region}");
    let token = Finding::new(Cause::OptInRegionToken, summary)
        .remedy(
            "get it from a regional STS endpoint: sts_regional_endpoints = regional, or \
            AWS_STS_REGIONAL_ENDPOINTS=regional",
        )
        .remedy(
            "aws iam set-security-token-service-preferences --global-endpoint-token-version \
            v2Token",
        );
    vec![with_evidence(token).likely(), disabled.possible().info()]
}

fn of_other_partition(facts: &Facts, other: &str, said: Finding) -> Finding {
    let partition = partition::of_region(other);
    let region = facts.region().unwrap_or("the region");
    let summary =
        format!("these credentials belong to the partition {partition}, and {region} is not in it");
    let finding = Finding::new(Cause::WrongPartition, summary);
    let finding = finding.evidence(format!("STS in {other} accepts them"));
    let finding = said.evidence.into_iter().fold(finding, Finding::evidence);
    finding.remedy(region_of(partition, other))
}

fn denied(facts: &Facts, step: &StepResult, finding: Finding, found: &mut Vec<Finding>) {
    let steps = facts
        .probes
        .as_ref()
        .map(|probes| probes.steps.as_slice())
        .unwrap_or_default();
    let caller = steps
        .iter()
        .rev()
        .find_map(|step| step.outcome.as_ref().ok());
    let finding = match caller {
        Some(identity) => finding.evidence(format!("the caller is {}", identity.arn)),
        None => finding,
    };
    if let Some(rejected) = &step.rejected_cached {
        let name = &step.name;
        let summary = format!(
            "role {name} was deleted, or its trust withdrawn, while a session of it was cached"
        );
        let deleted = Finding::new(Cause::RoleDeleted, summary)
            .evidence(rejected.evidence.first().cloned().unwrap_or_default())
            .evidence(finding.evidence.first().cloned().unwrap_or_default())
            .remedy(
                "check that the role exists: aws iam get-role --role-name NAME; the cached \
                session was deleted",
            );
        found.extend([deleted.likely(), finding.possible()]);
        return;
    }
    let names_denier = finding.aws_answer.is_some_and(|answer| answer.names_denier);
    found.push(finding);
    if !names_denier {
        found.extend(trust_conditions(facts, step));
    }
}

/// What the trust policy of the role may require.
fn trust_conditions(facts: &Facts, step: &StepResult) -> Vec<Finding> {
    let Step::Role(n) = step.step else {
        return Vec::new();
    };
    let Some(hop) = facts
        .chain
        .as_ref()
        .ok()
        .and_then(|chain| chain.hops.get(n))
    else {
        return Vec::new();
    };
    let place = format!("role_arn at {}", hop.role_arn.origin);
    let condition = |cause, summary: &str, remedy: &'static str| {
        let finding = Finding::new(cause, summary).about(Subject::Step(n + 1));
        finding
            .evidence(place.clone())
            .remedy(remedy)
            .possible()
            .info()
    };
    let (what, fix) = match &hop.external_id {
        Some(_) => (
            "the role may require another external ID than the profile has",
            "compare external_id with sts:ExternalId in the role's trust policy",
        ),
        None => (
            "the role may require an external ID, and the profile has none",
            "set external_id = ID in the profile, if the trust policy requires sts:ExternalId",
        ),
    };
    let mut found = vec![condition(Cause::ExternalIdMismatch, what, fix)];
    if hop.mfa_serial.is_none() && !step.is_session {
        let what = "the role may require MFA, and the profile has no mfa_serial";
        let fix = "set mfa_serial = ARN in the profile, if the trust policy requires \
            aws:MultiFactorAuthPresent";
        found.push(condition(Cause::MfaNeeded, what, fix));
    }
    found
}

const ASK_ADMINISTRATOR: &str = "ask an administrator for the assignment";

/// What the SSO user has is known: then either the account or the role is wrong.
fn assigned_instead(facts: &Facts, assignments: &Assignments, said: Finding) -> Finding {
    let Some(Base::Sso {
        account_id,
        role_name,
        ..
    }) = facts.chain.as_ref().ok().map(|chain| &chain.base)
    else {
        return said;
    };
    let place = |key: &str| {
        facts
            .place_of(key)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let finding = Finding {
        remedy: Vec::new(),
        ..said
    };
    let Assignments {
        accounts,
        all_accounts,
        roles,
    } = assignments;
    if roles.contains(role_name) {
        return finding
            .likely()
            .evidence("the portal lists this role for this user")
            .remedy(
                "try again in some minutes: assignments take time; then ask an administrator \
                whether the account is open",
            );
    }
    if !roles.is_empty() {
        let evidence = format!(
            "in account {account_id} this user has: {}",
            first_names(roles)
        );
        let finding = finding.evidence(evidence);
        return other_role(finding, roles, role_name, &place("sso_role_name"));
    }
    // No role in the account, or the portal does not list all accounts.
    if !all_accounts || accounts.iter().any(|(id, _)| id == account_id) {
        return finding.remedy(ASK_ADMINISTRATOR);
    }
    if accounts.is_empty() {
        return finding
            .evidence("this SSO user has no account at all")
            .remedy(ASK_ADMINISTRATOR);
    }
    let accounts: Vec<String> = accounts
        .iter()
        .map(|(id, name)| format!("{id} ({name})"))
        .collect();
    let accounts = first_names(&accounts);
    finding
        .evidence(format!(
            "account {account_id} is not one of this user: {accounts}"
        ))
        .remedy(remedy!("name one of them at {}", place("sso_account_id")))
        .remedy(remedy!("or {}", Remedy::from(ASK_ADMINISTRATOR)))
}

/// The user has other roles in the account than the one in the profile.
fn other_role(finding: Finding, roles: &[String], role_name: &str, place: &str) -> Finding {
    let similar = roles
        .iter()
        .find(|role| role.eq_ignore_ascii_case(role_name));
    let only = roles.first().filter(|_| roles.len() == 1);
    let finding = finding.evidence(format!("sso_role_name at {place}"));
    let finding = match similar.or(only) {
        Some(role) => finding.remedy(remedy!("sso_role_name = {} at {}", role, place)),
        None => finding.remedy(remedy!("name one of them at {}", place)),
    };
    finding.remedy(remedy!("or {}", Remedy::from(ASK_ADMINISTRATOR)))
}

/// The first of many names.
fn first_names(all: &[String]) -> String {
    match all.split_at_checked(MAX_NAMES) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => all.join(", "),
    }
}
