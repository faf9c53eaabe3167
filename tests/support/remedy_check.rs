//! Carries out remedies that change a file, and checks that nothing in it is lost: no secret, no key
//! and no section.
#![allow(dead_code, missing_docs)]

use std::path::Path;

/// Values of so many characters may be the only copy of something.
const PRECIOUS: usize = 16;

/// What a remedy may tell a person to take away: none of it is data.
const HARMLESS: [&str; 9] = [
    "remove the quotes",
    "remove the braces",
    "remove the spaces at the",
    "remove the last character",
    "remove each backslash",
    "remove the % at its end",
    "or remove the character",
    "awsfresh keys remove",
    "/.aws/cli/cache/",
];

/// Fails if a remedy would lose something of the file that it names.
pub fn check(remedy: &str, home: &Path) -> Result<(), String> {
    let lower = remedy.to_lowercase();
    let takes_away = [" remove ", " delete ", " rm ", " keep one", " overwrite"];
    let lower = format!(" {lower}");
    let is_harmless = HARMLESS.iter().any(|words| remedy.contains(words));
    if takes_away.iter().any(|word| lower.contains(word)) && !is_harmless {
        return Err(format!("a remedy loses data: {remedy}"));
    }
    let Some((file, line)) = place(remedy, home) else {
        return Ok(());
    };
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(());
    };
    let lines: Vec<&str> = text.lines().collect();
    let Some(old) = line.checked_sub(1).and_then(|n| lines.get(n)) else {
        return Ok(());
    };
    let Some(new) = applied(remedy, old) else {
        return Ok(());
    };
    let value = old.split_once('=').map_or(*old, |(_, value)| value);
    let lost = value
        .split([' ', '=', '\t', '[', ']', '"'])
        .filter(|word| word.len() >= PRECIOUS)
        .find(|word| !new.contains(word));
    if let Some(lost) = lost {
        return Err(format!(
            "{} characters of line {line} are lost: {remedy}",
            lost.len()
        ));
    }
    let headers = |line: &str| line.matches('[').count();
    if headers(&new) < headers(old) {
        return Err(format!("a section is lost: {remedy}"));
    }
    Ok(())
}

/// The line as the remedy leaves it; `None` for a remedy that changes no line.
fn applied(remedy: &str, old: &str) -> Option<String> {
    if remedy.contains("put # in front of") {
        return Some(format!("# {old}"));
    }
    let words = remedy.strip_prefix("write ")?;
    if let Some((header, _)) = words
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        let is_above = words.contains(" above line ");
        let below = if is_above { old } else { "" };
        return Some(format!("[{header}]\n{below}"));
    }
    if let Some((right, rest)) = words.split_once(" in the place of ") {
        let wrong = rest.split(' ').next()?;
        return Some(replaced(old, wrong, right));
    }
    let (new, _) = words.split_once(" at ")?;
    match new.split_once(" = ") {
        Some((key, value)) => old
            .to_lowercase()
            .trim_start()
            .starts_with(key)
            .then(|| format!("{key} = {value}")),
        // A key under another name: the value stays.
        None => old
            .split_once('=')
            .map(|(_, value)| format!("{new} ={value}")),
    }
}

fn replaced(old: &str, wrong: &str, right: &str) -> String {
    match old.to_lowercase().find(&wrong.to_lowercase()) {
        Some(at) => format!("{}{right}{}", &old[..at], &old[at + wrong.len()..]),
        None => old.to_owned(),
    }
}

/// The file below the home directory and the line that a remedy names: `FILE:LINE`, or
/// `line LINE of FILE`.
fn place(remedy: &str, home: &Path) -> Option<(std::path::PathBuf, usize)> {
    let home = home.display().to_string();
    let at = remedy.find(&home)?;
    let path: String = remedy[at..]
        .chars()
        .take_while(|c| !c.is_whitespace() && !"\"',)".contains(*c))
        .collect();
    let path = path.trim_end_matches([':', ';']);
    if let Some((file, line)) = path.rsplit_once(':')
        && let Ok(line) = line.parse()
    {
        return Some((file.into(), line));
    }
    let before = remedy[..at].strip_suffix(" of ")?;
    let line = before.rsplit(' ').next()?.parse().ok()?;
    Some((path.into(), line))
}

/// The check finds what it is for.
pub fn the_check_finds_losses() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials");
    let secret = "a".repeat(40);
    std::fs::write(
        &file,
        format!("[a]\naws_secret_access_key = {secret}\n[b]\n"),
    )
    .unwrap();
    let path = file.display();
    for (remedy, is_fine) in [
        (format!("keep one of lines 2 and 3 of {path}"), false),
        (format!("remove line 2 of {path}"), false),
        (format!("write [c] at {path}:2"), false),
        (
            format!("write aws_secret_access_key = VALUE at {path}:2"),
            false,
        ),
        (format!("write [c] at {path}:3"), true),
        (format!("put # in front of line 2 of {path}"), true),
        (
            format!("write [default] on a line above line 2 of {path}"),
            true,
        ),
        (
            format!("write aws_session_token in the place of aws_secret_access_key at {path}:2"),
            true,
        ),
    ] {
        let outcome = check(&remedy, home.path());
        assert_eq!(outcome.is_ok(), is_fine, "{remedy}: {outcome:?}");
    }
}
