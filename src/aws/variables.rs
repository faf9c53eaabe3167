//! The environment variables from which SDKs take credentials. Pure.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>

use std::borrow::Cow;

use crate::credentials::{Credentials, Secret};

/// The variables of credentials, and those that a tool may prefer to them or that contradict them:
/// a profile, the account of other credentials, the names that old Java and Python SDKs use.
pub(crate) const KEY_VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_SCOPE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCOUNT_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_CREDENTIAL_FILE",
    "AWS_CREDENTIAL_PROFILES_FILE",
];

/// The variables of other sources, which every SDK ranks below the variables of credentials.
pub(crate) const SOURCE_VARIABLES: &[&str] = &[
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Credentials as variables; the token and the expiration may be missing.
pub(crate) fn of_credentials(
    credentials: &Credentials,
) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    let secret = credentials.secret_access_key.expose();
    let token = credentials.session_token.as_ref().map(Secret::expose);
    let end = credentials.expiration.map(|end| end.to_string());
    [
        ("AWS_ACCESS_KEY_ID", Some(&*credentials.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", Some(secret)),
        ("AWS_SESSION_TOKEN", token),
    ]
    .map(|(name, value)| (name, value.map(Cow::Borrowed)))
    .into_iter()
    .chain([("AWS_CREDENTIAL_EXPIRATION", end.map(Cow::Owned))])
    .filter_map(|(name, value)| Some((name, value?)))
}
