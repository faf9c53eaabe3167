//! The block of a config file that `setup --sso` writes: from a comment with the command line that
//! writes it again to a comment that ends it. Every byte outside of it stays as it is, and so does
//! what a person has added to a profile in it.

use std::collections::BTreeSet;

use super::{AccountRole, SsoProfile};
use crate::config::line::Line;
use crate::config::overlay::profile_header;
use crate::config::parser::{FileKind, SectionKind};
use crate::config::sections::{Section, Sections, entry_of, line_of};
use crate::config::set_up::Edited;

const BEGIN: &str = "# BEGIN ";
const END: &str = "# END ";
/// What both comments go on with.
const COMMAND: &str = "awsfresh setup --sso ";
const NOTE: &str =
    "# the command above writes these profiles again; it keeps the keys that you add to them";

const PROCESS: &str = "credential_process";
const SESSION: &str = "awsfresh_sso_session";
const ACCOUNT_ID: &str = "awsfresh_sso_account_id";
const ACCOUNT_NAME: &str = "awsfresh_sso_account_name";
const ROLE_NAME: &str = "awsfresh_sso_role_name";
const REGION: &str = "region";

/// A block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The command line that wrote it.
    pub(crate) command: String,
    /// Its profiles, from top to bottom.
    pub(crate) profiles: Vec<SsoProfile>,
    /// The numbers of its first and last line.
    lines: (usize, usize),
}

impl Block {
    /// The number of its first line.
    pub(crate) fn line(&self) -> usize {
        self.lines.0
    }
}

/// A profile to write, and what tools run for it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) profile: SsoProfile,
    pub(crate) process: String,
}

/// What a block is to contain.
#[derive(Debug)]
pub(crate) struct NewBlock<'a> {
    /// The command line that writes it again.
    pub(crate) command: &'a str,
    pub(crate) session: &'a str,
    /// The start URL and the region of the session, where the block has its section, too.
    pub(crate) section: Option<(&'a str, &'a str)>,
    pub(crate) entries: &'a [Entry],
}

/// The blocks of a config file. Fails with the number of a first line without a last one.
pub(crate) fn blocks(config: &str) -> Result<Vec<Block>, usize> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, Vec<&str>)> = None;
    for (number, line) in (1..).zip(config.split_inclusive('\n')) {
        let text = line.trim_end();
        let begun = text
            .strip_prefix(BEGIN)
            .filter(|rest| rest.starts_with(COMMAND));
        let has_ended = text
            .strip_prefix(END)
            .is_some_and(|rest| rest.starts_with(COMMAND));
        match (&mut open, begun) {
            (Some((first, ..)), Some(_)) => return Err(*first),
            (None, Some(command)) => open = Some((number, command, Vec::new())),
            (Some((first, command, body)), None) if has_ended => {
                blocks.push(Block {
                    command: (*command).to_owned(),
                    profiles: Body::of(body).written().cloned().collect(),
                    lines: (*first, number),
                });
                open = None;
            }
            (Some((_, _, body)), None) => body.push(line),
            (None, None) => {}
        }
    }
    open.map_or(Ok(blocks), |(first, ..)| Err(first))
}

/// The body of a block.
struct Body<'a> {
    /// What is before the first section.
    head: Vec<&'a str>,
    /// Each section, and the profile if awsfresh wrote it. A second one for the same role is a
    /// person's own.
    sections: Vec<(Section<'a>, Option<SsoProfile>)>,
}

impl<'a> Body<'a> {
    fn of(lines: &[&'a str]) -> Self {
        let Sections { head, all } = Sections::of(FileKind::Config, lines.iter().copied());
        let mut known = BTreeSet::new();
        let mut is_first = |one: &SsoProfile| {
            let (account, role) = one.role.identity();
            known.insert((account.to_owned(), role.to_owned()))
        };
        let sections = all.into_iter().map(|section| {
            let written = profile_of(&section).filter(&mut is_first);
            (section, written)
        });
        Self {
            head,
            sections: sections.collect(),
        }
    }

    /// The profiles that awsfresh wrote.
    fn written(&self) -> impl Iterator<Item = &SsoProfile> {
        self.sections
            .iter()
            .filter_map(|(_, written)| written.as_ref())
    }
}

/// The profile of a section with the keys that awsfresh writes.
fn profile_of(section: &Section<'_>) -> Option<SsoProfile> {
    if section.kind != SectionKind::Profile {
        return None;
    }
    let get = |wanted: &str| {
        let entries = section.lines.iter().filter_map(|line| key_of(line));
        let mut values = entries.filter(|(key, _)| key == wanted);
        values.next().map(|(_, value)| value.to_owned())
    };
    Some(SsoProfile {
        name: section.name.to_owned(),
        role: AccountRole {
            account_name: get(ACCOUNT_NAME).unwrap_or_default(),
            account_id: get(ACCOUNT_ID)?,
            role_name: get(ROLE_NAME)?,
        },
        region: get(REGION),
    })
}

fn is_header_of(line: &str, profile: &str) -> bool {
    let header = line_of(FileKind::Config, line);
    matches!(header, Line::Header(Some((SectionKind::Profile, name))) if name == profile)
}

fn key_of(line: &str) -> Option<(String, &str)> {
    entry_of(FileKind::Config, line)
}

/// Writes a block: in the place of `old`, or at the end of the file.
pub(crate) fn write_block(config: &str, old: Option<&Block>, new: &NewBlock<'_>) -> Edited {
    let end = if config.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let lines: Vec<&str> = config.split_inclusive('\n').collect();
    let (first, last) = old.map_or((lines.len() + 1, lines.len()), |block| block.lines);
    let mut writer = Writer {
        edited: Edited::default(),
        line: first,
        end,
    };
    let before = lines[..first - 1].concat();
    writer.edited.text.push_str(&before);
    if old.is_none() && !before.is_empty() {
        // Without an end of the last line, the block follows it directly: `remove_block` knows.
        writer.edited.text.push_str(end);
    }
    let body = Body::of(lines.get(first..last.saturating_sub(1)).unwrap_or_default());
    writer.replace(
        "",
        lines.get(first - 1).copied(),
        &format!("{BEGIN}{}", new.command),
    );
    if old.is_none() {
        writer.add("", NOTE);
        writer.add("", "");
    } else {
        writer.keep(&body.head);
    }
    writer.sections(&body, new);
    let ending = format!("{END}{COMMAND}{}", crate::shell::quoted(new.session));
    writer.line = last;
    writer.replace("", old.and_then(|_| lines.get(last - 1).copied()), &ending);
    writer.edited.text.push_str(&lines[last..].concat());
    writer.edited
}

/// Takes a block out of a config file, with what [`write_block`] put before it. What a person has added
/// as a section of its own stays.
pub(crate) fn remove_block(config: &str, block: &Block, session: &str) -> Edited {
    let lines: Vec<&str> = config.split_inclusive('\n').collect();
    let (first, last) = block.lines;
    let body = Body::of(&lines[first..last - 1]);
    let is_own = |(one, written): &(Section<'_>, Option<SsoProfile>)| {
        let is_session = one.kind == SectionKind::SsoSession && one.name == session;
        written.is_none() && !is_session
    };
    let mut before = lines[..first - 1].concat();
    let is_last = lines.len() == last && !body.sections.iter().any(is_own);
    if before.ends_with("\n\n") || before.ends_with("\r\n\r\n") || is_last {
        let length = before.trim_end_matches(['\r', '\n']).len();
        let end = if before.ends_with("\r\n") { 2 } else { 1 };
        before.truncate(before.len().saturating_sub(end).max(length));
    }
    let mut writer = Writer {
        edited: Edited::default(),
        line: first,
        end: "\n",
    };
    writer.edited.text = before;
    writer.remove("", lines[first - 1]);
    for line in &body.head {
        writer.remove("", line);
    }
    for part in &body.sections {
        let section = &part.0;
        let name = match section.kind {
            SectionKind::Profile => section.name,
            _ => "",
        };
        if is_own(part) {
            writer.keep(&section.lines);
        } else {
            for line in &section.lines {
                writer.remove(name, line);
            }
        }
    }
    writer.remove("", lines[last - 1]);
    writer.edited.text.push_str(&lines[last..].concat());
    writer.edited
}

/// Writes a block line by line.
struct Writer<'a> {
    edited: Edited,
    /// The number of the old line.
    line: usize,
    end: &'a str,
}

impl Writer<'_> {
    fn keep(&mut self, lines: &[&str]) {
        self.edited.text.push_str(&lines.concat());
        self.line += lines.len();
    }

    fn add(&mut self, profile: &str, text: &str) {
        let new = format!("{text}{}", self.end);
        self.edited.change(profile, self.line, None, Some(&new));
    }

    fn remove(&mut self, profile: &str, line: &str) {
        self.edited.change(profile, self.line, Some(line), None);
        self.line += 1;
    }

    /// Writes `text` in the place of a line, if it is not the same.
    fn replace(&mut self, profile: &str, line: Option<&str>, text: &str) {
        match line {
            Some(line) if line.trim_end_matches(['\r', '\n']) == text => self.keep(&[line]),
            Some(line) => {
                let new = format!("{text}{}", self.end);
                self.edited
                    .change(profile, self.line, Some(line), Some(&new));
                self.line += 1;
            }
            None => self.add(profile, text),
        }
    }

    /// The sections of a block: each old one that is wanted or a person's own, and then the new ones.
    fn sections(&mut self, old: &Body<'_>, new: &NewBlock<'_>) {
        let session_header = format!("[sso-session {}]", new.session);
        let session_keys = new.section.map(|(url, region)| {
            vec![
                ("sso_start_url", Some(url)),
                ("sso_region", Some(region)),
                ("sso_registration_scopes", Some("sso:account:access")),
            ]
        });
        let is_session =
            |one: &Section<'_>| one.kind == SectionKind::SsoSession && one.name == new.session;
        let has_session = old.sections.iter().any(|(one, _)| is_session(one));
        if let (Some(keys), false) = (&session_keys, has_session) {
            self.section("", &[], &session_header, keys);
        }
        for (section, own) in &old.sections {
            let wanted = own.as_ref().and_then(|own| {
                let mut entries = new.entries.iter();
                entries.find(|one| one.profile.role.identity() == own.role.identity())
            });
            match (own, wanted) {
                (Some(_), Some(entry)) => self.entry(&section.lines, new.session, entry),
                (Some(own), None) => {
                    for line in &section.lines {
                        self.remove(&own.name, line);
                    }
                }
                (None, _) => match &session_keys {
                    Some(keys) if is_session(section) => {
                        self.section("", &section.lines, section.lines[0].trim_end(), keys);
                    }
                    _ => self.keep(&section.lines),
                },
            }
        }
        let known: BTreeSet<_> = old.written().map(|own| own.role.identity()).collect();
        for entry in new.entries {
            if !known.contains(&entry.profile.role.identity()) {
                self.entry(&[], new.session, entry);
            }
        }
    }

    fn entry(&mut self, lines: &[&str], session: &str, entry: &Entry) {
        let SsoProfile { name, role, region } = &entry.profile;
        let header = match lines.first() {
            // In its own spelling: a person may have put the name in quotes.
            Some(line) if is_header_of(line, name) => line.trim_end().to_owned(),
            _ => profile_header(name),
        };
        let keys = [
            (PROCESS, Some(entry.process.as_str())),
            (SESSION, Some(session)),
            (ACCOUNT_ID, Some(&role.account_id)),
            (
                ACCOUNT_NAME,
                Some(&role.account_name)
                    .filter(|name| !name.is_empty())
                    .map(String::as_str),
            ),
            (ROLE_NAME, Some(&role.role_name)),
            (REGION, region.as_deref()),
        ];
        self.section(name, lines, &header, &keys);
    }

    /// One section with these keys; every other line of the old one stays.
    fn section(&mut self, name: &str, lines: &[&str], header: &str, keys: &[(&str, Option<&str>)]) {
        self.replace(name, lines.first().copied(), header);
        let body = lines.get(1..).unwrap_or_default();
        let is_there = |wanted: &str| {
            let mut keys = body.iter().filter_map(|line| key_of(line));
            keys.any(|(key, _)| key == wanted)
        };
        for (key, value) in keys {
            if let (Some(value), false) = (value, is_there(key)) {
                self.add(name, &format!("{key} = {value}"));
            }
        }
        for line in body {
            let own = key_of(line).and_then(|(key, old)| {
                let (key, value) = keys.iter().find(|(one, _)| *one == key)?;
                Some((key, old, value))
            });
            match own {
                Some((_, old, Some(value))) if old == *value => self.keep(&[line]),
                Some((key, _, Some(value))) => {
                    self.replace(name, Some(line), &format!("{key} = {value}"));
                }
                Some((_, _, None)) => self.remove(name, line),
                None => self.keep(&[line]),
            }
        }
        if lines.is_empty() {
            self.add(name, "");
        }
    }
}
