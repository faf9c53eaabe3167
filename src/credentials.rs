//! Credentials and their wire formats. A [`Secret`] cannot be printed by accident, and is removed
//! from every text that goes out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::known_secrets::{self, Kept};
use crate::time::Timestamp;

/// Text that must never reach a log, an error or a terminal.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Kept);

impl Secret {
    /// Takes ownership, so that no copy is left that is not wiped.
    pub fn new(text: String) -> Self {
        Self(known_secrets::keep(Zeroizing::new(text)))
    }

    /// Makes a secret known that is kept in another type.
    pub(crate) fn register(text: &str) {
        Self::new(text.to_owned());
    }

    /// The text itself. Review every call.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Zeroizing::deserialize(deserializer).map(|text| Self(known_secrets::keep(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

/// One set of credentials, always from one response of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// `AKIA…` for long-term keys, `ASIA…` for sessions.
    pub access_key_id: String,
    /// 40 characters for every key that AWS has issued so far.
    pub secret_access_key: Secret,
    /// Present for temporary credentials, and only for them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_token: Option<Secret>,
    /// `None` for long-term keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiration: Option<Timestamp>,
    /// The account the credentials belong to, if the source names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account_id: Option<String>,
}

impl Credentials {
    /// Why no request can be made with these; quotes nothing.
    pub fn flaw(&self) -> Option<&'static str> {
        let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let token = self.session_token.as_ref().map(Secret::expose);
        if self.access_key_id.is_empty() {
            Some("no access key ID")
        } else if self.secret_access_key.expose().is_empty() {
            Some("no secret access key")
        } else if !fits(&self.access_key_id)
            || !fits(self.secret_access_key.expose())
            || !token.is_none_or(fits)
        {
            Some("white space or control characters in a key, secret or token")
        } else if !self.account_id.as_deref().is_none_or(fits) {
            Some("white space or control characters in the account ID")
        } else if self.access_key_id.starts_with("ASIA") && token.is_none_or(str::is_empty) {
            Some("a temporary key without its session token")
        } else {
            None
        }
    }

    /// The output of the `credential_process` contract: one line; every value is a string except
    /// `Version`.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
    pub fn to_process_json(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer<'a> {
            version: u8,
            access_key_id: &'a str,
            secret_access_key: &'a Secret,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_token: Option<&'a Secret>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expiration: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            account_id: Option<&'a str>,
        }
        let answer = Answer {
            version: 1,
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: self.session_token.as_ref(),
            expiration: self.expiration.map(|t| t.to_string()),
            account_id: self.account_id.as_deref(),
        };
        // Reserved first: growing would leave copies on the heap that are not wiped.
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        let _ = serde_json::to_writer(&mut *text, &answer); // writing strings to memory cannot fail
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Credentials {
        Credentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("s3cr3t".into()),
            session_token: Some(Secret::new("t0k3n".into())),
            expiration: Some(Timestamp(1_795_464_067)),
            account_id: Some("123456789012".into()),
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", sample());
        assert!(
            !text.contains("s3cr3t") && !text.contains("t0k3n"),
            "{text}"
        );
    }

    #[test]
    fn answer_is_one_line_with_a_numeric_version() {
        let json = String::from_utf8(sample().to_process_json().to_vec()).unwrap();
        assert_eq!(
            json,
            r#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t","SessionToken":"t0k3n","Expiration":"2026-11-23T20:01:07Z","AccountId":"123456789012"}"#
        );
    }

    #[test]
    fn flaws_are_told_without_being_quoted() {
        assert_eq!(sample().flaw(), None);
        let breaks: [fn(&mut Credentials); 8] = [
            |c| c.access_key_id.clear(),
            |c| c.access_key_id.push('\n'),
            |c| c.secret_access_key = Secret::new(String::new()),
            |c| c.secret_access_key = Secret::new("a b".into()),
            |c| c.session_token = Some(Secret::new("t\u{200b}".into())),
            |c| c.session_token = Some(Secret::new(String::new())),
            |c| c.session_token = None,
            |c| c.account_id = Some("\u{202e}1".into()),
        ];
        for break_it in breaks {
            let mut c = sample();
            break_it(&mut c);
            assert!(c.flaw().is_some(), "{c:?}");
        }
    }
}
