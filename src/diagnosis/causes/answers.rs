//! What AWS and the network said, put beside what is known here; links.rs has what is said of a link of the chain.

use super::{confirm, links};
use crate::config::{Base, Chain};
use crate::diagnosis::answer::set_the_clock;
use crate::diagnosis::aws_cli::knows_sso_sessions;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::probes::{Answers, Host, Link};
use crate::diagnosis::{Cause, Certainty, Finding, Severity};
use crate::partition;
use crate::shell::quoted_path;
use crate::time::for_people;

/// Clocks further apart than this get requests refused, in seconds; half of it is worth a warning.
pub(super) const SKEW_LIMIT: i64 = 300;

/// In what is said of keys there.
pub(super) const ENVIRONMENT: &str = "in the environment";

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
        links::findings(facts, link, found);
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
pub(super) fn told(found: &[Finding], finding: &Finding) -> bool {
    // Where no name resolves nothing answers in time, either.
    let same = |known: &Finding| known.cause == finding.cause || (known.cause, finding.cause) == (Cause::DnsFailure, Cause::ConnectTimeout);
    finding.exit_code() == 7 && found.iter().any(same)
}

/// Where something else answers in the place of AWS, what it says proves little.
pub(super) fn weighed(facts: &Facts, finding: Finding) -> Finding {
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
pub(super) fn clock_of_aws(answers: Option<&Answers>) -> Option<&Host> {
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
