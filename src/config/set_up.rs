//! The config file with awsfresh as the `credential_process` of profiles: the source of each gets
//! [`PREFIX`] in front of its keys, in the same section. Pure, from text to text; every other byte
//! stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use super::own_process::calls_awsfresh;
use super::parser::{FileKind, SectionKind};
use super::profile::{PREFIX, has_prefixed_form};
use super::sections::line_of;

/// The key that tools read instead.
const PROCESS: &str = "credential_process";

/// Which keys got a prefix, by profile.
pub(crate) type Renamed = BTreeMap<String, BTreeSet<String>>;

/// A file in which lines were changed.
#[derive(Debug, Default)]
pub(crate) struct Edited {
    /// The new text.
    pub(crate) text: String,
    /// What is new in it, from top to bottom.
    pub(crate) changes: Vec<Change>,
    pub(crate) renamed: Renamed,
}

/// A line that was replaced, added or removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The profile that it belongs to.
    pub(crate) profile: String,
    /// The number of the old line, or of the one above a new line.
    pub(crate) line: usize,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl Edited {
    pub(super) fn change(
        &mut self,
        profile: &str,
        line: usize,
        old: Option<&str>,
        new: Option<&str>,
    ) {
        self.text.push_str(new.unwrap_or_default());
        let shown = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
        self.changes.push(Change {
            profile: profile.to_owned(),
            line,
            old: old.map(shown),
            new: new.map(shown),
        });
    }
}

/// Makes `process` the `credential_process` of each of these profiles. Each has one section.
pub(crate) fn set_up(
    config: &str,
    profiles: &BTreeSet<String>,
    process: &impl Fn(&str) -> String,
) -> Edited {
    let mut edited = Edited::default();
    each_line(config, |number, line, profile, key| {
        let Some(profile) = profile.filter(|name| profiles.contains(*name)) else {
            edited.text.push_str(line);
            return;
        };
        match key {
            None => edited.text.push_str(line),
            Some(Key::Header) => {
                edited.text.push_str(line);
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                let new = format!("{PROCESS} = {}{end}", process(profile));
                edited.change(profile, number, None, Some(&new));
            }
            Some(Key::Named(key, value)) => {
                let is_old_process = key == PROCESS && is_of_awsfresh(value);
                if is_old_process {
                    edited.change(profile, number, Some(line), None);
                } else if has_prefixed_form(key) {
                    let new = format!("{PREFIX}{line}");
                    edited.change(profile, number, Some(line), Some(&new));
                    let renamed = edited.renamed.entry(profile.to_owned()).or_default();
                    renamed.insert(key.to_owned());
                } else {
                    edited.text.push_str(line);
                }
            }
        }
    });
    edited
}

/// Takes back what [`set_up`] did: exactly the keys that it renamed, and its lines.
pub(crate) fn undo(config: &str, renamed: &Renamed) -> Edited {
    let mut edited = Edited::default();
    each_line(config, |number, line, profile, key| {
        let keys = profile.and_then(|name| Some((name, renamed.get(name)?)));
        match (keys, key) {
            (Some((name, _)), Some(Key::Named(PROCESS, value))) if is_of_awsfresh(value) => {
                edited.change(name, number, Some(line), None);
            }
            (Some((name, keys)), Some(Key::Named(key, _))) => {
                let own = key.strip_prefix(PREFIX).filter(|key| keys.contains(*key));
                match own {
                    Some(_) => {
                        let new = &line[PREFIX.len()..];
                        edited.change(name, number, Some(line), Some(new));
                    }
                    None => edited.text.push_str(line),
                }
            }
            _ => edited.text.push_str(line),
        }
    });
    edited
}

/// What a line of a profile's section is.
enum Key<'a> {
    Header,
    /// A key in lower case, and its value.
    Named(&'a str, &'a str),
}

/// Calls `visit` with the number and the text of each line, its profile, and what it is in it.
fn each_line(config: &str, mut visit: impl FnMut(usize, &str, Option<&str>, Option<Key<'_>>)) {
    let mut profile: Option<String> = None;
    for (number, line) in (1..).zip(config.split_inclusive('\n')) {
        match line_of(FileKind::Config, line) {
            Line::Header(section) => {
                let of_profile = section.filter(|(kind, _)| *kind == SectionKind::Profile);
                profile = of_profile.map(|(_, name)| name.to_owned());
                visit(number, line, profile.as_deref(), Some(Key::Header));
            }
            Line::Entry(key, value) => {
                let key = Key::Named(&key, value.unwrap_or_default());
                visit(number, line, profile.as_deref(), Some(key));
            }
            Line::Nothing | Line::Continuation(_) => visit(number, line, profile.as_deref(), None),
        }
    }
}

fn is_of_awsfresh(value: &str) -> bool {
    calls_awsfresh(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# mine\r\n[default]\r\nregion = x\r\n\
        [profile a]\r\nRole_ARN=arn # prod\r\n; why\r\nsource_profile = b\r\ns3 =\r\n  role_arn = 1\r\n\
        [sso-session s]\r\nsso_region = x\r\n[profile b c]\nsso_session = s\noutput = json";

    fn process(name: &str) -> String {
        format!("/bin/awsfresh credential-process --profile {name}")
    }

    #[test]
    fn keys_get_a_prefix_and_every_other_byte_stays() {
        let profiles = BTreeSet::from(["a".to_owned(), "b c".to_owned()]);
        let edited = set_up(CONFIG, &profiles, &process);
        let expected = "# mine\r\n[default]\r\nregion = x\r\n\
            [profile a]\r\ncredential_process = /bin/awsfresh credential-process --profile a\r\n\
            awsfresh_Role_ARN=arn # prod\r\n; why\r\nawsfresh_source_profile = b\r\ns3 =\r\n  role_arn = 1\r\n\
            [sso-session s]\r\nsso_region = x\r\n\
            [profile b c]\ncredential_process = /bin/awsfresh credential-process --profile b c\n\
            awsfresh_sso_session = s\noutput = json";
        assert_eq!(edited.text, expected);
        assert_eq!(edited.changes.len(), 5);
        let first = &edited.changes[1];
        assert_eq!(first.old.as_deref(), Some("Role_ARN=arn # prod"));
        assert_eq!(first.line, 5);
        assert_eq!(undo(&edited.text, &edited.renamed).text, CONFIG);
    }

    #[test]
    fn undo_renames_only_what_was_renamed() {
        let profiles = BTreeSet::from(["a".to_owned()]);
        let edited = set_up("[profile a]\nrole_arn = r\n", &profiles, &process);
        let later = format!("{}awsfresh_external_id = mine\nregion = y\n", edited.text);
        let undone = undo(&later, &edited.renamed).text;
        let expected = "[profile a]\nrole_arn = r\nawsfresh_external_id = mine\nregion = y\n";
        assert_eq!(undone, expected);
    }
}
