//! Text as people see it: control characters removed, cut to a length, secrets masked, and styled
//! for a terminal.

mod width;

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::known_secrets;
pub(crate) use width::{columns, cut, padded, wrapped};

/// The styles of the output. [`crate::ui`] removes them where stdout is not a terminal.
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Styled lines for people. Every text in it is printable: its only escape codes are our styles.
#[derive(Default)]
pub(crate) struct Styled(String);

impl Styled {
    /// Adds text to the last line.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&printable(text));
        self
    }

    /// Adds text in a style.
    pub(crate) fn paint(&mut self, style: Style, text: &str) -> &mut Self {
        self.0.push_str(&style.render().to_string());
        self.push(text)
            .0
            .push_str(&style.render_reset().to_string());
        self
    }

    /// Adds text and ends the line.
    pub(crate) fn line(&mut self, text: &str) {
        self.push(text).0.push('\n');
    }

    /// The text with its escape codes.
    pub(crate) fn as_str(&self) -> &str {
        self.0.trim_end_matches('\n')
    }
}

/// `text` with `?` for every character that is not shown as it is.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return text.into();
    }
    let shown = text.chars().map(|c| if is_shown(c) { c } else { '?' });
    shown.collect::<String>().into()
}

/// Whether every character of `text` is shown as it is.
pub(crate) fn is_printable(text: &str) -> bool {
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.bytes().all(is_plain) || text.chars().all(is_shown)
}

/// Lines with printable text.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join("\n")
}

/// Lines with printable text and tabs.
pub(crate) fn printable_columns(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n'))
    {
        return text.into();
    }
    let is_kept = |c: char| is_shown(c) || matches!(c, '\t' | '\n');
    let kept = text.chars().map(|c| if is_kept(c) { c } else { '?' });
    kept.collect::<String>().into()
}

/// JSON on one line, with `\u` escapes for every character that is not shown as it is: programs read
/// the value as it was.
pub(crate) fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut line = String::new();
    for c in serde_json::to_string(value)?.chars() {
        if is_shown(c) {
            line.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(line, "\\u{unit:04x}"); // writing to memory cannot fail
        }
    }
    Ok(line)
}

/// Whether a terminal shows a character as it is. Control characters control a terminal or add
/// lines; the others cannot be seen, or change the direction of the text.
fn is_shown(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_invisible
}

/// At most `limit` bytes of `text`, in whole characters.
pub(crate) fn truncate(text: &str, limit: usize) -> String {
    match text
        .char_indices()
        .find(|(at, c)| at + c.len_utf8() > limit)
    {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The first `limit` bytes of `text`, in whole characters, and how many are left out.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let shown = truncate(text, limit);
    let more = text.len() - (shown.len() - '…'.len_utf8());
    format!("{shown} ({} more bytes)", grouped(more))
}

/// The first `limit` of `items`, with commas, and how many are left out.
pub(crate) fn listed(items: impl IntoIterator<Item = impl ToString>, limit: usize) -> String {
    let mut items = items.into_iter();
    let shown: Vec<String> = items
        .by_ref()
        .take(limit)
        .map(|item| item.to_string())
        .collect();
    match items.count() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}

/// A number for people, such as `12,345`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A key ID as people may see it: the first and last four characters.
pub(crate) fn masked(key_id: &str) -> String {
    let chars: Vec<char> = key_id.chars().collect();
    if chars.len() <= 8 {
        return "*".repeat(chars.len());
    }
    let (first, last) = (&chars[..4], &chars[chars.len() - 4..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// The text of another program as people may see it: key IDs are masked, and each secret that this
/// process holds, whatever else has the form of a secret or token, and user and password in URLs,
/// are replaced by `…`. ARNs and plain URLs stay.
pub(crate) fn redacted(text: &str) -> String {
    known_secrets::hide(text)
        .split_inclusive(char::is_whitespace)
        .map(redacted_token)
        .collect()
}

/// The same for text without white space in the middle.
fn redacted_token(token: &str) -> String {
    let token = without_userinfo(token);
    let is_name = token.contains("arn:") || (token.contains("://") && !token.contains(['=', '%']));
    let in_key = |c: char| c.is_ascii_alphanumeric() || "+/=_%".contains(c);
    let mut shown = String::with_capacity(token.len());
    for part in token.split_inclusive(|c| !in_key(c)) {
        let (word, end) = part.split_at(part.trim_end_matches(|c| !in_key(c)).len());
        match masked_key_id(word) {
            Some(masked) => shown.push_str(&masked),
            None if !is_name && looks_secret(word) => shown.push('…'),
            None => shown.push_str(word),
        }
        shown.push_str(end);
    }
    shown
}

/// A URL without the user and password in front of its host.
fn without_userinfo(token: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = token.split_once("://") else {
        return token.into();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{path}").into(),
        None => token.into(),
    }
}

/// The word with its key ID masked; `None` if it contains none.
fn masked_key_id(word: &str) -> Option<String> {
    let at = ["AKIA", "ASIA"]
        .iter()
        .filter_map(|prefix| word.find(prefix))
        .min()?;
    let (before, id) = word.split_at(at);
    let is_id =
        (16..=128).contains(&id.len()) && id.bytes().take(16).all(|b| b.is_ascii_alphanumeric());
    let (id, after) = id.split_at(
        id.find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(id.len()),
    );
    is_id.then(|| format!("{before}{}{after}", masked(id)))
}

/// Whether a word has the form of a secret or token: a secret key has 40 characters, a token more.
/// A path of that length starts with a slash, or has three names of letters.
fn looks_secret(word: &str) -> bool {
    let has = |is: fn(char) -> bool| word.chars().any(is);
    let is_mixed = has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase());
    word.len() >= 36 && is_mixed && !word.starts_with('/') && !is_class_name(word) && !is_path(word)
}

/// Whether a word is a relative path: names of letters, few of them capitals. In a secret, half of
/// the letters are capitals, and most have digits between them.
fn is_path(word: &str) -> bool {
    let is_name = |part: &str| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_alphabetic());
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    capitals * 4 < word.len() && word.matches('/').count() >= 2 && word.split('/').all(is_name)
}

/// Whether a word is the name of a class of an SDK: letters with at most one digit, and one of the
/// endings that such names have.
fn is_class_name(word: &str) -> bool {
    let endings = [
        "Credentials",
        "Exception",
        "Provider",
        "Request",
        "Response",
        "Client",
        "Error",
        "Handler",
        "Failure",
        "Wrapper",
    ];
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_name = digits <= 1 && word.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name && endings.iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_styles_control_a_terminal() {
        let mut lines = Styled::default();
        lines
            .push("a\u{1b}[31m")
            .paint(RED, "\u{9b}b\n")
            .line("\u{202e}");
        assert_eq!(lines.as_str(), "a?[31m\u{1b}[31m?b?\u{1b}[0m?");
        assert_eq!(printable_lines("a\tb\r\nc\u{61c}"), "a?b\nc?");
    }

    #[test]
    fn json_has_what_is_not_shown_escaped() {
        let value = "\u{7f}\u{9b}\u{202e}\u{e0041}\u{1f600}\n";
        let line = json_line(&value).unwrap();
        let escaped = r#""\u007f\u009b\u202e\udb40\udc41"#;
        assert_eq!(line, format!("{escaped}\u{1f600}\\n\""));
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(bounded("äöü", 6), "äöü");
        assert_eq!(bounded("äöü", 5), "äö… (2 more bytes)");
        assert_eq!(listed(1..=3, 3), "1, 2, 3");
        assert_eq!(listed(1..=2000, 2), "1, 2 and 1,998 more");
    }

    #[test]
    fn key_ids_are_masked() {
        assert_eq!(masked("AKIAIOSFODNN7EXAMPLE"), "AKIA…MPLE");
        assert_eq!(masked("short"), "*****");
    }

    #[test]
    fn foreign_text_is_shown_without_secrets() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzKEY";
        for (text, wanted) in [
            (
                format!("got '{secret}/20181031/us-east-2/sqs/aws4_request'"),
                "got '…-east-2/sqs/aws4_request'",
            ),
            (
                format!("export AWS_SECRET_ACCESS_KEY={secret} x"),
                "export … x",
            ),
            (
                "proxy URL: \"http://bob:hunter2@proxy:3128/\" x".into(),
                "proxy URL: \"http://…@proxy:3128/\" x",
            ),
            (
                "at vendor/aws/aws-sdk-php/src/Credentials/CredentialProvider.php 394".into(),
                "at vendor/aws/aws-sdk-php/src/Credentials/CredentialProvider.php 394",
            ),
            (
                "auth.EC2ContainerCredentialsProviderWrapper@4".into(),
                "auth.EC2ContainerCredentialsProviderWrapper@4",
            ),
            (
                "Credential=AKIAQBENCHBENCHBENCH/20200101/".into(),
                "Credential=AKIA…ENCH/20200101/",
            ),
            (
                "https://x/?X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLETOKENxxxxxxxxxxxx".into(),
                "https://x/?X-Amz-Security-…",
            ),
            (
                "on arn:aws:iam::1:role/AWSReservedSSO_AdministratorAccess_0123456789abcdef".into(),
                "on arn:aws:iam::1:role/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
            ),
            (
                "No provider for https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789"
                    .into(),
                "No provider for https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789",
            ),
        ] {
            assert_eq!(redacted(&text), wanted);
        }
    }
}
