//! The changes to the environment of a command. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use super::run_dir::{CONFIG, CREDENTIALS};
use crate::aws::variables::{KEY_VARIABLES, SOURCE_VARIABLES, of_credentials};
use crate::config::{Base, Chain};
use crate::credentials::Credentials;
use crate::world::{
    CONTAINER_VARIABLES, DRILL_VARIABLE, PROFILE_VARIABLE, REGION_VARIABLES, RUN_VARIABLE, World,
    original_variable, outer_variable,
};

/// The variables behind `credential_source = Environment`.
const ENVIRONMENT_SOURCE: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];

/// What a command gets.
pub(super) enum Delivered<'a> {
    /// The overlay's files in the run's directory.
    Profile { run_dir: &'a Path },
    /// The same, with a `default` that is empty, and a server.
    Endpoint {
        run_dir: &'a Path,
        url: &'a str,
        token: &'a str,
    },
    /// The credentials themselves.
    Env(&'a Credentials),
}

/// Variables to set, and to remove where there is no value.
pub(super) type Changes = BTreeMap<String, Option<String>>;

/// The changes for a command that runs as `chain`. `drill` in seconds.
pub(super) fn env_changes(
    world: &World,
    chain: &Chain,
    delivered: &Delivered<'_>,
    drill: Option<i64>,
) -> Changes {
    let outranking = KEY_VARIABLES.iter().chain(SOURCE_VARIABLES);
    let mut changes: Changes = outranking.map(|name| ((*name).to_owned(), None)).collect();
    let mut set =
        |name: &str, value: &str| drop(changes.insert(name.to_owned(), Some(value.to_owned())));
    keep_sources(world, chain, delivered, &mut set);
    set_region(world, chain, &mut set);
    set("AWS_SDK_LOAD_CONFIG", "1"); // without it, the SDK for Go v1 does not read the config file
    if !matches!(
        (&chain.base, delivered),
        (Base::InstanceMetadata { .. }, Delivered::Profile { .. })
    ) {
        set("AWS_EC2_METADATA_DISABLED", "true"); // a failure must not end as the instance's role
    }
    let exempt = ["NO_PROXY", "no_proxy"].map(|name| world.env(name));
    for (name, own, other) in [
        ("NO_PROXY", exempt[0], exempt[1]),
        ("no_proxy", exempt[1], exempt[0]),
    ] {
        set(name, &without_proxy(own.or(other)));
    }
    set(PROFILE_VARIABLE, &chain.profile);
    deliver(world, chain, delivered, &mut set);
    changes.insert(
        DRILL_VARIABLE.to_owned(),
        drill.map(|seconds| seconds.to_string()),
    );
    changes
}

type Set<'a> = &'a mut dyn FnMut(&str, &str);

/// Keeps for our own calls what the command must not see.
fn keep_sources(world: &World, chain: &Chain, delivered: &Delivered<'_>, set: Set<'_>) {
    if matches!(chain.base, Base::Environment { .. }) {
        for name in ENVIRONMENT_SOURCE {
            if let Some(value) = world.outer_env(name) {
                set(&outer_variable(name), value);
            }
        }
    }
    // The SDK in our own calls reads these, and a profile with a process outranks them in the
    // command.
    if let (Base::Container { .. }, Delivered::Profile { .. }) = (&chain.base, delivered) {
        let tokens = [
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ];
        for name in CONTAINER_VARIABLES.into_iter().chain(tokens) {
            if let Some(value) = world.env(name) {
                set(name, value);
            }
        }
    }
}

fn set_region(world: &World, chain: &Chain, set: Set<'_>) {
    let env = world.first_env(REGION_VARIABLES).map(|(_, region)| region);
    let region = env.or(chain.region.as_ref().map(|value| value.text.as_str()));
    for name in REGION_VARIABLES {
        if let Some(region) = world.env(name).or(region) {
            set(name, region);
        }
    }
}

fn deliver(world: &World, chain: &Chain, delivered: &Delivered<'_>, set: Set<'_>) {
    match delivered {
        Delivered::Env(credentials) => {
            for (name, value) in of_credentials(credentials) {
                set(name, &value);
            }
        }
        Delivered::Profile { run_dir } => {
            set_files(world, run_dir, set);
            set("AWS_PROFILE", &chain.profile);
        }
        Delivered::Endpoint {
            run_dir,
            url,
            token,
        } => {
            set_files(world, run_dir, set);
            set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
            set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
        }
    }
}

fn set_files(world: &World, run_dir: &Path, set: Set<'_>) {
    let config = ("AWS_CONFIG_FILE", CONFIG, world.config_file());
    let credentials = (
        "AWS_SHARED_CREDENTIALS_FILE",
        CREDENTIALS,
        world.credentials_file(),
    );
    for (name, overlay, original) in [config, credentials] {
        set(&original_variable(name), &original.to_string_lossy());
        set(name, &run_dir.join(overlay).to_string_lossy());
    }
    set(RUN_VARIABLE, &run_dir.to_string_lossy());
}

/// `NO_PROXY` with loopback added: Rust SDKs send even loopback requests to a proxy.
fn without_proxy(names: Option<&str>) -> String {
    let names = names.unwrap_or_default().trim();
    let has = |name: &str| {
        names
            .split(',')
            .any(|one| one.trim() == name || one.trim() == "*")
    };
    let missing = ["127.0.0.1", "localhost"]
        .into_iter()
        .filter(|name| !has(name));
    let all: Vec<&str> = Some(names)
        .filter(|names| !names.is_empty())
        .into_iter()
        .chain(missing)
        .collect();
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_exempt_from_proxies_once() {
        assert_eq!(without_proxy(None), "127.0.0.1,localhost");
        assert_eq!(
            without_proxy(Some("a.example, localhost")),
            "a.example, localhost,127.0.0.1"
        );
        assert_eq!(without_proxy(Some("*")), "*");
    }
}
