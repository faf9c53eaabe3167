//! Keys that no AWS tool reads, written in the place of a key that tools read. No SDK reports an
//! unknown key.

use super::parser::Value;
use super::profile::Profile;
use crate::finding::{Finding, Origin, remedy};

/// Key names as people remember them, without `aws`, dashes and underscores; and the key they mean.
const INTENDED: &[(&[&str], &str)] = &[
    (&["accesskeyid", "accesskey", "keyid"], "aws_access_key_id"),
    (
        &[
            "secretaccesskey",
            "secretkey",
            "secretaccess",
            "secret",
            "secretkeyid",
        ],
        "aws_secret_access_key",
    ),
    (
        &["sessiontoken", "securitytoken", "token", "session"],
        "aws_session_token",
    ),
    (&["rolearn", "role", "arn"], "role_arn"),
    (&["sourceprofile", "source"], "source_profile"),
    (&["credentialsource"], "credential_source"),
    (
        &["credentialprocess", "credentialsprocess", "process"],
        "credential_process",
    ),
    (&["ssosession"], "sso_session"),
    (&["ssostarturl", "ssourl"], "sso_start_url"),
    (&["ssoaccountid", "ssoaccount"], "sso_account_id"),
    (&["ssorolename", "ssorole"], "sso_role_name"),
];

/// A key that no tool reads, or that has no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyTypo<'a> {
    /// As written, in lower case.
    pub(crate) key: &'a str,
    /// Its place.
    pub(crate) origin: &'a Origin,
    /// The key that tools read.
    pub(crate) intended: &'static str,
}

impl KeyTypo<'_> {
    /// Adds the key and its correction to a finding about what is missing because of it.
    pub(crate) fn explain(&self, finding: Finding) -> Finding {
        let Self {
            key,
            origin,
            intended,
        } = self;
        if key == intended {
            return finding
                .evidence(format!("{key} at {origin} has no value"))
                .remedy(remedy!("{} = VALUE at {}", intended, origin));
        }
        finding
            .evidence(format!("no tool reads `{key}`, at {origin}"))
            .remedy(remedy!("write {} at {}", intended, origin))
    }
}

/// The keys of a profile that no tool reads although they resemble one that tools read, and those
/// that have no value.
pub(crate) fn key_typos(profile: &Profile) -> Vec<KeyTypo<'_>> {
    profile
        .values()
        .into_iter()
        .filter_map(|(key, value)| key_typo(key, value))
        .collect()
}

fn key_typo<'a>(key: &'a str, value: &'a Value) -> Option<KeyTypo<'a>> {
    let bare = key.strip_prefix("export ").unwrap_or(key);
    let letters: String = bare.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.strip_prefix("aws").unwrap_or(&letters);
    let (_, intended) = INTENDED
        .iter()
        .find(|(names, _)| names.contains(&letters))?;
    let is_read = key == *intended || key == "aws_security_token";
    let typo = KeyTypo {
        key,
        origin: &value.origin,
        intended,
    };
    (!is_read || value.text.is_empty()).then_some(typo)
}
