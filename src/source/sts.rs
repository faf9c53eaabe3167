//! STS: the client, and `AssumeRole`. Called directly, because the SDK's own profile provider
//! ignores `duration_seconds`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::Client;
use aws_sdk_sts::types::{AssumedRoleUser, PolicyDescriptorType, Tag};

use super::Sources;
use super::connection::{Service, retries};
use super::sdk_error::{self, StsRequest};
use crate::config::{CHAINED_SESSION_LIMIT, Hop};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::time::Timestamp;

/// Assumes the role of `hop` as `caller`; `mfa` is a serial number and a code.
pub(super) async fn assume_role(
    sources: &Sources<'_>,
    hop: &Hop,
    caller: &Credentials,
    mfa: Option<(&str, &str)>,
) -> Result<Credentials> {
    let role = &hop.role_arn.text;
    let region = sources.sts_region(hop.region.as_deref(), role)?;
    let client = client(sources, &region, Some(caller))?;
    let duration = match hop.duration_seconds {
        Some(wanted) if caller.session_token.is_some() => Some(wanted.min(CHAINED_SESSION_LIMIT)),
        wanted => wanted,
    };
    let mut request = client
        .assume_role()
        .role_arn(role)
        .role_session_name(sources.session_name(hop.session_name.as_deref()))
        .set_external_id(hop.external_id.clone())
        .set_duration_seconds(duration.and_then(|d| i32::try_from(d).ok()))
        .set_policy(hop.policy.clone())
        .set_source_identity(hop.source_identity.clone())
        .set_serial_number(mfa.map(|(serial, _)| serial.to_owned()))
        .set_token_code(mfa.map(|(_, code)| code.to_owned()));
    for arn in &hop.policy_arns {
        request = request.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
    }
    for (key, value) in &hop.tags {
        let tag = Tag::builder().key(key).value(value).build();
        let unusable = |e| {
            Finding::new(
                Cause::ConfigMalformed,
                format!("cannot send a session tag: {e}"),
            )
        };
        request = request.tags(tag.map_err(unusable)?);
    }
    for key in &hop.transitive_tag_keys {
        request = request.transitive_tag_keys(key);
    }
    let response = request.send().await.map_err(|e| {
        let what = format!("the role {role} (profile `{}`)", hop.profile);
        let request = StsRequest {
            what: &what,
            region: &region,
            caller: Some(caller),
            role_arn: role,
            assumes_role: true,
        };
        sdk_error::sts_error(&e, &request).evidence(format!("role_arn at {}", hop.role_arn.origin))
    })?;
    from_sts(
        response.credentials(),
        response.assumed_role_user().map(AssumedRoleUser::arn),
    )
}

/// A session of `caller` by GetSessionToken with an MFA code, `mfa` being serial number and code.
/// It is requested where the role of `hop` will be assumed.
pub(super) async fn mfa_session(
    sources: &Sources<'_>,
    hop: &Hop,
    caller: &Credentials,
    mfa: (&str, &str),
    seconds: u32,
) -> Result<Credentials> {
    let role = &hop.role_arn.text;
    let region = sources.sts_region(hop.region.as_deref(), role)?;
    let client = client(sources, &region, Some(caller))?;
    let (serial, code) = mfa;
    let request = client
        .get_session_token()
        .serial_number(serial)
        .token_code(code)
        .set_duration_seconds(i32::try_from(seconds).ok());
    let response = request.send().await.map_err(|e| {
        let what = format!("an MFA session with {serial}");
        let request = StsRequest {
            what: &what,
            region: &region,
            caller: Some(caller),
            role_arn: role,
            assumes_role: false,
        };
        sdk_error::sts_error(&e, &request)
    })?;
    from_sts(response.credentials(), None)
}

/// An STS client that signs as `caller`, or not at all.
pub(super) fn client(
    sources: &Sources<'_>,
    region: &str,
    caller: Option<&Credentials>,
) -> Result<Client> {
    let hosts = sources.calls.connections.hosts();
    let config = sources
        .calls
        .sdk_config(Service::Sts, region, hosts, retries())?;
    let provider = caller.map(|caller| SharedCredentialsProvider::new(to_sdk(caller)));
    let mut config = config.into_builder();
    config.set_credentials_provider(provider);
    Ok(Client::new(&config.build()))
}

fn to_sdk(credentials: &Credentials) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials
            .session_token
            .as_ref()
            .map(|t| t.expose().to_owned()),
        None,
        "awsfresh",
    )
}

/// The credentials in a response of STS. `identity` is the ARN they belong to.
pub(super) fn from_sts(
    response: Option<&aws_sdk_sts::types::Credentials>,
    identity: Option<&str>,
) -> Result<Credentials> {
    let Some(response) = response else {
        let summary = "STS returned a response without credentials";
        return Err(Finding::new(Cause::AwsUnavailable, summary)
            .remedy("try again; if it persists, check the endpoint settings"));
    };
    Ok(Credentials {
        access_key_id: response.access_key_id().to_owned(),
        secret_access_key: Secret::new(response.secret_access_key().to_owned()),
        session_token: Some(Secret::new(response.session_token().to_owned())),
        expiration: Some(Timestamp(response.expiration().secs())),
        account_id: identity
            .and_then(|arn| arn.split(':').nth(4))
            .map(str::to_owned),
    })
}
