//! Sources of credentials, one file each. A source makes its calls and returns; caching, locks and
//! second looks belong to `refresh`. The async runtime and the TLS stack start here, on first use:
//! a warm answer does not need them.

pub(crate) mod aws_host;
mod bounded_body;
mod calls;
mod cli_file;
pub(crate) mod connection;
pub(crate) mod connection_error;
pub(crate) mod endpoint_override;
mod federation;
mod http;
mod iam;
mod identity;
mod login_session;
mod metadata;
pub(crate) mod mfa;
pub(crate) mod missing_program;
pub(crate) mod plain_request;
mod process;
pub mod process_output;
mod proxy_password;
pub(crate) mod sdk_error;
pub mod sso;
mod sts;
pub(crate) mod tls_roots;
pub(crate) mod web_identity;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::aws::access_key::{Keys, blocking_flaw};
use crate::aws::console::Console;
use crate::aws::names::{invalid_region_variable, is_region};
use crate::aws::partition;
use crate::aws::shared_findings::clock_sync_command;
use crate::config::{Base, Chain, Hop, Value};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Origin, Result, remedy};
use crate::time::Timestamp;
use crate::world::{REGION_VARIABLES, World};

use connection::Service;

pub(crate) use calls::Calls;
pub(crate) use http::Http;
pub(crate) use iam::{AccessKey, AccessKeys};
pub(crate) use identity::Identity;
use missing_program::missing_program;

/// A source with a limit of its own ends by that, not by the limit around it.
const GRACE: Duration = Duration::from_secs(1);

/// Everything a source needs for one chain.
pub(crate) struct Sources<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) chain: &'a Chain,
}

impl<'a> Sources<'a> {
    /// Sources for `chain`; reads nothing and connects nowhere yet.
    pub(crate) fn new(world: &'a World, chain: &'a Chain, deadline: Instant) -> Self {
        Self {
            calls: Calls::new(world, &chain.network, deadline),
            chain,
        }
    }

    /// Rejects a chain whose process is running above this call.
    pub(crate) fn reject_recursion(&self) -> Result<()> {
        match &self.chain.base {
            Base::Process { .. } => {
                process::reject_recursion(&self.chain.profile, self.calls.world)
            }
            _ => Ok(()),
        }
    }

    /// The credentials of the chain's base.
    pub(crate) fn base(&self, token: Option<&Secret>) -> Result<Credentials> {
        let left = self.calls.time_left();
        match &self.chain.base {
            Base::Static {
                credentials, end, ..
            } => match end
                .as_ref()
                .and_then(|end| end.expired(self.calls.world.now()))
            {
                Some(expired) => Err(expired),
                None => Ok(credentials.clone()),
            },
            Base::StoredKeys { .. } => Err(Finding::new(
                Cause::Unexpected,
                "the keys were not taken from the credential store",
            )),
            Base::Environment { origin, .. } => self.environment(origin),
            Base::InstanceMetadata { .. } => self
                .calls
                .run_within(left + GRACE, metadata::instance(self, left)),
            Base::Container { .. } => self
                .calls
                .run_within(left + GRACE, metadata::container(self, left)),
            Base::WebIdentity {
                token_file,
                role_arn,
                session_name,
                duration_seconds,
                ..
            } => {
                let path = self.calls.world.expand_home(&token_file.text);
                let token = web_identity::read_token(&path, &token_file.origin)?;
                let session = self.session_name(session_name.as_ref().map(|v| v.text.as_str()));
                let (role, duration) = (&role_arn.text, *duration_seconds);
                let call = web_identity::assume_role(self, &token, role, &session, duration);
                self.validate(self.calls.run(call)?, "STS")
            }
            Base::Sso {
                session,
                account_id,
                role_name,
            } => {
                let no_token = || {
                    Finding::new(
                        Cause::Unexpected,
                        "the SSO source was called without a token",
                    )
                };
                let token = token.ok_or_else(no_token)?;
                let session = sso::Session::new(session, self.calls.world);
                let call =
                    sso::role_credentials(&self.calls, &session, account_id, role_name, token);
                self.validate(self.calls.run(call)?, "the SSO portal")
            }
            Base::Process { command, .. } => self.process(command, left),
            Base::LoginSession { arn, profile } => login_session::credentials(self, arn, profile),
        }
    }

    /// The credentials that a `credential_process` prints.
    fn process(&self, command: &Value, left: Duration) -> Result<Credentials> {
        let (profile, world) = (&self.chain.profile, self.calls.world);
        let call = process::run(&command.text, profile, world, left);
        let outcome = self.calls.run_within(left + GRACE, call);
        outcome.map_err(|failed| {
            let failed = failed.evidence(format!("credential_process at {}", command.origin));
            match missing_program(command, profile, world) {
                Some(missing) if failed.cause == Cause::ProcessFailed => missing,
                _ => failed,
            }
        })
    }

    /// The credentials of a role, assumed by `caller`; `mfa` is the serial number of the device and
    /// a code, where the request itself is to have them.
    pub(crate) fn hop(
        &self,
        hop: &Hop,
        caller: &Credentials,
        mfa: Option<(&str, &str)>,
    ) -> Result<Credentials> {
        self.validate(
            self.calls.run(sts::assume_role(self, hop, caller, mfa))?,
            "STS",
        )
    }

    /// A session of `caller`, with MFA, for the role of `hop`.
    pub(crate) fn mfa_session(
        &self,
        hop: &Hop,
        caller: &Credentials,
        serial: &str,
        code: &str,
        seconds: u32,
    ) -> Result<Credentials> {
        let call = sts::mfa_session(self, hop, caller, (serial, code), seconds);
        self.validate(self.calls.run(call)?, "STS")
    }

    /// The owner of credentials according to STS in `region`, else in the region of the chain.
    pub(crate) fn identity(&self, caller: &Credentials, region: Option<&str>) -> Result<Identity> {
        self.calls.run(identity::identity(self, caller, region))
    }

    /// A token that signs in to a console with these credentials; `duration` of the console's
    /// session in seconds.
    pub(crate) fn signin_token(
        &self,
        console: Console,
        caller: &Credentials,
        duration: Option<u32>,
    ) -> Result<Secret> {
        let token = federation::signin_token(self, console, caller, duration);
        self.calls.run_within(self.calls.time_left() + GRACE, token)
    }

    /// What the user of the chain's SSO session has.
    pub(crate) fn assignments(&self, token: &Secret) -> Result<sso::Assignments> {
        match &self.chain.base {
            Base::Sso {
                session,
                account_id,
                ..
            } => {
                let session = sso::Session::new(session, self.calls.world);
                self.calls
                    .run(sso::assignments(&self.calls, &session, account_id, token))
            }
            _ => Err(Finding::new(
                Cause::Unexpected,
                "only an SSO session has assignments",
            )),
        }
    }

    /// Uses the connections of other calls.
    pub(crate) fn sharing(mut self, http: &Arc<Http>) -> Self {
        self.calls.share(http);
        self
    }

    /// Connects to STS for `hop` as soon as another host is asked: it is asked next.
    pub(crate) fn expect_hop(&self, hop: &Hop) {
        if let Ok(region) = self.sts_region(hop.region.as_deref(), &hop.role_arn.text) {
            let hosts = self.calls.connections.hosts();
            self.calls.expect(Service::Sts, &region, hosts);
        }
    }

    /// Connects to the portal as soon as another host is asked: it is asked next.
    pub(crate) fn expect_portal(&self, session: &sso::Session<'_>) {
        if let Ok(hosts) = session.hosts(&self.calls.connections, Service::Sso) {
            self.calls.expect(Service::Sso, session.region(), hosts);
        }
    }

    /// The region of STS for the chain.
    pub(crate) fn region(&self) -> Result<String> {
        self.sts_region(None, self.chain.last_role())
    }

    /// Rejects credentials that cannot be used now: they are neither returned nor cached.
    fn validate(&self, credentials: Credentials, service: &str) -> Result<Credentials> {
        let now = self.calls.world.now();
        // The SDK has the beginning of time for a missing date, and a time that is no date cannot
        // be written.
        let end = credentials.expiration.filter(|t| t.0 > 0 && t.is_date());
        let flaw = credentials
            .flaw()
            .or_else(|| end.is_none().then_some("no usable expiration"));
        if let Some(flaw) = flaw {
            let summary = format!("{service} returned credentials that cannot be used");
            return Err(Finding::new(Cause::AwsUnavailable, summary)
                .evidence(flaw)
                .remedy("try again; if it persists, check the endpoint and proxy settings"));
        }
        match end.filter(|end| *end <= now) {
            None => Ok(credentials),
            Some(end) => {
                let summary = format!("{service} returned credentials that have already expired");
                Err(Finding::new(Cause::ClockSkew, summary)
                    .evidence(format!(
                        "they expire at {end}, and the clock here says {now}"
                    ))
                    .remedy(clock_sync_command()))
            }
        }
    }

    /// `credential_source = Environment`, which is written at `origin`.
    fn environment(&self, origin: &Origin) -> Result<Credentials> {
        let required = |name: &str| {
            self.calls.world.outer_env(name).ok_or_else(|| {
                let summary = format!("`credential_source = Environment`, but {name} is not set");
                Finding::new(Cause::SourceMissing, summary)
                    .evidence(format!("credential_source at {origin}"))
                    .remedy(remedy!(
                        "export {}, or name another credential_source",
                        name
                    ))
            })
        };
        let invalid = |cause, name: &str, what: &str| {
            Finding::new(cause, format!("{name} {what}"))
                .evidence(format!("credential_source = Environment at {origin}"))
                .remedy(remedy!("export {} again", name))
        };
        let id = required("AWS_ACCESS_KEY_ID")?;
        let secret = required("AWS_SECRET_ACCESS_KEY")?;
        let token = self.calls.world.outer_env("AWS_SESSION_TOKEN");
        if let Some(flaw) = blocking_flaw(Keys { id, secret, token }) {
            return Err(invalid(flaw.cause, flaw.part.variable(), flaw.what));
        }
        let variable = "AWS_CREDENTIAL_EXPIRATION";
        let expiration = match self.calls.world.outer_env(variable) {
            None => None,
            Some(text) => {
                let not_a_time =
                    || invalid(Cause::ConfigMalformed, variable, "is not an RFC 3339 time");
                let end = Timestamp::parse(text).ok_or_else(not_a_time)?;
                if end <= self.calls.world.now() {
                    let what = format!("shows that the credentials expired at {end}");
                    return Err(invalid(Cause::SessionExpired, variable, &what));
                }
                Some(end)
            }
        };
        Ok(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            session_token: token.map(|t| Secret::new(t.to_owned())),
            expiration,
            account_id: None,
        })
    }

    /// The region for STS: the environment, then the profile, then the home region of the role's
    /// partition.
    fn sts_region(&self, own: Option<&str>, role_arn: &str) -> Result<String> {
        let env = self.calls.world.first_env(REGION_VARIABLES);
        if let Some((name, text)) = env.filter(|(_, text)| !is_region(text)) {
            return Err(invalid_region_variable(name, text));
        }
        let of_chain = || self.chain.region.as_ref().map(|value| value.text.as_str());
        let home = || partition::home_region(partition::of_arn(role_arn).unwrap_or_default());
        let region = env
            .map(|(_, text)| text)
            .or(own)
            .or_else(of_chain)
            .unwrap_or_else(home);
        Ok(region.to_owned())
    }

    fn session_name(&self, configured: Option<&str>) -> String {
        session_name(self.calls.world, configured)
    }
}

fn from_sdk(c: &aws_credential_types::Credentials) -> Credentials {
    let expiration = c
        .expiry()
        .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    Credentials {
        access_key_id: c.access_key_id().to_owned(),
        secret_access_key: Secret::new(c.secret_access_key().to_owned()),
        session_token: c.session_token().map(|t| Secret::new(t.to_owned())),
        expiration: expiration.map(|d| Timestamp(d.as_secs().cast_signed())),
        account_id: c.account_id().map(|a| a.as_str().to_owned()),
    }
}

/// The session name of a role: as configured, else `awsfresh-USER` in the characters that STS
/// allows. It must be stable: it appears in CloudTrail and is part of the cache key.
pub(crate) fn session_name(world: &World, configured: Option<&str>) -> String {
    match configured {
        Some(name) => name.to_owned(),
        None => {
            let user = world
                .first_env(["USER", "LOGNAME"])
                .map_or("user", |(_, name)| name);
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
            let user = user.chars().map(|c| if allowed(c) { c } else { '-' });
            format!("awsfresh-{}", user.take(50).collect::<String>())
        }
    }
}
