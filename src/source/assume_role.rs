//! `AssumeRole`, straight on the STS client: the SDK's own profile provider drops `duration_seconds` without a word.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::{Config, Region};
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use super::network::{self, Service};
use super::rejection::Question;
use super::{Sources, rejection};
use crate::config::Hop;
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::{Cause, Finding, Result};
use crate::time::Timestamp;

/// The longest session STS gives to a caller that is itself a session.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
const CHAINED_LIMIT: u32 = 3600;

/// Assumes `hop`'s role as `caller`.
pub async fn assume(sources: &Sources<'_>, hop: &Hop, caller: &Credentials) -> Result<Credentials> {
    let role = &hop.role_arn.text;
    let region = sources.sts_region(hop.region.as_deref(), role)?;
    let client = client(sources, &region, Some(caller))?;
    let duration = match hop.duration_seconds {
        Some(wanted) if caller.session_token.is_some() => Some(wanted.min(CHAINED_LIMIT)),
        wanted => wanted,
    };
    let mut request = client
        .assume_role()
        .role_arn(role)
        .role_session_name(sources.session_name(hop.session_name.as_deref()))
        .set_external_id(hop.external_id.clone())
        .set_duration_seconds(duration.and_then(|d| i32::try_from(d).ok()))
        .set_policy(hop.policy.clone())
        .set_source_identity(hop.source_identity.clone());
    for arn in &hop.policy_arns {
        request = request.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
    }
    for (key, value) in &hop.tags {
        let tag = Tag::builder().key(key).value(value).build();
        request = request.tags(tag.map_err(|e| Finding::new(Cause::ConfigMalformed, format!("a session tag cannot be sent: {e}")))?);
    }
    for key in &hop.transitive_tag_keys {
        request = request.transitive_tag_keys(key);
    }
    let answer = request.send().await.map_err(|e| {
        let what = format!("the role {role} (profile `{}`)", hop.profile);
        let question = Question { what: &what, region: &region, caller: Some(caller), role_arn: role, for_role: true };
        rejection::explain(&e, &question).seen(format!("role_arn at {}", hop.role_arn.origin))
    })?;
    from_sts(answer.credentials(), answer.assumed_role_user().map(|user| user.arn()))
}

/// An STS client that signs as `caller`, or not at all.
pub fn client(sources: &Sources<'_>, region: &str, caller: Option<&Credentials>) -> Result<Client> {
    let mut config = Config::builder()
        .region(Region::new(region.to_owned()))
        .http_client(sources.endpoints.http_client(Service::Sts)?)
        .retry_config(network::retries())
        .timeout_config(network::timeouts())
        .use_fips(sources.endpoints.fips)
        .use_dual_stack(sources.endpoints.dualstack);
    config.set_endpoint_url(sources.endpoints.url(Service::Sts).map(str::to_owned));
    if let Some(caller) = caller {
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(to_sdk(caller))));
    }
    Ok(Client::from_conf(config.build()))
}

fn to_sdk(credentials: &Credentials) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials.session_token.as_ref().map(|t| t.expose().to_owned()),
        None,
        "awsfresh",
    )
}

/// What STS answered, as our credentials. `identity` is the ARN they belong to.
pub fn from_sts(answer: Option<&aws_sdk_sts::types::Credentials>, identity: Option<&str>) -> Result<Credentials> {
    let Some(answer) = answer else {
        return Err(Finding::new(Cause::AwsUnavailable, "STS answered without credentials")
            .try_this("try again; if it persists, check the endpoint settings"));
    };
    Ok(Credentials {
        access_key_id: answer.access_key_id().to_owned(),
        secret_access_key: Secret::new(answer.secret_access_key().to_owned()),
        session_token: Some(Secret::new(answer.session_token().to_owned())),
        expiration: Some(Timestamp(answer.expiration().secs())),
        account_id: identity.and_then(|arn| arn.split(':').nth(4)).map(str::to_owned),
    })
}
