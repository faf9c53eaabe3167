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
use super::profile::Profile;
use super::profile_set::ProfileSet;
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

    /// The place in `headers`, the kind and the name of each section.
    fn sections(&self) -> impl Iterator<Item = (usize, (SectionKind, &str))> {
        let all = self.headers.iter().enumerate();
        all.map(|(place, found)| {
            let inside = &self.text[found.start + 1..found.end];
            (place, header(self.kind, inside.trim()))
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

    /// The sections in at most `count` parts of about the same length; `count` is not 0.
    pub(crate) fn parts(&self, count: usize) -> Vec<Part<'a>> {
        let size = self.text.len().div_ceil(count);
        let mut parts = Vec::new();
        let (mut start, mut line) = (0, 1);
        while start < self.text.len() {
            let next = self.headers.partition_point(|one| one.start < start + size);
            let end = self
                .headers
                .get(next)
                .map_or(self.text.len(), |one| one.start);
            let text = &self.text[start..end];
            parts.push(Part {
                file: self.file,
                kind: self.kind,
                text,
                line,
            });
            line += memchr_iter(b'\n', text.as_bytes()).count();
            start = end;
        }
        parts
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

/// Some sections of a file, one behind the other.
pub(crate) struct Part<'a> {
    file: &'a str,
    kind: FileKind,
    text: &'a str,
    /// The number of its first line in the file.
    line: usize,
}

impl Part<'_> {
    pub(crate) fn parse(&self) -> Option<ProfileSet> {
        let mut parser = Parser::new(self.file, self.kind);
        parser.lines(self.text, self.line).ok()?;
        Some(ProfileSet::of(parser.file()))
    }
}

/// Some profiles of files with many more, with all that they need, and every SSO session.
pub(crate) struct Excerpt {
    /// Their sections.
    pub(crate) profiles: ProfileSet,
    /// Their names, sorted.
    pub(crate) names: Vec<String>,
    /// How many profiles are left out.
    pub(crate) more: usize,
}

/// The first `most` profiles by name, where there are more than `all`; else `None`.
pub(crate) fn excerpt(
    files: [Option<&Outline<'_>>; 2],
    all: usize,
    most: usize,
) -> Option<Excerpt> {
    let sections = || files.into_iter().flatten().flat_map(Outline::sections);
    let profiles = sections().filter(|(_, (kind, _))| *kind == SectionKind::Profile);
    // Names that are spread over a large file are slow to compare: they are copied next to each other.
    let names: Vec<&str> = profiles.map(|(_, (_, name))| name).collect();
    if names.len() <= all {
        return None;
    }
    let names = names.join("\n");
    let mut names: Vec<&str> = names.split('\n').collect();
    names.sort(); // generated files have long runs in order, which this sort uses
    names.dedup();
    if names.len() <= all {
        return None;
    }
    let more = names.len().saturating_sub(most);
    names.truncate(most);
    let last = *names.last()?;
    let is_needed = |(kind, name): &(SectionKind, &str)| match kind {
        SectionKind::Profile => *name <= last, // the names are the first of all
        SectionKind::SsoSession => true,
        SectionKind::Services | SectionKind::Other => false,
    };
    let first = files.map(|file| {
        let sections = file.into_iter().flat_map(Outline::sections);
        let needed = sections.filter(|(_, section)| is_needed(section));
        needed.map(|(place, _)| place).collect()
    });
    let profiles = with_needed(files, first)?;
    let names = names.into_iter().map(str::to_owned).collect();
    Some(Excerpt {
        profiles,
        names,
        more,
    })
}

/// The sections at these places, and those that they name.
fn with_needed(
    files: [Option<&Outline<'_>>; 2],
    mut places: [BTreeSet<usize>; 2],
) -> Option<ProfileSet> {
    let mut known = BTreeSet::new();
    loop {
        let set = parsed(files, &places)?;
        let is_new = |(kind, name): &(SectionKind, String)| {
            let read = match kind {
                SectionKind::Profile => set.profile(name),
                SectionKind::SsoSession => set.sso_session(name),
                SectionKind::Services | SectionKind::Other => set.services(name),
            };
            read.is_none() && !known.contains(&(*kind, name.clone()))
        };
        let named = set.profiles().flat_map(named_sections).filter(is_new);
        let named: BTreeSet<(SectionKind, String)> = named.collect();
        if named.is_empty() {
            return Some(set);
        }
        // One pass for all names: there may be thousands of them.
        let wanted: BTreeSet<_> = named.iter().map(|(kind, name)| (*kind, &**name)).collect();
        for (file, places) in files.into_iter().zip(&mut places) {
            let sections = file.into_iter().flat_map(Outline::sections);
            let wanted = sections.filter(|(_, section)| wanted.contains(section));
            places.extend(wanted.map(|(place, _)| place));
        }
        known.extend(named);
    }
}

/// The sections at these places of both files.
fn parsed(files: [Option<&Outline<'_>>; 2], places: &[BTreeSet<usize>; 2]) -> Option<ProfileSet> {
    let parse = |n: usize| match files[n] {
        Some(file) => file.parse(&places[n]).map(Some),
        None => Some(None),
    };
    Some(ProfileSet::new(parse(0)?, parse(1)?))
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
        let set = parsed(files, &places)?;
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
