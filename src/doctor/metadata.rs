//! The state of the instance metadata service, asked as SDKs do.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::finding::{Cause, Finding, Result};
use crate::source::Calls;
use crate::source::connection::Transport;
use crate::source::plain_request::{body_text, call};

const ADDRESS: &str = "http://169.254.169.254";
/// The service is on the same host: each request gets this long.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// What the instance metadata service responds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    /// It has credentials of a role.
    Role,
    /// Nothing responds.
    Unreachable(String),
    /// It responds, but its token does not reach this host: that is more network hops away than the
    /// token may travel.
    HopLimit,
    /// It responds and has no role.
    NoRole(String),
    /// It has a role and could not assume it: code and message.
    RoleDenied(String),
    /// It responds that it is disabled for this instance.
    Disabled,
    /// It sends an unexpected response.
    Unrecognized(String),
}

/// Asks the service for the credentials of the instance's role.
pub(super) fn probe(calls: &Calls<'_>) -> Result<Metadata> {
    let address = calls
        .world
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .unwrap_or(ADDRESS);
    let base = address.trim_end_matches('/').to_owned();
    calls.run_within(METADATA_TIMEOUT * 3, async { Ok(state(&base).await) })
}

async fn state(base: &str) -> Metadata {
    let get = async |url: &str, headers: &[(&'static str, &str)]| {
        call(&Transport::direct(), "GET", url, headers, METADATA_TIMEOUT).await
    };
    let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
    let url = format!("{base}/latest/api/token");
    let token = match call(
        &Transport::direct(),
        "PUT",
        &url,
        &[lifetime],
        METADATA_TIMEOUT,
    )
    .await
    {
        Ok(response) => match (response.status().is_success(), status(&response)) {
            (true, _) => body_text(&response),
            (false, 403) => return Metadata::Disabled,
            (false, status) => return Metadata::Unrecognized(format!("HTTP {status} for a token")),
        },
        // A request without a token still gets a response: then only the token does not reach us.
        Err(words) => {
            return match get(&format!("{base}/latest/meta-data/"), &[]).await {
                Ok(_) => Metadata::HopLimit,
                Err(_) => Metadata::Unreachable(words),
            };
        }
    };
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Metadata::Unrecognized("a token that is not valid".to_owned());
    }
    let header = ("x-aws-ec2-metadata-token", token.as_str());
    let url = format!("{base}/latest/meta-data/iam/security-credentials/");
    let role = match get(&url, &[header]).await {
        Ok(response) => match (response.status().is_success(), status(&response)) {
            (true, _) => body_text(&response),
            (false, 404) => return Metadata::NoRole(format!("HTTP 404 for {url}")),
            (false, status) => return Metadata::Unrecognized(format!("HTTP {status} for {url}")),
        },
        Err(words) => return Metadata::Unreachable(words),
    };
    let role = role.lines().next().unwrap_or_default();
    let response = get(&format!("{url}{role}"), &[header]).await.ok();
    let denied = response.and_then(|response| denial(role, &body_text(&response)));
    denied.map_or(Metadata::Role, Metadata::RoleDenied)
}

fn status(response: &HttpResponse) -> u16 {
    response.status().as_u16()
}

/// Why the service could not assume the role it has, in its words.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>
fn denial(role: &str, body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let code = body["Code"].as_str().filter(|code| *code != "Success")?;
    Some(format!(
        "{code} for {role}: {}",
        body["Message"].as_str().unwrap_or("no message")
    ))
}

impl Metadata {
    /// What is wrong with it; `None` where it has a role.
    pub(super) fn finding(&self) -> Option<Finding> {
        let service = "the instance metadata service";
        let finding = |cause, what: &str| Finding::new(cause, format!("{service} {what}"));
        Some(match self {
            Self::Role => return None,
            Self::Unreachable(words) => finding(Cause::MetadataUnreachable, "does not respond")
                .evidence(words.clone())
                .remedy(
                    "this is not an EC2 instance, or the service is disabled or filtered: use \
                    another credential_source",
                ),
            Self::HopLimit => {
                let what = "responds, but its token does not reach this host (hop limit)";
                finding(Cause::MetadataHopLimit, what)
                    .evidence(
                        "PUT /latest/api/token gets no response, GET does: the hop limit is too low \
                        for this container",
                    )
                    .remedy(
                        "aws ec2 modify-instance-metadata-options --instance-id ID \
                        --http-put-response-hop-limit 2",
                    )
            }
            Self::NoRole(words) => finding(Cause::MetadataNoRole, "has no role")
                .evidence(words.clone())
                .remedy(
                    "attach an instance profile: aws ec2 associate-iam-instance-profile \
                    --instance-id ID --iam-instance-profile Name=NAME",
                ),
            Self::RoleDenied(words) => Finding::instance_role_denied().evidence(words.clone()),
            Self::Unrecognized(words) => finding(
                Cause::MetadataUnreachable,
                "returned an unexpected response",
            )
            .evidence(words.clone())
            .remedy(
                "on EC2: try again; elsewhere: this is another service, use another \
                    credential_source",
            ),
            Self::Disabled => finding(Cause::MetadataUnreachable, "is disabled for this instance")
                .evidence("HTTP 403 for a token")
                .remedy(
                    "aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint \
                    enabled",
                ),
        })
    }
}
