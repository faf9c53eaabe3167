//! `login_session`: console credentials that `aws login` left behind, renewed through the SDK's own provider, which
//! knows the proof-of-possession scheme. It reads and rewrites the AWS CLI's cache file; signing in is the CLI's.
//! Not promised: the provider rewrites that file in place, so a crash in that instant costs a new `aws login`.

use std::path::PathBuf;

use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::region::Region;

use super::{Service, Sources, from_sdk, network, rejection};
use crate::config::Value;
use crate::credentials::Credentials;
use crate::diagnosis::{Cause, Finding, Result};
use crate::digest::sha256_hex;
use crate::files;
use crate::shell::quoted;
use crate::world::World;

/// Where the AWS CLI and the SDKs keep `aws login` sessions, where that is not `~/.aws/login/cache`.
pub const LOGIN_DIRECTORY_VARIABLE: &str = "AWS_LOGIN_CACHE_DIRECTORY";

/// Sessions are a few KB.
const FILE_LIMIT: u64 = 256 * 1024;

/// Credentials of the session `arn`, renewed when less than five minutes are left.
pub async fn credentials(sources: &Sources<'_>, arn: &Value, profile: &str) -> Result<Credentials> {
    let file = cache_file(sources.world, &arn.text);
    let login = format!("aws login --profile {}", quoted(profile));
    let ask = |finding: Finding| finding.seen(format!("login_session at {}", arn.origin)).try_this(login.as_str());
    let read = || files::read_bounded(&file, FILE_LIMIT);
    let before = read().map_err(|e| {
        ask(Finding::new(Cause::LoginSessionExpired, "nobody is signed in to this `aws login` session here")
            .seen(format!("{}: {e}", file.display())))
    })?;
    let region = sources.sts_region(None, &arn.text)?;
    let mut config = ProviderConfig::empty()
        .with_region(Some(Region::new(region.clone())))
        .with_http_client(refusing_empty(sources.endpoints.http_client(Service::Signin)?))
        // One try: after a lost answer the old refresh token may be used up.
        .with_retry_config(network::retries().with_max_attempts(1))
        .with_timeout_config(network::timeouts());
    config = config.with_use_fips(Some(sources.endpoints.fips)).with_use_dual_stack(Some(sources.endpoints.dualstack));
    let provide = || async { LoginCredentialsProvider::builder(arn.text.trim()).configure(&config).build().provide_credentials().await };
    let mut answer = provide().await;
    // The AWS CLI and other SDKs take no lock: one of them may have used the refresh token first.
    if answer.is_err() && read().is_ok_and(|now| now != before) {
        answer = provide().await;
    }
    answer.map(from_sdk).map_err(|e| {
        let said = rejection::sources_of(&e);
        let at = format!("the sign-in service in {region}");
        match rejection::unreached_words(&said, &at) {
            Some(finding) => finding,
            None => refused(&said, &at).map_or_else(
                || ask(Finding::new(Cause::LoginSessionExpired, "the `aws login` session cannot be prolonged").seen(said.as_str())),
                |finding| finding.seen(said.as_str()),
            ),
        }
    })
}

/// Why the session was not prolonged, where the session itself is not at fault. The SDK gives no more than words.
/// Errors: aws-sdk-signin, `CreateOAuth2TokenError`.
fn refused(said: &str, at: &str) -> Option<Finding> {
    let says = |words: &[&str]| words.iter().any(|one| said.contains(one));
    if says(&["TooManyRequests"]) {
        return Some(Finding::new(Cause::Throttled, format!("{at} asks to slow down")).try_this("try again in a minute"));
    }
    if says(&["InternalServer", "server_error"]) {
        return Some(Finding::new(Cause::AwsUnavailable, format!("{at} fails")).try_this("try again; https://health.aws.amazon.com"));
    }
    if says(&["unexpected token '<'"]) {
        return Some(rejection::not_aws(at, "an answer that is not JSON"));
    }
    if says(&["insufficient permissions"]) {
        let finding = Finding::new(Cause::PermissionDenied, "this user may not have its `aws login` session prolonged");
        return Some(finding.try_this("ask for the permission signin:CreateOAuth2Token (SignInLocalDevelopmentAccess has it)"));
    }
    None
}

/// Where the AWS CLI keeps the session: <https://github.com/aws/aws-cli/tree/v2/awscli/customizations/login>
fn cache_file(world: &World, arn: &str) -> PathBuf {
    let dir = match world.env(LOGIN_DIRECTORY_VARIABLE) {
        Some(dir) => world.expand(dir),
        None => world.home.join(".aws/login/cache"),
    };
    dir.join(format!("{}.json", sha256_hex(arn.trim().as_bytes())))
}

/// The provider panics on a success without a body, as a broken proxy may send: such an answer becomes an error here.
fn refusing_empty(client: SharedHttpClient) -> SharedHttpClient {
    #[derive(Debug)]
    struct NonEmpty(SharedHttpConnector);
    impl HttpConnector for NonEmpty {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let answer = self.0.call(request);
            HttpConnectorFuture::new(async move {
                let mut response = answer.await?;
                let body = ByteStream::new(std::mem::replace(response.body_mut(), SdkBody::empty())).collect().await;
                let body = body.map_err(|e| ConnectorError::io(e.into()))?.into_bytes();
                if response.status().is_success() && body.is_empty() {
                    return Err(ConnectorError::other("connection closed before message completed".into(), None));
                }
                *response.body_mut() = SdkBody::from(body);
                Ok(response)
            })
        }
    }
    http_client_fn(move |settings, components| SharedHttpConnector::new(NonEmpty(client.http_connector(settings, components))))
}
