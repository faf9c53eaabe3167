//! The chain of the profile: whether it is complete, and whether it can work unattended.

use super::host;
use crate::aws::access_key::account_of;
use crate::aws::names::{is_account, is_region};
use crate::aws::shared_findings::NEW_TOKEN;
use crate::config::{Base, CHAINED_SESSION_LIMIT, Chain, Hop, Profile, invalid_values, is_general};
use crate::doctor::facts::Facts;
use crate::doctor::file_facts::FileFacts;
use crate::finding::{Cause, Finding, Origin, Remedy, Tool, remedy};
use crate::host_kind::HostKind;
use crate::shell::shell_syntax;
use crate::time::human_duration;
use crate::world::SelectedBy;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.profiles().filter_map(mfa_serial).collect();
    found.extend(facts.profiles().filter_map(account));
    match &facts.chain {
        Err(finding) => {
            found.extend(unresolved(facts, finding));
            // Resolving stops at the first invalid value; the others are reported as well.
            let mut sessions = facts
                .profiles()
                .filter_map(|profile| profile.get("sso_session"));
            let session = sessions.find_map(|name| facts.set.sso_session(&name.text));
            let sections = facts.profiles().chain(session);
            found.extend(sections.flat_map(|section| invalid_values(&facts.set, section)));
        }
        Ok(chain) => {
            let hops = chain.hops.iter().enumerate();
            found.extend(hops.flat_map(|(n, hop)| of_hop(facts, chain, n, hop)));
        }
    }
    found.extend(web_identity_expired(facts));
    found.extend(no_region(facts));
    found.extend(facts.program_missing.clone());
    found.extend(needs_shell(facts));
    found
}

/// No region, although one seems to be set: no tool takes it from `[default]` for another profile.
fn no_region(facts: &Facts) -> Option<Finding> {
    let region = facts.set.profile("default")?.get("region")?;
    let name = &facts.profile;
    let profile = facts.set.profile(name)?;
    let has_one = profile.get("region").is_some() || facts.region_variable().is_some();
    let is_elsewhere = facts.set.other(name).is_some(); // a finding of its own
    if name == "default" || facts.chain.is_err() || has_one || is_elsewhere {
        return None;
    }
    let summary =
        format!("profile `{name}` has no region: tools do not use that of [default] for it");
    let finding = Finding::new(Cause::RegionInvalid, summary).info();
    let finding = finding.at(&region.origin).about_profile(name);
    let value = Some(region.text.as_str()).filter(|text| is_region(text));
    Some(finding.remedy(remedy!(
        "add region = {} to [profile {}] in the config file, or set AWS_REGION",
        value.unwrap_or("REGION"),
        name
    )))
}

/// What AWS or a person would have to do for a role.
fn of_hop(facts: &Facts, chain: &Chain, n: usize, hop: &Hop) -> Vec<Finding> {
    let is_chained = n > 0 || !chain.base.is_keys();
    let too_long = |duration: &u32| is_chained && *duration > CHAINED_SESSION_LIMIT;
    let limited = hop.duration_seconds.filter(too_long).map(|duration| {
        let name = &hop.profile;
        let summary =
            format!("duration_seconds of profile `{name}` has no effect: a chained role lasts 1 h");
        let remedy = remedy!(
            "set duration_seconds = {} in profile {}: the AWS CLI \
            fails with more",
            CHAINED_SESSION_LIMIT,
            name
        );
        Finding::new(Cause::RoleChainingLimit, summary)
            .about_profile(name)
            .evidence(format!(
                "role_arn at {}, duration_seconds = {duration}",
                hop.role_arn.origin
            ))
            .remedy(remedy)
            .warning()
    });
    let has_code = facts.cached || facts.mfa_cached.contains(&n) || hop.mfa_process.is_some();
    let serial = hop.mfa_serial.as_ref().filter(|_| !has_code);
    limited
        .into_iter()
        .chain(serial.map(|serial| hop.mfa_needed(serial)))
        .collect()
}

/// The finding of the resolver, unless the facts say more.
fn unresolved(facts: &Facts, finding: &Finding) -> Option<Finding> {
    let problems = || facts.files.iter().filter_map(|file| file.problem.as_ref());
    let in_broken_file = matches!(finding.cause, Cause::ProfileNotFound | Cause::SourceMissing)
        && problems().next().is_some();
    let is_reported = match finding.cause {
        Cause::ConfigDuplicate => true, // reported for every profile
        cause => in_broken_file || problems().any(|problem| problem.cause == cause),
    };
    if is_reported {
        return None;
    }
    // Without a profile, tools use what the pod, the container or the machine offers, or the keys in
    // the environment. Whether that works is a finding of its own.
    if facts.has_ambient() {
        return None;
    }
    let is_selected = facts.selected_by != SelectedBy::Nothing;
    Some(if finding.cause != Cause::ProfileNotFound || is_selected {
        with_places(facts, finding.clone())
    } else {
        with_places(facts, nothing_configured(facts, finding))
    })
}

/// What has to be done where this runs goes before what a person can do anywhere, and replaces it in
/// places without a person.
fn with_places(facts: &Facts, mut finding: Finding) -> Finding {
    let general = finding.remedy.extract_if(.., |step| is_general(step));
    let general: Vec<Remedy> = general.collect();
    let is_missing = finding.cause == Cause::ProfileNotFound;
    let mut finding = host::with_other_places(facts, finding);
    if facts.set.profiles().next().is_some() {
        finding.remedy.extend(general);
        return finding;
    }
    if let SelectedBy::Variable(name) = facts.selected_by
        && is_missing
        && !facts.host.is(HostKind::Lambda)
    {
        finding = finding.remedy(remedy!("unset {}, where no profile is needed", name));
    }
    if !host::is_managed(facts) {
        finding.remedy.extend(general);
    } else if finding.remedy.is_empty() || is_missing && !facts.host.is(HostKind::Lambda) {
        finding = finding.remedy("give this task or job a role, or credentials in its environment");
    }
    finding
}

/// Nothing is selected and there is no `[default]`; `not_found` is the resolver's finding about that,
/// which knows what its name may have been.
fn nothing_configured(facts: &Facts, not_found: &Finding) -> Finding {
    let states: Vec<String> = facts.files.iter().map(FileFacts::state).collect();
    let mut profiles = facts.set.profiles();
    let first = profiles.next();
    let only = first.filter(|_| profiles.next().is_none());
    let summary = if first.is_some() {
        "no profile is selected: no [default] in the files, no keys in the environment"
    } else if facts.has_home {
        "no credentials are configured: no keys in the environment, no [default] in the files"
    } else {
        "HOME is not set, and neither the environment nor this user's home has credentials"
    };
    let mut finding = Finding::new(Cause::CredentialsMissing, summary);
    let is_new = |line: &&String| !states.contains(line);
    finding.evidence = not_found.evidence.iter().filter(is_new).cloned().collect();
    finding.remedy.clone_from(&not_found.remedy);
    let mut finding = finding.evidence(states.join("; "));
    if let Some(only) = only.filter(|one| !one.name.starts_with("profile ")) {
        let step = remedy!(
            "export AWS_PROFILE={}, the only profile, at {}",
            only.name,
            only.origin
        );
        finding.remedy.insert(0, step);
    }
    match facts.environment.misnamed.as_slice() {
        [] => finding,
        names => finding
            .evidence(format!(
                "the environment has {}, which only some Go and Java programs read",
                names.join(" and ")
            ))
            .remedy("use the names AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"),
    }
}

/// An MFA device has an ARN of its own; that of its user is not one.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>: `SerialNumber`
fn mfa_serial(profile: &Profile) -> Option<Finding> {
    profile.get("role_arn")?; // nothing else reads it
    let value = profile.get("mfa_serial")?;
    let resource = value.text.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    let (what, fix) = match resource.split('/').next() {
        Some("mfa") => return None,
        Some("u2f") => (
            "the ARN of a passkey or security key, with which no role can be assumed here",
            "register an authenticator app",
        ),
        _ => (
            "not the ARN of an MFA device",
            "mfa_serial = arn:aws:iam::123456789012:mfa/NAME: aws iam list-mfa-devices",
        ),
    };
    let summary = format!("mfa_serial of profile `{}` is {what}", profile.name);
    let finding = Finding::new(Cause::ConfigMalformed, summary).about_profile(&profile.name);
    Some(finding.at(&value.origin).remedy(fix))
}

/// `aws_account_id` with a key of another account.
fn account(profile: &Profile) -> Option<Finding> {
    let (wanted, id) = (
        profile.get("aws_account_id")?,
        profile.get("aws_access_key_id")?,
    );
    let account = account_of(&id.text)?;
    if !is_account(&wanted.text) || account == wanted.text {
        return None;
    }
    let (name, wanted, place) = (&profile.name, &wanted.text, &wanted.origin);
    let summary =
        format!("profile `{name}` has a key of account {account}, but aws_account_id = {wanted}");
    let finding = Finding::new(Cause::IdentityUnexpected, summary)
        .about_profile(name)
        .evidence(format!(
            "{}: the key ID contains the account; aws_account_id at {place}",
            id.origin
        ));
    Some(
        finding
            .remedy(account_remedy(wanted, &account, place))
            .likely(),
    )
}

/// What to do where the key and `aws_account_id` name different accounts.
pub(super) fn account_remedy(wanted: &str, actual: &str, place: &Origin) -> Remedy {
    remedy!(
        "use a key of account {}, or set aws_account_id = {} at {}",
        wanted,
        actual,
        place
    )
}

fn web_identity_expired(facts: &Facts) -> Option<Finding> {
    let claims = match facts.web_identity.as_ref()? {
        Ok(claims) => claims,
        Err(finding) => return Some(finding.clone()),
    };
    let end = claims.expires.filter(|end| *end <= facts.now)?;
    let ago = human_duration(facts.now.seconds_from(end));
    let summary = format!("the web identity token expired {ago} ago");
    let (place, issuer, subject) = (&claims.place, &claims.issuer, &claims.subject);
    let finding = Finding::new(Cause::WebIdentityExpired, summary);
    let finding = finding.evidence(format!("{place}: exp {end}, iss {issuer}, sub {subject}"));
    Some(finding.remedy(NEW_TOKEN))
}

/// A finding about the chain's `credential_process`.
fn of_process(facts: &Facts, what: &str, remedy: impl Fn(&Origin) -> Remedy) -> Option<Finding> {
    let chain = facts.chain.as_ref().ok()?;
    let Base::Process { command, profile } = &chain.base else {
        return None;
    };
    let summary = format!("credential_process of profile `{profile}`: {what}");
    let finding = Finding::new(Cause::ProcessFailed, summary).about_profile(profile);
    Some(finding.at(&command.origin).remedy(remedy(&command.origin)))
}

/// The AWS CLI and boto3 split a `credential_process` into words and run it without a shell.
fn needs_shell(facts: &Facts) -> Option<Finding> {
    let chain = facts.chain.as_ref().ok()?;
    let Base::Process { command, .. } = &chain.base else {
        return None;
    };
    let syntax = shell_syntax(&command.text).filter(|_| !cfg!(windows))?;
    let what = format!("{syntax} needs a shell, and the AWS CLI and boto3 use none");
    let remedy = "write full paths, and put what needs a shell into a script";
    let finding = of_process(facts, &what, |_| remedy.into())?.warning();
    Some(finding.fails_in(&[Tool::Cli, Tool::Python]))
}
