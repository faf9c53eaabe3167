//! What a name that does not exist may mean: a section of the wrong form, a hidden character,
//! a similar name.

use super::profile::Profile;
use super::profile_set::ProfileSet;
use crate::finding::{Cause, Finding, Origin, Remedy, Result, remedy};
use crate::text::printable;

/// The next step where nothing is similar.
const LIST_PROFILES: &str = "awsfresh status lists the profiles";

/// The next steps where there is no profile.
pub(crate) const FIRST_STEPS: [&str; 2] = [
    "awsfresh setup --sso NAME --start-url URL --sso-region REGION, for IAM Identity Center",
    "or awsfresh keys add NAME, or aws configure, for the access keys of an IAM user",
];

/// Whether a step is one of those, which help with any name.
pub(crate) fn is_general(step: &Remedy) -> bool {
    let mut general = [LIST_PROFILES].into_iter().chain(FIRST_STEPS);
    general.any(|one| **step == *one)
}

/// Names up to this distance are similar.
const MAX_DISTANCE: usize = 2;
/// Longer names are not compared, in bytes.
const MAX_LENGTH: usize = 64;

impl ProfileSet {
    /// The profile, or a finding with the name that may be intended.
    pub(super) fn find(&self, name: &str) -> Result<&Profile> {
        let profile = self.profile(name).ok_or_else(|| self.not_found(name))?;
        profile.check()?;
        Ok(profile)
    }

    fn not_found(&self, name: &str) -> Finding {
        let finding = Finding::new(
            Cause::ProfileNotFound,
            format!("there is no profile `{name}`"),
        )
        .about_profile(name);
        if let Some(Profile { origin, .. }) = self.other(name) {
            return finding
                .evidence(format!("{origin} has [{name}] without `profile`"))
                .remedy(remedy!("write [profile {}] at {}", name, origin));
        }
        if let Some(other) = self
            .others()
            .find(|other| intended_profile(&other.name) == Some(name))
        {
            let origin = &other.origin;
            let header = if name == "default" {
                "default".into()
            } else {
                remedy!("profile {}", name)
            };
            return finding
                .evidence(format!("{origin} has [{}]", other.name))
                .remedy(remedy!("write [{}] at {}", header, origin));
        }
        let hidden = self
            .sections()
            .find_map(|section| section.hidden_profile(name));
        if let Some(hidden) = hidden {
            return hidden.for_profile(name);
        }
        // In the credentials file, a header is the name as it is.
        if let Some(Profile { origin, .. }) = self.profile(&format!("profile {name}")) {
            return finding
                .evidence(format!("{origin} has [profile {name}]"))
                .remedy(remedy!("write [{}] at {}", name, origin));
        }
        if let Some(section) = self.enclosed(name) {
            return with_enclosed(finding, name, section);
        }
        let Some(Profile {
            name: other,
            origin,
            ..
        }) = self.similar_profile(name)
        else {
            return self.known().fold(finding, Finding::remedy);
        };
        if *printable(other) != **other {
            return finding
                .evidence(format!(
                    "the name of a profile at {origin} contains invisible characters"
                ))
                .remedy(remedy!("retype line {} of {}", origin.line, origin.file));
        }
        finding.remedy(remedy!("did you mean {}, at {}?", other, origin))
    }

    /// The next steps where nothing is similar.
    fn known(&self) -> impl Iterator<Item = &'static str> {
        let steps: &[&str] = if self.profiles().next().is_some() {
            &[LIST_PROFILES]
        } else {
            &FIRST_STEPS
        };
        steps.iter().copied()
    }

    /// The section whose name is this one in braces or quotes, as templates have it.
    fn enclosed(&self, name: &str) -> Option<&Profile> {
        let enclosing = |c: char| c == ' ' || ENCLOSING.contains(&c);
        self.profiles().chain(self.others()).find(|section| {
            let bare = section.name.strip_prefix("profile ");
            let bare = bare.unwrap_or(&section.name).trim_matches(enclosing);
            bare == name && *section.name != *name
        })
    }

    /// An existing profile whose name differs by invisible characters, by case or by a letter or
    /// two.
    fn similar_profile(&self, name: &str) -> Option<&Profile> {
        let visible: String = name.chars().filter(char::is_ascii_graphic).collect();
        let visible = self.profile(&visible).filter(|_| visible != name);
        let bare = || {
            name.strip_prefix("profile ")
                .and_then(|bare| self.profile(bare.trim()))
        };
        visible
            .or_else(bare)
            .or_else(|| self.profile(nearest(name, self.names())?))
    }

    /// The SSO session with the most similar name.
    pub(super) fn similar_session(&self, name: &str) -> Option<&Profile> {
        self.sso_session(nearest(name, self.sso_session_names())?)
    }

    /// Where `[sso-session NAME]` is written in a form or a file in which no tool reads it: what is
    /// wrong, and its place.
    pub(super) fn misplaced_session(&self, name: &str) -> Option<(String, &Origin)> {
        if let Some(Profile { origin, .. }) = self.profile(&format!("sso-session {name}")) {
            let what = format!(
                "{origin} has [sso-session {name}]: no tool reads sessions from the \
                    credentials file"
            );
            return Some((what, origin));
        }
        let is_intended = |section: &&Profile| {
            let (kind, rest) = section.name.split_once([' ', '\t']).unwrap_or_default();
            let kind = kind.to_ascii_lowercase().replace('_', "-");
            rest.trim() == name && kind.trim_end_matches('s') == "sso-session"
        };
        let section = self.others().find(is_intended)?;
        Some((
            format!("{} has [{}]", section.origin, section.name),
            &section.origin,
        ))
    }
}

/// Characters that templates have around what is to be filled in.
const ENCLOSING: [char; 10] = ['{', '}', '<', '>', '(', ')', '[', '"', '\'', '$'];

/// A section whose name is in braces or quotes, and its values that are in braces, too.
fn with_enclosed(finding: Finding, name: &str, section: &Profile) -> Finding {
    let Profile {
        name: other,
        origin,
        ..
    } = section;
    let prefixed = other.starts_with("profile ");
    let kind = Remedy::from(if prefixed { "profile " } else { "" });
    let finding = finding
        .evidence(format!("{origin} has [{}]", printable(other)))
        .remedy(remedy!("write [{}{}] at {}", kind, name, origin));
    let is_enclosed = |text: &str| text.starts_with(['{', '<']) && text.ends_with(['}', '>']);
    let values = section.values().into_iter();
    let enclosed = values.filter(|(_, value)| is_enclosed(&value.text));
    let mut lines: Vec<u32> = enclosed.map(|(_, value)| value.origin.line).collect();
    lines.sort_unstable();
    if lines.is_empty() {
        return finding;
    }
    let names: Vec<String> = lines.iter().map(u32::to_string).collect();
    finding
        .evidence(format!(
            "the values of lines {} are in braces, too: those of a template",
            names.join(", ")
        ))
        .remedy(remedy!(
            "remove the braces around the values of lines {}",
            lines.as_slice()
        ))
}

/// The profile that a header of the wrong form means: `[Profile x]`, `[profiles x]`,
/// `[profile-x]`, `[Default]`.
fn intended_profile(header: &str) -> Option<&str> {
    if header.eq_ignore_ascii_case("default") {
        return Some("default");
    }
    let (word, rest) = header.split_at_checked("profile".len())?;
    if !word.eq_ignore_ascii_case("profile") {
        return None;
    }
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    rest.strip_prefix([' ', '\t', '-', ':', '_', '.', '/'])
        .map(str::trim)
}

/// The most similar of `names`, without regard to case.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| strsim::levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let short = names.filter(|other| name.len() <= MAX_LENGTH && other.len() <= MAX_LENGTH);
    let near = short.map(|other| (distance(other), other));
    let near =
        near.filter(|(distance, other)| *distance <= MAX_DISTANCE && *distance < other.len());
    near.min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_profile_has_a_suggestion() {
        let set = ProfileSet::from_texts("[profile prod]\n[dev]\n", "");
        assert!(set.find("Prdo").unwrap_err().remedy[0].contains("mean prod, at"));
        assert!(set.find("dev").unwrap_err().evidence[0].contains("f:2 has [dev] without"));
        assert_eq!(nearest("prod", ["staging", "x"].into_iter()), None);
    }

    #[test]
    fn hidden_characters_in_a_name_are_reported() {
        let set = ProfileSet::from_texts("[profile prod\u{200b}]\n", "[profile dev]\n");
        assert!(set.find("prod").unwrap_err().remedy[0].contains("retype line 1"));
        assert!(set.find("dev").unwrap_err().remedy[0].contains("write [dev] at f:1"));
    }
}
