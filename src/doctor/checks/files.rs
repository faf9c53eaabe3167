//! The two files as files, and what they contain besides credentials.

use super::merge::{and_more, first_few};
use crate::config::{CREDENTIAL_KEYS, Profile, Repeated, Value};
use crate::doctor::facts::Facts;
use crate::doctor::file_facts::FileFacts;
use crate::finding::{Cause, Finding, Origin, Remedy, Tool, Tools, remedy};
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
/// Both read the files with the parser of Python.
const PYTHON_TOOLS: [Tool; 2] = [Tool::Cli, Tool::Python];
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
    let mut found = damaged_lines(facts);
    found.extend(duplicates(facts));
    found.extend(bad_lines(facts));
    found.extend(permissions(facts));
    found.extend(comments(facts));
    found.extend(unread_sections(facts));
    found.extend(facts.profiles().filter_map(unusual_name));
    found
}

/// A variable that names a file which does not exist.
fn missing(facts: &Facts) -> Vec<Finding> {
    let nowhere = facts.files.iter().filter_map(|file| {
        let target = file.nowhere.as_ref()?;
        let path = file.path.display();
        let summary = format!("{path} is a link to a file that does not exist");
        let finding = Finding::new(Cause::ConfigUnreadable, summary)
            .evidence(format!("{path} → {}", target.display()))
            .remedy(remedy!("restore {}, or mount it, too", *target));
        Some(finding.warning_if(facts.chain.is_ok()))
    });
    let finding = |file: &FileFacts| {
        let variable = file
            .named_by
            .filter(|_| !file.exists && file.problem.is_none())?;
        let summary = format!("{variable} names a file that does not exist");
        let finding = Finding::new(Cause::ConfigUnreadable, summary)
            .evidence(format!("{variable}={}", file.path.display()))
            .remedy(remedy!("unset {}", variable))
            .remedy("or create the file");
        Some(finding.warning_if(facts.chain.is_ok()))
    };
    let named = facts.files.iter().filter(|file| file.nowhere.is_none());
    nowhere.chain(named.filter_map(finding)).collect()
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
    if file.is_dir && file.problem.is_some() {
        return None; // that it is a directory is a finding of its own
    }
    let (path, uid) = (file.path.display(), facts.host.uid);
    let finding = |summary: String| Finding::new(Cause::FilePermissions, summary).warning();
    if owner != uid && owner != 0 {
        let finding = finding(format!("{path} belongs to another user ({owner})"));
        let finding = finding.evidence(format!("{path}: owner {owner}, this is user {uid}"));
        return Some(finding.remedy(remedy!("sudo chown -R {} {}", uid, file.path)));
    }
    if mode & open == 0 {
        return None;
    }
    let private = if file.is_dir { "700" } else { "600" };
    let finding = finding(format!("other users can {what} {path}"));
    let finding = finding.evidence(format!("{path}: mode {mode:03o}"));
    Some(finding.remedy(remedy!("chmod {} {}", private, file.path)))
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
    let sections = facts.set.sections();
    // Below a header that no tool sees, what looks repeated belongs to another section.
    let repeated = sections.flat_map(|profile| {
        let hidden = profile.first_hidden_headers();
        let is_below = move |place: &&Origin| {
            let mut above = hidden.iter().filter(|header| header.file == place.file);
            above.any(|header| header.line < place.line)
        };
        let repeated = profile.repeated().into_iter();
        let counts = move |one: &Repeated<'_>| !one.places.iter().any(&is_below);
        let repeated = repeated.filter(counts);
        repeated.map(move |repeated| (profile, repeated))
    });
    first_few(repeated, MAX_FINDINGS, |(profile, repeated)| {
        profile.repetition(&repeated)
    })
}

/// Lines that are damaged, in sections that the profile does not need: the resolver reports the others.
fn damaged_lines(facts: &Facts) -> Vec<Finding> {
    let others = facts
        .set
        .sections()
        .filter(|section| !is_needed(facts, section));
    first_few(others.flat_map(Profile::damaged_lines), MAX_FINDINGS, Some)
}

/// Whether the chain contains a section.
fn is_needed(facts: &Facts, section: &Profile) -> bool {
    facts
        .profiles()
        .any(|profile| std::ptr::eq(profile, section))
}

/// Lines that are not valid, in sections that the profile does not need: the resolver reports the
/// others.
fn bad_lines(facts: &Facts) -> Vec<Finding> {
    let (mut found, mut more) = (Vec::new(), 0);
    let sections = facts.set.sections();
    for section in sections.filter(|section| !is_needed(facts, section)) {
        let (lines, others) = section.rejected_lines(MAX_FINDINGS - found.len());
        found.extend(lines);
        more += others;
    }
    for finding in &mut found {
        finding.summary.push_str("; Python tools reject the file");
        finding.tools = Tools::of(&PYTHON_TOOLS);
    }
    and_more(found, more)
}

/// Comments after a value, which Python tools read as part of it.
fn comments(facts: &Facts) -> Vec<Finding> {
    let values = facts.profiles().flat_map(Profile::values);
    let commented = values.filter(|(_, value)| value.commented);
    let is_decisive = |key: &str| CREDENTIAL_KEYS.contains(&key) || DECISIVE.contains(&key);
    // An error is not left out for a warning.
    let (decisive, others): (Vec<_>, Vec<_>) = commented.partition(|(key, _)| is_decisive(key));
    let finding = |(key, value): (&str, &Value)| {
        let origin = &value.origin;
        let summary =
            format!("the AWS CLI and boto3 read the comment after {key} as part of the value");
        let remedy = remedy!(
            "put the comment on a line of its own above line {} of {}",
            origin.line,
            origin.file
        );
        let finding = Finding::new(Cause::InlineCommentInValue, summary)
            .at(origin)
            .remedy(remedy);
        Some(if is_decisive(key) {
            finding.fails_in(&PYTHON_TOOLS)
        } else {
            finding.warning()
        })
    };
    [decisive, others]
        .into_iter()
        .flat_map(|values| first_few(values, MAX_FINDINGS, finding))
        .collect()
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
        .fails_in(&[Tool::Rust, Tool::Js])
        .warning();
    Some(finding.remedy(remedy!(
        "use a name of letters, digits and {}",
        NAME_CHARACTERS
    )))
}

/// Sections that look like profiles and are not.
fn unread_sections(facts: &Facts) -> Vec<Finding> {
    let finding = |section: &Profile, wrong: &str, form: &str, right: Remedy| {
        let origin = &section.origin;
        let summary = format!("[{wrong}] at {origin} is not a profile: {form}");
        let finding = Finding::new(Cause::ConfigMalformed, summary)
            .at(origin)
            .warning();
        finding.remedy(remedy!("write [{}] at {}", right, origin))
    };
    let known = ["default", "plugins", "preview"];
    let is_bare = |section: &&Profile| {
        let name = &*section.name;
        let is_word = !name.is_empty() && !name.contains(' ') && !known.contains(&name);
        // The resolver reports it where it is all that there is of the profile.
        is_word && (facts.set.profile(name).is_some() || name != facts.profile)
    };
    let bare = first_few(
        facts.set.others().filter(is_bare),
        MAX_FINDINGS,
        |section| {
            let name = printable(&section.name);
            let right = remedy!("profile {}", *name);
            let profile = facts.set.profile(&section.name);
            let beside = profile.filter(|one| one.origin.file == section.origin.file);
            let Some(beside) = beside else {
                return Some(finding(section, &name, "write [profile NAME]", right));
            };
            let mut finding = finding(section, &name, "its keys are not read", right);
            let origin = &beside.origin;
            finding.remedy = vec![remedy!(
                "move its keys to [profile {}] at {}",
                *name,
                origin
            )];
            Some(finding)
        },
    );
    let prefixed = facts.set.profiles().filter_map(|section| {
        let name = section.name.strip_prefix("profile ")?;
        Some((section, name.trim()))
    });
    let prefixed = first_few(prefixed, MAX_FINDINGS, |(section, name)| {
        let name = printable(name);
        let wrong = format!("profile {name}");
        let right = remedy!("{}", *name);
        Some(finding(section, &wrong, "write [NAME]", right))
    });
    bare.into_iter().chain(prefixed).collect()
}
