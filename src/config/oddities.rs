//! What only some parsers read differently, in sections that are valid.

use super::profiles::Profile;
use crate::finding::Origin;

impl Profile {
    /// Whether it has settings, such as a region, and nothing about credentials.
    pub(crate) fn has_settings_alone(&self) -> bool {
        let settings = [
            "region",
            "output",
            "cli_pager",
            "cli_auto_prompt",
            "retry_mode",
            "max_attempts",
            "s3",
            "ca_bundle",
            "endpoint_url",
            "services",
            "sts_regional_endpoints",
            "use_fips_endpoint",
            "use_dualstack_endpoint",
            "defaults_mode",
        ];
        let mut keys = self.all_values().map(|(key, _)| key).peekable();
        keys.peek().is_some() && keys.all(|key| settings.contains(&key))
    }

    /// A header with spaces at its brackets, as written.
    pub(crate) fn padded_header(&self) -> Option<(&str, &Origin)> {
        self.sections.iter().find_map(|section| {
            let mut written = section
                .headers
                .iter()
                .map(|header| header.trim_start_matches('['));
            let padded = written.find(|header| header.starts_with(' ') || header.ends_with(' '))?;
            Some((padded, &section.origin))
        })
    }

    /// A key without a value and without indented lines below it.
    pub(crate) fn empty_parent(&self, key: &str) -> Option<&Origin> {
        self.sections.iter().find_map(|section| {
            let value = section.keys.get(key)?.last()?;
            let is_alone = value.text.is_empty() && !value.commented;
            let has_children = section.nested.keys().any(|(parent, _)| parent == key);
            (is_alone && !has_children).then_some(&value.origin)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ProfileSet;

    #[test]
    fn a_profile_with_settings_alone_has_no_source() {
        for (lines, is_so) in [
            ("region = eu-west-1\noutput = json\n", true),
            ("region = eu-west-1\nrole_arn = x\n", false),
            ("region = eu-west-1\naws_access_key = x\n", false),
            ("", false),
        ] {
            let set = ProfileSet::from_texts(&format!("[default]\n{lines}"), "");
            let profile = set.profile("default").unwrap();
            assert_eq!(profile.has_settings_alone(), is_so, "{lines}");
        }
    }

    #[test]
    fn spaces_at_the_brackets_and_empty_parents_are_found() {
        let set = ProfileSet::from_texts("[default]\ns3 =\n", "[ a ]\nx = 1\n[b]\nx = 1\n");
        let padded = |name| set.profile(name).unwrap().padded_header().is_some();
        assert!(padded("a") && !padded("b"));
        assert!(set.profile("default").unwrap().empty_parent("s3").is_some());
        let set = ProfileSet::from_texts("[default]\ns3 =\n  x = 1\n", "");
        assert!(set.profile("default").unwrap().empty_parent("s3").is_none());
    }
}
