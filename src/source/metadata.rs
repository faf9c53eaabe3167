//! Credentials that the host offers: the EC2 instance metadata service and the container
//! credentials endpoint, through the SDK's own providers. Never cached: on a home directory that
//! several machines share, another machine would use them.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::Builder;

use super::bounded_body::bounded;
use super::{Sources, from_sdk, sdk_error};
use crate::credentials::{Credentials, Secret};
use crate::files;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::text::redacted;
use crate::world::{CONTAINER_VARIABLES, World};

/// The tokens of container endpoints are JWTs of a few KB.
const TOKEN_LIMIT: u64 = 64 * 1024;

/// `credential_source = Ec2InstanceMetadata`.
pub(super) async fn instance(sources: &Sources<'_>, limit: Duration) -> Result<Credentials> {
    if sources.calls.world.env_flag("AWS_EC2_METADATA_DISABLED") {
        let summary =
            "the profile uses instance metadata, which AWS_EC2_METADATA_DISABLED disables";
        return Err(Finding::new(Cause::MetadataUnreachable, summary)
            .evidence("AWS_EC2_METADATA_DISABLED=true")
            .remedy("unset AWS_EC2_METADATA_DISABLED"));
    }
    let provider = ImdsCredentialsProvider::builder()
        .configure(&config())
        .build();
    provide(&provider, limit).await.map_err(|words| {
        let summary = "the instance metadata service provides no credentials";
        Finding::new(Cause::MetadataUnreachable, summary)
            .evidence(words)
            .remedy(
                "on EC2: attach an instance profile, and set the hop limit to 2 for containers; \
                elsewhere: use another credential_source",
            )
    })
}

/// `credential_source = EcsContainer`.
pub(super) async fn container(sources: &Sources<'_>, limit: Duration) -> Result<Credentials> {
    let Some((name, _)) = sources.calls.world.first_env(CONTAINER_VARIABLES) else {
        let [relative, full] = CONTAINER_VARIABLES;
        let summary = "the profile uses container credentials, but none are offered here";
        return Err(Finding::new(Cause::ContainerEndpointUnreachable, summary)
            .evidence(format!("neither {relative} nor {full} is set"))
            .remedy(
                "run inside ECS or EKS with a task or pod role, or use another credential_source",
            ));
    };
    register_token(sources.calls.world);
    let provider = EcsCredentialsProvider::builder()
        .configure(&config())
        .build();
    provide(&provider, limit).await.map_err(|words| {
        let summary = "the container credentials endpoint provides no credentials";
        Finding::new(Cause::ContainerEndpointUnreachable, summary)
            .evidence(name)
            .evidence(words)
            .remedy("in ECS or EKS: check the task or pod role")
            .remedy(remedy!(
                "elsewhere the variable was copied from another place: unset {}",
                name
            ))
    })
}

/// Makes the token known that the provider sends to a container endpoint.
fn register_token(world: &World) {
    if let Some(token) = world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        Secret::register(token);
    }
    let file = world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    // What cannot be read is not sent either.
    let bytes = file.and_then(|file| files::read_bounded(file.as_ref(), TOKEN_LIMIT).ok());
    if let Some(text) = bytes
        .as_ref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
    {
        Secret::register(text.trim());
    }
}

/// The provider's credentials, or why there are none.
async fn provide(
    provider: &dyn ProvideCredentials,
    limit: Duration,
) -> Result<Credentials, String> {
    match tokio::time::timeout(limit, provider.provide_credentials()).await {
        Ok(response) => response
            .map(|credentials| from_sdk(&credentials))
            .map_err(|e| redacted(&sdk_error::error_chain(&e))),
        Err(_) => Err(format!("no response within {:.1} s", limit.as_secs_f64())),
    }
}

/// Link-local or loopback, plain HTTP, and never through a proxy.
fn config() -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(bounded(Builder::new().build_http()))
}
