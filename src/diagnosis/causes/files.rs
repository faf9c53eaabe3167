//! The two files as files, and what stands in them beside credentials.

use crate::config::{Profile, SHAPING};
use crate::diagnosis::facts::Facts;
use crate::diagnosis::{Cause, Finding, printable};
use crate::shell::quoted_path;

/// Keys that decide whether any call works, besides those that shape credentials.
const DECISIVE: &[&str] = &["region", "external_id", "mfa_serial", "role_session_name", "duration_seconds"];

/// What keeps a file from being read at all.
pub(super) fn problems(facts: &Facts) -> Vec<Finding> {
    let broken = facts.files.iter().filter_map(|file| file.problem.clone());
    broken.chain(missing(facts)).collect()
}

/// What some tools stumble over.
pub(super) fn oddities(facts: &Facts) -> Vec<Finding> {
    let mut found = repeated(facts);
    found.extend(meaningless(facts));
    found.extend(permissions(facts));
    found.extend(comments(facts));
    found.extend(unread(facts));
    found.extend(facts.profiles().filter_map(odd_name));
    found
}

/// A variable that names a file which is not there.
fn missing(facts: &Facts) -> Vec<Finding> {
    let named = facts.files.iter().filter(|file| !file.exists && file.problem.is_none());
    named
        .filter_map(|file| {
            let variable = file.named_by?;
            let finding = Finding::new(Cause::ConfigUnreadable, format!("{variable} names a file that does not exist"))
                .seen(format!("{variable}={}", file.path.display()))
                .try_this(format!("unset {variable}"))
                .try_this("or put the file there");
            Some(if facts.chain.is_ok() { finding.warning() } else { finding })
        })
        .collect()
}

fn permissions(facts: &Facts) -> Vec<Finding> {
    let of = |file: &crate::diagnosis::facts::FileFacts, open: u32, what: &str| {
        let (mode, owner) = file.mode?;
        let path = file.path.display();
        if owner != facts.place.uid && owner != 0 {
            return Some(
                Finding::new(Cause::FilePermissions, format!("{path} belongs to another user ({owner})"))
                    .seen(format!("{path}: owner {owner}, this is user {}", facts.place.uid))
                    .try_this(format!("sudo chown -R {} {}", facts.place.uid, quoted_path(&file.path)))
                    .warning(),
            );
        }
        (mode & open != 0).then(|| {
            Finding::new(Cause::FilePermissions, format!("others can {what} {path}"))
                .seen(format!("{path}: mode {mode:03o}"))
                .try_this(format!("chmod {} {}", if file.is_dir { "700" } else { "600" }, quoted_path(&file.path)))
                .warning()
        })
    };
    let [config, credentials] = &facts.files;
    let mut found: Vec<Finding> = [of(config, 0o022, "write to"), of(credentials, 0o077, "read or write")].into_iter().flatten().collect();
    for file in &facts.beside {
        let token = !file.is_dir;
        found.extend(of(file, if token { 0o077 } else { 0o002 }, if token { "read" } else { "write to" }));
        let kept = token || file.path.ends_with("sso/cache");
        if !file.writable && kept && facts.sso.as_ref().is_some_and(|token| token.as_ref().is_ok_and(|token| token.refreshable)) {
            let path = file.path.display();
            found.push(
                Finding::new(Cause::FilePermissions, format!("{path} cannot be written to: a renewed SSO token would be lost"))
                    .seen(format!("{path}: not writable for user {}", facts.place.uid))
                    .try_this("mount it writable, or let the sign-in be renewed where it can be written")
                    .warning(),
            );
        }
    }
    found
}

/// What stands twice: the AWS CLI and boto3 refuse the whole file for it, whichever profile is asked for.
fn repeated(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for profile in facts.set.sections() {
        for (key, places) in profile.repeated() {
            let what = if key.is_empty() {
                format!("the section [{}]", printable(&profile.name))
            } else {
                format!("{key} in [{}]", printable(&profile.name))
            };
            let all: Vec<String> = places.iter().map(|place| place.line.to_string()).collect();
            let Some(last) = places.last() else { continue };
            found.push(
                Finding::new(Cause::ConfigDuplicate, format!("{what} stands twice: the AWS CLI and boto3 refuse the whole file"))
                    .seen(format!("{last}, and before at line {}", all[..all.len() - 1].join(", ")))
                    .try_this(format!("keep one of the lines {} of {}", all.join(" and "), last.file)),
            );
        }
    }
    found.truncate(5);
    found
}

/// Lines without a meaning in sections that nobody asks for: what asks for them tells them by itself.
fn meaningless(facts: &Facts) -> Vec<Finding> {
    let asked = |section: &Profile| facts.profiles().any(|profile| std::ptr::eq(profile, section));
    let problems = facts.set.sections().filter(|section| !asked(section)).flat_map(Profile::problems);
    // Python tools take a colon for an equals sign.
    let problems = problems.filter(|problem| !problem.remedy.iter().any(|remedy| remedy.contains("for `:`")));
    let refused = |problem: &Finding| Finding {
        summary: format!("{}: the AWS CLI and boto3 refuse the whole file", problem.summary),
        ..problem.clone()
    };
    problems.take(3).map(refused).collect()
}

fn comments(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for profile in facts.profiles() {
        for (key, value) in profile.values() {
            if !value.commented || value.text.is_empty() {
                continue;
            }
            let finding = Finding::new(
                Cause::InlineCommentInValue,
                format!("{key} at {} has a comment behind it, which the AWS CLI and boto3 take as part of the value", value.origin),
            )
            .seen(value.origin.to_string())
            .try_this(format!("put the comment on a line of its own above line {} of {}", value.origin.line, value.origin.file));
            let decides = SHAPING.contains(&key) || DECISIVE.contains(&key);
            found.push(if decides { finding } else { finding.warning() });
        }
    }
    found
}

/// Characters that the SDKs for Rust and JavaScript take in the name of a profile, besides letters and digits.
const IN_NAMES: &str = "_-/.%@:+";

fn odd_name(profile: &Profile) -> Option<Finding> {
    let odd = profile.name.chars().any(|c| !c.is_ascii_alphanumeric() && !IN_NAMES.contains(c));
    odd.then(|| {
        let name = printable(&profile.name);
        Finding::new(Cause::ConfigMalformed, format!("the SDKs for Rust and JavaScript do not see a profile that is called `{name}`"))
            .seen(profile.origin.to_string())
            .try_this(format!("give it a name of letters, digits and {IN_NAMES}"))
            .warning()
    })
}

/// Sections that look like profiles and are none.
fn unread(facts: &Facts) -> Vec<Finding> {
    let known = ["default", "plugins", "preview"];
    let bare = facts.set.others().map(|section| (&section.name, &section.origin));
    let bare = bare.filter(|(name, _)| !name.is_empty() && !name.contains(' ') && !known.contains(&name.as_str()));
    let bare = bare.filter(|(name, _)| facts.set.profile(name).is_none() && **name != facts.profile).map(|(name, origin)| {
        Finding::new(
            Cause::ConfigMalformed,
            format!("[{}] at {origin} is no profile: the config file wants [profile NAME]", printable(name)),
        )
        .seen(origin.to_string())
        .try_this(format!("write [profile {}] at {origin}", printable(name)))
        .warning()
    });
    let prefixed = facts.set.profiles().filter(|profile| profile.name.starts_with("profile ")).map(|profile| {
        let name = profile.name.trim_start_matches("profile ").trim();
        Finding::new(
            Cause::ConfigMalformed,
            format!("[profile {}] at {} is no profile: the credentials file wants [NAME]", printable(name), profile.origin),
        )
        .seen(profile.origin.to_string())
        .try_this(format!("write [{}] at {}", printable(name), profile.origin))
        .warning()
    });
    bare.chain(prefixed).take(5).collect()
}
