//! The two files as files, and what they contain besides credentials.

use crate::config::{BadLine, CREDENTIAL_KEYS, Profile, Value};
use crate::doctor::facts::Facts;
use crate::doctor::file_facts::FileFacts;
use crate::finding::{Cause, Finding, Origin};
use crate::shell::quoted_path;
use crate::text::printable;

/// Keys that decide whether any call works, besides those of the credentials.
const DECISIVE: &[&str] = &[
    "region",
    "external_id",
    "mfa_serial",
    "role_session_name",
    "duration_seconds",
];
/// So many findings of one kind are reported.
const MAX_FINDINGS: usize = 5;
/// Characters besides letters and digits that the SDKs for Rust and JavaScript accept in the name
/// of a profile.
const NAME_CHARACTERS: &str = "_-/.%@:+";
/// Permission bits: read or write, write, and read by other users.
const OTHERS_ANY: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
const EVERYONE_WRITE: u32 = 0o002;

/// What keeps a file from being read at all.
pub(super) fn problems(facts: &Facts) -> Vec<Finding> {
    let broken = facts.files.iter().filter_map(|file| file.problem.clone());
    broken.chain(missing(facts)).collect()
}

/// What some tools cannot read.
pub(super) fn oddities(facts: &Facts) -> Vec<Finding> {
    let mut found = duplicates(facts);
    found.extend(bad_lines(facts));
    found.extend(permissions(facts));
    found.extend(comments(facts));
    found.extend(unread_sections(facts));
    found.extend(facts.profiles().filter_map(unusual_name));
    found
}

/// A variable that names a file which does not exist.
fn missing(facts: &Facts) -> Vec<Finding> {
    let finding = |file: &FileFacts| {
        let variable = file
            .named_by
            .filter(|_| !file.exists && file.problem.is_none())?;
        let summary = format!("{variable} names a file that does not exist");
        let finding = Finding::new(Cause::ConfigUnreadable, summary)
            .evidence(format!("{variable}={}", file.path.display()))
            .remedy(format!("unset {variable}"))
            .remedy("or create the file");
        Some(finding.warning_if(facts.chain.is_ok()))
    };
    facts.files.iter().filter_map(finding).collect()
}

/// Owner and mode of the two files, and of what the AWS CLI keeps.
fn permissions(facts: &Facts) -> Vec<Finding> {
    let [config, credentials] = &facts.files;
    let mut found: Vec<Finding> = [
        access(facts, config, OTHERS_WRITE, "write to"),
        access(facts, credentials, OTHERS_ANY, "read or write"),
    ]
    .into_iter()
    .flatten()
    .collect();
    for file in &facts.cli_files {
        found.extend(if file.is_dir {
            access(facts, file, EVERYONE_WRITE, "write to")
        } else {
            access(facts, file, OTHERS_ANY, "read")
        });
        found.extend(unwritable(facts, file));
    }
    found
}

fn access(facts: &Facts, file: &FileFacts, open: u32, what: &str) -> Option<Finding> {
    let (mode, owner) = file.mode?;
    let (path, uid) = (file.path.display(), facts.host.uid);
    let finding = |summary: String| Finding::new(Cause::FilePermissions, summary).warning();
    if owner != uid && owner != 0 {
        let finding = finding(format!("{path} belongs to another user ({owner})"));
        let finding = finding.evidence(format!("{path}: owner {owner}, this is user {uid}"));
        return Some(finding.remedy(format!("sudo chown -R {uid} {}", quoted_path(&file.path))));
    }
    if mode & open == 0 {
        return None;
    }
    let private = if file.is_dir { "700" } else { "600" };
    let finding = finding(format!("other users can {what} {path}"));
    let finding = finding.evidence(format!("{path}: mode {mode:03o}"));
    Some(finding.remedy(format!("chmod {private} {}", quoted_path(&file.path))))
}

/// A token file, or its directory, in which a renewed SSO token could not be saved.
fn unwritable(facts: &Facts, file: &FileFacts) -> Option<Finding> {
    let holds_token = !file.is_dir || file.path.ends_with("sso/cache");
    let token = facts.sso.as_ref()?.as_ref().ok()?;
    if file.writable || !holds_token || !token.refreshable {
        return None;
    }
    let path = file.path.display();
    let summary = format!("{path} is not writable: a renewed SSO token would be lost");
    let finding = Finding::new(Cause::FilePermissions, summary).warning();
    let finding = finding.evidence(format!("{path}: not writable for user {}", facts.host.uid));
    Some(finding.remedy("mount it writable, or refresh the sign-in on a machine where it is"))
}

/// Sections and keys that are defined twice: the AWS CLI and boto3 reject the whole file, whichever
/// profile they use.
fn duplicates(facts: &Facts) -> Vec<Finding> {
    let of_profile = |profile: &Profile| -> Vec<Finding> {
        let name = printable(&profile.name);
        let finding = |(key, places): (&str, Vec<&Origin>)| {
            let last = places.last()?;
            let what = match key {
                "" => format!("the section [{name}]"),
                key => format!("{key} in [{name}]"),
            };
            let lines: Vec<String> = places.iter().map(|place| place.line.to_string()).collect();
            let earlier = lines[..lines.len() - 1].join(", ");
            let summary =
                format!("{what} is defined twice; the AWS CLI and boto3 reject the whole file");
            let finding = Finding::new(Cause::ConfigDuplicate, summary).about_place(last);
            let finding = finding.evidence(format!("{last}, and before in line {earlier}"));
            let remedy = format!("keep one of lines {} of {}", lines.join(" and "), last.file);
            Some(finding.remedy(remedy))
        };
        profile.repeated().into_iter().filter_map(finding).collect()
    };
    facts
        .set
        .sections()
        .flat_map(of_profile)
        .take(MAX_FINDINGS)
        .collect()
}

/// Lines that are not valid, in sections that the profile does not need: the resolver reports the
/// others.
fn bad_lines(facts: &Facts) -> Vec<Finding> {
    let is_needed = |section: &Profile| {
        facts
            .profiles()
            .any(|profile| std::ptr::eq(profile, section))
    };
    let others = facts.set.sections().filter(|section| !is_needed(section));
    // Python tools accept a colon in the place of `=`.
    let lines = others
        .flat_map(Profile::bad_lines)
        .filter(|line| !line.has_colon);
    let rejected = |BadLine { finding, .. }: &BadLine| {
        let summary = format!("{}; Python tools reject the file", finding.summary);
        Finding {
            summary,
            ..finding.clone()
        }
    };
    lines.map(rejected).take(3).collect()
}

/// Comments after a value, which Python tools read as part of it.
fn comments(facts: &Facts) -> Vec<Finding> {
    let values = facts.profiles().flat_map(Profile::values);
    let commented = values.filter(|(_, value)| value.commented && !value.text.is_empty());
    let finding = |(key, value): (&str, &Value)| {
        let origin = &value.origin;
        let summary =
            format!("the AWS CLI and boto3 read the comment after {key} as part of the value");
        let remedy = format!(
            "put the comment on a line of its own above line {} of {}",
            origin.line, origin.file
        );
        let finding = Finding::new(Cause::InlineCommentInValue, summary)
            .at(origin)
            .remedy(remedy);
        let is_decisive = CREDENTIAL_KEYS.contains(&key) || DECISIVE.contains(&key);
        finding.warning_if(!is_decisive)
    };
    commented.map(finding).collect()
}

fn unusual_name(profile: &Profile) -> Option<Finding> {
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || NAME_CHARACTERS.contains(c);
    if profile.name.chars().all(is_accepted) {
        return None;
    }
    let name = printable(&profile.name);
    let summary =
        format!("the SDKs for Rust and JavaScript ignore a profile with the name `{name}`");
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .at(&profile.origin)
        .warning();
    Some(finding.remedy(format!(
        "use a name of letters, digits and {NAME_CHARACTERS}"
    )))
}

/// Sections that look like profiles and are not.
fn unread_sections(facts: &Facts) -> Vec<Finding> {
    let finding = |section: &Profile, wrong: String, form: &str, right: String| {
        let origin = &section.origin;
        let summary = format!("[{wrong}] at {origin} is not a profile: {form}");
        let finding = Finding::new(Cause::ConfigMalformed, summary)
            .at(origin)
            .warning();
        finding.remedy(format!("write [{right}] at {origin}"))
    };
    let known = ["default", "plugins", "preview"];
    let is_bare = |section: &&Profile| {
        let name = section.name.as_str();
        let is_word = !name.is_empty() && !name.contains(' ') && !known.contains(&name);
        is_word && facts.set.profile(name).is_none() && name != facts.profile
    };
    let bare = facts.set.others().filter(is_bare).map(|section| {
        let name = printable(&section.name);
        let form = "write [profile NAME]";
        finding(section, name.clone(), form, format!("profile {name}"))
    });
    let prefixed = facts.set.profiles().filter_map(|section| {
        let name = printable(section.name.strip_prefix("profile ")?.trim());
        let form = "write [NAME]";
        Some(finding(section, format!("profile {name}"), form, name))
    });
    bare.chain(prefixed).take(MAX_FINDINGS).collect()
}
