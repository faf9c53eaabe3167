//! `GetCallerIdentity`: needs no permission, so that every valid caller gets a response.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use super::sdk_error::{self, StsRequest};
use super::{Sources, sts};
use crate::aws::names::is_account;
use crate::credentials::Credentials;
use crate::finding::{Finding, Result};
use crate::text::masked;

/// The owner of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Twelve digits.
    pub(crate) account: String,
    /// Of a user, or of an assumed role with its session.
    pub(crate) arn: String,
    /// `AIDA…` for users, `AROA…:SESSION` for roles.
    pub(crate) user_id: String,
}

impl Identity {
    /// The name of the role without path and session, if this is a role.
    pub(crate) fn role(&self) -> Option<&str> {
        let (_, rest) = self.arn.split_once(":assumed-role/")?;
        rest.split('/').next()
    }

    /// Whether this is a user of IAM.
    pub(crate) fn is_user(&self) -> bool {
        self.arn.contains(":user/")
    }

    /// Whether this is the root user of an account.
    pub(crate) fn is_root(&self) -> bool {
        self.arn.ends_with(":root")
    }
}

/// Asks STS in `region`, else in the region of the chain.
pub(super) async fn identity(
    sources: &Sources<'_>,
    caller: &Credentials,
    region: Option<&str>,
) -> Result<Identity> {
    // The role shows which partition to ask.
    let role_arn = sources.chain.last_role();
    let region = match region {
        Some(region) => region.to_owned(),
        None => sources.sts_region(None, role_arn)?,
    };
    let client = sts::client(sources, &region, Some(caller))?;
    let response = client.get_caller_identity().send().await.map_err(|e| {
        let what = format!("the key {}", masked(&caller.access_key_id));
        let request = StsRequest {
            what: &what,
            region: &region,
            caller: Some(caller),
            role_arn,
            assumes_role: false,
        };
        sdk_error::sts_error(&e, &request)
    })?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let identity = Identity {
        account: text(response.account()),
        arn: text(response.arn()),
        user_id: text(response.user_id()),
    };
    if is_account(&identity.account) && identity.arn.splitn(6, ':').count() == 6 {
        return Ok(identity);
    }
    let evidence = "a response to GetCallerIdentity without account or ARN";
    Err(Finding::not_aws(&format!("STS in {region}"), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_role_comes_without_its_session() {
        let role = |arn: &str| {
            let identity = Identity {
                account: String::new(),
                arn: arn.into(),
                user_id: String::new(),
            };
            identity.role().map(str::to_owned)
        };
        let sso = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_1a/me@x";
        assert_eq!(role(sso).as_deref(), Some("AWSReservedSSO_Admin_1a"));
        assert_eq!(role("arn:aws:iam::1:user/ann"), None);
    }
}
