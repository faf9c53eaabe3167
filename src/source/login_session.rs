//! `login_session`: console credentials that `aws login` left behind, renewed by the SDK's own
//! provider, which knows the proof-of-possession scheme. The provider reads and rewrites the AWS
//! CLI's cache file; signing in is up to the AWS CLI. Not promised: the provider rewrites that file
//! in place, so a crash in that instant costs a new `aws login`.

use std::path::PathBuf;

use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::region::Region;

use super::connection::{Service, retries, timeouts};
use super::connection_error::unreachable_in_words;
use super::{Sources, from_sdk, sdk_error};
use crate::config::Value;
use crate::credentials::Credentials;
use crate::digest::sha256_hex;
use crate::files;
use crate::finding::{Cause, Finding, Result};
use crate::shell::quoted;
use crate::world::World;

/// The directory of `aws login` sessions, if it is not `~/.aws/login/cache`.
pub(crate) const LOGIN_DIRECTORY_VARIABLE: &str = "AWS_LOGIN_CACHE_DIRECTORY";

/// Session files have a few KB.
const FILE_LIMIT: u64 = 256 * 1024;

/// Credentials of the session `arn`, renewed when less than five minutes are left.
pub(super) async fn credentials(
    sources: &Sources<'_>,
    arn: &Value,
    profile: &str,
) -> Result<Credentials> {
    let file = cache_file(sources.calls.world, &arn.text);
    let login = format!("aws login --profile {}", quoted(profile));
    let sign_in = |finding: Finding| {
        finding
            .evidence(format!("login_session at {}", arn.origin))
            .remedy(login.as_str())
    };
    let read = || files::read_bounded(&file, FILE_LIMIT);
    let before = read().map_err(|e| {
        let summary = "not signed in to this `aws login` session on this machine";
        let evidence = format!("{}: {e}", file.display());
        sign_in(Finding::new(Cause::LoginSessionExpired, summary).evidence(evidence))
    })?;
    let region = sources.sts_region(None, &arn.text)?;
    let connections = &sources.calls.connections;
    let config = ProviderConfig::empty()
        .with_region(Some(Region::new(region.clone())))
        .with_http_client(rejecting_empty(connections.http_client(Service::Signin)?))
        // One attempt: if its response is lost, the old refresh token may be spent.
        .with_retry_config(retries().with_max_attempts(1))
        .with_timeout_config(timeouts())
        .with_use_fips(Some(connections.fips))
        .with_use_dual_stack(Some(connections.dualstack));
    let provide = || async {
        let provider = LoginCredentialsProvider::builder(arn.text.trim())
            .configure(&config)
            .build();
        provider.provide_credentials().await
    };
    let mut response = provide().await;
    // The AWS CLI and other SDKs take no lock: one of them may have used the refresh token first.
    if response.is_err() && read().is_ok_and(|now| now != before) {
        response = provide().await;
    }
    response
        .map(|credentials| from_sdk(&credentials))
        .map_err(|e| {
            let said = sdk_error::error_chain(&e);
            let service = format!("the sign-in service in {region}");
            if let Some(finding) = unreachable_in_words(&said, &service) {
                return finding;
            }
            match refresh_error(&said, &service) {
                Some(finding) => finding.evidence(said.as_str()),
                None => {
                    let summary = "the `aws login` session cannot be refreshed";
                    sign_in(
                        Finding::new(Cause::LoginSessionExpired, summary).evidence(said.as_str()),
                    )
                }
            }
        })
}

/// Why the session was not refreshed, if not because of the session itself. The SDK gives no more
/// than words. Errors: aws-sdk-signin, `CreateOAuth2TokenError`.
fn refresh_error(said: &str, service: &str) -> Option<Finding> {
    let says = |words: &[&str]| words.iter().any(|one| said.contains(one));
    if says(&["TooManyRequests"]) {
        return Some(Finding::throttled(service));
    }
    if says(&["InternalServer", "server_error"]) {
        return Some(Finding::server_error(service));
    }
    if says(&["unexpected token '<'"]) {
        return Some(Finding::not_aws(service, "a response that is not JSON"));
    }
    if says(&["insufficient permissions"]) {
        let summary = "this user is not allowed to refresh its `aws login` session";
        return Some(Finding::new(Cause::PermissionDenied, summary).remedy(
            "request the permission signin:CreateOAuth2Token (SignInLocalDevelopmentAccess has it)",
        ));
    }
    None
}

/// The AWS CLI's file for the session:
/// <https://github.com/aws/aws-cli/tree/v2/awscli/customizations/login>
fn cache_file(world: &World, arn: &str) -> PathBuf {
    let dir = match world.env(LOGIN_DIRECTORY_VARIABLE) {
        Some(dir) => world.expand(dir),
        None => world.home.join(".aws/login/cache"),
    };
    dir.join(format!("{}.json", sha256_hex(arn.trim().as_bytes())))
}

/// The provider panics on a success without a body, as a broken proxy may send: here such a
/// response becomes an error.
fn rejecting_empty(client: SharedHttpClient) -> SharedHttpClient {
    #[derive(Debug)]
    struct NonEmpty(SharedHttpConnector);
    impl HttpConnector for NonEmpty {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let response = self.0.call(request);
            HttpConnectorFuture::new(async move {
                let mut response = response.await?;
                let body = std::mem::replace(response.body_mut(), SdkBody::empty());
                let body = ByteStream::new(body).collect().await;
                let body = body.map_err(|e| ConnectorError::io(e.into()))?.into_bytes();
                if response.status().is_success() && body.is_empty() {
                    let why = "connection closed before message completed";
                    return Err(ConnectorError::other(why.into(), None));
                }
                *response.body_mut() = SdkBody::from(body);
                Ok(response)
            })
        }
    }
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(NonEmpty(client.http_connector(settings, components)))
    })
}
