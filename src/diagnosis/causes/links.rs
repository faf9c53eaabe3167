//! Why a link of the chain does not work: what AWS said of it, in the light of everything else that was asked.

use super::answers::{ENVIRONMENT, SKEW_LIMIT, clock_of_aws, told, weighed};
use super::confirm;
use crate::config::Base;
use crate::diagnosis::answer::remedy_named;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::probes::Link;
use crate::diagnosis::{Cause, Finding};
use crate::partition;
use crate::source::Metadata;
use crate::source::sso::Offers;

/// AWS may not know a key everywhere for so long after it was made, in seconds.
const PROPAGATION: i64 = 60;

/// Adds why the last link that was asked for does not work, or confirms what was `found` here.
pub(super) fn findings(facts: &Facts, link: &Link, found: &mut Vec<Finding>) {
    let Err(finding) = &link.outcome else { return };
    if link.is_unnamed {
        found.push(
            Finding { summary: "AWS does not say whose these credentials are; it takes them".to_owned(), ..finding.clone() }.warning(),
        );
        return;
    }
    if told(found, finding) || (finding.cause == Cause::ClockSkew && found.iter().any(|known| known.cause == Cause::ClockSkew)) {
        return;
    }
    let here = |known: &Finding| !known.summary.contains(ENVIRONMENT);
    if confirm(found, finding, here) || found.iter().any(|known| known.cause == finding.cause && known.summary == finding.summary) {
        return;
    }
    let mut finding = weighed(facts, finding.clone());
    if finding.cause == Cause::ClockSkew
        && let Some(host) = clock_of_aws(facts.answers.as_ref()).filter(|host| host.skew.is_some_and(|skew| skew.abs() <= SKEW_LIMIT / 2))
    {
        finding = finding
            .likely()
            .seen(format!("the clock of {} agrees with the one here", host.name))
            .try_this("if it comes again: something holds requests up on their way, a proxy or a machine that was suspended");
    }
    if finding.cause == Cause::DnsFailure && found.iter().any(|known| known.cause == Cause::RegionInvalid) {
        finding = finding.possible();
    }
    if finding.cause == Cause::SsoSessionExpired && found.iter().any(|known| known.cause == Cause::SsoRegionMismatch) {
        finding = finding.possible();
    }
    if let Ok(chain) = &facts.chain
        && let Base::Static { origin, .. } = &chain.base
        && matches!(finding.cause, Cause::AccessKeyUnknown | Cause::SecretWrong | Cause::SessionExpired)
        && !link.name.starts_with("arn:")
    {
        finding.evidence.insert(0, format!("the key at {origin}"));
    }
    if let Some((home, true)) = &link.at_home {
        found.extend(at_home_only(facts, home, link, &finding));
        return;
    }
    if let Some(elsewhere) = link.elsewhere {
        let partition = partition::of_region(elsewhere);
        let mut other = Finding::new(
            Cause::WrongPartition,
            format!("these credentials belong to the partition {partition}, and {} is not in it", facts.region().unwrap_or("the region")),
        )
        .seen(format!("STS in {elsewhere} knows them"));
        other.evidence.extend(finding.evidence);
        found.push(
            other.try_this(format!(
                "region = a region of {partition}, such as {elsewhere}: in the profile, AWS_REGION and AWS_DEFAULT_REGION"
            )),
        );
        return;
    }
    if let Some(offers) = &link.offers {
        found.push(offered_instead(facts, offers, finding));
        return;
    }
    if matches!(finding.cause, Cause::AssumeRoleDenied | Cause::WebIdentityRejected)
        && let Some(Ok(claims)) = &facts.web_identity
        && !link.name.starts_with("arn:")
    {
        finding = finding.seen(format!("the token says: iss {}, aud {}, sub {}", claims.issuer, claims.audience, claims.subject));
    }
    if finding.cause == Cause::AssumeRoleDenied {
        return denied(facts, link, finding, found);
    }
    let new = facts.files[1].modified.or(facts.files[0].modified).is_some_and(|at| facts.now.seconds_from(at) < PROPAGATION);
    let propagating = finding.cause == Cause::AccessKeyUnknown && new && !link.is_session;
    found.extend(metadata(facts).or(Some(finding)));
    if propagating {
        found.push(
            Finding::new(Cause::KeyNotPropagated, "the key was written down within the last minute: AWS may not know it everywhere yet")
                .seen(facts.files[1].path.display().to_string())
                .try_this("if it was made just now, try again in half a minute")
                .possible(),
        );
    }
}

/// What the metadata service itself says is more exact than what the SDK says of it.
fn metadata(facts: &Facts) -> Option<Finding> {
    let state = facts.answers.as_ref()?.metadata.as_ref()?;
    let finding = state.finding()?;
    Some(match state {
        Metadata::Unreachable(_) if facts.place.is("ec2") => finding
            .seen("this is an EC2 instance, by its firmware")
            .try_this("aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled; a firewall of the machine may block it, too"),
        _ => finding,
    })
}

/// Known at home, unknown in the region. Only a token that somebody else got can be one of the global endpoint.
fn at_home_only(facts: &Facts, home: &str, link: &Link, said: &Finding) -> Vec<Finding> {
    let region = facts.region().unwrap_or(home);
    let brought = !link.name.starts_with("arn:")
        && facts
            .chain
            .as_ref()
            .is_ok_and(|chain| matches!(chain.base, Base::Static { .. } | Base::Environment { .. } | Base::Process { .. }));
    let disabled =
        Finding::new(Cause::RegionDisabled, format!("the region {region} is not switched on in the account of these credentials"))
            .try_this(format!("aws account enable-region --region-name {region}, or use {home}"));
    let seen = |finding: Finding| {
        let evidence = format!("STS in {home} knows them, STS in {region} does not");
        finding.seen(evidence).seen(said.evidence.last().cloned().unwrap_or_default())
    };
    if !(link.is_session && brought && partition::is_opt_in(region)) {
        return vec![seen(disabled).likely()];
    }
    let token = Finding::new(
        Cause::OptInRegionToken,
        format!("these credentials do not work in {region}: the session token is one of the global endpoint"),
    )
    .try_this("get them from a regional STS endpoint: sts_regional_endpoints = regional, or AWS_STS_REGIONAL_ENDPOINTS=regional")
    .try_this("aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token");
    vec![seen(token).likely(), seen(disabled).possible().info()]
}

fn denied(facts: &Facts, link: &Link, finding: Finding, found: &mut Vec<Finding>) {
    let caller = facts.answers.as_ref().and_then(|answers| answers.links.iter().rev().find_map(|link| link.outcome.as_ref().ok()));
    let finding = match caller {
        Some(identity) => finding.seen(format!("the caller is {}", identity.arn)),
        None => finding,
    };
    if let Some(replaced) = &link.replaced {
        found.push(
            Finding::new(
                Cause::RoleDeleted,
                format!("the role {} was deleted, or its trust withdrawn, while a session of it was cached", link.name),
            )
            .seen(replaced.evidence.first().cloned().unwrap_or_default())
            .seen(finding.evidence.first().cloned().unwrap_or_default())
            .try_this("check that the role exists: aws iam get-role --role-name NAME; the cached session was dropped")
            .likely(),
        );
        found.push(finding.possible());
        return;
    }
    let hop = facts.chain.as_ref().ok().and_then(|chain| chain.hops.iter().find(|hop| hop.role_arn.text == link.name));
    let is_told = finding.evidence.iter().any(|line| remedy_named(line).is_some());
    found.push(finding);
    if let Some(hop) = hop.filter(|_| !is_told) {
        let (what, fix) = match &hop.external_id {
            Some(_) => (
                "the role may ask for another external id than the profile has",
                "compare external_id with sts:ExternalId in the role's trust policy",
            ),
            None => (
                "the role may ask for an external id, and the profile has none",
                "external_id = ID in the profile, if the trust policy asks for sts:ExternalId",
            ),
        };
        let place = format!("role_arn at {}", hop.role_arn.origin);
        found.push(Finding::new(Cause::ExternalIdMismatch, what).seen(place.clone()).try_this(fix).possible().info());
        if hop.mfa_serial.is_none() && !link.is_session {
            let finding = Finding::new(Cause::MfaNeeded, "the role may ask for MFA, and the profile has no mfa_serial").seen(place);
            found.push(
                finding
                    .try_this("mfa_serial = ARN in the profile, if the trust policy asks for aws:MultiFactorAuthPresent")
                    .possible()
                    .info(),
            );
        }
    }
}

/// What the SSO user has is known: then what is wrong is the account, or the role.
fn offered_instead(facts: &Facts, offers: &Offers, said: Finding) -> Finding {
    let Some(Base::Sso { account_id, role_name, .. }) = facts.chain.as_ref().ok().map(|chain| &chain.base) else { return said };
    let line = |key: &str| facts.profiles().find_map(|profile| profile.get(key)).map(|value| value.origin.to_string()).unwrap_or_default();
    let finding = Finding { remedy: Vec::new(), ..said };
    let ask = "ask an administrator for the assignment";
    if !offers.roles.is_empty() {
        if offers.roles.contains(role_name) {
            return finding
                .likely()
                .seen("the portal lists this very role for this user")
                .try_this("try again in some minutes: assignments take time; then ask an administrator whether the account is open");
        }
        let alike = offers.roles.iter().find(|role| role.eq_ignore_ascii_case(role_name));
        let place = line("sso_role_name");
        let finding = finding.seen(format!("in account {account_id} there are for this user: {}", some_of(&offers.roles)));
        return match alike.or(offers.roles.first().filter(|_| offers.roles.len() == 1)) {
            Some(role) => finding.seen(format!("sso_role_name at {place}")).try_this(format!("sso_role_name = {role} at {place}")),
            None => finding.seen(format!("sso_role_name at {place}")).try_this(format!("name one of them at {place}")),
        }
        .try_this(format!("or {ask}"));
    }
    if !offers.all_accounts || offers.accounts.iter().any(|(id, _)| id == account_id) {
        return finding.try_this(ask); // no role in it, or the portal would not say
    }
    if offers.accounts.is_empty() {
        return finding.seen("this SSO user has no account at all").try_this(ask);
    }
    let accounts: Vec<String> = offers.accounts.iter().map(|(id, name)| format!("{id} ({name})")).collect();
    finding
        .seen(format!("account {account_id} is not among those of this user: {}", some_of(&accounts)))
        .try_this(format!("name one of them at {}", line("sso_account_id")))
        .try_this(format!("or {ask}"))
}

/// The first of many.
fn some_of(all: &[String]) -> String {
    match all.split_at_checked(10) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => all.join(", "),
    }
}
