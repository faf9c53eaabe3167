//! When a session in a file expires. No AWS tool reads that; programs that write sessions into the
//! files note it under names of their own.

use super::parser::Value;
use super::profile::Profile;
use crate::finding::{Cause, Finding, Origin, remedy};
use crate::time::{Timestamp, human_duration};

/// The names, each with the programs that write it.
const NAMES: [&str; 8] = [
    "x_security_token_expires", // saml2aws, gimme-aws-creds
    "expiration",               // aws-mfa, awsume
    "aws_expiration",           // aws-azure-login
    "aws_session_expiration",   // gsts, yawsso
    "aws_credential_expiration",
    "aws_credentials_expiration",
    "aws_session_token_expiration",
    "aws_token_expiration",
];

/// aws-mfa writes it in UTC, without saying so:
/// <https://github.com/broamski/aws-mfa/blob/master/awsmfa/__init__.py>
const UTC_WITHOUT_ZONE: &str = "expiration";

/// When the session of a profile expires, as its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// The time.
    pub(crate) time: Timestamp,
    profile: String,
    key: &'static str,
    origin: Origin,
}

impl SessionEnd {
    /// The latest of the times that a profile with a session token has: one that another program left
    /// must not withhold a session that is valid.
    pub(crate) fn of(profile: &Profile) -> Option<Self> {
        profile
            .get("aws_session_token")
            .or_else(|| profile.get("aws_security_token"))?;
        let end = |key: &'static str| {
            let value = profile.get(key)?;
            Some(Self {
                time: time(key, value)?,
                profile: profile.name.to_string(),
                key,
                origin: value.origin.clone(),
            })
        };
        NAMES.into_iter().filter_map(end).max_by_key(|end| end.time)
    }

    /// The finding, if that time has passed.
    pub(crate) fn expired(&self, now: Timestamp) -> Option<Finding> {
        if self.time > now {
            return None;
        }
        let ago = human_duration(now.seconds_from(self.time));
        let summary = format!(
            "the session in profile `{}` expired {ago} ago, by {}",
            self.profile, self.key
        );
        Some(
            Finding::new(Cause::SessionExpired, summary)
                .about_profile(&self.profile)
                .at(&self.origin)
                .evidence(format!("{} = {}", self.key, self.time))
                .remedy("sign in again with the program that wrote this session")
                .remedy(remedy!(
                    "if the session is newer than that line, put # in front of {}",
                    self.origin
                )),
        )
    }
}

fn time(key: &str, value: &Value) -> Option<Timestamp> {
    let text = value.text.trim_matches('"');
    Timestamp::parse(text).or_else(|| {
        let is_utc = key == UTC_WITHOUT_ZONE && text.len() == "2026-01-02 03:04:05".len();
        let zulu = || format!("{}Z", text.replacen(' ', "T", 1));
        is_utc.then(zulu).and_then(|text| Timestamp::parse(&text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProfileSet;

    fn end(lines: &str) -> Option<SessionEnd> {
        let set = ProfileSet::from_texts("", &format!("[a]\naws_session_token = t\n{lines}\n"));
        SessionEnd::of(set.profile("a").unwrap())
    }

    #[test]
    fn the_forms_of_several_programs_are_read() {
        for line in [
            "x_security_token_expires = 2026-01-02T03:04:05+00:00",
            "expiration = 2026-01-02 03:04:05",
            "aws_expiration = 2026-01-02T03:04:05.000Z",
            "aws_session_expiration=2026-01-02T04:04:05+01:00",
            "aws_credential_expiration = \"2026-01-02T03:04:05Z\"",
        ] {
            assert_eq!(end(line).unwrap().time, Timestamp(1_767_323_045), "{line}");
        }
        for line in [
            "aws_expiration = x",
            "aws_expiration = 2026-01-02 03:04:05",
            "",
        ] {
            assert_eq!(end(line), None, "{line}");
        }
    }

    #[test]
    fn the_latest_counts_and_keys_without_a_token_have_none() {
        let two = "aws_expiration = 2020-01-01T00:00:00Z\nexpiration = 2026-01-02 03:04:05";
        let end = end(two).unwrap();
        assert_eq!(end.key, "expiration");
        assert!(end.expired(Timestamp(1_767_323_044)).is_none());
        assert_eq!(end.expired(end.time).unwrap().cause, Cause::SessionExpired);
        let set = ProfileSet::from_texts("", "[a]\nexpiration = 2020-01-01T00:00:00Z\n");
        assert_eq!(SessionEnd::of(set.profile("a").unwrap()), None);
    }
}
