//! What a profile means: where its first credentials come from, and which roles are assumed with
//! them.

use super::parser::Value;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Origin};

/// A resolved profile: everything that decides about its credentials, except for the environment.
#[derive(Debug)]
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
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "the fields are the config keys of the same names"
)]
pub enum Base {
    /// Keys in a file.
    Static {
        credentials: Credentials,
        origin: Origin,
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
    /// IAM Identity Center. `session` is `None` for the legacy form; `profile` has these keys.
    Sso {
        profile: String,
        session: Option<String>,
        start_url: String,
        sso_region: String,
        account_id: String,
        role_name: String,
        /// `awsfresh_use_fips_endpoint` of the session, which ranks above the setting for all
        /// services.
        use_fips: Option<bool>,
    },
    /// `aws login`; `profile` has the key `login_session`.
    LoginSession { arn: Value, profile: String },
    /// A `credential_process` other than awsfresh.
    Process { command: Value, profile: String },
}

/// One role to assume. The fields are the config keys of the same names, without `awsfresh_`.
#[derive(Debug)]
pub struct Hop {
    pub(crate) profile: String,
    pub(crate) role_arn: Value,
    pub(crate) external_id: Option<String>,
    pub(crate) mfa_serial: Option<String>,
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
#[derive(Clone, Debug, Default)]
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

/// The longest session that STS grants to a caller that is itself a session, in seconds.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
pub(crate) const CHAINED_SESSION_LIMIT: u32 = 3600;

impl Chain {
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
    /// The finding for a role that requires an MFA code, which awsfresh cannot ask for.
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
            .remedy(
                "use a profile that needs no code, or IAM Identity Center; awsfresh cannot ask \
                for codes yet",
            )
    }
}
