//! What a profile means: where its first credentials come from, and which roles are assumed with
//! them.

use super::parser::Value;
use super::session_end::SessionEnd;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Origin, Remedy, profile_option, remedy};

/// A resolved profile: everything that decides about its credentials, except for the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Chain {
    /// The requested profile.
    pub profile: String,
    /// Where the first credentials come from.
    pub base: Base,
    /// Roles to assume, in this order.
    pub hops: Vec<Hop>,
    /// The first `region` along the chain, from the profile to its base.
    pub(crate) region: Option<Value>,
    /// How to reach AWS, from the requested profile.
    pub(crate) network: Network,
}

/// A source of credentials that needs no other one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the config keys of the same names"
)]
pub enum Base {
    /// Keys in a file.
    Static {
        credentials: Credentials,
        origin: Origin,
        end: Option<SessionEnd>,
    },
    /// Long-term keys in the credential store; `profile` has their ID.
    StoredKeys {
        access_key_id: Value,
        profile: String,
    },
    /// `credential_source = Environment`.
    Environment { origin: Origin },
    /// `credential_source = Ec2InstanceMetadata`.
    InstanceMetadata { origin: Origin },
    /// `credential_source = EcsContainer`.
    Container { origin: Origin },
    /// `web_identity_token_file`.
    WebIdentity {
        token_file: Value,
        role_arn: Value,
        session_name: Option<Value>,
        duration_seconds: Option<u32>,
    },
    /// IAM Identity Center.
    Sso {
        session: SsoSession,
        account_id: String,
        role_name: String,
    },
    /// `aws login`; `profile` has the key `login_session`.
    LoginSession { arn: Value, profile: String },
    /// A `credential_process` other than awsfresh.
    Process { command: Value, profile: String },
}

/// A session of IAM Identity Center: one sign-in, for any number of profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoSession {
    /// The name of its `[sso-session]`; the legacy form has none.
    pub name: Option<String>,
    /// The profile that names it, if it was found through one.
    pub profile: Option<String>,
    /// `sso_start_url`, as written.
    pub start_url: String,
    /// `sso_region`.
    pub region: String,
    /// `sso_registration_scopes`.
    pub scopes: Vec<String>,
    /// `awsfresh_use_fips_endpoint`, which ranks above the setting for all services.
    pub use_fips: Option<bool>,
}

/// One role to assume. The fields are the config keys of the same names, without `awsfresh_`.
#[derive(Debug, PartialEq, Eq)]
pub struct Hop {
    pub(crate) profile: String,
    pub(crate) role_arn: Value,
    pub(crate) external_id: Option<String>,
    pub(crate) mfa_serial: Option<String>,
    pub(crate) mfa_process: Option<Value>,
    pub(crate) duration_seconds: Option<u32>,
    pub(crate) session_name: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) policy_arns: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) transitive_tag_keys: Vec<String>,
    pub(crate) source_identity: Option<String>,
}

/// Endpoint and TLS settings of a profile and its `services` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub(crate) ca_bundle: Option<Value>,
    pub(crate) use_fips: bool,
    pub(crate) use_dualstack: bool,
    pub(crate) endpoint_url: Option<Value>,
    pub(crate) sts_endpoint_url: Option<Value>,
    pub(crate) sso_endpoint_url: Option<Value>,
    pub(crate) sso_oidc_endpoint_url: Option<Value>,
    pub(crate) ignore_configured_endpoint_urls: bool,
}

impl SsoSession {
    /// The name that users know: that of the session, else the start URL.
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.start_url)
    }

    /// The text that distinguishes this session's token from every other.
    pub(crate) fn identity(&self) -> String {
        let Self {
            start_url, region, ..
        } = self;
        format!("{}\n{start_url}\n{region}", self.label())
    }

    /// The section that has its settings, as a person finds it.
    pub(crate) fn section(&self) -> String {
        match (&self.name, &self.profile) {
            (Some(name), _) => format!("[sso-session {name}]"),
            (None, Some(profile)) => format!("profile `{profile}`"),
            (None, None) => format!("the profile with {}", self.start_url),
        }
    }

    /// The command to sign in.
    pub(crate) fn login_command(&self) -> Remedy {
        match (&self.name, &self.profile) {
            // The name is not an option, whatever it begins with.
            (Some(name), _) if name.starts_with('-') => remedy!("awsfresh login -- {}", name),
            (Some(name), _) => remedy!("awsfresh login {}", name),
            (None, Some(profile)) => login_for_profile(profile),
            (None, None) => "awsfresh login".into(),
        }
    }

    /// The command to sign in, with an option.
    pub(crate) fn login_command_with(&self, option: &'static str) -> Remedy {
        match &self.name {
            Some(name) if name.starts_with('-') => {
                remedy!("awsfresh login {} -- {}", option, name)
            }
            _ => remedy!("{} {}", self.login_command(), option),
        }
    }
}

/// The command to sign in for everything that a profile needs.
fn login_for_profile(profile: &str) -> Remedy {
    remedy!("awsfresh login {}", profile_option("-p", profile))
}

/// The longest session that STS grants to a caller that is itself a session, in seconds.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
pub(crate) const CHAINED_SESSION_LIMIT: u32 = 3600;

impl Base {
    /// Whether these are keys in a file or in the credential store.
    pub(crate) fn is_keys(&self) -> bool {
        matches!(self, Self::Static { .. } | Self::StoredKeys { .. })
    }
}

impl Chain {
    /// The SSO session that it starts from.
    pub(crate) fn sso_session(&self) -> Option<&SsoSession> {
        match &self.base {
            Base::Sso { session, .. } => Some(session),
            _ => None,
        }
    }

    /// The role of a step: step 0 is the base, every following step a role.
    pub(crate) fn hop(&self, step: usize) -> Option<&Hop> {
        step.checked_sub(1).and_then(|n| self.hops.get(n))
    }

    /// The name of a step in messages: the source of the profile, or a role by its ARN.
    pub(crate) fn step_name(&self, step: usize) -> String {
        match self.hop(step) {
            Some(hop) => format!("role {}", hop.role_arn.text),
            None => format!("source of `{}`", self.profile),
        }
    }

    /// The ARN of the last role; empty without a role.
    pub(crate) fn last_role(&self) -> &str {
        self.hops
            .last()
            .map_or("", |hop| hop.role_arn.text.as_str())
    }
}

impl Hop {
    /// The finding for a role that requires an MFA code where no person can be asked.
    pub(crate) fn mfa_needed(&self, serial: &str) -> Finding {
        let summary = format!(
            "the role of profile `{}` requires an MFA code",
            self.profile
        );
        Finding::new(Cause::MfaNeeded, summary)
            .about_profile(&self.profile)
            .evidence(format!(
                "mfa_serial = {serial}, and no cached session for {}",
                self.role_arn.text
            ))
            .remedy(login_for_profile(&self.profile))
            .remedy("unattended: mfa_process = COMMAND in the profile prints the code")
    }

    /// The finding for a FIDO2 security key in the place of a device with codes.
    pub(crate) fn security_key(&self, serial: &str) -> Finding {
        let summary = format!(
            "the MFA device of profile `{}` is a FIDO2 security key, which STS does not support",
            self.profile
        );
        Finding::new(Cause::MfaNeeded, summary)
            .about_profile(&self.profile)
            .evidence(format!("mfa_serial = {serial}"))
            .remedy(
                "register an authenticator app as a second device, and set mfa_serial to its ARN",
            )
            .remedy("or sign in through IAM Identity Center or aws login, which accept the key")
    }
}
