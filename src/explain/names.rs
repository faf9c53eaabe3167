//! The names in the sentence of a message: a profile, a path, a program.

use super::flatten::Flat;

/// Words behind "profile" that are not its name.
const NOT_NAMES: &[&str] = &[
    "and",
    "associated",
    "but",
    "by",
    "cannot",
    "configuration",
    "contains",
    "could",
    "credential",
    "credentials",
    "does",
    "file",
    "files",
    "for",
    "from",
    "has",
    "in",
    "is",
    "metadata",
    "name",
    "named",
    "not",
    "of",
    "on",
    "or",
    "provider",
    "selected",
    "service",
    "settings",
    "that",
    "the",
    "to",
    "using",
    "was",
    "were",
    "with",
    "you",
    "doesn't",
    "section",
    "if",
    "it",
    "this",
    "as",
    "must",
    "formed",
    "may",
    "will",
    "can",
    "which",
    "error",
    "exists",
    "exist",
    "found",
    "there",
    "argument",
    "flag",
    "option",
    "parameter",
    "setting",
    "value",
    "variable",
];

/// So many command lines of a log are looked at.
const MAX_COMMANDS: usize = 20;

/// The profile that a sentence names.
pub(super) fn profile(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let places = lower
        .match_indices("profile")
        .map(|(at, word)| at + word.len());
    places.filter_map(|at| name_behind(&text[at..])).next()
}

fn name_behind(text: &str) -> Option<&str> {
    let text = text.strip_prefix([' ', ',', '=', ':', '(', '"', '\'', '`'])?;
    let mut rest = text.trim_start_matches([' ', ':', '=', '"', '\'', '`', '(', ',']);
    for word in ["with name ", "named ", "name "] {
        let behind = rest.strip_prefix(word);
        rest = behind.map_or(rest, |rest| {
            rest.trim_start_matches([' ', '"', '\'', '`', '='])
        });
    }
    first_name(rest)
}

/// The profile that the command lines in a log name, if all of them name the same.
pub(super) fn profile_of_commands(text: &str) -> Option<&str> {
    const MARKS: [&str; 3] = ["--profile ", "--profile=", "AWS_PROFILE="];
    let named = |mark: &'static str| {
        text.match_indices(mark)
            .take(MAX_COMMANDS)
            .filter_map(move |(at, _)| first_name(&text[at + mark.len()..]))
    };
    let mut names = MARKS.into_iter().flat_map(named);
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// The name at the beginning of a text, perhaps in quotation marks.
fn first_name(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./+@".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let name = text[..end].trim_end_matches('.');
    let is_name = name.len() <= 64
        && name.contains(|c: char| c.is_alphanumeric())
        && !NOT_NAMES.contains(&name.to_ascii_lowercase().as_str());
    is_name.then_some(name)
}

/// The path of a file of AWS settings or of a token in the line of a message or next to it. Python
/// prints two backslashes for one.
pub(super) fn path(flat: &Flat, at: usize) -> Option<String> {
    let (start, end) = flat.line_around(at);
    let before = start.checked_sub(1).map(|before| flat.line_around(before));
    let behind = (end < flat.text.len()).then(|| flat.line_around(end));
    let lines = [Some((start, end)), behind, before];
    let of_line = |(start, end): (usize, usize)| path_in(&flat.text[start..end]);
    let path = lines.into_iter().flatten().find_map(of_line);
    path.map(|path| path.replace("\\\\", "\\"))
}

fn path_in(line: &str) -> Option<&str> {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | ';');
    line.split(is_end)
        .map(|word| word.trim_end_matches([':', '.']))
        .find(|word| {
            let is_of_aws = [".aws", "sso/cache", "serviceaccount/token"];
            let is_path = word.contains('/') || word.contains(":\\");
            is_path && !word.contains("://") && is_of_aws.iter().any(|part| word.contains(part))
        })
}

/// The program that was not found: `sh: NAME: command not found`.
pub(super) fn program(line: &str) -> Option<&str> {
    let marks = [
        ": command not found",
        ": not found",
        ": No such file",
        ": no such file",
    ];
    let quoted = line
        .split_once("exec: \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let before = marks
        .iter()
        .find_map(|mark| line.split_once(mark).map(|(name, _)| name));
    let name = quoted
        .map(|(name, _)| name)
        .or_else(|| before?.rsplit([' ', '\'']).next());
    name.filter(|name| (1..=120).contains(&name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (text, name) in [
            ("The config profile (dev) could not be found", Some("dev")),
            (
                "A profile named default has not been registered",
                Some("default"),
            ),
            ("failed to get shared config profile, shop", Some("shop")),
            (
                "Profile devawsaccount does not exist",
                Some("devawsaccount"),
            ),
            (
                "AWS profile \"staging\" doesn't seem to be configured",
                Some("staging"),
            ),
            ("No AWS profile named 'my-profile'", Some("my-profile")),
            ("profile \"piyo\" is configured to use SSO", Some("piyo")),
            (
                "valid profile with name 'default' not found",
                Some("default"),
            ),
            ("the profile could not be found", None),
            ("ProfileCredentialsProvider(", None),
        ] {
            assert_eq!(profile(text), name, "{text}");
        }
        assert_eq!(
            program("/bin/sh: cust_process: command not found"),
            Some("cust_process")
        );
        for (text, name) in [
            (
                "$ eksctl get cluster --profile some-profile Error:",
                Some("some-profile"),
            ),
            ("AWS_PROFILE=a aws s3 ls --profile=\"a\"", Some("a")),
            ("aws --profile a s3 ls; aws --profile b s3 ls", None),
            ("use --profile, or export AWS_PROFILE=", None),
            ("the --profile option is missing", None),
        ] {
            assert_eq!(profile_of_commands(text), name, "{text}");
        }
        assert_eq!(
            path_in("open '/root/.aws/config': permission denied"),
            Some("/root/.aws/config")
        );
    }
}
