//! What changes in a command's environment. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use super::{CONFIG, CREDENTIALS};
use crate::config::{Base, Chain};
use crate::credentials::Credentials;
use crate::world::{DRILL_VARIABLE, PROFILE_VARIABLE, RUN_VARIABLE, World, original_of, outer_of};

/// Everything that any SDK ranks above or beside what is delivered.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>; the short names are those of older Java SDKs.
const OUTRANKING: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_SCOPE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCOUNT_ID",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_CREDENTIAL_FILE",
    "AWS_CREDENTIAL_PROFILES_FILE",
];

/// What `credential_source = Environment` is made of.
const OF_ENVIRONMENT: &[&str] = &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];

/// What a command is handed.
#[allow(missing_docs)]
pub enum Handed<'a> {
    /// The overlay's files in the run's directory.
    Profile { run: &'a Path },
    /// The same, with a `default` that is empty, and a server.
    Endpoint { run: &'a Path, url: &'a str, token: &'a str },
    /// The credentials themselves.
    Env(&'a Credentials),
}

/// Variables to set, and to remove where there is no value.
pub type Changes = BTreeMap<String, Option<String>>;

/// What has to change around a command that runs as `chain`. `drill` in seconds.
pub fn changes(world: &World, chain: &Chain, handed: &Handed<'_>, drill: Option<i64>) -> Changes {
    let mut changes: Changes = OUTRANKING.iter().map(|name| ((*name).to_owned(), None)).collect();
    let mut set = |name: &str, value: &str| changes.insert(name.to_owned(), Some(value.to_owned()));

    if matches!(chain.base, Base::Environment { .. }) {
        for name in OF_ENVIRONMENT {
            if let Some(value) = world.outer_env(name) {
                set(&outer_of(name), value);
            }
        }
    }
    // Where the SDK in our own answers needs them, and a profile that names a process outranks them anyway.
    if let (Base::Container { .. }, Handed::Profile { .. }) = (&chain.base, handed) {
        for name in OUTRANKING.iter().filter(|name| name.starts_with("AWS_CONTAINER_")) {
            if let Some(value) = world.env(name) {
                set(name, value);
            }
        }
    }

    let region = world.env("AWS_REGION").or(world.env("AWS_DEFAULT_REGION")).or(chain.region.as_ref().map(|v| v.text.as_str()));
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = world.env(name).or(region) {
            set(name, region);
        }
    }
    set("AWS_SDK_LOAD_CONFIG", "1"); // SDK for Go v1 does not read the config file without
    if !matches!((&chain.base, handed), (Base::InstanceMetadata { .. }, Handed::Profile { .. })) {
        set("AWS_EC2_METADATA_DISABLED", "true"); // a failure must not end as the machine's role
    }
    let exempt = ["NO_PROXY", "no_proxy"].map(|name| world.env(name));
    for (name, own, other) in [("NO_PROXY", exempt[0], exempt[1]), ("no_proxy", exempt[1], exempt[0])] {
        set(name, &without_proxy(own.or(other)));
    }
    set(PROFILE_VARIABLE, &chain.profile);

    match handed {
        Handed::Env(credentials) => {
            set("AWS_ACCESS_KEY_ID", &credentials.access_key_id);
            set("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.expose());
            if let Some(token) = &credentials.session_token {
                set("AWS_SESSION_TOKEN", token.expose());
            }
            if let Some(end) = credentials.expiration {
                set("AWS_CREDENTIAL_EXPIRATION", &end.to_string());
            }
        }
        Handed::Profile { run } | Handed::Endpoint { run, .. } => {
            let files =
                [("AWS_CONFIG_FILE", CONFIG, world.config_file()), ("AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS, world.credentials_file())];
            for (name, overlay, original) in files {
                set(&original_of(name), &original.to_string_lossy());
                set(name, &run.join(overlay).to_string_lossy());
            }
            set(RUN_VARIABLE, &run.to_string_lossy());
            match handed {
                Handed::Endpoint { url, token, .. } => {
                    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
                    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
                }
                _ => {
                    set("AWS_PROFILE", &chain.profile);
                }
            }
        }
    }
    changes.insert(DRILL_VARIABLE.to_owned(), drill.map(|seconds| seconds.to_string()));
    changes
}

/// Rust SDKs send even loopback requests to a proxy.
fn without_proxy(names: Option<&str>) -> String {
    let names = names.unwrap_or_default().trim();
    let has = |name: &str| names.split(',').any(|one| one.trim() == name || one.trim() == "*");
    let missing = ["127.0.0.1", "localhost"].into_iter().filter(|name| !has(name));
    let all: Vec<&str> = Some(names).filter(|names| !names.is_empty()).into_iter().chain(missing).collect();
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_exempt_from_proxies_once() {
        assert_eq!(without_proxy(None), "127.0.0.1,localhost");
        assert_eq!(without_proxy(Some("a.example, localhost")), "a.example, localhost,127.0.0.1");
        assert_eq!(without_proxy(Some("*")), "*");
    }
}
