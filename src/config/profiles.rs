//! Both files as one set of profiles. Per key the credentials file wins, as in every SDK; within a file the last value
//! does.

use std::collections::BTreeMap;

use super::reader::{File, Origin, Section, SectionKind, Value};
use crate::diagnosis::{Cause, Finding, Result, printable};

/// Keys that decide whose credentials come out: a duplicate with another value is not guessed at.
pub const SHAPING: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "login_session",
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "sso_role_name",
];

/// A named section, from one file or both.
#[derive(Debug)]
pub struct Profile {
    /// The name in the header.
    pub name: String,
    /// Its first header.
    pub origin: Origin,
    /// Sections in ascending order of rank.
    sections: Vec<Section>,
}

impl Profile {
    /// The value of a key; blank counts as unset.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let values = self.sections.iter().rev().filter_map(|s| s.keys.get(key)?.last());
        values.into_iter().find(|v| !v.text.is_empty())
    }

    /// Every value of every key, those that count and those that do not; sorted by place.
    pub fn values(&self) -> Vec<(&str, &Value)> {
        let all = self.sections.iter().flat_map(|s| s.keys.iter()).flat_map(|(key, values)| values.iter().map(|v| (key.as_str(), v)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, v)| (v.origin.file.clone(), v.origin.line));
        all
    }

    /// Sections that are opened more than once in one file, and keys with more than one value in the others.
    pub fn repeated(&self) -> Vec<(&str, Vec<&Origin>)> {
        let once = self.sections.iter().filter(|s| s.again.is_empty() && s.headers.len() == 1);
        let keys = once.flat_map(|s| s.keys.iter()).filter(|(_, values)| values.len() > 1);
        let keys = keys.map(|(key, values)| (key.as_str(), values.iter().map(|v| &v.origin).collect()));
        let headers = self.sections.iter().filter(|s| !s.again.is_empty());
        let headers = headers.map(|s| ("", std::iter::once(&s.origin).chain(&s.again).collect()));
        let mut all: Vec<(&str, Vec<&Origin>)> = headers.chain(keys).collect();
        all.sort_by_key(|(_, places)| places.first().map(|o| (o.file.clone(), o.line)));
        all
    }

    /// Lines without a meaning, at which Python tools refuse the whole file.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.sections.iter().flat_map(|section| &section.problems)
    }

    /// The value of `key` below an empty `parent`.
    pub fn nested(&self, parent: &str, key: &str) -> Option<&Value> {
        self.sections.iter().rev().find_map(|s| s.nested.get(&(parent.to_owned(), key.to_owned())))
    }

    /// Refuses a section with a meaningless line, or with two different values of a key that decides whose credentials
    /// come out: botocore would stop at it, the SDKs would silently take the last.
    pub(super) fn check(&self) -> Result<()> {
        for section in &self.sections {
            if let Some((first, others)) = section.problems.split_first() {
                let mut problem = first.clone().for_profile(&self.name);
                for other in others.iter().take(3) {
                    problem.evidence.extend(other.evidence.iter().cloned());
                    problem.remedy.extend(other.remedy.iter().cloned());
                }
                return Err(problem);
            }
            for key in SHAPING {
                let Some(values) = section.keys.get(*key) else { continue };
                if let Some((last, earlier)) = values.split_last()
                    && let Some(other) = earlier.iter().find(|v| v.text != last.text)
                {
                    return Err(Finding::new(Cause::ConfigDuplicate, format!("profile `{}` has two different values of {key}", self.name))
                        .seen(format!("{} and {}", other.origin, last.origin))
                        .try_this("remove one of the two lines: the AWS CLI refuses the file, other tools take the last one"));
                }
            }
        }
        Ok(())
    }
}

/// Everything both files say.
#[derive(Debug, Default)]
pub struct ProfileSet {
    profiles: BTreeMap<String, Profile>,
    sso_sessions: BTreeMap<String, Profile>,
    services: BTreeMap<String, Profile>,
    others: BTreeMap<String, Profile>,
}

impl ProfileSet {
    /// Merges the files that exist.
    pub fn new(config: Option<File>, credentials: Option<File>) -> Self {
        let mut set = Self::default();
        for section in [config, credentials].into_iter().flatten().flat_map(|file| file.sections) {
            let place = match section.kind {
                SectionKind::Profile => &mut set.profiles,
                SectionKind::SsoSession => &mut set.sso_sessions,
                SectionKind::Services => &mut set.services,
                SectionKind::Other => &mut set.others,
            };
            place
                .entry(section.name.clone())
                .or_insert_with(|| Profile { name: section.name.clone(), origin: section.origin.clone(), sections: Vec::new() })
                .sections
                .push(section);
        }
        set
    }

    /// Every profile's name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Every profile, sorted by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// Sections of the config file that no SDK reads.
    pub fn others(&self) -> impl Iterator<Item = &Profile> {
        self.others.values()
    }

    /// Every section, whatever it stands for.
    pub fn sections(&self) -> impl Iterator<Item = &Profile> {
        self.profiles().chain(self.sso_sessions.values()).chain(self.services.values()).chain(self.others())
    }

    /// `[sso-session NAME]`.
    pub fn sso_session(&self, name: &str) -> Option<&Profile> {
        self.sso_sessions.get(name)
    }

    /// The SSO session with the most similar name.
    pub(super) fn session_like(&self, name: &str) -> Option<&Profile> {
        self.sso_sessions.get(nearest(name, self.sso_sessions.keys().map(String::as_str))?)
    }

    /// Where `[sso-session NAME]` stands in a form or a file in which no tool sees it: what is wrong, and its place.
    pub(super) fn misplaced_session(&self, name: &str) -> Option<(String, &Origin)> {
        let in_credentials = self.profiles.get(&format!("sso-session {name}")).map(|profile| {
            (format!("{} has [sso-session {name}]: the credentials file holds no sessions", profile.origin), &profile.origin)
        });
        let is_meant = |section: &&Profile| {
            let (kind, rest) = section.name.split_once([' ', '\t']).unwrap_or_default();
            rest.trim() == name && kind.to_ascii_lowercase().replace('_', "-").trim_end_matches('s') == "sso-session"
        };
        in_credentials.or_else(|| {
            let section = self.others().find(is_meant)?;
            Some((format!("{} has [{}]", section.origin, section.name), &section.origin))
        })
    }

    /// `[services NAME]`.
    pub fn services(&self, name: &str) -> Option<&Profile> {
        self.services.get(name)
    }

    /// The profile, or a finding that names what it may have been meant to be.
    pub(super) fn find(&self, name: &str) -> Result<&Profile> {
        let profile = self.profiles.get(name).ok_or_else(|| {
            let finding = Finding::new(Cause::ProfileNotFound, format!("there is no profile `{name}`"));
            if let Some(Profile { origin, .. }) = self.others.get(name) {
                return finding
                    .seen(format!("{origin} has [{name}] without `profile`"))
                    .try_this(format!("write [profile {name}] at {origin}"));
            }
            if let Some(other) = self.others().find(|other| meant(&other.name) == Some(name)) {
                let (origin, wanted) = (&other.origin, if name == "default" { "default".to_owned() } else { format!("profile {name}") });
                return finding.seen(format!("{origin} has [{}]", other.name)).try_this(format!("write [{wanted}] at {origin}"));
            }
            if let Some(origin) = self.indented(name) {
                return finding
                    .seen(format!("[profile {name}] at {origin} is indented: to every tool it belongs to the line above"))
                    .try_this(format!("move it to the beginning of line {}", origin.line));
            }
            // The credentials file takes names as they stand.
            if let Some(profile) = self.profiles.get(&format!("profile {name}")) {
                let origin = &profile.origin;
                return finding.seen(format!("{origin} has [profile {name}]")).try_this(format!("write [{name}] at {origin}"));
            }
            match self.alike(name) {
                Some(other) if printable(other) != other => match self.profiles.get(other) {
                    Some(Profile { origin, .. }) => finding
                        .seen(format!("the name of a profile at {origin} holds characters that cannot be seen"))
                        .try_this(format!("type line {} of {} again", origin.line, origin.file)),
                    None => finding,
                },
                Some(other) => match self.profiles.get(other) {
                    Some(Profile { origin, .. }) => finding.try_this(format!("did you mean `{other}`, at {origin}?")),
                    None => finding,
                },
                None => finding.try_this("awsfresh status lists the profiles there are"),
            }
        })?;
        profile.check()?;
        Ok(profile)
    }

    /// Where a header of that name is taken for more of a value.
    fn indented(&self, name: &str) -> Option<Origin> {
        let header = format!("[profile {name}]");
        self.sections().flat_map(Profile::values).find_map(|(_, value)| {
            let line = value.text.lines().position(|line| line == header)?;
            Some(Origin { line: value.origin.line + u32::try_from(line).ok()?, ..value.origin.clone() })
        })
    }

    /// An existing name that differs by case or by very little.
    fn alike(&self, name: &str) -> Option<&str> {
        let visible: String = name.chars().filter(char::is_ascii_graphic).collect();
        if let Some((other, _)) = self.profiles.get_key_value(&visible).filter(|_| visible != name) {
            return Some(other);
        }
        if let Some((other, _)) = name.strip_prefix("profile ").and_then(|bare| self.profiles.get_key_value(bare.trim())) {
            return Some(other);
        }
        nearest(name, self.names())
    }
}

/// The profile that a header of the wrong form was meant for: `[Profile x]`, `[profiles x]`, `[profile-x]`, `[Default]`.
fn meant(header: &str) -> Option<&str> {
    if header.eq_ignore_ascii_case("default") {
        return Some("default");
    }
    let rest = header.get(.."profile".len()).filter(|word| word.eq_ignore_ascii_case("profile")).map(|word| &header[word.len()..])?;
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    rest.strip_prefix([' ', '\t', '-', ':', '_', '.', '/']).map(str::trim)
}

/// The one of `names` that is hardly different.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.filter(|_| name.len() <= 64).filter(|other| other.len() <= 64).map(|other| (distance(name, other), other));
    near.filter(|(d, other)| *d <= 2 && *d < other.len()).min().map(|(_, other)| other)
}

/// Levenshtein distance without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::reader::{FileKind, read};
    use super::*;

    fn set(config: &str, credentials: &str) -> ProfileSet {
        let file = |kind, text: &str| read("f", kind, text.as_bytes()).ok();
        ProfileSet::new(file(FileKind::Config, config), file(FileKind::Credentials, credentials))
    }

    #[test]
    fn the_credentials_file_wins_key_by_key() {
        let set = set("[profile a]\nx = config\ny = config", "[a]\nx = credentials\n");
        let a = set.profile("a").unwrap();
        assert_eq!((a.get("x").unwrap().text.as_str(), a.get("y").unwrap().text.as_str()), ("credentials", "config"));
    }

    #[test]
    fn a_missing_profile_says_what_may_be_meant() {
        let set = set("[profile prod]\n[dev]\n", "");
        assert!(set.find("Prdo").unwrap_err().remedy[0].contains("`prod`"));
        assert!(set.find("dev").unwrap_err().evidence[0].contains("f:2 has [dev] without"));
        assert_eq!(distance("prod", "prdo"), 2);
    }

    #[test]
    fn what_hides_in_a_name_is_told() {
        let set = set("[profile prod\u{200b}]\n", "[profile dev]\n");
        assert!(set.find("prod").unwrap_err().remedy[0].contains("type line 1"));
        assert!(set.find("dev").unwrap_err().remedy[0].contains("write [dev] at f:1"));
    }

    #[test]
    fn different_duplicates_are_refused_and_equal_ones_are_not() {
        assert_eq!(set("[profile a]\nrole_arn = 1\nrole_arn = 2", "").find("a").unwrap_err().cause, Cause::ConfigDuplicate);
        assert!(set("[profile a]\nrole_arn = 1\nrole_arn = 1\noutput = a\noutput = b", "").find("a").is_ok());
    }
}
