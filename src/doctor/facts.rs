//! Everything that can be read without asking AWS: environment, both files, the chain, the SSO
//! token, the host. Collected once; the checks are pure functions of it.

use std::collections::BTreeMap;

use super::aws_cli_cache::{self, CliSession};
use super::environment_keys::{EnvironmentKeys, is_misnamed};
use super::file_facts::{FileFacts, cli_files};
use super::host::HostEnvironment;
use super::probe_results::ProbeResults;
use crate::aws_files::{self, AwsFiles};
use crate::config::{Base, Chain, Network, Profile, ProfileSet, Value, source_profiles};
use crate::finding::{Finding, Origin, Result, Tool};
use crate::refresh::{Entry, Freshness, best_token, mfa_keys, step_keys};
use crate::source::connection::{Connections, Service};
use crate::source::endpoint_override::EndpointOverride;
use crate::source::missing_program::missing_program;
use crate::source::sso::{Session, TokenFacts};
use crate::source::tls_roots::read_ca_bundle;
use crate::source::web_identity::Claims;
use crate::store::{CacheKey, Status, Store};
use crate::time::Timestamp;
use crate::world::{CONTAINER_VARIABLES, REGION_VARIABLES, SelectedBy, World, is_proxy_variable};

/// Everything known about this machine and profile, and what the probes returned.
pub(super) struct Facts {
    pub(super) now: Timestamp,
    /// The profile to diagnose.
    pub(super) profile: String,
    pub(super) selected_by: SelectedBy,
    /// Variables that tools read. No secret is among them.
    pub(super) variables: BTreeMap<String, String>,
    /// Variables for AWS tools that are set and empty.
    pub(super) empty_variables: Vec<String>,
    /// What is wrong with the CA bundles that settings name.
    pub(super) ca_problems: Vec<Finding>,
    /// Whether `HOME` is set.
    pub(super) has_home: bool,
    /// The keys in the environment.
    pub(super) environment: EnvironmentKeys,
    /// The config file and the credentials file.
    pub(super) files: [FileFacts; 2],
    /// The profiles in both.
    pub(super) set: ProfileSet,
    /// The chain of the profile.
    pub(super) chain: Result<Chain>,
    /// The profiles of the chain, from the selected one to its base, as far as they exist.
    pub(super) path: Vec<String>,
    /// Endpoint overrides in force.
    pub(super) overrides: Vec<EndpointOverride>,
    /// The SSO token, if the chain starts with SSO.
    pub(super) sso: Option<Result<TokenFacts>>,
    /// Why no host of IAM Identity Center can be called with these settings.
    pub(super) sso_blocked: Option<Finding>,
    /// What a web identity token says about itself, if the chain starts with one.
    pub(super) web_identity: Option<Result<Claims>>,
    /// What SDKs use because variables name it and nothing else is configured.
    pub(super) ambient_source: Option<Base>,
    /// A program that a `credential_process` names and that does not exist.
    pub(super) program_missing: Option<Finding>,
    /// Sessions of the chain's roles in the AWS CLI's cache.
    pub(super) cli_sessions: Vec<CliSession>,
    /// Directories and files of the AWS CLI that tools read and write, as far as they exist.
    pub(super) cli_files: Vec<FileFacts>,
    /// Whether valid credentials of the last step are cached.
    pub(super) cached: bool,
    /// The roles, from 0, whose MFA session is cached and valid.
    pub(super) mfa_cached: Vec<usize>,
    /// The store, if it was checked.
    pub(super) store: Option<Status>,
    /// Where this runs.
    pub(super) host: HostEnvironment,
    /// What AWS and the network responded; `None` offline.
    pub(super) probes: Option<ProbeResults>,
}

/// The variable that a job of GitHub Actions has if it may request a web identity token.
/// <https://docs.github.com/en/actions/reference/security/oidc>
pub(super) const ID_TOKEN_VARIABLE: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

const SECRET_VARIABLES: &[&str] = &[
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

impl Facts {
    /// Reads everything but the network; the store itself is checked only if `check_store`.
    pub(super) fn collect(
        world: &World,
        store: &dyn Store,
        profile: Option<&str>,
        check_store: bool,
    ) -> Self {
        let (profile, selected_by) = world.selected_profile(profile);
        let (set, problems) = AwsFiles::read(world).into_parts();
        let chain = aws_files::resolve(world, &set, profile);
        let chain = chain.map_err(|finding| finding.for_profile(profile));
        let of_chain = chain
            .as_ref()
            .ok()
            .map(|chain| OfChain::collect(world, store, chain));
        let no_keys = world.env("AWS_ACCESS_KEY_ID").is_none();
        let nothing_selected = selected_by == SelectedBy::Nothing && chain.is_err() && no_keys;
        let ambient_source = nothing_selected.then(|| ambient_source(world)).flatten();
        let base = chain
            .as_ref()
            .ok()
            .map(|chain| &chain.base)
            .or(ambient_source.as_ref());
        let web_identity = base.and_then(|base| claims(world, base));
        let of_chain = of_chain.unwrap_or_default();
        let [config, credentials] = problems;
        Self {
            now: world.now(),
            profile: profile.to_owned(),
            selected_by,
            variables: variables(world),
            empty_variables: empty_variables(world),
            has_home: cfg!(windows) || world.env("HOME").is_some(),
            ca_problems: ca_problems(world, chain.as_ref().ok()),
            environment: EnvironmentKeys::collect(world),
            files: [
                FileFacts::named(world.config_file(), "AWS_CONFIG_FILE", config, world),
                FileFacts::named(
                    world.credentials_file(),
                    "AWS_SHARED_CREDENTIALS_FILE",
                    credentials,
                    world,
                ),
            ],
            path: source_profiles(&set, profile),
            set,
            overrides: of_chain.overrides,
            sso: of_chain.sso,
            sso_blocked: of_chain.sso_blocked,
            web_identity,
            ambient_source,
            program_missing: of_chain.program_missing,
            cli_sessions: of_chain.cli_sessions,
            cli_files: cli_files(world, chain.as_ref().ok()),
            chain,
            cached: of_chain.cached,
            mfa_cached: of_chain.mfa_cached,
            store: check_store.then(|| store.check()),
            host: HostEnvironment::detect(world),
            probes: None,
        }
    }

    /// The value of a variable; a blank one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The variable that names a region, and its value.
    pub(super) fn region_variable(&self) -> Option<(&'static str, &str)> {
        REGION_VARIABLES
            .into_iter()
            .find_map(|name| Some((name, self.variable(name)?)))
    }

    /// The region in use: of the environment, else of the chain.
    pub(super) fn region(&self) -> Option<&str> {
        let of_chain = || {
            self.chain
                .as_ref()
                .ok()?
                .region
                .as_ref()
                .map(|value| value.text.as_str())
        };
        self.region_variable()
            .map(|(_, region)| region)
            .or_else(of_chain)
    }

    /// The profiles of the chain that exist.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.path.iter().filter_map(|name| self.set.profile(name))
    }

    /// The place of a key in these profiles.
    pub(super) fn place_of(&self, key: &str) -> Option<&Origin> {
        self.profiles()
            .find_map(|profile| profile.get(key))
            .map(|value| &value.origin)
    }

    /// Whether there are credentials without a profile, of the environment, the container, the pod or
    /// the machine: nothing is selected, and there is no `[default]` or one without a source.
    pub(super) fn has_ambient(&self) -> bool {
        let default = self.set.profile(&self.profile);
        let offered = || {
            let probes = self.probes.as_ref();
            let ambient = probes.and_then(|probes| probes.ambient.as_ref());
            self.environment.keys().is_some()
                || self.ambient_source.is_some()
                || ambient.is_some_and(Result::is_ok)
        };
        self.selected_by == SelectedBy::Nothing
            && self.chain.is_err()
            && default.is_none_or(Profile::has_only_settings)
            && offered()
    }

    /// Whether requests go to a host that is not AWS.
    pub(super) fn is_overridden(&self) -> bool {
        self.overrides.iter().any(|endpoint| !endpoint.is_aws())
    }

    /// The result of the whole chain, if it failed.
    pub(super) fn failure(&self) -> Option<&Finding> {
        self.probes.as_ref().and_then(ProbeResults::failure)
    }
}

/// The facts that need a chain.
#[derive(Default)]
struct OfChain {
    overrides: Vec<EndpointOverride>,
    sso: Option<Result<TokenFacts>>,
    sso_blocked: Option<Finding>,
    program_missing: Option<Finding>,
    cli_sessions: Vec<CliSession>,
    cached: bool,
    mfa_cached: Vec<usize>,
}

impl OfChain {
    fn collect(world: &World, store: &dyn Store, chain: &Chain) -> Self {
        let connections = Connections::new(world, &chain.network);
        let session = Session::of(&chain.base, world);
        let token = |session: &Session<'_>| best_token(session, store, world.now());
        let dir = aws_cli_cache::cache_dir(world);
        Self {
            overrides: connections.overrides(),
            sso: session
                .as_ref()
                .map(|session| token(session).map(|token| session.facts(&token))),
            sso_blocked: session
                .and_then(|session| session.hosts(&connections, Service::Sso).err()),
            program_missing: program_missing(chain, world),
            cli_sessions: aws_cli_cache::sessions(&dir, chain, world.now()),
            cached: is_cached(
                world,
                store,
                step_keys(chain, world, &connections).pop().flatten(),
            ),
            mfa_cached: {
                let keys = mfa_keys(chain, world, &connections).into_iter().skip(1);
                let cached = keys.map(|key| is_cached(world, store, key));
                let cached = cached.enumerate().filter(|(_, cached)| *cached);
                cached.map(|(role, _)| role).collect()
            },
        }
    }
}

/// Whether valid credentials are cached under a key.
fn is_cached(world: &World, store: &dyn Store, key: Option<CacheKey>) -> bool {
    let entry = || {
        let key = key?;
        Entry::from_bytes(&key, &store.get(&key).ok()??)
    };
    entry().is_some_and(|entry| entry.freshness(world.now()) != Freshness::Expired)
}

fn claims(world: &World, base: &Base) -> Option<Result<Claims>> {
    let Base::WebIdentity { token_file, .. } = base else {
        return None;
    };
    Some(Claims::read(
        &world.expand_home(&token_file.text),
        &token_file.origin,
    ))
}

fn empty_variables(world: &World) -> Vec<String> {
    let is_empty = |(name, value): &(&str, &str)| name.starts_with("AWS_") && value.is_empty();
    let names = world.variables().filter(is_empty);
    names.map(|(name, _)| name.to_owned()).collect()
}

/// What is wrong with the CA bundle of all tools, and with those of some.
fn ca_problems(world: &World, chain: Option<&Chain>) -> Vec<Finding> {
    let own = match chain {
        Some(chain) => Connections::new(world, &chain.network),
        None => Connections::new(world, &Network::default()),
    };
    let own = own.ca_problem();
    let of_some: [(&str, &[Tool]); 2] = [
        // Behind the setting for all tools.
        ("REQUESTS_CA_BUNDLE", &[Tool::Cli, Tool::Python]),
        ("NODE_EXTRA_CA_CERTS", &[Tool::Js]),
    ];
    let of_some = of_some.into_iter().filter_map(|(name, tools)| {
        let path = world.expand_home(world.env(name)?);
        let finding = read_ca_bundle(&path, name).err()?;
        Some(finding.fails_in(tools).warning())
    });
    own.into_iter().chain(of_some).collect()
}

/// The variables that tools read, without secrets.
fn variables(world: &World) -> BTreeMap<String, String> {
    let is_read = |name: &str| {
        name.starts_with("AWS_") || is_proxy_variable(name) || name == ID_TOKEN_VARIABLE
    };
    let is_shown =
        |name: &str| is_read(name) && !SECRET_VARIABLES.contains(&name) && !is_misnamed(name);
    let set = world
        .variables()
        .filter(|(name, value)| is_shown(name) && !value.trim().is_empty());
    set.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What is wrong with the program of the chain's `credential_process`, if it does not exist.
fn program_missing(chain: &Chain, world: &World) -> Option<Finding> {
    match &chain.base {
        Base::Process { command, .. } => missing_program(command, &chain.profile, world),
        _ => None,
    }
}

/// What SDKs fall back to where there are neither keys nor a profile, as far as variables name it.
fn ambient_source(world: &World) -> Option<Base> {
    let value = |name: &str| {
        let origin = Origin {
            file: name.into(),
            line: 0,
        };
        Some(Value {
            text: world.env(name)?.to_owned(),
            origin,
            commented: false,
        })
    };
    let web_identity = (value("AWS_WEB_IDENTITY_TOKEN_FILE"), value("AWS_ROLE_ARN"));
    if let (Some(token_file), Some(role_arn)) = web_identity {
        let session_name = value("AWS_ROLE_SESSION_NAME");
        return Some(Base::WebIdentity {
            token_file,
            role_arn,
            session_name,
            duration_seconds: None,
        });
    }
    let container = world.first_env(CONTAINER_VARIABLES);
    container.map(|_| Base::Container {
        origin: environment_origin(),
    })
}

/// The origin of what no file says.
pub(super) fn environment_origin() -> Origin {
    Origin {
        file: "the environment".into(),
        line: 0,
    }
}
