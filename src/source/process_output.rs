//! The output of a `credential_process`: what it must be, and what is wrong with it.

use serde::Deserialize;

use crate::credentials::{Credentials, Secret};
use crate::time::Timestamp;

/// A longer Expiration is not quoted, in bytes.
const LONGEST_TIME: usize = 35;

/// Parses the output. The error says what is wrong with it, and quotes no more of it than a time.
pub fn parse(bytes: &[u8], now: Timestamp) -> Result<Credentials, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        version: serde_json::Value,
        access_key_id: Option<String>,
        secret_access_key: Option<Secret>,
        session_token: Option<Secret>,
        /// The name that container endpoints have for it.
        token: Option<Secret>,
        expiration: Option<String>,
        account_id: Option<String>,
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("printed nothing".into());
    }
    // serde's message may quote the input: only its position is shown.
    let output: Output = serde_json::from_slice(bytes).map_err(|e| {
        format!(
            "printed invalid credentials JSON (line {}, column {})",
            e.line(),
            e.column()
        )
    })?;
    if output.version != serde_json::json!(1) {
        return Err("printed no `\"Version\": 1`".into());
    }
    let access_key_id = output
        .access_key_id
        .filter(|id| !id.trim().is_empty())
        .ok_or("printed no AccessKeyId")?;
    let secret_access_key = output
        .secret_access_key
        .filter(|s| !s.expose().trim().is_empty())
        .ok_or("printed no SecretAccessKey")?;
    let session_token = output.session_token.filter(|t| !t.expose().is_empty());
    if session_token.is_none() && output.token.is_some() {
        return Err("printed Token instead of SessionToken".into());
    }
    if access_key_id.starts_with("ASIA") && session_token.is_none() {
        return Err("printed a temporary key (ASIA…) without SessionToken".into());
    }
    let expiration = match output.expiration {
        None => None,
        Some(text) => Some(Timestamp::parse(&text).ok_or_else(|| no_time(&text))?),
    };
    if let Some(t) = expiration
        && t <= now
    {
        return Err(format!("printed credentials that expired at {t}"));
    }
    let credentials = Credentials {
        access_key_id,
        secret_access_key,
        session_token,
        expiration,
        account_id: output.account_id,
    };
    match credentials.flaw() {
        None => Ok(credentials),
        Some(flaw) => Err(format!("printed {flaw}")),
    }
}

/// What is wrong with an Expiration. It is quoted if it can be no secret.
fn no_time(text: &str) -> String {
    if text.trim().is_empty() {
        return "printed an empty Expiration, which Go programs reject".into();
    }
    let of_time = |c: char| c.is_ascii_digit() || "-:. TZ+UC".contains(c);
    let is_like_time = text.len() <= LONGEST_TIME && text.chars().all(of_time);
    let time = if is_like_time {
        format!(": {text}")
    } else {
        String::new()
    };
    let is_utc_without_z = Timestamp::parse(&format!("{text}Z")).is_some();
    if is_utc_without_z {
        format!("printed a time without a time zone{time}")
    } else {
        format!("printed an Expiration that is not RFC 3339{time}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Credentials, String> {
        parse(text.as_bytes(), Timestamp(1_700_000_000))
    }

    #[test]
    fn a_complete_answer_is_parsed() {
        let c = parsed(r#"{"Version":1,"AccessKeyId":"ASIAAAAAAAAAAAAAAAAA","SecretAccessKey":"s","SessionToken":"t","Expiration":"2030-01-01T00:00:00+00:00","Extra":[]}"#).unwrap();
        assert_eq!(
            c.expiration.map(|t| t.to_string()).as_deref(),
            Some("2030-01-01T00:00:00Z")
        );
        assert!(
            parsed(r#"{"Version":1,"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA","SecretAccessKey":"s"}"#)
                .unwrap()
                .expiration
                .is_none()
        );
    }

    #[test]
    fn anything_else_is_rejected_without_being_quoted() {
        let cases = [
            ("", "nothing"),
            ("  \n", "nothing"),
            ("SECRET", "invalid credentials JSON"),
            ("<html>SECRET</html>", "invalid credentials JSON"),
            (
                r#"{"Version":1,"AccessKeyId":"SECRET"#,
                "invalid credentials JSON",
            ),
            (
                r#"{"Version":"1","AccessKeyId":"A","SecretAccessKey":"SECRET"}"#,
                "Version",
            ),
            (
                r#"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"SECRET"}"#,
                "Version",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"SECRET"}"#,
                "invalid credentials JSON",
            ),
            (r#"{"Version":1,"SecretAccessKey":"SECRET"}"#, "AccessKeyId"),
            (r#"{"Version":1,"AccessKeyId":"A"}"#, "SecretAccessKey"),
            (
                r#"{"Version":1,"AccessKeyId":"A\n","SecretAccessKey":"SECRET"}"#,
                "white space",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"SECRET"}"#,
                "without SessionToken",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":"soon"}"#,
                "RFC 3339",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":""}"#,
                "empty Expiration",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"SECRET","Token":"t"}"#,
                "Token instead of SessionToken",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":"2020-01-01T00:00:00Z"}"#,
                "expired",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET"} trailing"#,
                "invalid credentials JSON",
            ),
        ];
        for (text, word) in cases {
            let why = parsed(text).unwrap_err();
            assert!(
                why.contains(word) && !why.contains("SECRET"),
                "{text}: {why}"
            );
        }
    }
}
