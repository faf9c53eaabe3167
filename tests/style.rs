//! The words of messages, comments and documents: CONTRIBUTING.md has the rules. This rejects the
//! phrases that a reader with another first language stumbles over.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The phrase, and what to write instead.
const PHRASES: &[(&str, &str)] = &[
    ("is over", "has expired, has ended"),
    ("are over", "have expired, have ended"),
    ("has run out", "has expired"),
    ("ran out", "expired"),
    ("somebody", "another user, another process"),
    ("nobody", "no user, no process, no one"),
    ("stands in", "is in, is at"),
    ("that is none", "is not a …"),
    ("stands for", "means"),
    ("as it stands", "as it is"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("speaks no", "does not answer with"),
    ("does not take it", "rejects it"),
    ("has no say", "does not count"),
    ("is told by", "is known from"),
    ("asked for by", "requested by"),
    ("here and now", "now"),
    ("likewise", "too"),
    ("thereby", "so"),
    ("herein", "in it"),
    ("of no use", "not usable"),
    ("out of the world", "not possible"),
    ("makes no sense", "is not valid"),
    ("hands out", "serves, returns"),
    ("handed out", "served, returned"),
    ("chokes on", "cannot read"),
    ("key id", "key ID"),
    ("access-key id", "access key ID"),
];

/// What a person reads: the sources and the documents.
fn read_by_people() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut found = Vec::new();
    let mut dirs: Vec<PathBuf> = ["src", "docs", "examples", "benches", "packaging"]
        .map(|dir| root.join(dir))
        .into();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.extend(["README.md", "CHANGELOG.md", "SECURITY.md", "install.sh"].map(|f| root.join(f)));
    let is_text = |path: &PathBuf| {
        let ends = [".rs", ".md", ".sh", ".py", ".toml"];
        ends.iter().any(|end| path.to_string_lossy().ends_with(end))
    };
    found.retain(is_text);
    assert!(found.len() > 100, "{} files", found.len());
    found
}

#[test]
fn no_text_has_a_phrase_that_a_reader_stumbles_over() {
    let mut found = Vec::new();
    for path in read_by_people() {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let words = format!(
                " {} ",
                line.replace(|c: char| !c.is_alphanumeric() && c != '_' && c != '-', " ")
            );
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let words = format!(" {words} ");
            for (phrase, instead) in PHRASES {
                if words.contains(&format!(" {phrase} ")) {
                    let place = path.strip_prefix(ROOT).unwrap().display();
                    found.push(format!("{place}:{}: {phrase} -> {instead}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Both documents promise what a test holds: `FILE NAME`, as `cargo test --test FILE NAME` takes them.
#[test]
fn the_tests_that_the_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let mut claims = Vec::new();
    let security = read(&root.join("SECURITY.md"));
    for quoted in security.split('`').skip(1).step_by(2) {
        if let Some((file, name)) = quoted.split_once(' ')
            && file.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && file != "cargo"
            && !name.starts_with("-")
            && file != "sudo"
        {
            claims.push((file.to_owned(), name.to_owned()));
        }
    }
    let reliability = read(&root.join("docs/reliability.md"));
    for line in reliability.lines().filter(|line| line.starts_with("| ")) {
        let last = line
            .trim_end_matches(['|', ' '])
            .rsplit("| ")
            .next()
            .unwrap()
            .trim_matches('`');
        match last.split_once("--test ") {
            Some((_, test)) => {
                let (file, name) = test.split_once(' ').unwrap();
                claims.push((file.to_owned(), name.to_owned()));
            }
            None if last.contains('_') => claims.push(("reliability".into(), last.to_owned())),
            None => {}
        }
    }
    assert!(claims.len() > 30, "{claims:?}");
    for (file, name) in claims {
        let tests = root.join("tests");
        let module = tests.join(&file).join(format!("{name}.rs"));
        let text = [
            tests.join(format!("{file}.rs")),
            tests.join(&file).join("main.rs"),
        ];
        let text = text
            .iter()
            .find(|path| path.exists())
            .map(|path| read(path));
        let text = text.unwrap_or_else(|| panic!("no test file for `{file} {name}`"));
        let names = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("fn "));
        let exists = module.exists() || names.into_iter().any(|line| line.contains(&name));
        assert!(exists, "no test for `{file} {name}`");
    }
}
