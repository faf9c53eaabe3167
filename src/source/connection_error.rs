//! Why a service was not reached, from the text of a connector's error: hyper and rustls have no
//! type for most of these errors.

use crate::aws::shared_findings::clock_sync_command;
use crate::finding::{Cause, Finding};
use crate::limits;

/// One kind of connection error.
struct ConnectionError {
    /// Any of these is in the text, in lower case.
    words: &'static [&'static str],
    cause: Cause,
    /// `{service}` is the name of the service.
    summary: &'static str,
    remedy: &'static str,
}

/// The first match counts: the words of a later one may occur in an earlier one.
const CONNECTION_ERRORS: &[ConnectionError] = &[
    ConnectionError {
        words: &[
            "dns error",
            "failed to lookup",
            "name or service not known",
            "name resolution",
        ],
        cause: Cause::DnsFailure,
        summary: "the name of {service} does not resolve",
        remedy: "check the region's spelling, DNS and VPN",
    },
    ConnectionError {
        words: &["not valid for name", "notvalidforname"],
        cause: Cause::TlsUntrusted,
        summary: "{service} answers with the certificate of another host",
        remedy: "check the region, endpoint_url and proxy: no CA bundle helps against another name",
    },
    ConnectionError {
        words: &["certificate", "unknownissuer", "invalid peer"],
        cause: Cause::TlsUntrusted,
        summary: "the certificate of {service} is not trusted",
        remedy: "behind a proxy that inspects TLS: ca_bundle = FILE in the profile, or \
            AWS_CA_BUNDLE=FILE",
    },
    ConnectionError {
        words: &[
            "proxy authorization required",
            "proxy authentication required",
        ],
        cause: Cause::ProxyMisconfigured,
        summary: PROXY_PASSWORD_REQUIRED,
        remedy: SET_PROXY_PASSWORD,
    },
    ConnectionError {
        words: &["handshake eof", "close_notify", "connection reset"],
        cause: Cause::ConnectTimeout,
        summary: "the connection to {service} was closed before a response",
        remedy: "check firewall and proxy: something in between accepts connections but drops \
            traffic",
    },
    ConnectionError {
        words: &["invalidcontenttype", "corrupt message"],
        cause: Cause::ConnectTimeout,
        summary: "{service} does not answer with TLS",
        remedy: "check proxy and endpoint settings: http:// for a server without TLS",
    },
    ConnectionError {
        words: &["proxy", "tunnel"],
        cause: Cause::ProxyMisconfigured,
        summary: "the proxy for {service} rejects the connection or does not respond",
        remedy: "check HTTPS_PROXY and NO_PROXY",
    },
];

/// A response that is not HTTP, or that ends early or not at all.
const NOT_HTTP: &[&str] = &[
    "invalid http",
    "parse",
    "incompletemessage",
    "connection closed before message",
    "unexpected eof",
    "end of file",
    "larger than 1 mb",
];

const PROXY_PASSWORD_REQUIRED: &str = "the proxy requires a valid user name and password";
const SET_PROXY_PASSWORD: &str =
    "export HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, the password percent-encoded";

/// The finding for the text of a connector's error.
pub(crate) fn connection_error(detail: &str, is_timeout: bool, service: &str) -> Finding {
    if let Some(finding) = limits::too_many_files(detail) {
        return finding;
    }
    let lower = detail.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    if let Some(error) = CONNECTION_ERRORS.iter().find(|error| has(error.words)) {
        let summary = error.summary.replace("{service}", service);
        let finding = Finding::new(error.cause, summary).evidence(first_names(detail));
        // A certificate that has expired or is not valid yet is most often a wrong clock.
        let is_clock = error.cause == Cause::TlsUntrusted && has(&["expired", "not valid yet"]);
        let finding = if is_clock {
            finding.remedy(clock_sync_command())
        } else {
            finding
        };
        return finding.remedy(error.remedy);
    }
    if is_timeout || has(&["timed out", "timeout"]) {
        return timed_out(service).evidence(detail);
    }
    if has(NOT_HTTP) {
        return Finding::not_aws(service, detail);
    }
    Finding::new(
        Cause::ConnectTimeout,
        format!("{service} cannot be reached"),
    )
    .evidence(detail)
    .remedy("check the network, proxy and endpoint settings")
}

/// The text of an error with the first few of the names in a certificate.
fn first_names(detail: &str) -> String {
    const LISTED: usize = 3;
    let mut names = detail.match_indices("DnsName(");
    let Some((end, _)) = names.nth(LISTED) else {
        return detail.replace("DnsName(", "").replace("\")", "\"");
    };
    let first = detail[..end].trim_end_matches([',', ' ']);
    let first = first.replace("DnsName(", "").replace("\")", "\"");
    format!("{first} and {} more", names.count() + 1)
}

/// A proxy rejects the connection for want of a password.
pub(super) fn proxy_password_required(evidence: &str) -> Finding {
    Finding::new(Cause::ProxyMisconfigured, PROXY_PASSWORD_REQUIRED)
        .evidence(evidence)
        .remedy(SET_PROXY_PASSWORD)
}

/// A service did not respond within a time limit.
pub(super) fn timed_out(service: &str) -> Finding {
    Finding::new(
        Cause::ConnectTimeout,
        format!("{service} does not respond in time"),
    )
    .remedy("check the network, firewall and proxy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_another_time_may_be_a_wrong_clock() {
        for (detail, is_clock) in [
            (
                "invalid peer certificate: certificate expired: verification time 5 (UNIX)",
                true,
            ),
            (
                "invalid peer certificate: certificate not valid yet: verification time 5",
                true,
            ),
            ("invalid peer certificate: UnknownIssuer", false),
            (
                "invalid peer certificate: certificate not valid for name \"x\"",
                false,
            ),
        ] {
            let finding = connection_error(detail, false, "STS in eu-west-1");
            let first = *finding.remedy[0] == *clock_sync_command();
            assert_eq!(first, is_clock, "{detail}");
        }
    }

    #[test]
    fn a_certificate_of_another_name_is_not_a_matter_of_trust() {
        let names = (0..9).map(|n| format!("DnsName(\"h{n}.example\")"));
        let names: Vec<String> = names.collect();
        let detail = format!(
            "certificate not valid for name \"sts\"; certificate is only valid for {}",
            names.join(", ")
        );
        let finding = connection_error(&detail, false, "STS");
        assert_eq!(
            finding.summary,
            "STS answers with the certificate of another host"
        );
        assert!(
            finding.evidence[0].ends_with("\"h2.example\" and 6 more"),
            "{finding}"
        );
        assert!(!finding.remedy[0].contains("AWS_CA_BUNDLE"), "{finding}");
    }

    #[test]
    fn connector_errors_are_told_apart() {
        let cases = [
            (
                "io error: dns error: failed to lookup address information",
                false,
                Cause::DnsFailure,
            ),
            (
                "invalid peer certificate: UnknownIssuer",
                false,
                Cause::TlsUntrusted,
            ),
            (
                "client error (Connect): tunnel error: unsuccessful",
                false,
                Cause::ProxyMisconfigured,
            ),
            (
                "HTTP connect timeout occurred after 2s",
                true,
                Cause::ConnectTimeout,
            ),
            (
                "tcp connect error: Connection refused (os error 111)",
                false,
                Cause::ConnectTimeout,
            ),
            (
                "connection closed before message completed",
                false,
                Cause::CaptivePortal,
            ),
            ("io error: tls handshake eof", false, Cause::ConnectTimeout),
            (
                "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/",
                false,
                Cause::ConnectTimeout,
            ),
            (
                "received corrupt message of type InvalidContentType",
                false,
                Cause::ConnectTimeout,
            ),
            (
                "unsuccessful tunnel: proxy authorization required",
                false,
                Cause::ProxyMisconfigured,
            ),
        ];
        for (detail, timeout, cause) in cases {
            assert_eq!(
                connection_error(detail, timeout, "STS in eu-west-1").cause,
                cause,
                "{detail}"
            );
        }
    }
}
