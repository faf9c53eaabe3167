//! What happened to the lines of a file, where the result looks like something else: a header behind a
//! value, two keys on one line, a key under the name of another one. Each remedy keeps every line:
//! what looks superfluous may be the only copy of a secret.

use super::parser::{Section, SectionKind, Value};
use super::profile::{CREDENTIAL_KEYS, Profile, place};
use crate::aws::access_key::part_of_form;
use crate::finding::{Cause, Finding, Origin, Remedy, Tool, remedy};
use crate::text::{listed, printable};

/// So many lines are listed.
const MAX_LINES: usize = 50;

/// Keys whose values are command lines, paths, URLs and names, which may contain brackets and equals
/// signs.
const FREE_TEXT: [&str; 6] = ["process", "file", "bundle", "url", "policy", "name"];

/// Two values of one key, or two headers of one section.
pub(crate) struct Repeated<'a> {
    /// Empty for headers.
    pub(crate) key: &'a str,
    pub(crate) places: Vec<&'a Origin>,
    /// Whether all values are the same.
    pub(crate) is_same: bool,
}

impl Profile {
    /// What Python tools reject the whole file for: sections that are opened more than once in one
    /// file, and keys with more than one value below one header.
    pub(crate) fn repeated(&self) -> Vec<Repeated<'_>> {
        let is_once = |section: &Section| {
            section.duplicate_headers.is_empty() && section.other_headers.is_empty()
        };
        let mut all = self.repeated_keys(is_once);
        for section in &self.sections {
            if !section.duplicate_headers.is_empty() {
                let places = std::iter::once(&section.origin).chain(&section.duplicate_headers);
                all.push(Repeated {
                    key: "",
                    places: places.collect(),
                    is_same: false,
                });
            }
        }
        all.sort_by(|a, b| place(a.places[0]).cmp(&place(b.places[0]))); // each has at least one
        all
    }

    /// The keys with more than one value of each section that `counts`.
    fn repeated_keys(&self, counts: impl Fn(&Section) -> bool) -> Vec<Repeated<'_>> {
        let mut all = Vec::new();
        for section in self.sections.iter().filter(|section| counts(section)) {
            all.extend(section.entries.repeated().map(|(key, values)| Repeated {
                key,
                is_same: values.iter().all(|value| value.text == values[0].text),
                places: values.into_iter().map(|value| &value.origin).collect(),
            }));
        }
        all
    }

    /// Two different values of one key that `decides`: botocore rejects the file, the SDKs use the
    /// last value without a word.
    pub(super) fn ambiguous(&self, decides: impl Fn(&str) -> bool) -> Option<Finding> {
        let repeated = self.repeated_keys(|_| true).into_iter();
        let repeated = repeated.filter(|one| decides(one.key) && !one.is_same);
        let first = repeated.min_by_key(|one| one.key)?;
        self.repetition(&first)
    }

    /// The first line that is damaged so that tools read something else than what was written.
    pub(super) fn damage(&self) -> Option<Finding> {
        self.damaged_lines().next()
    }

    /// Every line that is damaged so.
    pub(crate) fn damaged_lines(&self) -> impl Iterator<Item = Finding> {
        // Nearly every value has no such mark, in thousands of profiles.
        let has_mark = |value: &Value| value.text.bytes().any(|b| matches!(b, b'[' | b'='));
        let values = self.all_values().filter(move |(_, value)| has_mark(value));
        values.filter_map(|(key, value)| {
            let header = hidden_header(key, value).map(|header| self.hidden(&header));
            header.or_else(|| two_keys(key, value))
        })
    }

    /// The first header in one of its values, of each file: what follows belongs to another section.
    pub(crate) fn first_hidden_headers(&self) -> Vec<&Origin> {
        let hides = |(key, value): &(&str, &Value)| hidden_header(key, value).is_some();
        let mut first: Vec<&Origin> = Vec::new();
        for (_, Value { origin, .. }) in self.all_values().filter(hides) {
            match first.iter_mut().find(|known| known.file == origin.file) {
                Some(known) if known.line > origin.line => *known = origin,
                Some(_) => {}
                None => first.push(origin),
            }
        }
        first
    }

    /// The finding for a section whose header is in a value of this one.
    pub(super) fn hidden_profile(&self, name: &str) -> Option<Finding> {
        let mut values = self.all_values();
        values.find_map(|(key, value)| {
            let header = hidden_header(key, value)?;
            let bare = header.name.strip_prefix("profile ");
            (bare.map_or(header.name, str::trim) == name).then(|| self.hidden(&header))
        })
    }

    fn hidden(&self, header: &HiddenHeader<'_>) -> Finding {
        let HiddenHeader {
            name,
            place,
            is_indented,
        } = header;
        let Origin { file, line } = place;
        let (what, fix) = if *is_indented {
            let fix = remedy!(
                "remove the spaces at the beginning of line {} of {}",
                *line,
                *file
            );
            ("is indented,", fix)
        } else {
            let fix = remedy!(
                "move [{}] from the end of line {} of {} to a line of its own",
                in_header(name),
                *line,
                *file
            );
            ("is behind a value,", fix)
        };
        let why = if *is_indented {
            ""
        } else {
            ": probably the file had no newline at its end"
        };
        let summary = format!("the header [{name}] {what} at {file}:{line}");
        Finding::new(Cause::ConfigMalformed, summary)
            .at(place)
            .evidence(format!(
                "the lines below it are read as part of [{}]{why}",
                printable(&self.name)
            ))
            .remedy(fix)
    }

    /// What is defined twice.
    pub(crate) fn repetition(&self, repeated: &Repeated<'_>) -> Option<Finding> {
        let Repeated { key, places, .. } = repeated;
        if let Some(finding) = self.misplaced_part(key) {
            return Some(finding);
        }
        let (last, earlier) = places.split_last()?;
        let name = printable(&self.name);
        let kind = self.sections.first().map(|section| section.kind);
        let what = match (*key, kind) {
            ("", _) => format!("the file has [{name}]"),
            (key, Some(SectionKind::Profile)) => format!("profile `{name}` has {key}"),
            (key, _) => format!("[{name}] has {key}"),
        };
        let summary = format!("{what} twice, which the AWS CLI and boto3 reject");
        let earlier = match earlier {
            [first] => format!("at {first}"),
            all => {
                let lines = listed(all.iter().map(|place| place.line), MAX_LINES);
                format!("in line {lines}")
            }
        };
        let finding = Finding::new(Cause::ConfigDuplicate, summary)
            .about_profile(&self.name)
            .about_place(last)
            .fails_in(&[Tool::Cli, Tool::Python])
            .evidence(format!("{last}, and before {earlier}"));
        let [first, ..] = places.as_slice() else {
            return None;
        };
        let has_both = || self.repeated_keys(|_| true).iter().any(|one| !one.is_same);
        let finding = if key.is_empty() && has_both() {
            finding.remedy(remedy!(
                "rename the section at line {} of {} to a name that no other section has",
                last.line,
                last.file
            ))
        } else if key.is_empty() {
            finding.remedy(remedy!(
                "move the lines below line {} of {} to the section at line {}, and put # in front of \
                it",
                last.line,
                last.file,
                first.line
            ))
        } else if repeated.is_same {
            finding.remedy(remedy!(
                "put # in front of line {} of {}: the value is the same",
                last.line,
                last.file
            ))
        } else {
            finding.remedy(not_wanted(places))
        };
        Some(finding)
    }

    /// A value of `key` that has the form of another part of the key, which the profile lacks.
    fn misplaced_part(&self, key: &str) -> Option<Finding> {
        let (missing, value) = self.part_under(key)?;
        let what = part_of_form(&value.text)?.noun();
        let summary = format!("{key} of profile `{}` has the form of {what}", self.name);
        Some(
            Finding::new(Cause::ConfigDuplicate, summary)
                .about_profile(&self.name)
                .at(&value.origin)
                .evidence(format!("{missing} is missing, and {key} is defined twice"))
                .remedy(write_as(missing, key, &value.origin)),
        )
    }

    /// The part of a key that the profile lacks, and the value under `key` that has its form.
    fn part_under(&self, key: &str) -> Option<(&'static str, &Value)> {
        let values = self.all_values().filter(|(other, _)| *other == key);
        values.map(|(_, value)| value).find_map(|value| {
            let form = part_of_form(&value.text)?.key();
            (form != key && self.get(form).is_none()).then_some((form, value))
        })
    }

    /// Adds to the finding about a missing part where a value of its form is.
    pub(super) fn with_misplaced(&self, absent: &'static str, finding: Finding) -> Finding {
        let has_form = |(key, value): &(&str, &Value)| {
            *key != absent && part_of_form(&value.text).is_some_and(|part| part.key() == absent)
        };
        match self.all_values().find(has_form) {
            Some((key, value)) => finding
                .evidence(format!("{key} at {} has its form", value.origin))
                .remedy(write_as(absent, key, &value.origin)),
            None => finding,
        }
    }
}

fn write_as(right: &'static str, wrong: &str, place: &Origin) -> Remedy {
    remedy!("write {} in the place of {} at {}", right, wrong, *place)
}

/// What to do with lines of which one is wanted.
pub(super) fn not_wanted(places: &[&Origin]) -> Remedy {
    match places {
        [first, second] => remedy!(
            "put # in front of the one that is not wanted: line {} or {} of {}",
            first.line,
            second.line,
            second.file
        ),
        [first, ..] => remedy!(
            "put # in front of all but one of the {} lines from {} of {}",
            places.len(),
            first.line,
            first.file
        ),
        [] => "put # in front of the lines that are not wanted".into(),
    }
}

/// A header that tools read as a part of a value.
struct HiddenHeader<'a> {
    name: &'a str,
    place: Origin,
    is_indented: bool,
}

fn hidden_header<'a>(key: &str, value: &'a Value) -> Option<HiddenHeader<'a>> {
    if let Some(name) = glued_header(key, &value.text) {
        return Some(HiddenHeader {
            name,
            place: value.origin.clone(),
            is_indented: false,
        });
    }
    let mut lines = (value.origin.line..).zip(value.text.lines()).skip(1);
    lines.find_map(|(line, text)| {
        let name = text.strip_prefix('[')?.strip_suffix(']')?;
        is_header_name(name).then(|| HiddenHeader {
            name,
            place: Origin {
                line,
                ..value.origin.clone()
            },
            is_indented: true,
        })
    })
}

/// The name in a header that follows a value without a line break: `secret[new]`.
fn glued_header<'a>(key: &str, text: &'a str) -> Option<&'a str> {
    let (before, name) = text.strip_suffix(']')?.rsplit_once('[')?;
    let is_free_text = FREE_TEXT.iter().any(|part| key.contains(part));
    let fits = is_header_name(name) && (name.contains(' ') || !is_free_text);
    let is_one_value = !before.is_empty() && !before.trim_end().contains(char::is_whitespace);
    let is_one_line = !text.contains('\n');
    (is_one_value && is_one_line && fits).then_some(name)
}

/// The text of a header, for a remedy.
fn in_header(text: &str) -> Remedy {
    match text.split_once(' ') {
        Some(("profile", name)) => remedy!("profile {}", name),
        Some(("sso-session", name)) => remedy!("sso-session {}", name),
        Some(("services", name)) => remedy!("services {}", name),
        _ => remedy!("{}", text),
    }
}

/// Whether a text is that of a header: a name, or `profile` and a name.
fn is_header_name(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-./@:+".contains(c);
    match text.split_once(' ') {
        Some((kind, rest)) => {
            matches!(kind, "profile" | "sso-session" | "services") && !rest.trim().is_empty()
        }
        None => !text.is_empty() && text.chars().all(is_name),
    }
}

/// A value that contains the next key: `aws_access_key_id = AKIA… aws_secret_access_key = …`.
fn two_keys(key: &str, value: &Value) -> Option<Finding> {
    if FREE_TEXT.iter().any(|part| key.contains(part)) {
        return None;
    }
    let is_assigned = |name: &&&str| {
        let follows = value.text.match_indices(**name).any(|(at, found)| {
            let rest = value.text[at + found.len()..].trim_start();
            let is_one_value = !value.text[..at].trim_end().contains(char::is_whitespace);
            at > 0 && is_one_value && rest.starts_with('=')
        });
        name.contains('_') && follows
    };
    let second = CREDENTIAL_KEYS.iter().find(is_assigned)?;
    let Origin { file, line } = &value.origin;
    let summary = format!("{second} is behind another value, at {}", value.origin);
    let finding = Finding::new(Cause::ConfigMalformed, summary).at(&value.origin);
    Some(finding.remedy(remedy!(
        "move {} and its value to a line of their own, below line {} of {}",
        *second,
        *line,
        *file
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProfileSet;

    #[test]
    fn a_header_behind_a_value_is_recognised() {
        for (key, text, name) in [
            ("aws_secret_access_key", "abc/d+[portal]", Some("portal")),
            (
                "region",
                "eu-west-1[profile new one]",
                Some("profile new one"),
            ),
            ("region", "eu-west-1 [default]", Some("default")),
            ("credential_process", "/bin/x[profile y]", Some("profile y")),
            ("credential_process", "/bin/x --only a[b]", None),
            ("credential_process", "sh -c [x]", None),
            ("endpoint_url", "http://[::1]", None),
            ("x_list", "[a]", None),
            ("x_list", "a[1, 2]", None),
            ("output", "json", None),
        ] {
            assert_eq!(glued_header(key, text), name, "{key} = {text}");
        }
    }

    #[test]
    fn a_part_under_the_name_of_another_one_is_found() {
        let set = ProfileSet::from_texts(
            "",
            "[a]\naws_access_key_id = AKIAQ3EGRMHWXN5TLPDJ\n\
             aws_access_key_id = k7Zp+Q2vL/9wXc4Tn8RbYh1MjUe6Gd3sAf0KiVoB\n",
        );
        let finding = set.find("a").unwrap_err();
        assert!(
            finding.remedy[0].contains("write aws_secret_access_key in the place of"),
            "{finding}"
        );
        let set =
            ProfileSet::from_texts("", "[a]\naws_access_key_id = X aws_secret_access_key=Y\n");
        assert!(
            set.find("a")
                .unwrap_err()
                .summary
                .contains("behind another value")
        );
    }
}
