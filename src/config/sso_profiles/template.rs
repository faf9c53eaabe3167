//! The names of profiles.

use std::fmt;
use std::str::FromStr;

use super::AccountRole;

/// The names that other tools give, and how each writes them.
const PRESETS: &[(&str, &str)] = &[
    ("granted", "{account}/{role}"),
    ("aws-sso-cli", "{account_id}:{role}"),
    ("aws-cli", "{role}-{account_id}"),
    ("portal", "{account_id}_{role}"),
];

const FIELDS: &[&str] = &["account", "account_id", "role", "session", "region"];

/// A name with fields in braces, or one of the presets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameTemplate {
    /// As the user writes it.
    text: String,
    /// With fields in braces.
    pattern: String,
    /// Whether account names keep what granted keeps in them.
    keeps_punctuation: bool,
}

impl Default for NameTemplate {
    fn default() -> Self {
        let pattern = "{account}/{role}".to_owned();
        Self {
            text: pattern.clone(),
            pattern,
            keeps_punctuation: false,
        }
    }
}

impl NameTemplate {
    /// The name for a role.
    pub(super) fn name(&self, role: &AccountRole, session: &str, region: Option<&str>) -> String {
        let account = match (self.keeps_punctuation, plain(&role.account_name)) {
            (true, _) => role.account_name.replace(' ', "-"),
            // Nothing but other characters: an account always has an ID.
            (false, plain) if plain.is_empty() => role.account_id.clone(),
            (false, plain) => plain,
        };
        let mut name = self.pattern.clone();
        for (field, value) in FIELDS.iter().zip([
            account.as_str(),
            &role.account_id,
            &role.role_name,
            &plain(session),
            region.unwrap_or_default(),
        ]) {
            name = name.replace(&format!("{{{field}}}"), value);
        }
        name
    }
}

/// Runs of characters that need quotes somewhere become one dash.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let mut plain = String::new();
    for part in text.split(|c| !is_plain(c)).filter(|part| !part.is_empty()) {
        if !plain.is_empty() && !plain.ends_with('-') && !part.starts_with('-') {
            plain.push('-');
        }
        plain.push_str(part);
    }
    plain.trim_matches('-').to_owned()
}

impl FromStr for NameTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let preset = PRESETS.iter().find(|(name, _)| *name == text);
        let pattern = preset.map_or(text, |(_, pattern)| pattern);
        let mut rest = pattern.to_owned();
        for field in FIELDS {
            rest = rest.replace(&format!("{{{field}}}"), "");
        }
        if rest == pattern {
            let presets: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            let (fields, presets) = (FIELDS.join("}, {"), presets.join(", "));
            return Err(format!("use one of {{{fields}}}, or a preset: {presets}"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._/-:@+= ".contains(c);
        if let Some(other) = rest.chars().find(|c| !allowed(*c)) {
            return Err(format!("`{other}` cannot be part of the name of a profile"));
        }
        Ok(Self {
            text: text.to_owned(),
            pattern: pattern.to_owned(),
            keeps_punctuation: text == "granted",
        })
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_give_the_names_of_other_tools() {
        let role = AccountRole::new("111111111111", "My  Team (prod)", "Admin");
        for (text, expected) in [
            ("granted", "My-Team-(prod)/Admin"),
            ("aws-sso-cli", "111111111111:Admin"),
            ("aws-cli", "Admin-111111111111"),
            ("portal", "111111111111_Admin"),
            ("{account}/{role}", "My-Team-prod/Admin"),
            (
                "{session}.{account_id}.{role}.{region}",
                "corp.111111111111.Admin.eu-west-1",
            ),
        ] {
            let template: NameTemplate = text.parse().unwrap();
            assert_eq!(template.name(&role, "corp", Some("eu-west-1")), expected);
            assert_eq!(template.to_string(), text);
        }
        let nameless = AccountRole::new("111111111111", "\u{202e}#", "Admin");
        let name = NameTemplate::default().name(&nameless, "corp", None);
        assert_eq!(name, "111111111111/Admin");
        for wrong in [
            "", "name", "{other}", "{role}]", "{role}\n", "{role}\"", "{{role}",
        ] {
            assert!(wrong.parse::<NameTemplate>().is_err(), "{wrong:?}");
        }
    }
}
