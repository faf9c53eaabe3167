//! Keys that were meant to be others: what people write in the place of the names that AWS tools know. No SDK says a word
//! about a key that it does not know.

use super::profiles::Profile;
use super::reader::Origin;

/// Names as people remember them, without `aws`, dashes and the like.
const MEANT: &[(&[&str], &str)] = &[
    (&["accesskeyid", "accesskey", "keyid"], "aws_access_key_id"),
    (&["secretaccesskey", "secretkey", "secretaccess", "secret", "secretkeyid"], "aws_secret_access_key"),
    (&["sessiontoken", "securitytoken", "token", "session"], "aws_session_token"),
    (&["rolearn", "role", "arn"], "role_arn"),
    (&["sourceprofile", "source"], "source_profile"),
    (&["credentialsource"], "credential_source"),
    (&["credentialprocess", "credentialsprocess", "process"], "credential_process"),
    (&["ssosession"], "sso_session"),
    (&["ssostarturl", "ssourl"], "sso_start_url"),
    (&["ssoaccountid", "ssoaccount"], "sso_account_id"),
    (&["ssorolename", "ssorole"], "sso_role_name"),
];

/// A key that no tool reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Misspelt<'a> {
    /// As it stands there, in lower case.
    pub key: &'a str,
    /// Where.
    pub origin: &'a Origin,
    /// What it was meant to be.
    pub meant: &'static str,
}

/// The keys of a profile that were meant to be others, and those that have no value.
pub fn misspelt(profile: &Profile) -> Vec<Misspelt<'_>> {
    let judged = profile.values().into_iter().filter_map(|(key, value)| {
        let bare = key.strip_prefix("export ").unwrap_or(key);
        let letters: String = bare.chars().filter(char::is_ascii_alphanumeric).collect();
        let letters = letters.strip_prefix("aws").unwrap_or(&letters);
        let (_, meant) = MEANT.iter().find(|(names, _)| names.contains(&letters))?;
        (key != *meant && key != "aws_security_token" || value.text.is_empty()).then_some(Misspelt { key, origin: &value.origin, meant })
    });
    judged.collect()
}
