//! The sections of a file, found without being parsed, and the chain of a profile from those that it
//! needs. A file has thousands of generated profiles, and a call needs one or two of them.
//!
//! Nothing is decided here: the sections that are needed go through the same parser, and where that
//! does not end in a chain, the caller reads the whole file and resolves again, so that every error
//! and every suggestion is that of the whole file.

use std::collections::BTreeSet;

use memchr::{memchr_iter, memchr2};

use super::chain::Chain;
use super::encoding::text_of;
use super::line::{Line, header};
use super::own_process::requested_profile;
use super::parser::{File, FileKind, MAX_SECTIONS, Parser, SectionKind};
use super::profiles::{Profile, ProfileSet};
use super::resolve::resolve;

/// A file with the places of its section headers.
pub struct Outline<'a> {
    file: &'a str,
    kind: FileKind,
    text: &'a str,
    /// In file order.
    headers: Vec<Header>,
}

/// `[inside]` at the beginning of a line; in bytes.
struct Header {
    start: usize,
    /// Where the `]` is.
    end: usize,
}

impl<'a> Outline<'a> {
    /// `None` where [`parse`](super::parse) fails, or may fail.
    pub fn of(file: &'a str, kind: FileKind, bytes: &'a [u8]) -> Option<Self> {
        let text = text_of(file, bytes).ok()?;
        let starts_line = |at: &usize| *at == 0 || bytes[at - 1] == b'\n';
        let mut headers = Vec::new();
        for start in memchr_iter(b'[', bytes).filter(starts_line) {
            let end = start + memchr2(b']', b'\n', &bytes[start..])?;
            if bytes[end] == b'\n' {
                return None;
            }
            headers.push(Header { start, end });
        }
        let head = headers.first().map_or(text, |header| &text[..header.start]);
        let is_blank = |line| matches!(Line::of(kind, line), Line::Nothing);
        let is_whole = headers.len() <= MAX_SECTIONS && head.lines().all(is_blank);
        is_whole.then_some(Self {
            file,
            kind,
            text,
            headers,
        })
    }

    /// The places in `headers` of the sections of a kind and name.
    fn places(&self, kind: SectionKind, name: &str) -> impl Iterator<Item = usize> {
        let opens = move |found: &Header| {
            let inside = &self.text[found.start + 1..found.end];
            may_name(inside, name) && header(self.kind, inside.trim()) == (kind, name)
        };
        let all = self.headers.iter().enumerate();
        all.filter(move |(_, found)| opens(found))
            .map(|(place, _)| place)
    }

    /// These sections, with the line numbers of the whole file.
    fn parse(&self, places: &BTreeSet<usize>) -> Option<File> {
        let mut parser = Parser::new(self.file, self.kind);
        let (mut line, mut counted) = (1, 0);
        for place in places {
            let start = self.headers.get(*place)?.start;
            let end = self
                .headers
                .get(place + 1)
                .map_or(self.text.len(), |next| next.start);
            let before = &self.text.as_bytes()[counted..start];
            (line, counted) = (line + memchr_iter(b'\n', before).count(), start);
            parser.lines(&self.text[start..end], line).ok()?;
        }
        Some(parser.file())
    }
}

/// Whether `[inside]` can have this name, by the end of it: a name ends there, but for white space
/// and quotes.
fn may_name(inside: &str, name: &str) -> bool {
    match inside.as_bytes().last() {
        Some(last) if last.is_ascii_graphic() && !b"\"'".contains(last) => inside.ends_with(name),
        _ => true,
    }
}

/// The chain of `profile`, from the sections of both files that it needs. `None` where those do not
/// make a chain: the whole files say why. A missing file is `None`, too.
pub fn resolve_needed(files: [Option<&Outline<'_>>; 2], profile: &str) -> Option<Chain> {
    let mut names = BTreeSet::from([(SectionKind::Profile, profile.to_owned())]);
    let mut new = names.clone();
    let mut places = [BTreeSet::new(), BTreeSet::new()];
    while !new.is_empty() {
        for (file, places) in files.iter().zip(&mut places) {
            for (kind, name) in &new {
                places.extend(file.iter().flat_map(|file| file.places(*kind, name)));
            }
        }
        let parsed = |n: usize| match files[n] {
            Some(file) => file.parse(&places[n]).map(Some),
            None => Some(None),
        };
        let set = ProfileSet::new(parsed(0)?, parsed(1)?);
        // A section that is missing fails the chain: it is never one of fewer sections.
        if let Ok(chain) = resolve(&set, profile) {
            return Some(chain);
        }
        let named = set.profiles().flat_map(named_sections);
        new = named.filter(|name| !names.contains(name)).collect();
        names.extend(new.iter().cloned());
    }
    None
}

/// The sections that a profile names.
fn named_sections(profile: &Profile) -> impl Iterator<Item = (SectionKind, String)> {
    let keys = [
        ("source_profile", SectionKind::Profile),
        ("sso_session", SectionKind::SsoSession),
        ("services", SectionKind::Services),
    ];
    let named = keys
        .into_iter()
        .filter_map(|(key, kind)| Some((kind, profile.get(key)?.text.clone())));
    let process = profile.get("credential_process");
    let target = process.and_then(|process| requested_profile(&process.text));
    named.chain(target.map(|target| (SectionKind::Profile, target)))
}

#[cfg(test)]
#[path = "outline_tests.rs"]
mod tests;
