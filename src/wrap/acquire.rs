//! The first credentials of a run: they last as long as required and belong to whom the user
//! expects, or nothing is started.

use super::session::Session;
use super::{Delivery, seconds};
use crate::config::Base;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result, profile_option, remedy};
use crate::refresh::Refresher;
use crate::source::Identity;
use crate::time::{Timestamp, human_duration};

/// Credentials that may be used.
pub(super) struct Acquired {
    pub(super) credentials: Credentials,
    /// When AWS issued them.
    pub(super) obtained: Timestamp,
}

impl Session<'_> {
    pub(super) fn acquire(&self) -> Result<Acquired> {
        let began = self.world.now();
        let refresher = self.refresher(self.world.deadline()?).mfa(self.mfa);
        let mut acquired = self.obtain(&refresher)?;
        if let Some(wanted) = self.options.min_ttl.map(seconds)
            && self.seconds_left(&acquired) < wanted
            && acquired.obtained < began
        {
            let left = human_duration(self.seconds_left(&acquired));
            log::debug!("{left} left, {} required: renewing", human_duration(wanted));
            let renewing = self.refresher(self.world.deadline()?).mfa(self.mfa);
            acquired = self.obtain(&renewing.force())?;
        }
        let options = self.options;
        if options.verify || options.expect_account.is_some() || options.expect_role.is_some() {
            let identity = match refresher.identity(&acquired.credentials) {
                // They came from the cache, and AWS no longer accepts them.
                Err(finding) if finding.means_stale_credentials() => {
                    log::debug!(
                        "AWS rejected the cached credentials, fetching new ones:\n{finding}"
                    );
                    refresher.invalidate();
                    acquired = self.obtain(&refresher)?;
                    refresher.identity(&acquired.credentials)?
                }
                outcome => outcome?,
            };
            self.check_identity(&identity)?;
            log::debug!("running as {}", identity.arn);
        } else {
            log::debug!(
                "running as {}",
                self.describe_identity(&acquired.credentials)
            );
        }
        self.check_duration(&acquired)?;
        let Credentials {
            session_token,
            expiration,
            ..
        } = &acquired.credentials;
        if session_token.is_none() || expiration.is_none() {
            let (summary, option) = match options.delivery {
                Delivery::Endpoint => (
                    "a container endpoint cannot serve long-lived keys: SDKs require a session \
                        token and an expiration",
                    "omit --deliver endpoint",
                ),
                Delivery::Files => (
                    "long-lived keys are not written to a directory for containers",
                    "use a profile with a role, or omit --deliver files",
                ),
                Delivery::Profile | Delivery::Env => return Ok(acquired),
            };
            return Err(Finding::new(Cause::Usage, summary).remedy(option));
        }
        Ok(acquired)
    }

    fn obtain(&self, refresher: &Refresher<'_>) -> Result<Acquired> {
        let credentials = refresher.obtain()?;
        let obtained = refresher.obtained().unwrap_or_else(|| self.world.now());
        Ok(Acquired {
            credentials,
            obtained,
        })
    }

    /// Without an expiration, as many as there are.
    fn seconds_left(&self, acquired: &Acquired) -> i64 {
        let end = acquired.credentials.expiration;
        end.map_or(i64::MAX, |end| end.seconds_from(self.world.now()))
    }

    fn describe_identity(&self, credentials: &Credentials) -> String {
        let profile = &self.chain.profile;
        match (
            self.chain.hops.last(),
            &self.chain.base,
            &credentials.account_id,
        ) {
            (Some(hop), ..) => hop.role_arn.text.clone(),
            (
                None,
                Base::Sso {
                    account_id,
                    role_name,
                    ..
                },
                _,
            ) => {
                format!("SSO role {role_name} in {account_id}")
            }
            (None, _, Some(account)) => format!("profile `{profile}` in {account}"),
            (None, ..) => format!("profile `{profile}`"),
        }
    }

    /// Fails where the credentials do not last as long as `--min-ttl` requires.
    fn check_duration(&self, acquired: &Acquired) -> Result<()> {
        let left = self.seconds_left(acquired);
        let Some(wanted) = self
            .options
            .min_ttl
            .map(seconds)
            .filter(|wanted| left < *wanted)
        else {
            return Ok(());
        };
        let (left, required) = (human_duration(left), human_duration(wanted));
        let summary = format!(
            "fresh credentials last only {left} (--min-ttl {required}); the command was not started"
        );
        let renews = "omit --min-ttl: the command gets new credentials whenever it asks for them";
        let chain = self.chain;
        let is_chained = chain.hops.len() > 1 || !chain.base.is_keys();
        let finding = match chain.hops.last() {
            Some(hop) if is_chained => {
                let role = &hop.role_arn;
                Finding::new(Cause::RoleChainingLimit, summary)
                    .evidence(format!(
                        "{} is assumed from a session: AWS allows at most 1 h",
                        role.text
                    ))
                    .evidence(format!("role_arn at {}", role.origin))
            }
            Some(hop) => {
                let (name, duration) = (&hop.profile, wanted.max(900));
                Finding::new(Cause::DurationTooLong, summary)
                    .evidence(match hop.duration_seconds {
                        Some(set) => format!("duration_seconds = {set} in profile `{name}`"),
                        None => format!("no duration_seconds in profile `{name}`: AWS grants 1 h"),
                    })
                    .evidence(format!("role_arn at {}", hop.role_arn.origin))
                    .remedy(remedy!(
                        "set duration_seconds = {} in profile {}, up to the \
                            maximum session duration of the role (at most 12 h)",
                        duration,
                        name
                    ))
            }
            None => {
                let decides = match &chain.base {
                    Base::Sso { role_name, .. } => {
                        format!("the session duration of permission set {role_name} decides")
                    }
                    Base::LoginSession { .. } => {
                        "credentials of an `aws login` session last 15 min".to_owned()
                    }
                    Base::WebIdentity { .. } => {
                        "duration_seconds decides, 1 h without it".to_owned()
                    }
                    _ => "their source decides".to_owned(),
                };
                Finding::new(Cause::DurationTooLong, summary).evidence(decides)
            }
        };
        Err(finding.remedy(renews))
    }

    /// Fails where the identity is not the one that the user expects.
    fn check_identity(&self, identity: &Identity) -> Result<()> {
        let unexpected = |what: String| {
            let summary =
                format!("these credentials belong to {what}; the command was not started");
            Err(Finding::new(Cause::IdentityUnexpected, summary)
                .evidence(format!("AWS says: {}", identity.arn))
                .remedy(remedy!(
                    "use another profile, or check this one: awsfresh status {}",
                    profile_option("-p", &self.chain.profile)
                )))
        };
        if let Some(account) = &self.options.expect_account
            && *account != identity.account
        {
            return unexpected(format!("account {}, not {account}", identity.account));
        }
        if let Some(role) = &self.options.expect_role
            && !is_role(identity, role)
        {
            return unexpected(format!("another identity than role {role}"));
        }
        Ok(())
    }
}

/// Whether the identity is the role of that name, as people know it: for an SSO role, without
/// prefix and suffix.
fn is_role(identity: &Identity, wanted: &str) -> bool {
    let Some(role) = identity.role() else {
        return false;
    };
    let sso = role
        .strip_prefix("AWSReservedSSO_")
        .and_then(|rest| rest.rsplit_once('_'));
    role == wanted || sso.is_some_and(|(name, _)| name == wanted)
}
