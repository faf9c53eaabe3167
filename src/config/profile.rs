//! A profile, from one file or both. For each key, the credentials file ranks above the config
//! file, as in every SDK; within a file, the last value counts.

use std::sync::Arc;

use super::bad_line::Problem;
use super::base::conflict;
use super::parser::{Section, Value};
use crate::finding::{Finding, Origin, Result, remedy};

/// Keys that decide which credentials are returned: a duplicate with another value is an error.
pub(crate) const CREDENTIAL_KEYS: &[&str] = &[
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

/// Further keys that decide about the credentials of a role.
const ROLE_KEYS: &[&str] = &[
    "external_id",
    "mfa_serial",
    "duration_seconds",
    "role_session_name",
    "sso_registration_scopes",
];

/// In front of a key that awsfresh reads in a profile whose `credential_process` it is: other tools
/// ignore keys that they do not know.
pub(crate) const PREFIX: &str = "awsfresh_";

/// So many further lines that are not valid are named.
const MORE_LINES: usize = 3;

/// A named section, from one file or both.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The name in the header.
    pub(crate) name: Arc<str>,
    /// Its first header.
    pub(crate) origin: Origin,
    /// Sections in ascending order of rank.
    pub(super) sections: Vec<Section>,
    /// Whether a key in them has [`PREFIX`].
    has_prefix: bool,
}

impl Profile {
    pub(super) fn of(section: Section) -> Self {
        let is_prefixed = |(key, _): (&str, &Value)| key.starts_with(PREFIX);
        let has_prefix = section.entries.iter().any(is_prefixed);
        Self {
            name: section.name.clone(),
            origin: section.origin.clone(),
            has_prefix,
            sections: vec![section],
        }
    }

    /// Adds the sections of a profile of the same name that rank above those of this one.
    pub(super) fn extend(&mut self, above: Self) {
        self.has_prefix |= above.has_prefix;
        self.sections.extend(above.sections);
    }

    /// The value of a key, or of the same key with [`PREFIX`]; blank counts as unset.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let prefixed = self.prefixed(key).filter(|_| has_prefixed_form(key));
        prefixed.or_else(|| self.get_as_written(key))
    }

    /// The value of a key with [`PREFIX`]. Every key is asked for, in each of thousands of profiles.
    pub(super) fn prefixed(&self, key: &str) -> Option<&Value> {
        if !self.has_prefix {
            return None;
        }
        self.get_as_written(&format!("{PREFIX}{key}"))
    }

    /// Whether a key has a value with [`PREFIX`].
    pub(super) fn has_prefixed(&self, key: &str) -> bool {
        self.prefixed(key).is_some()
    }

    /// The value of a key as other tools read it.
    pub(crate) fn get_as_written(&self, key: &str) -> Option<&Value> {
        let values = self
            .sections
            .iter()
            .rev()
            .filter_map(|s| s.entries.get(key));
        values.into_iter().find(|v| !v.text.is_empty())
    }

    /// The first key of a source that has [`PREFIX`].
    pub(crate) fn prefixed_source(&self) -> Option<(&'static str, &Value)> {
        CREDENTIAL_KEYS.iter().find_map(|key| {
            let value = self.prefixed(key)?;
            Some((*key, value))
        })
    }

    /// Every value of every key, those that count and those that do not; sorted by place.
    pub(crate) fn values(&self) -> Vec<(&str, &Value)> {
        let mut all: Vec<_> = self.all_values().collect();
        all.sort_by(|(_, a), (_, b)| place(&a.origin).cmp(&place(&b.origin)));
        all
    }

    /// Whether a value is in the credentials file, and the profile has a section in the config file,
    /// too.
    pub(super) fn is_in_credentials(&self, value: &Value) -> bool {
        match self.sections.as_slice() {
            [config, .., credentials] => {
                let file = &credentials.origin.file;
                *file != config.origin.file && *file == value.origin.file
            }
            _ => false,
        }
    }

    /// Whether it has no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.all_values().next().is_none()
    }

    /// The same in no order.
    pub(super) fn all_values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.sections.iter().flat_map(|s| s.entries.iter())
    }

    /// Lines for which Python tools reject the whole file: what is wrong with the first `limit`, and
    /// how many more there are.
    pub(crate) fn rejected_lines(&self, limit: usize) -> (Vec<Finding>, usize) {
        let lines = self.sections.iter().flat_map(|section| {
            let lines = section.bad_lines.iter();
            lines.map(|line| (&section.origin.file, line))
        });
        let mut lines = lines.filter(|(_, line)| line.problem != Problem::Colon);
        let first = lines.by_ref().take(limit);
        let first = first.map(|(file, line)| line.finding(file)).collect();
        (first, lines.count())
    }

    /// The value of `key` below an empty `parent`.
    pub(crate) fn nested(&self, parent: &str, key: &str) -> Option<&Value> {
        self.sections
            .iter()
            .rev()
            .find_map(|s| s.nested.get(&(parent.to_owned(), key.to_owned())))
    }

    /// Rejects a section with an invalid line, or with two different values of a key that decides
    /// which credentials are returned: botocore rejects it, the SDKs use the last value without a
    /// word.
    pub(super) fn check(&self) -> Result<()> {
        self.check_prefixed()?;
        for section in &self.sections {
            if let Some((first, others)) = section.bad_lines.split_first() {
                let file = &section.origin.file;
                let mut problem = first.finding(file).for_profile(&self.name);
                for other in others.iter().take(MORE_LINES) {
                    let other = other.finding(file);
                    problem.evidence.extend(other.evidence);
                    problem.remedy.extend(other.remedy);
                }
                return Err(problem.and_more(others.len().saturating_sub(MORE_LINES)));
            }
        }
        if let Some(finding) = self.damage() {
            return Err(finding);
        }
        self.ambiguous(decides).map_or(Ok(()), Err)
    }
}

impl Profile {
    /// Rejects a profile with a prefixed source and another one that other tools read: they would use
    /// other credentials than awsfresh.
    fn check_prefixed(&self) -> Result<()> {
        let Some((prefixed, value)) = self.prefixed_source() else {
            return Ok(());
        };
        if let (true, Some(process)) = (self.has_foreign_process(), self.own_process()) {
            let (prefixed, why) = (
                format!("{PREFIX}{prefixed}"),
                "its credential_process is awsfresh for another profile, whose credentials tools get",
            );
            let finding = conflict(
                self,
                (&prefixed, value),
                ("credential_process", process),
                why,
            );
            return Err(Finding {
                remedy: vec![remedy!("awsfresh setup {} corrects the process", self.name)],
                ..finding
            });
        }
        let id = "aws_access_key_id";
        // `keys import` was interrupted: the same key is still in the file, too.
        let is_same_key = prefixed == id
            && self
                .get_as_written(id)
                .is_some_and(|other| other.text == value.text);
        let other = CREDENTIAL_KEYS.iter().find_map(|key| {
            let other = self.get_as_written(key)?;
            let is_same = match *key {
                "credential_process" => self.own_process().is_some(),
                "aws_access_key_id" | "aws_secret_access_key" => is_same_key,
                _ => false,
            };
            (!is_same).then_some((*key, other))
        });
        match other {
            Some(other) => {
                let why = "other tools use the key without awsfresh_, awsfresh the one with it";
                let prefixed = format!("{PREFIX}{prefixed}");
                Err(conflict(self, (&prefixed, value), other, why))
            }
            None => Ok(()),
        }
    }
}

pub(super) fn has_prefixed_form(key: &str) -> bool {
    CREDENTIAL_KEYS.contains(&key) || ROLE_KEYS.contains(&key)
}

/// Whether a key, with or without [`PREFIX`], decides which credentials are returned.
fn decides(key: &str) -> bool {
    CREDENTIAL_KEYS.contains(&key.strip_prefix(PREFIX).unwrap_or(key))
}

/// For sorting.
pub(super) fn place(origin: &Origin) -> (&str, u32) {
    (&origin.file, origin.line)
}
