//! Ways to get credentials, one file per source. A source asks and returns; caching, locks and second looks are the
//! refresher's. The async runtime and the TLS stack start here, on first use: a warm answer never gets this far.

mod assume_role;
mod identity;
mod issuer;
mod login_session;
mod metadata;
mod network;
pub mod process;
mod reach;
mod rejection;
pub mod sso;
pub mod web_identity;

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use crate::config::{Base, Chain, Hop, is_region, region_fix};
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::keys::{Keys, refused};
use crate::diagnosis::{Cause, Finding, Result};
use crate::partition;
use crate::time::Timestamp;
use crate::world::World;

pub use identity::Identity;
pub use login_session::LOGIN_DIRECTORY_VARIABLE;
pub use network::{Endpoints, Service};
pub use reach::{Contact, Metadata};

/// What has a limit of its own is ended by it, not by the one around it.
const GRACE: Duration = Duration::from_secs(1);

/// Everything a source needs for one chain.
pub struct Sources<'a> {
    world: &'a World,
    chain: &'a Chain,
    began: Instant,
    deadline: Instant,
    runtime: OnceCell<tokio::runtime::Runtime>,
    endpoints: Endpoints,
}

impl Drop for Sources<'_> {
    /// A plain drop would wait for a name that is still being looked up.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<'a> Sources<'a> {
    /// Sources for `chain`; reads nothing and connects nowhere yet.
    pub fn new(world: &'a World, chain: &'a Chain, deadline: Instant) -> Self {
        let endpoints = Endpoints::new(world, &chain.network);
        Self { world, chain, began: Instant::now(), deadline, runtime: OnceCell::new(), endpoints }
    }

    /// Refuses a chain that starts with a process which is running above us.
    pub fn refuse_recursion(&self) -> Result<()> {
        match &self.chain.base {
            Base::Process { .. } => process::refuse_recursion(&self.chain.profile, self.world),
            _ => Ok(()),
        }
    }

    /// The credentials of the chain's base.
    pub fn base(&self, token: Option<&Secret>) -> Result<Credentials> {
        match &self.chain.base {
            Base::Static { credentials, .. } => Ok(credentials.clone()),
            Base::Environment { origin, .. } => self.environment(&origin.to_string()),
            // As next, with a diagnosis of their own for passing the deadline.
            Base::InstanceMetadata { .. } => self.run_within(self.time_left() + GRACE, metadata::instance(self, self.time_left())),
            Base::Container { .. } => self.run_within(self.time_left() + GRACE, metadata::container(self, self.time_left())),
            Base::WebIdentity { token_file, role_arn, session_name, duration_seconds, .. } => {
                let token = web_identity::read_token(&self.world.expand_home(&token_file.text), &token_file.origin)?;
                let session = self.session_name(session_name.as_ref().map(|v| v.text.as_str()));
                let answer = self.run(web_identity::assume(self, &token, &role_arn.text, &session, *duration_seconds))?;
                self.judged(answer, "STS")
            }
            Base::Sso { sso_region, account_id, role_name, .. } => {
                let token = token.ok_or_else(|| Finding::new(Cause::Unexpected, "no SSO token was given to the SSO source"))?;
                let answer = self.run(sso::role_credentials(self, sso_region, account_id, role_name, token))?;
                self.judged(answer, "the SSO portal")
            }
            Base::Process { command, .. } => {
                // The process has the deadline as its own limit, and a diagnosis of its own for passing it.
                let left = self.time_left();
                let answer = self.run_within(left + GRACE, process::run(&command.text, &self.chain.profile, self.world, left));
                answer.map_err(|f| f.seen(format!("credential_process at {}", command.origin)))
            }
            Base::LoginSession { arn, profile } => self.run(login_session::credentials(self, arn, profile)),
        }
    }

    /// The credentials of a role, assumed with `caller`'s.
    pub fn hop(&self, hop: &Hop, caller: &Credentials) -> Result<Credentials> {
        if let Some(serial) = &hop.mfa_serial {
            return Err(Finding::new(Cause::MfaNeeded, format!("the role of profile `{}` asks for an MFA code", hop.profile))
                .seen(format!("mfa_serial = {serial}, and no cached session for {}", hop.role_arn.text))
                .try_this("sign in with a profile that needs no code, or use IAM Identity Center; awsfresh cannot ask for codes yet"));
        }
        let answer = self.run(assume_role::assume(self, hop, caller))?;
        self.judged(answer, "STS")
    }

    /// Who AWS says `caller` is; asked in `region`, else where everything else is asked.
    pub fn identity(&self, caller: &Credentials, region: Option<&str>) -> Result<Identity> {
        self.run(identity::identity(self, caller, region))
    }

    /// What the user of the chain's SSO session has.
    pub fn offers(&self, token: &Secret) -> Result<sso::Offers> {
        match &self.chain.base {
            Base::Sso { sso_region, account_id, .. } => self.run(sso::offers(self, sso_region, account_id, token)),
            _ => Err(Finding::new(Cause::Unexpected, "only an SSO session offers roles")),
        }
    }

    /// Every endpoint override in force: what says so, and the URL.
    pub fn overrides(&self) -> Vec<(String, String)> {
        self.endpoints.overrides()
    }

    /// Whether FIPS endpoints are asked.
    pub fn fips(&self) -> bool {
        self.endpoints.fips
    }

    /// The region that STS is asked in.
    pub fn region(&self) -> Result<String> {
        self.sts_region(None, self.chain.hops.last().map_or("", |hop| hop.role_arn.text.as_str()))
    }

    /// Whatever AWS answered must be usable here and now: nothing else is handed out or kept.
    fn judged(&self, answer: Credentials, service: &str) -> Result<Credentials> {
        let (now, end) = (self.world.now(), answer.expiration);
        // Where there is none the SDK puts the beginning of time; and what has no date cannot be told to a caller.
        let end = end.filter(|t| t.0 > 0 && t.is_date());
        let flaw = answer.flaw().or_else(|| end.is_none().then_some("no usable expiration"));
        if let Some(flaw) = flaw {
            return Err(Finding::new(Cause::AwsUnavailable, format!("{service} answered with credentials that cannot be used"))
                .seen(flaw)
                .try_this("try again; if it persists, check the endpoint and proxy settings"));
        }
        match end.filter(|t| *t <= now) {
            None => Ok(answer),
            Some(end) => Err(Finding::new(Cause::ClockSkew, format!("{service} answered with credentials that are already over"))
                .seen(format!("they end at {end}, and the clock here says {now}"))
                .try_this("set the clock: sudo timedatectl set-ntp true")),
        }
    }

    /// Runs one source to its end, with the deadline around it.
    pub fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let left = self.time_left();
        self.run_within(left, work)
    }

    /// Runs one source to its end within `limit`.
    fn run_within<T>(&self, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = match self.runtime.get() {
            Some(runtime) => runtime,
            None => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|e| Finding::new(Cause::Unexpected, format!("the async runtime does not start: {e}")))?;
                self.runtime.get_or_init(|| runtime)
            }
        };
        runtime.block_on(async {
            match tokio::time::timeout(limit, work).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Finding::new(Cause::ConnectTimeout, "no answer from AWS before the deadline")
                    .seen(format!("gave up after {:.1} s", self.began.elapsed().as_secs_f64()))
                    .try_this("check the network; AWSFRESH_TIMEOUT=SECONDS allows more time")),
            }
        })
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn environment(&self, origin: &str) -> Result<Credentials> {
        let missing = |name: &str| {
            Finding::new(Cause::SourceMissing, format!("`credential_source = Environment`, but {name} is not set"))
                .seen(format!("credential_source at {origin}"))
                .try_this(format!("export {name}, or name another credential_source"))
        };
        let id = self.world.outer_env("AWS_ACCESS_KEY_ID").ok_or_else(|| missing("AWS_ACCESS_KEY_ID"))?;
        let secret = self.world.outer_env("AWS_SECRET_ACCESS_KEY").ok_or_else(|| missing("AWS_SECRET_ACCESS_KEY"))?;
        let token = self.world.outer_env("AWS_SESSION_TOKEN");
        let bad = |cause, name: &str, what: &str| {
            Finding::new(cause, format!("{name} {what}"))
                .seen(format!("credential_source = Environment at {origin}"))
                .try_this(format!("export {name} again"))
        };
        if let Some(flaw) = refused(Keys { id, secret, token }) {
            return Err(bad(flaw.cause, flaw.part.variable(), flaw.what));
        }
        let end = self.world.outer_env("AWS_CREDENTIAL_EXPIRATION");
        let expiration = end.map(|text| {
            let end = Timestamp::parse(text).ok_or(bad(Cause::ConfigMalformed, "AWS_CREDENTIAL_EXPIRATION", "is not an RFC 3339 time"))?;
            let over = format!("says that the credentials in the environment ended at {end}");
            if end > self.world.now() { Ok(end) } else { Err(bad(Cause::SessionExpired, "AWS_CREDENTIAL_EXPIRATION", &over)) }
        });
        Ok(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            session_token: token.map(|t| Secret::new(t.to_owned())),
            expiration: expiration.transpose()?,
            account_id: None,
        })
    }

    /// The region for STS: environment, then what the chain says, then the home region of the role's partition.
    fn sts_region(&self, own: Option<&str>, role_arn: &str) -> Result<String> {
        let of_chain = || self.chain.region.as_ref().map(|v| v.text.as_str());
        let env = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| Some((name, self.world.env(name)?)));
        if let Some((name, text)) = env.filter(|(_, text)| !is_region(text)) {
            return Err(Finding::new(Cause::RegionInvalid, format!("{name} is not a region"))
                .seen(format!("{name}={text}"))
                .try_this(region_fix(name, text).replace(" = ", "=")));
        }
        let home = || partition::home_region(partition::of_arn(role_arn).unwrap_or_default());
        let region = env.map(|(_, text)| text).or(own).or_else(of_chain).unwrap_or_else(home);
        Ok(region.to_owned())
    }

    /// `role_session_name`, else a stable one: it stands in CloudTrail and shapes the cache key.
    pub fn session_name(&self, configured: Option<&str>) -> String {
        default_session_name(self.world, configured)
    }
}

fn from_sdk(c: aws_credential_types::Credentials) -> Credentials {
    let expiration = c.expiry().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    Credentials {
        access_key_id: c.access_key_id().to_owned(),
        secret_access_key: Secret::new(c.secret_access_key().to_owned()),
        session_token: c.session_token().map(|t| Secret::new(t.to_owned())),
        expiration: expiration.map(|d| Timestamp(d.as_secs().cast_signed())),
        account_id: c.account_id().map(|a| a.as_str().to_owned()),
    }
}

/// The session name a role is assumed under: as configured, else `awsfresh-USER` in the characters STS allows.
pub fn default_session_name(world: &World, configured: Option<&str>) -> String {
    match configured {
        Some(name) => name.to_owned(),
        None => {
            let user = world.env("USER").or_else(|| world.env("LOGNAME")).unwrap_or("user");
            let user = user.chars().map(|c| if c.is_ascii_alphanumeric() || "_=,.@-".contains(c) { c } else { '-' });
            format!("awsfresh-{}", user.take(50).collect::<String>())
        }
    }
}
