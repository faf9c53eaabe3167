//! Whether a host can be reached at all, what answers there, and what its clock says; and the state of the instance
//! metadata service. Asked by the diagnosis alone, without credentials.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use hyper::Uri;

use super::issuer::issuer;
use super::network::Way;
use super::{Sources, rejection};
use crate::diagnosis::{Cause, Finding, Result};
use crate::time::Timestamp;

/// Where the name server is silent.
const NO_DNS: &str = "DNS: no answer for";
/// For what is next door, or has answered before.
const NEAR: Duration = Duration::from_secs(1);
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
const METADATA: &str = "http://169.254.169.254";

/// Front pages and metadata are small.
const BODY_LIMIT: usize = 64 * 1024;

/// What answered.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    /// HTTP status.
    pub status: u16,
    /// What its clock said, where it said so.
    pub date: Option<Timestamp>,
    /// Whether it marks its answers as AWS does.
    pub is_aws: bool,
}

/// How far the instance metadata service goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// It has a role to give.
    Role,
    /// Nothing answers.
    Unreachable(String),
    /// It answers, but its token does not arrive: it is more hops away than that may travel.
    HopLimit,
    /// It answers and has no role.
    NoRole(String),
    /// It has a role, and could not assume it: code and message.
    RoleRefused(String),
    /// It answers that it is switched off for this instance.
    SwitchedOff,
    /// It answers something that makes no sense.
    Odd(String),
}

impl Sources<'_> {
    /// Asks for the front page of `url`, a host called `at`.
    pub fn contact(&self, url: &str, at: &str) -> Result<Contact> {
        let way = self.endpoints.way(url)?;
        let left = self.time_left();
        let uri: Uri = url.parse().unwrap_or_default();
        let proxy = self.endpoints.proxy_for(&uri);
        // Longer than the call's own limit, whose words name the host.
        let (response, steps) = self.run_within(left + Duration::from_millis(500), async {
            let steps = tokio::spawn(steps_to(proxy.clone(), uri.clone(), left));
            Ok(match call(&way, "GET", url, &[], left).await {
                Ok(response) => (Ok(response), Vec::new()), // nobody wants to know how
                Err(words) => (Err(words), steps.await.unwrap_or_default()),
            })
        })?;
        let response = response.map_err(|words| {
            let mut finding = rejection::dispatch(&words, false, at);
            if finding.cause == Cause::ConnectTimeout && proxy.is_none() && steps.first().is_some_and(|step| step.starts_with(NO_DNS)) {
                finding = Finding::new(Cause::DnsFailure, format!("no name server answers for {at}")).try_this("check DNS and VPN");
            }
            if finding.cause == Cause::TlsUntrusted
                && let Some(name) = issuer(at, proxy.as_deref(), NEAR)
            {
                finding = finding.seen(format!("its certificate is signed by `{name}`"));
            }
            if finding.cause != Cause::DnsFailure || proxy.is_some() {
                finding.evidence.extend(steps); // else the words say as much
            }
            finding
        })?;
        let header = |name: &str| response.headers().get(name);
        Ok(Contact {
            status: response.status().as_u16(),
            date: header("date").and_then(|text| DateTime::from_str(text, Format::HttpDate).ok()).map(|t| Timestamp(t.secs())),
            is_aws: ["x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"].into_iter().any(|name| header(name).is_some()),
        })
    }

    /// Asks the instance metadata service for a role, as SDKs do.
    pub fn metadata(&self) -> Result<Metadata> {
        let base = self.world.env("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(METADATA).trim_end_matches('/').to_owned();
        self.run_within(NEAR * 3, async {
            let way = Way::straight();
            let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
            let answer = call(&way, "PUT", &format!("{base}/latest/api/token"), &[lifetime], NEAR).await;
            let token = match answer {
                Ok(response) if response.status().is_success() => text(&response),
                Ok(response) if response.status().as_u16() == 403 => return Ok(Metadata::SwitchedOff),
                Ok(response) => return Ok(Metadata::Odd(format!("HTTP {} for a token", response.status().as_u16()))),
                Err(words) => {
                    // Without a token it still says that there is none: then only the token cannot come through.
                    return Ok(match call(&way, "GET", &format!("{base}/latest/meta-data/"), &[], NEAR).await {
                        Ok(_) => Metadata::HopLimit,
                        Err(_) => Metadata::Unreachable(words),
                    });
                }
            };
            if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
                return Ok(Metadata::Odd("a token that is none".to_owned()));
            }
            let roles = format!("{base}/latest/meta-data/iam/security-credentials/");
            let header = ("x-aws-ec2-metadata-token", token.as_str());
            let role = match call(&way, "GET", &roles, &[header], NEAR).await {
                Ok(response) if response.status().is_success() => text(&response),
                Ok(response) if response.status().as_u16() == 404 => return Ok(Metadata::NoRole(format!("HTTP 404 for {roles}"))),
                Ok(response) => return Ok(Metadata::Odd(format!("HTTP {} for {roles}", response.status().as_u16()))),
                Err(words) => return Ok(Metadata::Unreachable(words)),
            };
            let role = role.lines().next().unwrap_or_default();
            let answer = call(&way, "GET", &format!("{roles}{role}"), &[header], NEAR).await;
            Ok(answer.ok().and_then(|response| refusal(role, &text(&response))).map_or(Metadata::Role, Metadata::RoleRefused))
        })
    }
}

fn text(response: &HttpResponse) -> String {
    response.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// Why the service could not assume the role it has, in its words.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>
fn refusal(role: &str, answer: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    let code = answer["Code"].as_str().filter(|code| *code != "Success")?;
    Some(format!("{code} for {role}: {}", answer["Message"].as_str().unwrap_or("no message")))
}

/// What can be told of a host, or of the proxy in front of it, below HTTP: its addresses, and whether a connection comes up.
async fn steps_to(proxy: Option<String>, url: Uri, limit: Duration) -> Vec<String> {
    let (who, host) = match (proxy, url.host()) {
        (Some(proxy), _) => ("the proxy ", proxy),
        (None, Some(host)) => ("", format!("{host}:{}", url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 }))),
        (None, None) => return Vec::new(),
    };
    let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
    let looked_up = tokio::time::timeout(limit, tokio::net::lookup_host(&host)).await;
    let addresses: Vec<SocketAddr> = match looked_up {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(e)) => return vec![format!("DNS: {who}{name}: {e}")],
        Err(_) => return vec![format!("{NO_DNS} {who}{name}")],
    };
    let Some(first) = addresses.first() else { return vec![format!("DNS: {who}{name} has no address")] };
    let address = first.ip();
    let resolved = match (address.to_string() == name, is_private(address)) {
        (true, _) => None,
        (false, true) => Some(format!("DNS: {who}{name} is {address}, a private address: a VPC endpoint, or a name of your own network")),
        (false, false) => Some(format!("DNS: {who}{name} is {address}")),
    };
    let connected = match tokio::time::timeout(limit, tokio::net::TcpStream::connect(first)).await {
        Ok(Ok(_)) => format!("TCP: {who}{address} takes connections on port {port}"),
        Ok(Err(e)) => format!("TCP: {who}{address}, port {port}: {e}"),
        Err(_) => format!("TCP: {who}{address} does not answer on port {port}"),
    };
    resolved.into_iter().chain([connected]).collect()
}

/// Whether an address belongs to no public network.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// One request, its body read. The error is in the connector's own words.
async fn call(way: &Way, method: &str, url: &str, headers: &[(&'static str, &str)], limit: Duration) -> Result<HttpResponse, String> {
    let settings = HttpConnectorSettings::builder().connect_timeout(limit).read_timeout(limit).build();
    let connector = way.connector(Some(&settings));
    let mut request = HttpRequest::get(url).map_err(|e| e.to_string())?;
    request.set_method(method).map_err(|e| e.to_string())?;
    for (name, value) in headers {
        request.headers_mut().try_insert(*name, (*value).to_owned()).map_err(|e| e.to_string())?;
    }
    let work = async {
        let mut response = connector.call(request).await.map_err(|e| rejection::sources_of(&e))?;
        let mut body = ByteStream::new(std::mem::replace(response.body_mut(), SdkBody::taken()));
        let mut bytes = Vec::new();
        // What answers may be anybody, and may never end.
        while bytes.len() < BODY_LIMIT
            && let Some(more) = body.try_next().await.map_err(|e| rejection::sources_of(&e))?
        {
            bytes.extend_from_slice(&more);
        }
        *response.body_mut() = bytes.into();
        Ok(response)
    };
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err("timed out".to_owned()),
    }
}

impl Metadata {
    /// What is wrong with it; `None` where it has a role.
    pub fn finding(&self) -> Option<Finding> {
        let what = "the instance metadata service";
        Some(match self {
            Self::Role => return None,
            Self::Unreachable(words) => Finding::new(Cause::MetadataUnreachable, format!("{what} does not answer"))
                .seen(words.clone())
                .try_this("this is no EC2 instance, or the service is switched off or filtered: use another credential_source"),
            Self::HopLimit => Finding::new(Cause::MetadataHopLimit, format!("{what} answers, but its token does not come through"))
                .seen("PUT /latest/api/token gets no answer, GET does: the hop limit of the instance is 1")
                .try_this("aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2"),
            Self::NoRole(words) => Finding::new(Cause::MetadataNoRole, format!("{what} has no role to give")).seen(words.clone()).try_this(
                "attach an instance profile: aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=NAME",
            ),
            Self::RoleRefused(words) => Finding::new(Cause::MetadataNoRole, format!("{what} cannot assume the role of this instance"))
                .seen(words.clone())
                .try_this("check that the role exists and that its trust policy lets ec2.amazonaws.com assume it"),
            Self::Odd(words) => {
                Finding::new(Cause::MetadataUnreachable, "what answers as the instance metadata service gives nothing that could be used")
                    .seen(words.clone())
                    .try_this("on EC2: try again; elsewhere: this is another service, use another credential_source")
            }
            Self::SwitchedOff => Finding::new(Cause::MetadataUnreachable, format!("{what} is switched off for this instance"))
                .seen("HTTP 403 for a token")
                .try_this("aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled"),
        })
    }
}
