//! What happened to a part of an access key on its way into a file or a variable: quotes, braces,
//! white space, characters that a shell or a URL added.

use super::access_key::{Flaw, Part, part_of_form};
use crate::finding::Cause;

fn is_quoted(text: &str) -> bool {
    text.starts_with(['"', '\'', '`', '\u{2018}', '\u{201c}'])
}

/// A key in the braces of a template, or with the comma of JSON or CSV behind it.
pub(super) fn enclosed(part: Part, text: &str) -> Option<Flaw> {
    let bare = text.trim_matches(['{', '}', '(', ')', '<', '>', '[', ']', '"', '\'']);
    let bare = bare.trim_end_matches([',', ';', '"', '\'']);
    let is_part = part_of_form(bare) == Some(part);
    let (cause, what, fix) = match (text.chars().next()?, text.chars().last()?) {
        ('{' | '(' | '<' | '[', _) => (
            Cause::ConfigMalformed,
            "has braces, which are part of the value",
            "remove the braces: they stand for a value in templates",
        ),
        (_, ',' | ';') if text.starts_with(bare) => (
            part.malformed(),
            "has a comma or semicolon at its end",
            "remove the last character",
        ),
        _ => return None,
    };
    is_part.then_some(Flaw::new(cause, part, what, fix))
}

/// Quotes, white space and characters that no part has.
pub(super) fn flaw_of_characters(part: Part, text: &str) -> Option<Flaw> {
    if let Some(flaw) = enclosed(part, text) {
        return Some(flaw);
    }
    if is_quoted(text) {
        let cause = if text.is_ascii() {
            Cause::ConfigMalformed
        } else {
            Cause::HiddenCharacters
        };
        let fix = "remove the quotes: most AWS tools read them as part of the value";
        return Some(Flaw::new(
            cause,
            part,
            "has quotes, which are part of the value",
            fix,
        ));
    }
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    if part == Part::Token && text.is_ascii() {
        let what = "contains white space or a line break: it was wrapped, or `+` became a space";
        let fix = "copy it again, all of it on one line";
        return Some(Flaw::new(Cause::SessionTokenDamaged, part, what, fix));
    }
    let what = "contains white space or hidden characters";
    Some(Flaw::new(
        Cause::HiddenCharacters,
        part,
        what,
        "type or copy the value again, on one line",
    ))
}

/// What is wrong with a part that ends so.
pub(super) const SHELL_MARK: &str = "ends with a `%`, probably shown by zsh";
/// What to do about it.
pub(super) const REMOVE_SHELL_MARK: &str =
    "remove the % at its end: zsh shows one behind output without a line break";

/// Whether the last character is the mark of a shell behind output without a line break.
pub(super) fn is_shell_mark(text: &str) -> bool {
    text.strip_suffix('%')
        .is_some_and(|text| !text.contains('%'))
}

/// What is wrong with a part that contains a `%`, and what to do.
pub(super) fn escaped(text: &str, copy_again: &'static str) -> (&'static str, &'static str) {
    let mut codes = text.split('%').skip(1);
    let is_code = |code: &str| {
        code.get(..2)
            .is_some_and(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if codes.all(is_code) {
        ("contains a `%`: it was escaped for a URL", copy_again)
    } else {
        ("contains a `%`, which no key has", "copy it again")
    }
}
