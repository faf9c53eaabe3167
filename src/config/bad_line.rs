//! Lines that are not valid: what each of them probably was, and how to correct it without losing what
//! is in it.

use std::sync::Arc;

use crate::finding::{Cause, Finding, Origin, Remedy, remedy};

/// A line of so many characters of base64 is the rest of a value.
const WRAPPED_LENGTH: usize = 16;

/// A line that is not valid. A file may have millions of them.
#[derive(Debug)]
pub(super) struct BadLine {
    pub(super) line: u32,
    pub(super) problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Problem {
    NoEquals,
    /// `key: value`, which Python tools accept.
    Colon,
    /// Below a key without a value: Python tools reject the whole file.
    NestedNoEquals,
    Indented,
    NoName,
    /// `default`, `profile x`, `x]`.
    NoHeader,
    /// The rest of a long value.
    Wrapped,
}

impl BadLine {
    /// What is wrong with this line of `file`.
    pub(super) fn finding(&self, file: &Arc<str>) -> Finding {
        let (file, line) = (file.clone(), self.line);
        let fix = match self.problem {
            Problem::Colon => remedy!(
                "write = instead of : in line {}: only Python tools accept both",
                line
            ),
            Problem::Wrapped => remedy!(
                "append line {} to the value above it, without a space between them",
                line
            ),
            Problem::NoHeader => remedy!("write the name in line {} in brackets: [NAME]", line),
            Problem::Indented => remedy!("remove the spaces at the beginning of line {}", line),
            Problem::NoName => remedy!("write a name between the brackets in line {}", line),
            Problem::NestedNoEquals => remedy!(
                "move line {} to the end of the line above it, or put # in front of it",
                line
            ),
            Problem::NoEquals => remedy!("add the = in line {}, or put # in front of it", line),
        };
        malformed(&Origin { file, line }, self.problem.words(), fix)
    }
}

impl Problem {
    /// What is wrong with a line without `=`, in lower case.
    pub(super) fn of(line: &str) -> Self {
        let is_key = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '/' || c == '+';
        if line.split_once(':').is_some_and(|(name, _)| is_key(name)) {
            Self::Colon
        } else if line.ends_with(']') || line == "default" || line.starts_with("profile ") {
            Self::NoHeader
        } else if line.len() >= WRAPPED_LENGTH && line.chars().all(is_base64) {
            Self::Wrapped
        } else {
            Self::NoEquals
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NoEquals | Self::Colon => "has no `=`",
            Self::NestedNoEquals => "is indented and has no `=`",
            Self::Indented => "is indented, but does not follow a key",
            Self::NoName => "opens a section without a name",
            Self::NoHeader => "looks like a header without brackets",
            Self::Wrapped => "continues the value above it",
        }
    }
}

/// A finding about one line.
pub(super) fn malformed(origin: &Origin, what: &str, fix: impl Into<Remedy>) -> Finding {
    Finding::new(
        Cause::ConfigMalformed,
        format!("line {} of {} {what}", origin.line, origin.file),
    )
    .at(origin)
    .remedy(fix)
}

/// What to do with a line in front of the first header.
pub(super) fn headless(line: &str, number: u32) -> (&'static str, Remedy) {
    let bare = line.trim();
    let is_header = bare.starts_with('[') && bare.ends_with(']');
    if is_header {
        let what = "is an indented header, which no tool sees";
        let fix = remedy!("remove the spaces at the beginning of line {}", number);
        return (what, fix);
    }
    if bare.starts_with(['{', '"', '<']) {
        let what = "is not of the form of an AWS file";
        let fix = "write [default], and below it KEY = VALUE, a line for each key";
        return (what, fix.into());
    }
    if bare.starts_with("export ") || bare.starts_with("set ") || bare.starts_with("$env:") {
        let what = "is a command of a shell";
        let fix = remedy!(
            "write [default] above line {}, and write the lines as aws_access_key_id = VALUE",
            number
        );
        return (what, fix);
    }
    if !bare.contains('=') && bare.to_ascii_uppercase().starts_with("ACCESS KEY ID,") {
        let what = "is the first line of a CSV file";
        let fix = "write [default], then aws_access_key_id = and aws_secret_access_key = with the two \
            values of line 2";
        return (what, fix.into());
    }
    if let Some(name) = header_without_brackets(bare) {
        let fix = remedy!("write [{}] in line {}", name, number);
        return ("looks like a header without brackets", fix);
    }
    let fix = remedy!(
        "write [default], or the name of the profile in brackets, on a line above line {}",
        number
    );
    ("precedes the first section header", fix)
}

/// The name in `default`, `profile x`, `(x)`, `<x>`, `x]`.
fn header_without_brackets(line: &str) -> Option<&str> {
    let name = line.trim_matches(['(', ')', '<', '>', '[', ']', ' ']);
    let is_wrapped = name != line;
    let is_named = name == "default" || name.starts_with("profile ");
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-./@+ ".contains(c);
    let fits = !name.is_empty() && name.chars().all(is_name);
    (fits && (is_named || is_wrapped)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_front_of_the_first_header_is_described() {
        for (line, what, fix) in [
            (
                "aws_access_key_id = x",
                "precedes",
                "on a line above line 3",
            ),
            (" [default]", "indented", "spaces at the beginning"),
            ("{\"AccessKeyId\": \"x\"}", "not of the form", "[default]"),
            ("export AWS_ACCESS_KEY_ID=x", "a shell", "above line 3"),
            ("Access key ID,Secret access key", "CSV", "line 2"),
            ("default", "without brackets", "write [default]"),
            ("(dev)", "without brackets", "write [dev]"),
        ] {
            let (found, remedy) = headless(line, 3);
            assert!(
                found.contains(what) && remedy.contains(fix),
                "{line}: {found}, {remedy}"
            );
        }
    }
}
