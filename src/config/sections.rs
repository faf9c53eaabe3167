//! The text of a file in parts, for those who change it: each section with its lines as they are,
//! line ends included.

use super::line::Line;
use super::parser::{FileKind, SectionKind};

/// A header, and the lines up to the next one.
pub(super) struct Section<'a> {
    pub(super) kind: SectionKind,
    pub(super) name: &'a str,
    /// The header first.
    pub(super) lines: Vec<&'a str>,
}

/// The parts of a file, or of some of its lines.
pub(super) struct Sections<'a> {
    /// What is before the first section.
    pub(super) head: Vec<&'a str>,
    pub(super) all: Vec<Section<'a>>,
}

impl<'a> Sections<'a> {
    /// Splits lines at their headers.
    pub(super) fn of(file: FileKind, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut head, mut all) = (Vec::new(), Vec::<Section<'a>>::new());
        for line in lines {
            match (line_of(file, line), all.last_mut()) {
                (Line::Header(Some((kind, name))), _) => all.push(Section {
                    kind,
                    name,
                    lines: vec![line],
                }),
                (_, Some(section)) => section.lines.push(line),
                (_, None) => head.push(line),
            }
        }
        Self { head, all }
    }
}

impl Section<'_> {
    /// Whether it is that of a profile.
    pub(super) fn is_of_profile(&self, name: &str) -> bool {
        self.kind == SectionKind::Profile && self.name == name
    }
}

/// What a line with its end is.
pub(super) fn line_of(file: FileKind, line: &str) -> Line<'_> {
    Line::of(file, line.trim_end_matches(['\r', '\n']))
}

/// The key of a line in lower case, and its value.
pub(super) fn entry_of(file: FileKind, line: &str) -> Option<(String, &str)> {
    match line_of(file, line) {
        Line::Entry(key, value) => Some((key.into_owned(), value.unwrap_or_default().trim())),
        _ => None,
    }
}
