//! Whether a host can be reached, what responds there, and what its clock says. Without
//! credentials.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use hyper::Uri;

use super::tls_issuer::issuer;
use crate::finding::{Cause, Finding, Result};
use crate::source::Calls;
use crate::source::connection_error::connection_error;
use crate::source::plain_request::call;
use crate::time::Timestamp;

/// A host that has responded before gets this long to present its certificate again.
const ISSUER_TIMEOUT: Duration = Duration::from_secs(1);
/// A request ends by its own time limit, whose message names the host, not by the one around it.
const GRACE: Duration = Duration::from_millis(500);
/// The headers by which AWS marks its responses.
const AWS_HEADERS: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"];

/// The response of a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostReply {
    /// HTTP status.
    pub(super) status: u16,
    /// What its clock says, if it does.
    pub(super) date: Option<Timestamp>,
    /// Whether the response is marked as AWS marks its own.
    pub(super) is_aws: bool,
}

/// Why a host did not respond.
pub(super) struct Unreachable {
    pub(super) finding: Finding,
    /// The issuer of its certificate, where that is not trusted.
    pub(super) issuer: Option<Box<str>>,
}

/// Requests the front page of `url`, which messages call `name`.
pub(super) fn contact(calls: &Calls<'_>, url: &str, name: &str) -> Result<HostReply, Unreachable> {
    let failed = |finding| Unreachable {
        finding,
        issuer: None,
    };
    let transport = calls.connections.transport(url).map_err(failed)?;
    let left = calls.time_left();
    let uri: Uri = url.parse().unwrap_or_default();
    let proxy = calls.connections.proxy_for(&uri);
    let outcome = calls.run_within(left + GRACE, async {
        let trace = tokio::spawn(trace_connection(proxy.clone(), uri.clone(), left));
        Ok(match call(&transport, "GET", url, &[], left).await {
            Ok(response) => Ok(response),
            Err(words) => Err((words, trace.await.unwrap_or_default())),
        })
    });
    let response = outcome.map_err(failed)?.map_err(|(words, trace)| {
        let issuer = |finding: &Finding| match finding.cause {
            Cause::TlsUntrusted => issuer(name, proxy.as_deref(), ISSUER_TIMEOUT).map(Into::into),
            _ => None,
        };
        let finding = explain(&words, trace, name, proxy.is_some());
        Unreachable {
            issuer: issuer(&finding),
            finding,
        }
    })?;
    let header = |name: &str| response.headers().get(name);
    let date = header("date").and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
    Ok(HostReply {
        status: response.status().as_u16(),
        date: date.map(|date| Timestamp(date.secs())),
        is_aws: AWS_HEADERS.into_iter().any(|name| header(name).is_some()),
    })
}

fn explain(words: &str, trace: Trace, name: &str, has_proxy: bool) -> Finding {
    let mut finding = connection_error(words, false, name);
    if finding.cause == Cause::ConnectTimeout && trace.is_dns_silent && !has_proxy {
        finding = Finding::new(
            Cause::DnsFailure,
            format!("no name server answers for {name}"),
        )
        .remedy("check DNS and VPN");
    }
    // The error says as much where a name does not resolve.
    if finding.cause != Cause::DnsFailure || has_proxy {
        finding.evidence.extend(trace.lines);
    }
    finding
}

/// What was observed of a host, or of the proxy in front of it, below HTTP.
#[derive(Default)]
struct Trace {
    lines: Vec<String>,
    /// Whether no name server answered.
    is_dns_silent: bool,
}

impl Trace {
    fn line(text: String) -> Self {
        Self {
            lines: vec![text],
            is_dns_silent: false,
        }
    }
}

/// Looks up the addresses, and tries to connect.
async fn trace_connection(proxy: Option<String>, url: Uri, limit: Duration) -> Trace {
    let default_port = if url.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let (who, host) = match (proxy, url.host()) {
        (Some(proxy), _) => ("the proxy ", proxy),
        (None, Some(host)) => (
            "",
            format!("{host}:{}", url.port_u16().unwrap_or(default_port)),
        ),
        (None, None) => return Trace::default(),
    };
    let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
    let addresses: Vec<SocketAddr> =
        match tokio::time::timeout(limit, tokio::net::lookup_host(&host)).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(e)) => return Trace::line(format!("DNS: {who}{name}: {e}")),
            Err(_) => {
                let lines = vec![format!("DNS: no answer for {who}{name}")];
                return Trace {
                    lines,
                    is_dns_silent: true,
                };
            }
        };
    let Some(first) = addresses.first() else {
        return Trace::line(format!("DNS: {who}{name} has no address"));
    };
    let address = first.ip();
    let mut lines = Vec::new();
    if address.to_string() != name {
        let private = ", a private address: a VPC endpoint, or a name of your own network";
        let private = if is_private(address) { private } else { "" };
        lines.push(format!("DNS: {who}{name} is {address}{private}"));
    }
    let connect = tokio::net::TcpStream::connect(first);
    lines.push(match tokio::time::timeout(limit, connect).await {
        Ok(Ok(_)) => format!("TCP: {who}{address} accepts connections on port {port}"),
        Ok(Err(e)) => format!("TCP: {who}{address}, port {port}: {e}"),
        Err(_) => format!("TCP: {who}{address} does not respond on port {port}"),
    });
    Trace {
        lines,
        is_dns_silent: false,
    }
}

/// Whether an address belongs to no public network.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}
