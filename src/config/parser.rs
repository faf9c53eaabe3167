//! One AWS file, read as the SDKs read it, with the position of every value and of every duplicate.
//!
//! The parsers of the SDKs and of botocore disagree on inline comments, duplicates and names; this
//! one follows the SDKs and keeps what is needed to report where a difference matters.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::bad_line::{BadLine, Problem, headless, malformed};
use super::encoding::text_of;
use super::entries::{Entries, Keys};
use super::line::{Line, without_comment};
use crate::finding::{Origin, Result, remedy};

/// Each takes a KB of memory; no one has so many profiles.
pub(super) const MAX_SECTIONS: usize = 200_000;

/// A value and its place. Any value may be a secret that was put on the wrong line: it is not shown
/// by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Without surrounding white space and inline comment.
    pub(crate) text: String,
    /// Its place.
    pub(crate) origin: Origin,
    /// Whether a comment follows on the same line, which Python tools read as part of the value.
    pub(crate) commented: bool,
}

impl Value {
    /// From what follows the `=`.
    fn new(raw: &str, origin: Origin) -> Self {
        let text = without_comment(raw);
        Self {
            commented: text.len() < raw.trim().len(),
            text: text.to_owned(),
            origin,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<value at {}>", self.origin)
    }
}

/// Which of the two files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// `~/.aws/config`: `[profile NAME]`, `[sso-session NAME]`, `[services NAME]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// The kind of a section.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum SectionKind {
    Profile,
    SsoSession,
    Services,
    /// Nothing the SDKs read.
    Other,
}

/// One section; sections of the same name in one file are one.
#[derive(Debug)]
pub(crate) struct Section {
    pub(super) kind: SectionKind,
    pub(super) name: Arc<str>,
    /// The first header.
    pub(super) origin: Origin,
    /// The same as it is written, without the `]`.
    pub(super) header: Box<str>,
    /// Headers that are written otherwise: to Python tools `[default]` and `[profile default]` are two
    /// sections.
    pub(super) other_headers: BTreeSet<String>,
    /// Further headers of the same spelling in the same file, for which Python tools reject the
    /// whole file.
    pub(super) duplicate_headers: Vec<Origin>,
    pub(super) entries: Entries,
    /// `parent.key` for indented lines below an empty value.
    pub(super) nested: BTreeMap<(String, String), Value>,
    /// Keys that are not written in lower case, as they are written.
    pub(super) capitals: Vec<(String, Origin)>,
    /// Lines that are not valid. They fail the profile that needs the section, not the others.
    pub(super) bad_lines: Vec<BadLine>,
}

/// One file.
#[derive(Debug)]
pub struct File {
    pub(super) sections: Vec<Section>,
}

/// Reads one file. Fails with `config-encoding` for bytes that no SDK can read, and with
/// `config-malformed` for lines that belong to no section.
pub fn parse(file: &str, kind: FileKind, bytes: &[u8]) -> Result<File> {
    let text = text_of(file, bytes)?;
    let mut parser = Parser::new(file, kind);
    parser.lines(text, 1)?;
    Ok(parser.file())
}

/// Reads lines, those of a whole file or of some of its sections.
pub(super) struct Parser {
    kind: FileKind,
    path: Arc<str>,
    sections: Vec<Section>,
    /// The places in `sections`.
    index: BTreeMap<SectionKind, HashMap<Arc<str>, usize>>,
    current: Option<usize>,
    keys: Keys,
    /// Whether an indented line belongs to the newest value of the current section.
    can_continue: bool,
}

impl Parser {
    pub(super) fn new(file: &str, kind: FileKind) -> Self {
        Self {
            kind,
            path: Arc::from(file),
            sections: Vec::new(),
            index: BTreeMap::new(),
            current: None,
            keys: Keys::default(),
            can_continue: false,
        }
    }

    /// Reads more lines, of which the first has this number.
    pub(super) fn lines(&mut self, text: &str, first: usize) -> Result<()> {
        for (number, line) in (first..).zip(text.lines()) {
            self.line(u32::try_from(number).unwrap_or(u32::MAX), line)?;
        }
        Ok(())
    }

    /// What was read.
    pub(super) fn file(mut self) -> File {
        for section in &mut self.sections {
            section.entries.sort();
        }
        File {
            sections: self.sections,
        }
    }

    fn line(&mut self, number: u32, line: &str) -> Result<()> {
        let origin = Origin {
            file: self.path.clone(),
            line: number,
        };
        let (key, value) = match Line::of(self.kind, line) {
            Line::Nothing => return Ok(()),
            Line::Continuation(text) => return self.continuation(text, origin),
            Line::Header(Some((kind, name))) => {
                let written = line.split_once(']').map_or(line, |(written, _)| written);
                return self.section(kind, name, written, origin);
            }
            Line::Header(None) => {
                let fix = remedy!("write ] behind the name in line {}", number);
                return Err(malformed(&origin, "opens a section without `]`", fix));
            }
            Line::Entry(key, value) => (key, value),
        };
        let Some(section) = self.current.and_then(|i| self.sections.get_mut(i)) else {
            let (what, fix) = headless(line, number);
            return Err(malformed(&origin, what, fix));
        };
        let Some(value) = value else {
            let problem = Problem::of(&key);
            section.bad_lines.push(BadLine {
                line: number,
                problem,
            });
            self.can_continue = false;
            return Ok(());
        };
        if !line.starts_with(&*key) {
            let written = line.split('=').next().unwrap_or(line).trim();
            section.capitals.push((written.to_owned(), origin.clone()));
        }
        self.can_continue = true;
        let key = self.keys.shared(&key);
        section.entries.push(key, Value::new(value, origin));
        Ok(())
    }

    /// An indented line: a nested key below an empty value, otherwise more of the value above.
    fn continuation(&mut self, line: &str, origin: Origin) -> Result<()> {
        let Some(section) = self.current.and_then(|i| self.sections.get_mut(i)) else {
            let (what, fix) = headless(line, origin.line);
            return Err(malformed(&origin, what, fix));
        };
        let newest = section.entries.newest().filter(|_| self.can_continue);
        let Some((parent, value)) = newest else {
            section.bad_lines.push(BadLine {
                line: origin.line,
                problem: Problem::Indented,
            });
            return Ok(());
        };
        if value.text.is_empty() || value.text.starts_with('\n') {
            if let Some((key, text)) = line.split_once('=') {
                section.nested.insert(
                    (parent.to_string(), key.trim().to_ascii_lowercase()),
                    Value::new(text, origin),
                );
            } else if !line.starts_with(['#', ';']) {
                section.bad_lines.push(BadLine {
                    line: origin.line,
                    problem: Problem::NestedNoEquals,
                });
            }
        } else if !line.starts_with(['#', ';']) {
            value.text.push('\n');
            value.text.push_str(line);
        }
        Ok(())
    }

    fn section(
        &mut self,
        kind: SectionKind,
        name: &str,
        written: &str,
        origin: Origin,
    ) -> Result<()> {
        self.can_continue = false;
        let index = self.index.entry(kind).or_default();
        if let Some(&found) = index.get(name) {
            let section = &mut self.sections[found];
            if *written == *section.header || !section.other_headers.insert(written.to_owned()) {
                section.duplicate_headers.push(origin);
            }
            self.current = Some(found);
            return Ok(());
        }
        if self.sections.len() >= MAX_SECTIONS {
            let what = format!("opens section {} of the file", MAX_SECTIONS + 1);
            return Err(malformed(&origin, &what, "use fewer sections"));
        }
        let bad_line = name.is_empty().then_some(BadLine {
            line: origin.line,
            problem: Problem::NoName,
        });
        let name: Arc<str> = Arc::from(name);
        index.insert(name.clone(), self.sections.len());
        self.current = Some(self.sections.len());
        self.sections.push(Section {
            kind,
            name,
            origin,
            header: Box::from(written),
            other_headers: BTreeSet::new(),
            duplicate_headers: Vec::new(),
            entries: Entries::default(),
            nested: BTreeMap::new(),
            capitals: Vec::new(),
            bad_lines: bad_line.into_iter().collect(),
        });
        Ok(())
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
