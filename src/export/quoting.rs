//! One line per variable, with the value quoted as the format reads it. Pure.

use super::Format;

/// The most bytes that one byte of a value becomes.
pub(super) const GROWTH: usize = 6;
/// The most bytes around name and value.
pub(super) const AROUND: usize = 32;

/// Adds a line that gives a variable this value, or removes it. `false`: the format has no line for
/// that.
pub(super) fn push_change(
    out: &mut Vec<u8>,
    format: Format,
    name: &str,
    value: Option<&str>,
) -> bool {
    match (format, value) {
        // A `;` at the end of each line, as ssh-agent prints it: `eval $(...)` without quotes joins
        // the lines.
        (Format::Bash, None) => push(out, &["unset ", name, ";"]),
        (Format::Bash, Some(value)) => {
            push(out, &["export ", name, "='"]);
            push_replaced(out, value, |c| (c == '\'').then_some(r"'\''"));
            push(out, &["';"]);
        }
        (Format::Fish, None) => push(out, &["set -e ", name, ";"]),
        (Format::Fish, Some(value)) => {
            push(out, &["set -gx ", name, " '"]);
            push_replaced(out, value, in_fish);
            push(out, &["';"]);
        }
        (Format::Powershell, None) => push(out, &["$env:", name, " = $null"]),
        (Format::Powershell, Some(value)) => {
            push(out, &["$env:", name, " = '"]);
            push_replaced(out, value, in_powershell);
            push(out, &["'"]);
        }
        (Format::Cmd, None) => push(out, &["set \"", name, "=\""]),
        // A file, a prompt and `for /f` differ in `%`, `!` and `"`; the code page decides about
        // characters that are not ASCII.
        (Format::Cmd, Some(value)) if has_only(value, |c| c.is_ascii() && !"%!\"".contains(c)) => {
            push(out, &["set \"", name, "=", value, "\""]);
        }
        (Format::Dotenv, Some(value)) if has_only(value, is_plain) => {
            push(out, &[name, "=", value]);
        }
        // Some readers see escapes between single quotes, and some expand variables there.
        (Format::Dotenv, Some(value)) if has_only(value, |c| !r"'\$".contains(c)) => {
            push(out, &[name, "='", value, "'"]);
        }
        (Format::Docker, Some(value)) if has_only(value, |_| true) => {
            push(out, &[name, "=", value]);
        }
        // Readers differ in quotes, and in what begins a comment.
        (Format::CredentialsFile, Some(value))
            if has_only(value, |c| c.is_ascii_graphic())
                && !value.starts_with(QUOTE_OR_COMMENT) =>
        {
            push(out, &[name, " = ", value]);
        }
        _ => return false,
    }
    true
}

const QUOTE_OR_COMMENT: [char; 4] = ['\'', '"', '#', ';'];

fn push(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Adds a value with another text in the place of some characters.
fn push_replaced(out: &mut Vec<u8>, value: &str, other: impl Fn(char) -> Option<&'static str>) {
    for c in value.chars() {
        let mut buffer = [0; 4];
        let text = other(c).unwrap_or_else(|| c.encode_utf8(&mut buffer));
        push(out, &[text]);
    }
}

/// <https://fishshell.com/docs/current/language.html#quotes>
fn in_fish(c: char) -> Option<&'static str> {
    match c {
        '\'' => Some(r"\'"),
        '\\' => Some(r"\\"),
        _ => None,
    }
}

/// Every character that PowerShell takes for a single quote is doubled.
/// <https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.core/about/about_quoting_rules>
fn in_powershell(c: char) -> Option<&'static str> {
    match c {
        '\'' => Some("''"),
        '\u{2018}' => Some("\u{2018}\u{2018}"),
        '\u{2019}' => Some("\u{2019}\u{2019}"),
        '\u{201a}' => Some("\u{201a}\u{201a}"),
        '\u{201b}' => Some("\u{201b}\u{201b}"),
        _ => None,
    }
}

/// Whether a value has one line, and only these characters.
fn has_only(value: &str, allowed: impl Fn(char) -> bool) -> bool {
    value.chars().all(|c| !c.is_control() && allowed(c))
}

/// Whether every reader of a `.env` file takes a character as it is without quotes.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c)
}
