//! `GetCallerIdentity`: needs no permission, so that whoever AWS knows gets an answer.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use super::rejection::Question;
use super::{Sources, assume_role, rejection};
use crate::config::is_account;
use crate::credentials::{Credentials, masked};
use crate::diagnosis::Result;

/// Whom credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// Of a user, or of an assumed role with its session.
    pub arn: String,
    /// `AIDA…` for users, `AROA…:SESSION` for roles.
    pub user_id: String,
}

impl Identity {
    /// The role's name without path and session, where this is a role.
    pub fn role(&self) -> Option<&str> {
        let (_, rest) = self.arn.split_once(":assumed-role/")?;
        rest.split('/').next()
    }
}

/// Asks STS.
pub async fn identity(sources: &Sources<'_>, caller: &Credentials, region: Option<&str>) -> Result<Identity> {
    // The role says which partition is asked.
    let arn = sources.chain.hops.last().map_or("", |hop| hop.role_arn.text.as_str());
    let region = region.map_or_else(|| sources.sts_region(None, arn), |region| Ok(region.to_owned()))?;
    let client = assume_role::client(sources, &region, Some(caller))?;
    let answer = client.get_caller_identity().send().await.map_err(|e| {
        let what = format!("the key {}", masked(&caller.access_key_id));
        rejection::explain(&e, &Question { what: &what, region: &region, caller: Some(caller), role_arn: arn, for_role: false })
    })?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let identity = Identity { account: text(answer.account()), arn: text(answer.arn()), user_id: text(answer.user_id()) };
    match is_account(&identity.account) && identity.arn.splitn(6, ':').count() == 6 {
        true => Ok(identity),
        false => Err(rejection::not_aws(&format!("STS in {region}"), "an answer to GetCallerIdentity without account or ARN")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_without_its_session() {
        let role = |arn: &str| Identity { account: String::new(), arn: arn.into(), user_id: String::new() }.role().map(str::to_owned);
        assert_eq!(role("arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_1a/me@x").as_deref(), Some("AWSReservedSSO_Admin_1a"));
        assert_eq!(role("arn:aws:iam::1:user/ann"), None);
    }
}
