//! `AssumeRoleWithWebIdentity`: an unsigned call with a token that something else keeps fresh in a file. The file is
//! read again for every call.

use std::path::Path;

use super::rejection::Question;
use super::{Sources, assume_role, rejection};
use crate::config::Origin;
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::{Cause, Finding, Result};
use crate::files;
use crate::time::Timestamp;

/// STS takes tokens of up to 20,000 characters.
const TOKEN_LIMIT: u64 = 20_000;

/// Reads the token file.
pub fn read_token(path: &Path, origin: &Origin) -> Result<Secret> {
    let unusable = |why: String| {
        Finding::new(Cause::WebIdentityRejected, format!("the web identity token file {} {why}", path.display()))
            .seen(format!("web_identity_token_file at {origin}"))
            .try_this("check that the token is mounted and that this user may read it")
    };
    let bytes = files::read_bounded(path, TOKEN_LIMIT).map_err(|e| unusable(format!("cannot be read: {e}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable("is not text".into()))?;
    match text.trim() {
        "" => Err(unusable("is empty".into())),
        t if t.len() as u64 > TOKEN_LIMIT => Err(unusable(format!("is longer than {TOKEN_LIMIT} characters"))),
        t if !t.bytes().all(|b| b.is_ascii_graphic()) => Err(unusable("holds something else than a token".into())),
        t => Ok(Secret::new(t.to_owned())),
    }
}

/// What a token says of itself; nothing of it is secret but its signature.
#[derive(Debug)]
pub struct Claims {
    /// The token file.
    pub place: String,
    /// `exp`.
    pub expires: Option<Timestamp>,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`, one or several.
    pub audience: String,
}

impl Claims {
    /// Reads the token file without judging its signature.
    pub fn read(path: &Path, origin: &Origin) -> Result<Self> {
        let token = read_token(path, origin)?;
        let payload = token.expose().split('.').nth(1).unwrap_or_default();
        let standard: String = payload
            .chars()
            .map(|c| {
                if c == '-' {
                    '+'
                } else if c == '_' {
                    '/'
                } else {
                    c
                }
            })
            .collect();
        let padded = format!("{standard}{}", "=".repeat((4 - standard.len() % 4) % 4));
        // A token in another form is AWS's to judge.
        let claims: serde_json::Value =
            aws_smithy_types::base64::decode(padded).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let text = |key: &str| claims[key].as_str().unwrap_or("?").to_owned();
        Ok(Self {
            place: path.display().to_string(),
            expires: claims["exp"].as_i64().map(Timestamp),
            issuer: text("iss"),
            subject: text("sub"),
            audience: match claims["aud"].as_array() {
                Some(all) => all.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "),
                None => text("aud"),
            },
        })
    }
}

/// Assumes `role` with `token`.
pub async fn assume(sources: &Sources<'_>, token: &Secret, role: &str, session: &str, duration: Option<u32>) -> Result<Credentials> {
    let region = sources.sts_region(None, role)?;
    let client = assume_role::client(sources, &region, None)?;
    let request = client
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(session)
        .web_identity_token(token.expose())
        .set_duration_seconds(duration.and_then(|d| i32::try_from(d).ok()));
    let answer = request.send().await.map_err(|e| {
        let what = format!("the role {role}");
        rejection::explain(&e, &Question { what: &what, region: &region, caller: None, role_arn: role, for_role: true })
    })?;
    assume_role::from_sts(answer.credentials(), answer.assumed_role_user().map(|user| user.arn()))
}
