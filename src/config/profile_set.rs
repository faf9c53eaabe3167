//! The sections of both files by name. Those of the credentials file rank above those of the config
//! file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem::take;
use std::sync::Arc;

use super::parser::{File, SectionKind};
use super::profile::Profile;

const KINDS: [SectionKind; 4] = [
    SectionKind::Profile,
    SectionKind::SsoSession,
    SectionKind::Services,
    SectionKind::Other,
];

/// Profiles by name.
type Profiles = BTreeMap<Arc<str>, Profile>;

/// The sections of both files.
#[derive(Debug, Default)]
pub struct ProfileSet {
    profiles: Profiles,
    sso_sessions: Profiles,
    services: Profiles,
    others: Profiles,
}

impl ProfileSet {
    /// The profiles of these two texts, for tests.
    #[cfg(test)]
    pub(crate) fn from_texts(config: &str, credentials: &str) -> Self {
        let file = |kind, text: &str| super::parser::parse("f", kind, text.as_bytes()).ok();
        let config = file(super::parser::FileKind::Config, config);
        Self::new(
            config,
            file(super::parser::FileKind::Credentials, credentials),
        )
    }

    /// Merges the files that exist.
    pub fn new(config: Option<File>, credentials: Option<File>) -> Self {
        let set = |file: Option<File>| file.map(Self::of).unwrap_or_default();
        set(config).merged(set(credentials))
    }

    /// The sections of one file.
    pub(crate) fn of(file: File) -> Self {
        let mut set = Self::default();
        for section in file.sections {
            let profiles = set.of_kind(section.kind);
            profiles.insert(section.name.clone(), Profile::of(section));
        }
        set
    }

    /// The sections of this file and of one that ranks above it.
    pub(crate) fn merged(mut self, mut above: Self) -> Self {
        for kind in KINDS {
            let below = self.of_kind(kind);
            for (name, profile) in take(above.of_kind(kind)) {
                match below.entry(name) {
                    Entry::Vacant(entry) => {
                        entry.insert(profile);
                    }
                    Entry::Occupied(mut entry) => entry.get_mut().extend(profile),
                }
            }
        }
        self
    }

    /// The sections of a file that was parsed in parts. `None` where a section is in two of them: its
    /// lines must be read one after the other.
    pub(crate) fn joined(mut parts: Vec<Self>) -> Option<Self> {
        let mut all = Self::default();
        for kind in KINDS {
            let profiles = parts.iter_mut().map(|part| take(part.of_kind(kind)));
            let profiles: Vec<Profiles> = profiles.collect();
            let count: usize = profiles.iter().map(Profiles::len).sum();
            let joined: Profiles = profiles.into_iter().flatten().collect();
            if joined.len() < count {
                return None;
            }
            *all.of_kind(kind) = joined;
        }
        Some(all)
    }

    fn of_kind(&mut self, kind: SectionKind) -> &mut Profiles {
        match kind {
            SectionKind::Profile => &mut self.profiles,
            SectionKind::SsoSession => &mut self.sso_sessions,
            SectionKind::Services => &mut self.services,
            SectionKind::Other => &mut self.others,
        }
    }

    /// Leaves the memory to the end of the process, which is soon: to free thousands of profiles piece
    /// by piece takes a tenth of the time.
    pub(crate) fn leave(self) {
        std::mem::forget(self);
    }

    /// Every profile's name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(|name| &**name)
    }

    /// The profile of this name.
    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Every profile, sorted by name.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// The section of this name that no SDK reads.
    pub(crate) fn other(&self, name: &str) -> Option<&Profile> {
        self.others.get(name)
    }

    /// Sections of the config file that no SDK reads.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Profile> {
        self.others.values()
    }

    /// Every section of any kind.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &Profile> {
        self.profiles()
            .chain(self.sso_sessions.values())
            .chain(self.services.values())
            .chain(self.others())
    }

    /// `[sso-session NAME]`.
    pub(crate) fn sso_session(&self, name: &str) -> Option<&Profile> {
        self.sso_sessions.get(name)
    }

    /// The names of the SSO sessions, sorted.
    pub(crate) fn sso_session_names(&self) -> impl Iterator<Item = &str> {
        self.sso_sessions.keys().map(|name| &**name)
    }

    /// `[services NAME]`.
    pub(crate) fn services(&self, name: &str) -> Option<&Profile> {
        self.services.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Cause;

    #[test]
    fn the_credentials_file_wins_key_by_key() {
        let set = ProfileSet::from_texts(
            "[profile a]\nx = config\ny = config",
            "[a]\nx = credentials\n",
        );
        let a = set.profile("a").unwrap();
        assert_eq!(
            (
                a.get("x").unwrap().text.as_str(),
                a.get("y").unwrap().text.as_str()
            ),
            ("credentials", "config")
        );
    }

    #[test]
    fn different_duplicates_are_refused_and_equal_ones_are_not() {
        assert_eq!(
            ProfileSet::from_texts("[profile a]\nrole_arn = 1\nrole_arn = 2", "")
                .find("a")
                .unwrap_err()
                .cause,
            Cause::ConfigDuplicate
        );
        assert!(
            ProfileSet::from_texts(
                "[profile a]\nrole_arn = 1\nrole_arn = 1\noutput = a\noutput = b",
                ""
            )
            .find("a")
            .is_ok()
        );
    }
}
