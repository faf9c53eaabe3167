//! Long-term keys in the text of the AWS files: taken out, put back, and referred to by their ID where
//! the secret is in the credential store. Pure; every other byte stays as it is.

use super::overlay::profile_header;
use super::own_process::calls_awsfresh;
use super::parser::FileKind;
use super::profile::PREFIX;
use super::sections::{Sections, entry_of};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const PROCESS: &str = "credential_process";

/// The text of a file without the keys of a profile, and without its section if nothing else is in
/// it.
pub(crate) fn without_keys(text: &str, kind: FileKind, profile: &str) -> String {
    without(text, kind, profile, |key, _| [ID, SECRET].contains(&key))
}

/// The credentials file with the keys of a profile.
pub(crate) fn with_keys(text: &str, profile: &str, id: &str, secret: &str) -> String {
    let keys = [(ID, id), (SECRET, secret)];
    with(text, FileKind::Credentials, profile, &keys)
}

/// The config file with the ID of a stored key, and awsfresh as the process that prints it.
pub(crate) fn with_stored_key(config: &str, profile: &str, process: &str, id: &str) -> String {
    let rest = without_stored_key(config, profile);
    let keys = [(PROCESS, process), (&format!("{PREFIX}{ID}"), id)];
    with(&rest, FileKind::Config, profile, &keys)
}

/// The config file without the ID of a stored key, and without awsfresh as the process.
pub(crate) fn without_stored_key(config: &str, profile: &str) -> String {
    let stored = format!("{PREFIX}{ID}");
    without(config, FileKind::Config, profile, |key, value| {
        key == stored || key == PROCESS && calls_awsfresh(value)
    })
}

/// The text without the lines of a profile that `is_out` names by key and value.
fn without(
    text: &str,
    kind: FileKind,
    profile: &str,
    is_out: impl Fn(&str, &str) -> bool,
) -> String {
    let Sections { head, all } = Sections::of(kind, text.split_inclusive('\n'));
    let mut kept = head.concat();
    let mut ends_with_removed = false;
    for section in all {
        ends_with_removed = false;
        if !section.is_of_profile(profile) {
            kept.extend(section.lines);
            continue;
        }
        let stays =
            |line: &&str| entry_of(kind, line).is_none_or(|(key, value)| !is_out(&key, value));
        let lines: Vec<&str> = section.lines.iter().copied().filter(stays).collect();
        let header = lines.first().and_then(|line| line.split_once(']'));
        let has_comment = header.is_some_and(|(_, rest)| !rest.trim().is_empty());
        let is_empty = !has_comment && lines.iter().skip(1).all(|line| line.trim().is_empty());
        if lines.len() == section.lines.len() || !is_empty {
            kept.extend(lines);
        } else {
            ends_with_removed = true;
        }
    }
    if ends_with_removed && (kept.ends_with("\n\n") || kept.ends_with("\n\r\n")) {
        // The line that `with` put above the section.
        kept.pop();
        if kept.ends_with('\r') {
            kept.pop();
        }
    }
    kept
}

/// The text with these keys at the start of a profile's section, which is added if there is none.
fn with(text: &str, kind: FileKind, profile: &str, keys: &[(&str, &str)]) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let new: String = keys
        .iter()
        .map(|(key, value)| format!("{key} = {value}{end}"))
        .collect();
    let Sections { head, all } = Sections::of(kind, text.split_inclusive('\n'));
    let (mut changed, mut is_done) = (head.concat(), false);
    for section in all {
        let is_target = section.is_of_profile(profile) && !is_done;
        for (at, line) in section.lines.iter().enumerate() {
            changed.push_str(line);
            if is_target && at == 0 {
                if !line.ends_with('\n') {
                    changed.push_str(end);
                }
                changed.push_str(&new);
                is_done = true;
            }
        }
    }
    if !is_done {
        if !changed.is_empty() && !changed.ends_with('\n') {
            changed.push_str(end);
        }
        if !changed.is_empty() {
            changed.push_str(end);
        }
        let header = match kind {
            FileKind::Config => profile_header(profile),
            FileKind::Credentials => format!("[{profile}]"),
        };
        changed += &[header.as_str(), end, &new].concat();
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# mine\n[a]\naws_access_key_id = 1\nAWS_SECRET_ACCESS_KEY=2\n\n\
        [b]\n; why\naws_access_key_id = 3\naws_secret_access_key = 4\nregion = x\n";

    #[test]
    fn keys_are_taken_out_and_put_back() {
        let text = without_keys(CREDENTIALS, FileKind::Credentials, "a");
        assert_eq!(
            text,
            "# mine\n[b]\n; why\naws_access_key_id = 3\naws_secret_access_key = 4\nregion = x\n"
        );
        let text = without_keys(CREDENTIALS, FileKind::Credentials, "b");
        assert!(text.ends_with("\n[b]\n; why\nregion = x\n"), "{text}");
        let back = with_keys(&text, "b", "3", "4");
        assert!(back.ends_with(
            "[b]\naws_access_key_id = 3\naws_secret_access_key = 4\n; why\nregion = x\n"
        ));
        assert_eq!(
            with_keys("", "c", "5", "6"),
            "[c]\naws_access_key_id = 5\naws_secret_access_key = 6\n"
        );
        assert_eq!(
            without_keys(CREDENTIALS, FileKind::Credentials, "c"),
            CREDENTIALS
        );
    }

    #[test]
    fn a_profile_refers_to_a_stored_key() {
        let process = "/bin/awsfresh credential-process --profile a";
        let config = "[profile a]\r\nregion = x\r\n";
        let stored = with_stored_key(config, "a", process, "AKIA");
        let expected = format!(
            "[profile a]\r\ncredential_process = {process}\r\nawsfresh_aws_access_key_id = AKIA\r\nregion = x\r\n"
        );
        assert_eq!(stored, expected);
        assert_eq!(with_stored_key(&stored, "a", process, "AKIA"), expected);
        assert_eq!(without_stored_key(&stored, "a"), config);
        for text in [
            config,
            "[profile b]\n",
            "[profile b]\n\n",
            "[profile b]\r\n",
        ] {
            let with = with_stored_key(text, "c", process, "AKIA");
            assert_eq!(without_stored_key(&with, "c"), text);
        }
        let alone = with_stored_key("", "default", process, "AKIA");
        assert_eq!(without_stored_key(&alone, "default"), "");
    }
}
