//! Offers as the scripts read them: a line with `words`, `files` or `command INDEX`; after `words`, a
//! line for each word, with its description after a tab where the shell shows one.

use std::borrow::Cow;

use super::{Offer, Shell, Typed};

/// An offer as the script of a shell reads it, without the last line end.
pub(crate) fn in_form(shell: Shell, typed: &Typed, offer: &Offer) -> String {
    let words = match offer {
        Offer::Files => return "files".to_owned(),
        Offer::Command(index) => return format!("command {index}"),
        Offer::Words(words) => words,
    };
    // The other shells filter by themselves, some of them by more than the beginning.
    let is_filtered = matches!(shell, Shell::Bash | Shell::Powershell | Shell::Nushell);
    let mut lines = String::from("words");
    for word in words {
        if is_filtered && !word.value.starts_with(&typed.word) {
            continue;
        }
        lines.push('\n');
        match shell {
            Shell::Bash => lines.push_str(&for_bash(typed, &word.value)),
            Shell::Zsh | Shell::Fish => lines.push_str(&word.value),
            Shell::Powershell => lines.push_str(&for_powershell(&word.value)),
            Shell::Nushell => lines.push_str(&for_nushell(&word.value)),
        }
        if shell != Shell::Bash && !word.help.is_empty() {
            lines.push('\t');
            lines.push_str(&word.help);
        }
    }
    lines
}

/// Whether no shell does anything with the word but read it.
fn is_plain(word: &str) -> bool {
    word.chars().all(in_plain) && !word.starts_with('=')
}

fn in_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_./:=@+,".contains(c)
}

/// The rest of the word in the quotes that are open.
fn for_bash<'a>(typed: &Typed, word: &'a str) -> Cow<'a, str> {
    let rest = word.get(typed.kept..).unwrap_or_default();
    match typed.quote {
        Some('\'') => rest.replace('\'', r"'\''").into(),
        Some(_) => escaped(rest, |c| "\"\\$`".contains(c)),
        None => escaped(rest, |c| !in_plain(c)),
    }
}

/// The word with a backslash before some of its characters.
fn escaped(word: &str, is_special: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !word.contains(&is_special) {
        return word.into();
    }
    let mut text = String::new();
    for c in word.chars() {
        if is_special(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text.into()
}

fn for_powershell(word: &str) -> String {
    if is_plain(word) && !word.contains([',', '@']) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "''"))
}

fn for_nushell(word: &str) -> String {
    if is_plain(word) {
        return word.to_owned();
    }
    format!("\"{}\"", escaped(word, |c| "\"\\".contains(c)))
}
