//! Credentials and the formats they travel in. A [`Secret`] cannot be printed by accident and is wiped on drop.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::diagnosis::keys::Keys;
use crate::time::Timestamp;

/// Text that must never reach a log, an error or a terminal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership, so that no unwiped copy stays behind.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call is a place to look at in review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

/// One set of credentials, always from one answer of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// `AKIA…` for long-term keys, `ASIA…` for sessions.
    pub access_key_id: String,
    /// 40 characters for every key AWS has issued so far.
    pub secret_access_key: Secret,
    /// Present exactly for temporary credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_token: Option<Secret>,
    /// `None` for long-term keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiration: Option<Timestamp>,
    /// The account the credentials belong to, where the source says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account_id: Option<String>,
}

impl Credentials {
    /// As they would be sent, to judge their form.
    pub fn keys(&self) -> Keys<'_> {
        Keys { id: &self.access_key_id, secret: self.secret_access_key.expose(), token: self.session_token.as_ref().map(Secret::expose) }
    }

    /// What keeps these from being used in a request; quotes nothing.
    pub fn flaw(&self) -> Option<&'static str> {
        let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let token = self.session_token.as_ref().map(Secret::expose);
        if self.access_key_id.is_empty() {
            Some("no access key id")
        } else if self.secret_access_key.expose().is_empty() {
            Some("no secret access key")
        } else if !fits(&self.access_key_id) || !fits(self.secret_access_key.expose()) || !token.is_none_or(fits) {
            Some("white space or control characters in a key, secret or token")
        } else if self.access_key_id.starts_with("ASIA") && token.is_none_or(str::is_empty) {
            Some("a temporary key without its session token")
        } else {
            None
        }
    }

    /// The answer of the `credential_process` contract: one line, every key a string but `Version`.
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
        // Reserved up front: growing would leave unwiped copies on the heap.
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        let _ = serde_json::to_writer(&mut *text, &answer); // writing strings to memory cannot fail
        text
    }
}

/// A key id as people may see it: first and last four characters.
pub fn masked(key_id: &str) -> String {
    let chars: Vec<char> = key_id.chars().collect();
    match chars.len() {
        0..=8 => "*".repeat(chars.len()),
        n => chars[..4].iter().chain("…".chars().collect::<Vec<_>>().iter()).chain(&chars[n - 4..]).collect(),
    }
}

/// Text of others as people may see it: without what has the form of a secret or token, and with key ids masked. ARNs and
/// plain URLs stay.
pub fn redacted(text: &str) -> String {
    let in_key = |c: char| c.is_ascii_alphanumeric() || "+/=_%".contains(c);
    let mut shown = String::with_capacity(text.len());
    for token in text.split_inclusive(char::is_whitespace) {
        // A URL may have user and password in front of its host.
        let token = match token.split_once("://").map(|(scheme, rest)| (scheme, rest.split_at(rest.find('/').unwrap_or(rest.len())))) {
            Some((scheme, (host, path))) if host.contains('@') => {
                Cow::Owned(format!("{scheme}://…@{}{path}", host.rsplit('@').next().unwrap_or_default()))
            }
            _ => Cow::Borrowed(token),
        };
        let token = token.as_ref();
        let is_name = token.contains("arn:") || (token.contains("://") && !token.contains(['=', '%']));
        for word in token.split_inclusive(|c| !in_key(c)) {
            let (word, end) = word.split_at(word.trim_end_matches(|c| !in_key(c)).len());
            let mixed = word.contains(|c: char| c.is_ascii_uppercase()) && word.contains(|c: char| c.is_ascii_lowercase());
            let id = ["AKIA", "ASIA"].iter().filter_map(|prefix| word.find(prefix)).min();
            match id.map(|at| word.split_at(at)) {
                Some((before, id)) if (16..=128).contains(&id.len()) && id.bytes().take(16).all(|b| b.is_ascii_alphanumeric()) => {
                    let (id, after) = id.split_at(id.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(id.len()));
                    shown.extend([before, &masked(id), after]);
                }
                // A secret key has 40 characters, a token more; a path of that length starts with a slash.
                _ if word.len() >= 36 && mixed && !is_name && !word.starts_with('/') => shown.push('…'),
                _ => shown.push_str(word),
            }
            shown.push_str(end);
        }
    }
    shown
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
        assert!(!text.contains("s3cr3t") && !text.contains("t0k3n"), "{text}");
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
        let breaks: [fn(&mut Credentials); 7] = [
            |c| c.access_key_id.clear(),
            |c| c.access_key_id.push('\n'),
            |c| c.secret_access_key = Secret::new(String::new()),
            |c| c.secret_access_key = Secret::new("a b".into()),
            |c| c.session_token = Some(Secret::new("t\u{200b}".into())),
            |c| c.session_token = Some(Secret::new(String::new())),
            |c| c.session_token = None,
        ];
        for break_it in breaks {
            let mut c = sample();
            break_it(&mut c);
            assert!(c.flaw().is_some(), "{c:?}");
        }
    }

    #[test]
    fn key_ids_are_masked() {
        assert_eq!(masked("AKIAIOSFODNN7EXAMPLE"), "AKIA…MPLE");
        assert_eq!(masked("short"), "*****");
    }

    #[test]
    fn what_others_say_is_shown_without_secrets() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzKEY";
        for (text, wanted) in [
            (format!("got '{secret}/20181031/us-east-2/sqs/aws4_request'"), "got '…-east-2/sqs/aws4_request'"),
            (format!("export AWS_SECRET_ACCESS_KEY={secret} x"), "export … x"),
            ("proxy URL: \"http://bob:hunter2@proxy:3128/\" x".into(), "proxy URL: \"http://…@proxy:3128/\" x"),
            ("Credential=AKIAQBENCHBENCHBENCH/20200101/".into(), "Credential=AKIA…ENCH/20200101/"),
            ("https://x/?X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLETOKENxxxxxxxxxxxx".into(), "https://x/?X-Amz-Security-…"),
            (
                "on arn:aws:iam::1:role/AWSReservedSSO_AdministratorAccess_0123456789abcdef".into(),
                "on arn:aws:iam::1:role/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
            ),
            (
                "No provider for https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789".into(),
                "No provider for https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789",
            ),
        ] {
            assert_eq!(redacted(&text), wanted);
        }
    }
}
