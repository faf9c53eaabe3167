//! What only some parsers read differently, in sections that are valid.

use super::key_typos::key_typos;
use super::parser::Value;
use super::profile::{PREFIX, Profile};
use crate::finding::Origin;

/// Keys that say where credentials come from.
const SOURCE_KEYS: [&str; 16] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "credential_process",
    "credential_source",
    "external_id",
    "login_session",
    "mfa_serial",
    "role_arn",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

impl Profile {
    /// Whether it has nothing but settings such as a region, and no key that means a source, not even
    /// a misspelt one. For a `[default]` like this, SDKs use what the container or the machine offers.
    pub(crate) fn has_only_settings(&self) -> bool {
        let mut keys = self
            .all_values()
            .map(|(key, _)| key.strip_prefix(PREFIX).unwrap_or(key));
        !keys.any(|key| SOURCE_KEYS.contains(&key)) && key_typos(self).is_empty()
    }

    /// A header with spaces at its brackets, as written.
    pub(crate) fn padded_header(&self) -> Option<(&str, &Origin)> {
        self.sections.iter().find_map(|section| {
            let written = section.other_headers.iter().map(String::as_str);
            let written = std::iter::once(&*section.header).chain(written);
            let mut written = written.map(|header| header.trim_start_matches('['));
            let padded = written.find(|header| header.starts_with(' ') || header.ends_with(' '))?;
            Some((padded, &section.origin))
        })
    }

    /// A key that has its settings on lines of its own, indented, without such a line: it is empty, or
    /// has them on its own line.
    pub(crate) fn not_nested(&self, key: &str) -> Option<&Value> {
        self.sections.iter().find_map(|section| {
            let value = section.entries.get(key)?;
            let has_children = section.nested.keys().any(|(parent, _)| parent == key);
            (!value.commented && !has_children).then_some(value)
        })
    }

    /// A key that says where credentials come from and is not written in lower case, as written.
    pub(crate) fn source_key_in_capitals(&self) -> Option<(&str, &Origin)> {
        let mut keys = self.sections.iter().flat_map(|section| &section.capitals);
        let is_source = |key: &str| {
            SOURCE_KEYS
                .iter()
                .any(|name| name.eq_ignore_ascii_case(key))
        };
        let (key, place) = keys.find(|(key, _)| is_source(key))?;
        Some((key, place))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ProfileSet;

    #[test]
    fn a_profile_with_only_settings_has_no_source() {
        for (lines, is_so) in [
            ("region = eu-west-1\noutput = json\n", true),
            ("region = eu-west-1\nrole_arn = x\n", false),
            ("region = eu-west-1\nawsfresh_role_arn = x\n", false),
            ("aws_session_token = x\n", false),
            ("region = eu-west-1\naws_access_key = x\n", false),
            ("region = eu-west-1\naws_access_key_id =\n", false),
            (
                "s3 =\n  max_concurrent_requests = 9\ntcp_keepalive = true\n",
                true,
            ),
            ("", true),
        ] {
            let set = ProfileSet::from_texts(&format!("[default]\n{lines}"), "");
            let profile = set.profile("default").unwrap();
            assert_eq!(profile.has_only_settings(), is_so, "{lines}");
        }
    }

    #[test]
    fn spaces_at_the_brackets_and_empty_parents_are_found() {
        let set = ProfileSet::from_texts("[default]\ns3 =\n", "[ a ]\nx = 1\n[b]\nx = 1\n");
        let padded = |name| set.profile(name).unwrap().padded_header().is_some();
        assert!(padded("a") && !padded("b"));
        let is_flat = |text: &str| {
            let set = ProfileSet::from_texts(text, "");
            set.profile("default").unwrap().not_nested("s3").is_some()
        };
        assert!(is_flat("[default]\ns3 =\n") && is_flat("[default]\ns3 = x = 1\n"));
        assert!(!is_flat("[default]\ns3 =\n  x = 1\n") && !is_flat("[default]\n"));
    }

    #[test]
    fn capitals_are_found_where_they_matter() {
        let found = |line: &str| {
            let set = ProfileSet::from_texts("", &format!("[a]\n{line}\n"));
            let found = set.profile("a").unwrap().source_key_in_capitals();
            found.map(|(key, place)| (key.to_owned(), place.line))
        };
        let id = "AWS_Access_Key_ID";
        assert_eq!(found(&format!("{id} = x")), Some((id.to_owned(), 2)));
        assert_eq!(found("aws_access_key_id = X\nRegion = x"), None);
    }
}
