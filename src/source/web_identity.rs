//! `AssumeRoleWithWebIdentity`: an unsigned call with a token that another program keeps fresh in a
//! file. The file is read for every call.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::sdk_error::{self, StsRequest};
use super::{Sources, sts};
use crate::credentials::{Credentials, Secret};
use crate::files;
use crate::finding::{Cause, Finding, Origin, Result};
use crate::time::Timestamp;

/// STS accepts tokens of up to 20,000 characters.
const TOKEN_LIMIT: u64 = 20_000;

/// Reads the token file.
pub(crate) fn read_token(path: &Path, origin: &Origin) -> Result<Secret> {
    let unusable = |why: String| {
        let summary = format!("the web identity token file {} {why}", path.display());
        Finding::new(Cause::WebIdentityRejected, summary)
            .evidence(format!("web_identity_token_file at {origin}"))
            .remedy("check that the token is mounted and that this user can read it")
    };
    let bytes = files::read_bounded(path, TOKEN_LIMIT);
    let bytes = bytes.map_err(|e| unusable(format!("cannot be read: {e}")))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| unusable("is not text".into()))?
        .trim();
    if text.is_empty() {
        Err(unusable("is empty".into()))
    } else if text.len() as u64 > TOKEN_LIMIT {
        Err(unusable(format!("is longer than {TOKEN_LIMIT} characters")))
    } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
        Err(unusable("does not contain a token".into()))
    } else {
        Ok(Secret::new(text.to_owned()))
    }
}

/// What a token says about itself; nothing of it is secret but its signature.
#[derive(Debug)]
pub(crate) struct Claims {
    /// The path of the token file.
    pub(crate) place: String,
    /// `exp`.
    pub(crate) expires: Option<Timestamp>,
    /// `iss`.
    pub(crate) issuer: String,
    /// `sub`.
    pub(crate) subject: String,
    /// `aud`, one or several.
    pub(crate) audience: String,
}

impl Claims {
    /// Reads the token file; does not verify the signature.
    pub(crate) fn read(path: &Path, origin: &Origin) -> Result<Self> {
        let token = read_token(path, origin)?;
        let payload = token.expose().split('.').nth(1).unwrap_or_default();
        // A token of another form is for AWS to check.
        let bytes = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .unwrap_or_default();
        let claims: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |key: &str| claims[key].as_str().unwrap_or("?").to_owned();
        let audience = match claims["aud"].as_array() {
            Some(all) => all
                .iter()
                .filter_map(serde_json::Value::as_str)
                .collect::<Vec<_>>()
                .join(", "),
            None => text("aud"),
        };
        Ok(Self {
            place: path.display().to_string(),
            expires: claims["exp"].as_i64().map(Timestamp),
            issuer: text("iss"),
            subject: text("sub"),
            audience,
        })
    }
}

/// Assumes `role` with `token`.
pub(super) async fn assume_role(
    sources: &Sources<'_>,
    token: &Secret,
    role: &str,
    session: &str,
    duration: Option<u32>,
) -> Result<Credentials> {
    let region = sources.sts_region(None, role)?;
    let client = sts::client(sources, &region, None)?;
    let request = client
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(session)
        .web_identity_token(token.expose())
        .set_duration_seconds(duration.and_then(|d| i32::try_from(d).ok()));
    let response = request.send().await.map_err(|e| {
        let what = format!("the role {role}");
        let request = StsRequest {
            what: &what,
            region: &region,
            caller: None,
            role_arn: role,
            assumes_role: true,
        };
        sdk_error::sts_error(&e, &request)
    })?;
    sts::from_sts(
        response.credentials(),
        response
            .assumed_role_user()
            .map(aws_sdk_sts::types::AssumedRoleUser::arn),
    )
}
