//! What the profile stands for: whether that makes sense, and whether it can work unattended.

use super::place;
use crate::config::{Base, Profile, flaws, is_account};
use crate::diagnosis::facts::Facts;
use crate::diagnosis::keys::account_of;
use crate::diagnosis::{Cause, Finding};
use crate::time::for_people;

/// What an assumed role can last where its caller is a session, in seconds.
const CHAINED_LIMIT: u32 = 3600;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.profiles().filter_map(|profile| credentials_file(facts, profile)).collect();
    found.extend(facts.profiles().filter_map(mfa_serial));
    found.extend(facts.profiles().filter_map(account));
    match &facts.chain {
        Err(finding) => {
            found.extend(unresolved(facts, finding, &found));
            // Resolving stops at the first; what else cannot be right is told as well.
            let session = facts.profiles().find_map(|profile| facts.set.sso_session(&profile.get("sso_session")?.text));
            found.extend(facts.profiles().chain(session).flat_map(|section| flaws(&facts.set, section)));
        }
        Ok(chain) => {
            for (n, hop) in chain.hops.iter().enumerate() {
                let chained = n > 0 || !matches!(chain.base, Base::Static { .. });
                if let Some(duration) = hop.duration_seconds.filter(|duration| chained && *duration > CHAINED_LIMIT) {
                    found.push(
                        Finding::new(
                            Cause::RoleChainingLimit,
                            format!(
                                "duration_seconds = {duration} in profile `{}` cannot be had: a role assumed from a session lasts 1 h",
                                hop.profile
                            ),
                        )
                        .seen(format!("role_arn at {}", hop.role_arn.origin))
                        .try_this(format!("duration_seconds = {CHAINED_LIMIT} in profile `{}`: the AWS CLI fails with more", hop.profile))
                        .warning(),
                    );
                }
                if let Some(serial) = hop.mfa_serial.as_ref().filter(|_| !facts.cached) {
                    found.push(
                        Finding::new(Cause::MfaNeeded, format!("the role of profile `{}` asks for an MFA code", hop.profile))
                            .seen(format!("mfa_serial = {serial}, and no cached session for {}", hop.role_arn.text))
                            .try_this(
                                "sign in with a profile that needs no code, or use IAM Identity Center; awsfresh cannot ask for codes yet",
                            ),
                    );
                }
            }
        }
    }
    found.extend(web_identity(facts));
    found.extend(program(facts));
    found.extend(without_a_shell(facts));
    found
}

fn unresolved(facts: &Facts, finding: &Finding, found: &[Finding]) -> Option<Finding> {
    // Told more exactly already.
    if finding.cause == Cause::SourceConflict && found.iter().any(|f| f.cause == Cause::CredentialsFileShadows) {
        return None;
    }
    if finding.cause == Cause::ConfigDuplicate {
        return None; // what stands twice is told for every profile
    }
    let broken = facts.files.iter().any(|file| file.problem.is_some());
    if broken && matches!(finding.cause, Cause::ProfileNotFound | Cause::SourceMissing) {
        return None; // it may well stand in the file that could not be read
    }
    if facts.files.iter().filter_map(|file| file.problem.as_ref()).any(|problem| problem.cause == finding.cause) {
        return None;
    }
    let keys_here = facts.environment.keys().is_some() && facts.named_by.is_none();
    let nothing_meant = finding.cause == Cause::ProfileNotFound && facts.named_by.is_none();
    if nothing_meant {
        if keys_here {
            return None; // keys in the environment need no profile
        }
        let ambient = facts.answers.as_ref().and_then(|answers| answers.ambient.as_ref());
        if facts.offered.is_some() || ambient.is_some_and(|outcome| outcome.is_ok()) {
            return None; // what the pod, the container or the machine offers needs none either; whether that works is told of it
        }
        let finding =
            Finding::new(Cause::CredentialsMissing, "nothing offers credentials: no keys in the environment, no [default] in the files")
                .seen(
                    facts
                        .files
                        .iter()
                        .map(|file| format!("{} {}", if file.exists { "read" } else { "there is no" }, file.path.display()))
                        .collect::<Vec<_>>()
                        .join("; "),
                )
                .try_this("name a profile: awsfresh status lists them")
                .try_this("or sign in: aws configure sso, aws login, aws configure");
        let finding = match facts.environment.misnamed.as_slice() {
            [] => finding,
            names => finding
                .seen(format!("the environment has {}, which no tool of today takes", names.join(" and ")))
                .try_this("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are the names"),
        };
        return Some(place::with_what_is_elsewhere(facts, finding));
    }
    Some(place::with_what_is_elsewhere(facts, finding.clone()))
}

/// A device has an ARN of its own; that of its user is none.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>: `SerialNumber`
fn mfa_serial(profile: &Profile) -> Option<Finding> {
    profile.get("role_arn")?; // nothing else reads it
    let value = profile.get("mfa_serial")?;
    let resource = value.text.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    let (what, fix) = match resource.split('/').next() {
        Some("mfa") => return None,
        Some("u2f") => ("a passkey or security key, with which no role can be assumed here", "register an authenticator app"),
        _ => ("not of an MFA device", "mfa_serial = arn:aws:iam::123456789012:mfa/NAME: aws iam list-mfa-devices"),
    };
    Some(
        Finding::new(Cause::ConfigMalformed, format!("mfa_serial of profile `{}` is the ARN of {what}", profile.name))
            .seen(value.origin.to_string())
            .try_this(fix),
    )
}

/// `aws_account_id` beside a key of another account.
fn account(profile: &Profile) -> Option<Finding> {
    let (wanted, id) = (profile.get("aws_account_id")?, profile.get("aws_access_key_id")?);
    let account = account_of(&id.text).filter(|account| is_account(&wanted.text) && *account != wanted.text)?;
    Some(
        Finding::new(
            Cause::IdentityUnexpected,
            format!("the key of profile `{}` belongs to account {account}, by its id, and aws_account_id is {}", profile.name, wanted.text),
        )
        .seen(format!("{}; aws_account_id at {}", id.origin, wanted.origin))
        .try_this(format!("put the key of account {} there, or aws_account_id = {account} at {}", wanted.text, wanted.origin))
        .likely(),
    )
}

/// Keys in the credentials file beside another source in the config file: Python tools take the keys.
fn credentials_file(facts: &Facts, profile: &Profile) -> Option<Finding> {
    let credentials = facts.files[1].path.to_string_lossy();
    let keys = profile.get("aws_access_key_id").filter(|v| *v.origin.file == *credentials)?;
    let other = ["credential_process", "sso_session", "sso_start_url", "sso_account_id", "login_session", "web_identity_token_file"];
    let (key, value) = other.into_iter().find_map(|key| Some((key, profile.get(key)?)))?;
    Some(
        Finding::new(
            Cause::CredentialsFileShadows,
            format!("profile `{}` has keys in the credentials file, which win over its {key} in some tools", profile.name),
        )
        .seen(keys.origin.to_string())
        .seen(format!("{key} at {}", value.origin))
        .try_this(format!("remove [{}] from {}", profile.name, keys.origin.file)),
    )
}

fn web_identity(facts: &Facts) -> Option<Finding> {
    match facts.web_identity.as_ref()? {
        Err(finding) => Some(finding.clone()),
        Ok(claims) => {
            let end = claims.expires.filter(|end| *end <= facts.now)?;
            Some(
                Finding::new(
                    Cause::WebIdentityExpired,
                    format!("the web identity token ended {} ago", for_people(facts.now.seconds_from(end))),
                )
                .seen(format!("{}: exp {end}, iss {}, sub {}", claims.place, claims.issuer, claims.subject))
                .try_this("make whatever writes the token file write a new one"),
            )
        }
    }
}

fn program(facts: &Facts) -> Option<Finding> {
    let program = facts.program_missing.as_ref()?;
    let Ok(chain) = &facts.chain else { return None };
    let Base::Process { command, profile } = &chain.base else { return None };
    Some(
        Finding::new(
            Cause::ProcessFailed,
            format!("the credential_process of profile `{profile}` names a program that is not there: {program}"),
        )
        .seen(command.origin.to_string())
        .try_this(format!("install {program}, or write its full path at {}", command.origin)),
    )
}

/// The AWS CLI and boto3 split a `credential_process` into words and run it themselves: nothing is expanded, nothing piped.
fn without_a_shell(facts: &Facts) -> Option<Finding> {
    let Ok(chain) = &facts.chain else { return None };
    let Base::Process { command, profile } = &chain.base else { return None };
    let what = needs_a_shell(&command.text).filter(|_| !cfg!(windows))?;
    Some(
        Finding::new(
            Cause::ProcessFailed,
            format!("the credential_process of profile `{profile}` has {what}, and the AWS CLI and boto3 run it without a shell"),
        )
        .seen(command.origin.to_string())
        .try_this("write full paths, and put what needs a shell into a script")
        .warning(),
    )
}

/// What only a shell understands in a command line.
fn needs_a_shell(command: &str) -> Option<String> {
    let (mut quote, mut before) = (None, ' ');
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => drop(characters.next()),
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('$' | '`', None | Some('"')) | ('|' | ';' | '&' | '<' | '>', None) => return Some(format!("a `{c}`")),
            ('~', None) if before == ' ' => return Some("a `~`".to_owned()),
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::needs_a_shell;

    #[test]
    fn what_a_shell_would_do_is_seen_outside_of_quotes() {
        for (command, needs) in [
            ("/usr/bin/tool --profile a", false),
            ("/usr/bin/tool 'a|b' \"c;d\" e~f a\\|b", false),
            ("sh -c 'echo $HOME | cat'", false),
            ("~/bin/tool", true),
            ("tool --file ~/x", true),
            ("tool \"$HOME/x\"", true),
            ("tool | jq .", true),
            ("a && b", true),
            ("tool 2>/dev/null", true),
            ("tool `date`", true),
        ] {
            assert_eq!(needs_a_shell(command).is_some(), needs, "{command}");
        }
    }
}
