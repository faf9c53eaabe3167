//! What can be seen without asking anybody: environment, both files, the chain, the SSO token, the surroundings. Gathered
//! once; the causes are drawn from it by pure functions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::aws_cli::{self, CliSession};
use super::keys::Keys;
use super::surroundings::Surroundings;
use super::{Cause, Finding, Result};
use crate::config::{Base, Chain, Origin, Profile, ProfileSet, Value};
use crate::credentials::Secret;
use crate::source::sso::{Session, Token};
use crate::source::web_identity::Claims;
use crate::source::{Endpoints, Service};
use crate::store::Status;
use crate::time::Timestamp;
use crate::world::World;

/// Everything seen here and now, and what probes brought if there were any.
pub struct Facts {
    /// When.
    pub now: Timestamp,
    /// The profile it is about.
    pub profile: String,
    /// What named it; `None` where nothing did.
    pub named_by: Option<&'static str>,
    /// Variables that tools look at. No secret is among them.
    pub variables: BTreeMap<String, String>,
    /// Keys in the environment.
    pub environment: EnvironmentKeys,
    /// The config file and the credentials file.
    pub files: [FileFacts; 2],
    /// What both say.
    pub set: ProfileSet,
    /// What the profile stands for.
    pub chain: Result<Chain>,
    /// The profiles on the way from the one asked for to its base, as far as they exist.
    pub path: Vec<String>,
    /// Endpoint overrides in force: what says so, and the URL.
    pub overrides: Vec<(String, String)>,
    /// The SSO token, where the chain starts with SSO.
    pub sso: Option<Result<TokenFacts>>,
    /// Why the hosts of IAM Identity Center cannot be asked with these settings.
    pub sso_blocked: Option<Finding>,
    /// What a web identity token says of itself, where the chain starts with one.
    pub web_identity: Option<Result<Claims>>,
    /// What SDKs take because variables name it and nothing else is configured.
    pub offered: Option<Base>,
    /// A program that a `credential_process` names and that cannot be found.
    pub program_missing: Option<String>,
    /// Sessions of the chain's roles that the AWS CLI has cached.
    pub cli_sessions: Vec<CliSession>,
    /// Directories and files beside the two that tools read and write, as far as they are there.
    pub beside: Vec<FileFacts>,
    /// Whether the last link of the chain is cached and still good.
    pub cached: bool,
    /// The store, if it was looked at.
    pub store: Option<Status>,
    /// Where this runs.
    pub place: Surroundings,
    /// What AWS and others answered; `None` offline.
    pub answers: Option<super::probes::Answers>,
}

/// One of the AWS files.
pub struct FileFacts {
    /// Its path.
    pub path: PathBuf,
    /// The variable that names it, if one does.
    pub named_by: Option<&'static str>,
    /// Whether it is there.
    pub exists: bool,
    /// Permission bits and owner, where the system has them.
    pub mode: Option<(u32, u32)>,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Whether this user could write to it.
    pub writable: bool,
    /// When it was written last.
    pub modified: Option<Timestamp>,
    /// Why it cannot be read or understood.
    pub problem: Option<Finding>,
}

/// `AWS_ACCESS_KEY_ID` and its companions.
#[derive(Default)]
#[allow(missing_docs)]
pub struct EnvironmentKeys {
    pub id: Option<String>,
    pub secret: Option<Secret>,
    pub session_token: Option<Secret>,
    pub security_token: Option<Secret>,
    pub expiration: Option<String>,
    /// Names that were meant to be these, and that no tool of today takes.
    pub misnamed: Vec<String>,
}

/// What only the first SDK for Java took, and what people remember.
const MISNAMED: &[&str] =
    &["AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_ACCESS_KEY_SECRET", "AWS_SECRET_ACCESS_KEY_ID", "AWS_KEY_ID", "AWS_TOKEN"];

fn is_misnamed(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let known = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&upper.as_str());
    (known && upper != name) || MISNAMED.contains(&upper.as_str())
}

impl EnvironmentKeys {
    /// All parts, as most SDKs put them together; `None` without both halves of a key.
    pub fn keys(&self) -> Option<Keys<'_>> {
        let token = self.session_token.as_ref().or(self.security_token.as_ref());
        Some(Keys { id: self.id.as_deref()?, secret: self.secret.as_ref()?.expose(), token: token.map(Secret::expose) })
    }
}

/// An SSO token, without the token.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// The session's name or start URL.
    pub label: String,
    /// Where it lies.
    pub place: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it can be renewed, and until when the client registration behind that lasts.
    pub refreshable: bool,
    /// When the registration ends.
    pub registration_expires: Option<Timestamp>,
    /// The region it was made in.
    pub region: Option<String>,
    /// `sso_region` of the profile.
    pub configured_region: String,
    /// How to sign in.
    pub login: String,
}

/// Where a job of GitHub Actions gets its web identity token, if it may have one.
/// <https://docs.github.com/en/actions/reference/security/oidc>
pub const ID_TOKEN_VARIABLE: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

const SECRET_VARIABLES: &[&str] =
    &["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// What is gathered by others: the files as they were read, the chain, the store.
pub struct Given<'a> {
    /// The profile it is about.
    pub profile: &'a str,
    /// What named it; `None` where nothing did.
    pub named_by: Option<&'static str>,
    /// Both files' contents, or why they could not be read.
    pub set: ProfileSet,
    /// Why the config file and the credentials file cannot be read or understood.
    pub problems: [Option<Finding>; 2],
    /// What the profile stands for.
    pub chain: Result<Chain>,
    /// The AWS token of the chain's SSO session in our own store.
    pub stored_token: Option<Token>,
    /// Whether the last link of the chain is cached and still good.
    pub cached: bool,
    /// The store, if it was looked at.
    pub store: Option<Status>,
}

impl Facts {
    /// Reads everything but the network.
    pub fn gather(world: &World, given: Given<'_>) -> Self {
        let Given { profile, named_by, set, problems: [config, credentials], chain, stored_token, cached, store } = given;
        let profile = profile.to_owned();
        let chain_ref = chain.as_ref().ok();
        let network = chain_ref.map(|chain| &chain.network);
        let endpoints = network.map(|network| Endpoints::new(world, network));
        let overrides = endpoints.as_ref().map_or_else(Vec::new, Endpoints::overrides);
        let session = chain_ref.and_then(|chain| Session::of(&chain.base, world));
        let sso = session.as_ref().map(|session| {
            let token = stored_token.map_or_else(|| session.read(), Ok)?;
            Ok(session.facts(&token))
        });
        let sso_blocked =
            session.as_ref().zip(endpoints.as_ref()).and_then(|(session, endpoints)| session.hosts(endpoints, Service::Sso).err());
        let nothing_named = named_by.is_none() && chain_ref.is_none() && world.env("AWS_ACCESS_KEY_ID").is_none();
        let offered = nothing_named.then(|| offered(world)).flatten();
        let web_identity = chain_ref.map(|chain| &chain.base).or(offered.as_ref()).and_then(|base| match base {
            Base::WebIdentity { token_file, .. } => Some(Claims::read(&world.expand_home(&token_file.text), &token_file.origin)),
            _ => None,
        });
        let program_missing = chain_ref.and_then(|chain| match &chain.base {
            Base::Process { command, .. } => missing_program(&command.text, world),
            _ => None,
        });
        let cli_sessions = chain_ref.map_or_else(Vec::new, |chain| aws_cli::sessions(&aws_cli::cache_dir(world), chain, world.now()));
        let beside = beside(world, session.as_ref());
        let path = path(&set, &profile);
        let file = |path: PathBuf, variable: &'static str, problem| FileFacts::of(path, world.env(variable).map(|_| variable), problem);
        Self {
            now: world.now(),
            profile,
            named_by,
            variables: world
                .variables()
                .filter(|(name, value)| {
                    !SECRET_VARIABLES.contains(name) && !is_misnamed(name) && is_looked_at(name) && !value.trim().is_empty()
                })
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            environment: EnvironmentKeys {
                id: world.env("AWS_ACCESS_KEY_ID").map(str::to_owned),
                secret: world.env("AWS_SECRET_ACCESS_KEY").map(|v| Secret::new(v.to_owned())),
                session_token: world.env("AWS_SESSION_TOKEN").map(|v| Secret::new(v.to_owned())),
                security_token: world.env("AWS_SECURITY_TOKEN").map(|v| Secret::new(v.to_owned())),
                expiration: world.env("AWS_CREDENTIAL_EXPIRATION").map(str::to_owned),
                misnamed: world.variables().map(|(name, _)| name.to_owned()).filter(|name| is_misnamed(name)).collect(),
            },
            files: [
                file(world.config_file(), "AWS_CONFIG_FILE", config),
                file(world.credentials_file(), "AWS_SHARED_CREDENTIALS_FILE", credentials),
            ],
            set,
            chain,
            path,
            overrides,
            sso,
            sso_blocked,
            web_identity,
            offered,
            program_missing,
            cli_sessions,
            beside,
            cached,
            store,
            place: Surroundings::of(world),
            answers: None,
        }
    }

    /// A variable; blank ones are not there.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The region that is asked: of the environment, else of the chain.
    pub fn region(&self) -> Option<&str> {
        let env = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| self.variable(name));
        env.or_else(|| self.chain.as_ref().ok()?.region.as_ref().map(|value| value.text.as_str()))
    }

    /// The profiles on the way that exist.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.path.iter().filter_map(|name| self.set.profile(name))
    }

    /// Whether requests go to something that is not AWS.
    pub fn goes_elsewhere(&self) -> bool {
        self.overrides.iter().any(|(_, url)| !is_aws(url))
    }
}

/// Whether a URL is of an AWS host.
pub fn is_aws(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu", ".vpce.amazonaws.com", ".on.aws"].iter().any(|s| host.ends_with(s))
}

fn is_looked_at(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    name.starts_with("AWS_") || matches!(upper.as_str(), "HTTP_PROXY" | "HTTPS_PROXY" | "ALL_PROXY" | "NO_PROXY" | ID_TOKEN_VARIABLE)
}

/// `source_profile` followed from `profile` on, however broken the rest is.
fn path(set: &ProfileSet, profile: &str) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut next = Some(profile.to_owned());
    while let Some(name) = next.filter(|name| !path.contains(name)) {
        next = set.profile(&name).and_then(|p| p.get("source_profile")).map(|v| v.text.clone());
        if set.profile(&name).is_some() {
            path.push(name);
        }
    }
    path
}

/// The program of a command line, if it is named plainly and is nowhere.
fn missing_program(command: &str, world: &World) -> Option<String> {
    let program = command.split_whitespace().next()?;
    if program.contains(['"', '\'', '$', '`', '(', '=', '|', ';', '&']) {
        return None; // the shell's business
    }
    let path = world.expand_home(program);
    let there = if program.contains('/') {
        path.exists()
    } else {
        // Builtins of the shell are in no directory.
        matches!(program, "echo" | "printf" | "exec" | "eval" | "export" | "cat" | "exit" | "true" | "false" | "test" | "cd" | ":" | ".")
            || std::env::split_paths(world.env("PATH").unwrap_or("/usr/bin:/bin")).any(|dir| dir.join(program).exists())
            || cfg!(windows)
    };
    (!there).then(|| program.to_owned())
}

impl FileFacts {
    fn of(path: PathBuf, named_by: Option<&'static str>, problem: Option<Finding>) -> Self {
        let about = std::fs::metadata(&path).ok();
        // A device or pipe is no secret of anybody: its mode stays as it is.
        #[cfg(unix)]
        let mode = about
            .as_ref()
            .filter(|m| m.is_file() || m.is_dir())
            .map(|m| (std::os::unix::fs::MetadataExt::mode(m) & 0o777, std::os::unix::fs::MetadataExt::uid(m)));
        #[cfg(not(unix))]
        let mode = None;
        let modified = about.as_ref().and_then(|m| m.modified().ok()).and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map(|d| Timestamp(d.as_secs().cast_signed()));
        #[cfg(unix)]
        let writable = rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).is_ok();
        #[cfg(not(unix))]
        let writable = true;
        Self {
            exists: about.is_some(),
            is_dir: about.as_ref().is_some_and(std::fs::Metadata::is_dir),
            path,
            named_by,
            mode,
            writable,
            modified,
            problem,
        }
    }
}

/// What the AWS CLI and we share: the directories that it keeps sessions in, and the token file of an SSO session.
fn beside(world: &World, session: Option<&Session<'_>>) -> Vec<FileFacts> {
    let aws = world.home.join(".aws");
    let paths = [Some(aws.clone()), Some(aws_cli::cache_dir(world)), Some(aws.join("sso/cache")), session.map(|one| one.path().to_owned())];
    paths.into_iter().flatten().map(|path| FileFacts::of(path, None, None)).filter(|file| file.exists).collect()
}

/// What SDKs fall back to where neither keys nor a profile are there, as far as variables name it.
fn offered(world: &World) -> Option<Base> {
    let value = |name: &str| {
        let origin = Origin { file: name.into(), line: 0 };
        Some(Value { text: world.env(name)?.to_owned(), origin, commented: false })
    };
    if let (Some(token_file), Some(role_arn)) = (value("AWS_WEB_IDENTITY_TOKEN_FILE"), value("AWS_ROLE_ARN")) {
        let session_name = value("AWS_ROLE_SESSION_NAME");
        return Some(Base::WebIdentity { token_file, role_arn, session_name, duration_seconds: None });
    }
    let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    container.into_iter().any(|name| world.env(name).is_some()).then(|| Base::Container { origin: the_environment() })
}

/// The place of what no file says.
pub fn the_environment() -> Origin {
    Origin { file: "the environment".into(), line: 0 }
}

/// A finding about the place of an environment variable.
pub fn in_environment(cause: Cause, variable: &str, what: &str) -> Finding {
    Finding::new(cause, format!("{variable} in the environment {what}")).seen(format!("the environment variable {variable}"))
}
