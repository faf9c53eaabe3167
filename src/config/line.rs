//! What one line of an AWS file is, by its form alone.

use std::borrow::Cow;

use memchr::memchr2;

use super::parser::{FileKind, SectionKind};

/// What one line is, by its form alone.
pub(super) enum Line<'a> {
    /// Blank, or a comment.
    Nothing,
    /// `[…]`; `None` without the `]`.
    Header(Option<(SectionKind, &'a str)>),
    /// A key in lower case, and what follows the `=` if there is one.
    Entry(Cow<'a, str>, Option<&'a str>),
    /// Indented: belongs to the entry above.
    Continuation(&'a str),
}

impl<'a> Line<'a> {
    pub(super) fn of(file: FileKind, line: &'a str) -> Self {
        if line.trim().is_empty() || line.starts_with(['#', ';']) {
            return Self::Nothing;
        }
        if line.starts_with([' ', '\t']) {
            return Self::Continuation(line.trim());
        }
        if let Some(rest) = line.strip_prefix('[') {
            return Self::Header(
                rest.split_once(']')
                    .map(|(inside, _)| header(file, inside.trim())),
            );
        }
        match line.split_once('=') {
            Some((key, value)) => Self::Entry(in_lower_case(key.trim()), Some(value)),
            None => Self::Entry(in_lower_case(line.trim()), None),
        }
    }
}

fn in_lower_case(key: &str) -> Cow<'_, str> {
    if key.bytes().any(|b| b.is_ascii_uppercase()) {
        return Cow::Owned(key.to_ascii_lowercase());
    }
    Cow::Borrowed(key)
}

/// Kind and name of the section that `[inside]` opens.
pub(super) fn header(file: FileKind, inside: &str) -> (SectionKind, &str) {
    match (file, inside.split_once([' ', '\t'])) {
        (FileKind::Credentials, _) => (SectionKind::Profile, inside),
        (FileKind::Config, Some(("profile", name))) => (SectionKind::Profile, unquoted(name)),
        (FileKind::Config, Some(("sso-session", name))) => {
            (SectionKind::SsoSession, unquoted(name))
        }
        (FileKind::Config, Some(("services", name))) => (SectionKind::Services, unquoted(name)),
        (FileKind::Config, None) if inside == "default" => (SectionKind::Profile, inside),
        (FileKind::Config, _) => (SectionKind::Other, inside),
    }
}

fn unquoted(name: &str) -> &str {
    let name = name.trim();
    ['"', '\'']
        .iter()
        .find_map(|q| name.strip_prefix(*q)?.strip_suffix(*q))
        .unwrap_or(name)
}

/// The SDKs' rule: a comment starts at `#` or `;` with white space before it.
pub(super) fn without_comment(value: &str) -> &str {
    if memchr2(b'#', b';', value.as_bytes()).is_none() {
        return value.trim();
    }
    let starts = value
        .char_indices()
        .zip(value.chars().skip(1))
        .find(|((_, before), c)| matches!(c, '#' | ';') && before.is_whitespace());
    starts.map_or(value, |((at, _), _)| &value[..at]).trim()
}
