//! Credentials from the surroundings: the EC2 instance metadata service and the container credentials endpoint, through
//! the SDK's own providers. Never cached: on a home directory that several machines share, another machine would be
//! given them.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::Builder;

use super::{Sources, from_sdk, rejection};
use crate::credentials::Credentials;
use crate::diagnosis::{Cause, Finding, Result};

/// `credential_source = Ec2InstanceMetadata`.
pub async fn instance(sources: &Sources<'_>, limit: Duration) -> Result<Credentials> {
    if sources.world.env_flag("AWS_EC2_METADATA_DISABLED") {
        return Err(Finding::new(Cause::MetadataUnreachable, "the profile asks for instance metadata, which is switched off here")
            .seen("AWS_EC2_METADATA_DISABLED=true")
            .try_this("unset AWS_EC2_METADATA_DISABLED"));
    }
    let provider = ImdsCredentialsProvider::builder().configure(&config()).build();
    provided(&provider, limit).await.map_err(|words| {
        Finding::new(Cause::MetadataUnreachable, "the instance metadata service gives no credentials").seen(words).try_this(
            "on EC2: attach an instance profile, and allow a hop limit of 2 for containers; elsewhere: use another credential_source",
        )
    })
}

/// `credential_source = EcsContainer`.
pub async fn container(sources: &Sources<'_>, limit: Duration) -> Result<Credentials> {
    let named = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let Some(name) = named.into_iter().find(|name| sources.world.env(name).is_some()) else {
        return Err(Finding::new(
            Cause::ContainerEndpointUnreachable,
            "the profile asks for container credentials, but none are offered here",
        )
        .seen("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
        .try_this("run inside ECS or EKS with a task or pod role, or use another credential_source"));
    };
    let provider = EcsCredentialsProvider::builder().configure(&config()).build();
    provided(&provider, limit).await.map_err(|words| {
        Finding::new(Cause::ContainerEndpointUnreachable, "the container credentials endpoint gives no credentials")
            .seen(name)
            .seen(words)
            .try_this("in ECS or EKS: check the task or pod role")
            .try_this(format!("elsewhere that variable was copied from somewhere: unset {name}"))
    })
}

/// The provider's answer, or why there is none.
async fn provided(provider: &dyn ProvideCredentials, limit: Duration) -> Result<Credentials, String> {
    match tokio::time::timeout(limit, provider.provide_credentials()).await {
        Ok(answer) => answer.map(from_sdk).map_err(|e| rejection::sources_of(&e)),
        Err(_) => Err(format!("no answer within {:.1} s", limit.as_secs_f64())),
    }
}

/// Link-local or loopback, plain http, and never through a proxy.
fn config() -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(Builder::new().build_http())
}
