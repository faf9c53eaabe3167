//! What AWS and the network said, put beside what is known here.

use super::confirm;
use crate::config::{Base, Chain};
use crate::diagnosis::answer::{remedy_named, set_the_clock};
use crate::diagnosis::aws_cli::knows_sso_sessions;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::probes::{Answers, Host, Link};
use crate::diagnosis::{Cause, Certainty, Finding, Severity};
use crate::partition;
use crate::shell::quoted_path;
use crate::source::Metadata;
use crate::source::sso::Offers;
use crate::time::for_people;

/// Clocks further apart than this get requests refused, in seconds; half of it is worth a warning.
const SKEW_LIMIT: i64 = 300;
/// AWS may not know a key everywhere for so long after it was made, in seconds.
const PROPAGATION: i64 = 60;

const ENVIRONMENT: &str = "in the environment";

/// Adds to what was `found` here, or confirms it.
pub(super) fn findings(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(answers) = &facts.answers else { return };
    let clock = clock(answers, found);
    let ahead = clock.as_ref().is_some_and(|(finding, skew)| finding.severity == Severity::Error && *skew < 0);
    found.extend(clock.map(|(finding, _)| finding));
    found.extend(hosts(facts, answers, found)); // before the links: it names the host
    if let Some(Err(finding)) = &answers.environment {
        let place = "the environment variable AWS_ACCESS_KEY_ID".to_owned();
        let finding = Finding {
            summary: format!("the keys {ENVIRONMENT}: {}", finding.summary),
            evidence: [vec![place], finding.evidence.clone()].concat(),
            ..finding.clone()
        };
        let idle = facts.named_by == Some("--profile");
        if !confirm(found, &finding, |known| known.summary.contains(ENVIRONMENT)) && !told(found, &finding) {
            let finding = weighed(facts, finding);
            let harmless = (idle && finding.exit_code() != 7) || finding.cause == Cause::PermissionDenied;
            found.push(if harmless { finding.warning() } else { finding });
        }
    }
    if let Some(link) = answers.links.last() {
        link_findings(facts, link, found);
    }
    if ahead {
        judged_by_a_wrong_clock(found);
    }
    // A code is of no use as long as what asks for it does not work.
    if answers.failure().is_some_and(|finding| finding.cause != Cause::MfaNeeded) {
        let (code, others): (Vec<Finding>, Vec<Finding>) = std::mem::take(found).into_iter().partition(|one| one.cause == Cause::MfaNeeded);
        *found = others.into_iter().chain(code).collect();
    }
    for finding in answers.links.iter().filter_map(|link| Some((link, link.replaced.as_ref()?))).filter(|(link, _)| link.outcome.is_ok()) {
        found.push(
            Finding::new(
                Cause::RoleDeleted,
                format!("AWS no longer took the cached credentials of {}: they were dropped and replaced", finding.0.name),
            )
            .seen(finding.1.evidence.first().cloned().unwrap_or_default())
            .try_this("nothing: programs that were started before may still hold the old ones")
            .info(),
        );
    }
    accounts(facts, answers, found);
    found.extend(session_token(facts, answers));
    found.extend(cli_sessions(facts, answers));
    found.extend(cli_version(answers));
    if let Some(known) = found.iter_mut().find(|known| known.cause == Cause::TlsUntrusted) {
        let evidence = answers.hosts.iter().filter_map(|host| host.outcome.as_ref().err()).flat_map(|finding| &finding.evidence);
        let signers: Vec<String> = evidence.filter(|line| line.contains("signed by")).cloned().collect();
        for signer in signers {
            if !known.evidence.contains(&signer) {
                known.evidence.push(signer);
            }
        }
    }
    if let Some(Err(finding)) = &answers.ambient {
        let missing = found.iter().any(|known| known.cause == Cause::CredentialsMissing);
        if missing {
            found.push(finding.clone().info());
        } else if facts.offered.is_some() && !confirm(found, finding, |_| true) && !told(found, finding) {
            found.push(weighed(facts, finding.clone()));
        }
    }
}

/// A network failure is one, however many probes met it.
fn told(found: &[Finding], finding: &Finding) -> bool {
    finding.exit_code() == 7 && found.iter().any(|known| known.cause == finding.cause)
}

/// Where something else answers in the place of AWS, what it says proves little.
fn weighed(facts: &Facts, finding: Finding) -> Finding {
    if facts.goes_elsewhere() && matches!(finding.exit_code(), 5 | 7) { finding.possible() } else { finding }
}

/// A clock that is ahead sees ends that have not come yet: only what AWS has said is sure.
fn judged_by_a_wrong_clock(found: &mut [Finding]) {
    for finding in found {
        let ended = matches!(
            finding.cause,
            Cause::SsoSessionExpired | Cause::SsoRegistrationExpired | Cause::WebIdentityExpired | Cause::SessionExpired
        );
        if ended && !finding.evidence.iter().any(|line| line.contains("(HTTP ")) {
            finding.certainty = Certainty::Possible;
        }
    }
}

fn link_findings(facts: &Facts, link: &Link, found: &mut Vec<Finding>) {
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

/// Sessions that the AWS CLI would go on with, although AWS takes them no more.
fn cli_sessions(facts: &Facts, answers: &Answers) -> Vec<Finding> {
    let works = answers.work();
    let rejected = facts.cli_sessions.iter().zip(&answers.cli_sessions).filter_map(|(session, outcome)| {
        let said = outcome.as_ref().err()?;
        matches!(said.cause, Cause::AccessKeyUnknown | Cause::SessionExpired | Cause::SessionTokenDamaged).then_some((session, said))
    });
    rejected
        .map(|(session, said)| {
            let path = session.path.display();
            let finding = Finding::new(
                Cause::RoleDeleted,
                format!("the AWS CLI goes on with a session of {} that AWS no longer takes", session.role),
            )
            .seen(format!("{path}, until {}", session.credentials.expiration.map(|end| end.to_string()).unwrap_or_default()))
            .seen(said.evidence.first().cloned().unwrap_or_default())
            .try_this(format!("rm {}", quoted_path(&session.path)));
            // A token of the global endpoint is refused there, too.
            let finding = if facts.region().is_some_and(partition::is_opt_in) { finding.likely() } else { finding };
            if works { finding } else { finding.warning() }
        })
        .collect()
}

fn cli_version(answers: &Answers) -> Option<Finding> {
    let version = answers.cli_version.as_ref().filter(|version| !knows_sso_sessions(version))?;
    Some(
        Finding::new(
            Cause::SsoNotRefreshable,
            format!("the AWS CLI here is {version}, which knows no sso-session: it signs in by another way, or not at all"),
        )
        .seen("aws --version")
        .try_this("install the AWS CLI 2.9 or later")
        .warning(),
    )
}

/// The host of AWS whose clock differs most.
fn clock_of_aws(answers: Option<&Answers>) -> Option<&Host> {
    let of_aws = answers?.hosts.iter().filter(|host| host.outcome.as_ref().is_ok_and(|contact| contact.is_aws));
    of_aws.max_by_key(|host| host.skew.unwrap_or(0).abs())
}

/// And by how many seconds AWS is ahead.
fn clock(answers: &Answers, found: &[Finding]) -> Option<(Finding, i64)> {
    let host = clock_of_aws(Some(answers))?;
    let skew = host.skew.filter(|skew| skew.abs() > SKEW_LIMIT / 2)?;
    if found.iter().any(|known| known.cause == Cause::ClockSkew) {
        return None;
    }
    let which = if skew > 0 { "behind" } else { "ahead of" };
    let finding = Finding::new(Cause::ClockSkew, format!("the clock here is {} {which} the clock of AWS", for_people(skew)))
        .seen(format!("the Date header of {}", host.name))
        .try_this(set_the_clock());
    Some((if skew.abs() > SKEW_LIMIT { finding } else { finding.warning() }, skew))
}

/// `aws_account_id` of the profile whose key it is, beside what AWS says.
fn accounts(facts: &Facts, answers: &Answers, found: &mut Vec<Finding>) {
    let Some(Ok(identity)) = answers.links.first().map(|link| &link.outcome) else { return };
    let Ok(Chain { base: Base::Static { origin, .. }, .. }) = &facts.chain else { return };
    let Some(wanted) = facts.profiles().filter(|one| one.get("aws_access_key_id").is_some()).find_map(|one| one.get("aws_account_id"))
    else {
        return;
    };
    found.retain(|known| known.cause != Cause::IdentityUnexpected); // that was read from the key id; AWS knows
    if identity.account == wanted.text {
        return;
    }
    let (right, place) = (&identity.account, &wanted.origin);
    found.push(
        Finding::new(
            Cause::IdentityUnexpected,
            format!("the key at {origin} belongs to account {right}, and aws_account_id is {}", wanted.text),
        )
        .seen(format!("AWS says: {}", identity.arn))
        .seen(format!("{origin}; aws_account_id at {place}"))
        .try_this(format!("put the key of account {} there, or aws_account_id = {right} at {place}", wanted.text)),
    );
}

/// Sessions of GetSessionToken look like their user and may do less.
fn session_token(facts: &Facts, answers: &Answers) -> Option<Finding> {
    if facts.chain.as_ref().is_ok_and(|chain| matches!(chain.base, Base::LoginSession { .. })) {
        return None; // those of `aws login` may do all that the user may
    }
    let identity = answers
        .links
        .iter()
        .filter(|link| link.is_session)
        .find_map(|link| link.outcome.as_ref().ok().filter(|id| id.arn.contains(":user/")))?;
    Some(
        Finding::new(
            Cause::GetSessionTokenLimits,
            "these are credentials of GetSessionToken: without MFA they may not call IAM, and of STS only AssumeRole and GetCallerIdentity",
        )
        .seen(identity.arn.clone())
        .try_this("where IAM says InvalidClientTokenId: use a role, or the long-term key itself")
        .warning(),
    )
}

/// Hosts that cannot be reached, and answers that are not of AWS.
fn hosts(facts: &Facts, answers: &Answers, found: &[Finding]) -> Vec<Finding> {
    let works = answers.work();
    // Who knows the credentials, or refuses something to somebody known, is AWS: then nothing is in the way of that.
    let of_aws = answers.links.iter().any(Link::is_good) || answers.failure().is_some_and(|finding| matches!(finding.exit_code(), 5 | 6));
    let mut new: Vec<Finding> = Vec::new();
    let (home, others): (Vec<_>, Vec<_>) = answers.hosts.iter().partition(|host| host.is_home);
    let home_answers = home.iter().any(|host| host.outcome.is_ok());
    for host in others {
        match &host.outcome {
            Err(finding) if !works => {
                let region_typo = finding.cause == Cause::DnsFailure && home_answers && !facts.goes_elsewhere();
                if region_typo && new.iter().all(|known| known.cause != Cause::RegionInvalid) {
                    new.push(
                        Finding::new(Cause::RegionInvalid, format!("there is no {}: no region of that name, most likely", host.name))
                            .seen("the home region's STS resolves")
                            .try_this("check the region's spelling: in the profile, AWS_REGION and AWS_DEFAULT_REGION")
                            .likely(),
                    );
                } else if found.iter().chain(&new).all(|known| known.cause != finding.cause) {
                    let finding = weighed(facts, finding.clone());
                    new.push(if of_aws && answers.failure().is_some_and(|one| one.cause != finding.cause) {
                        finding.warning()
                    } else {
                        finding
                    });
                }
            }
            Ok(contact)
                if !of_aws
                    && !contact.is_aws
                    && contact.status < 500
                    && !facts.goes_elsewhere()
                    && host.name.starts_with("sts.")
                    && found.iter().all(|known| known.cause != Cause::CaptivePortal) =>
            {
                new.push(
                    Finding::new(Cause::CaptivePortal, format!("what answers as {} is not AWS", host.name))
                        .seen(format!("HTTP {} without x-amzn-RequestId", contact.status))
                        .try_this("sign in to the network in a browser, or check proxy and endpoint settings"),
                );
            }
            _ => {}
        }
    }
    new
}
