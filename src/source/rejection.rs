//! An SDK error as a finding: first whether AWS was reached, then what it said. Messages are matched on codes and key
//! phrases, because their wording changes.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::credentials::Credentials;
use crate::diagnosis::answer::{Answer, Asked, Condition, set_the_clock};
use crate::diagnosis::{Cause, Finding};
use crate::partition;

/// Why AWS could not be reached or did not answer sensibly; `None` where it answered with an error of its own.
pub fn unreached<E>(error: &SdkError<E, HttpResponse>, service: &str, region: &str) -> Option<Finding>
where
    E: std::error::Error + 'static,
{
    let at = format!("{service} in {region}");
    match error {
        SdkError::ServiceError(_) => None,
        SdkError::TimeoutError(_) => Some(timed_out(&at)),
        SdkError::ResponseError(e) => {
            let status = e.raw().status().as_u16();
            Some(not_aws(&at, &format!("HTTP {status} that does not parse as an AWS answer")))
        }
        SdkError::DispatchFailure(e) => {
            let detail = e.as_connector_error().map(|e| sources_of(e)).unwrap_or_default();
            Some(dispatch(&detail, e.is_timeout(), &at))
        }
        other => Some(
            Finding::new(Cause::Unexpected, format!("the request to {at} could not be made"))
                .seen(sources_of(other))
                .try_this("check region and endpoint settings, in the profile and in the environment"),
        ),
    }
}

/// What the words of an SDK error say about why `at` was not reached; `None` where they speak of something else.
pub fn unreached_words(detail: &str, at: &str) -> Option<Finding> {
    let lower = detail.to_ascii_lowercase();
    (lower.contains("dispatch failure") || lower.contains("timeout") || lower.contains("timed out")).then(|| dispatch(detail, false, at))
}

/// The finding for a connector's words about why `at` was not reached.
pub fn dispatch(detail: &str, timed_out_flag: bool, at: &str) -> Finding {
    let lower = detail.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    if has(&["dns error", "failed to lookup", "name or service not known", "name resolution"]) {
        return Finding::new(Cause::DnsFailure, format!("the name of {at} does not resolve"))
            .seen(detail)
            .try_this("check the region's spelling, DNS and VPN");
    }
    if has(&["certificate", "unknownissuer", "invalid peer"]) {
        let finding = Finding::new(Cause::TlsUntrusted, format!("the certificate of {at} is not trusted")).seen(detail);
        // What is out of date there is most often the clock here.
        let finding = if has(&["expired", "notvalidyet"]) { finding.try_this(set_the_clock()) } else { finding };
        return finding.try_this("behind a proxy that inspects TLS: ca_bundle = FILE in the profile, or AWS_CA_BUNDLE=FILE");
    }
    if has(&["proxy authorization required", "proxy authentication required"]) {
        return password_wanted().seen(detail);
    }
    if has(&["handshake eof", "close_notify", "connection reset"]) {
        return Finding::new(Cause::ConnectTimeout, format!("the connection to {at} is cut before anything is answered"))
            .seen(detail)
            .try_this("check firewall and proxy: something on the way lets connections come up and nothing through");
    }
    if has(&["invalidcontenttype", "corrupt message"]) {
        return Finding::new(Cause::ConnectTimeout, format!("what answers as {at} speaks no TLS"))
            .seen(detail)
            .try_this("check proxy and endpoint settings: http:// for what has no TLS");
    }
    if has(&["proxy", "tunnel"]) {
        return Finding::new(Cause::ProxyMisconfigured, format!("the proxy on the way to {at} refuses or does not answer"))
            .seen(detail)
            .try_this("check HTTPS_PROXY and NO_PROXY");
    }
    if timed_out_flag || has(&["timed out", "timeout"]) {
        return timed_out(at).seen(detail);
    }
    if has(&["invalid http", "parse", "incompletemessage", "connection closed before message", "unexpected eof", "end of file"]) {
        return not_aws(at, detail);
    }
    Finding::new(Cause::ConnectTimeout, format!("{at} cannot be reached"))
        .seen(detail)
        .try_this("check the network, proxy and endpoint settings")
}

fn password_wanted() -> Finding {
    Finding::new(Cause::ProxyMisconfigured, "the proxy asks for a password, or does not take the one it gets")
        .try_this("export HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, the password percent-encoded")
}

fn timed_out(at: &str) -> Finding {
    Finding::new(Cause::ConnectTimeout, format!("{at} does not answer in time")).try_this("check the network, firewall and proxy")
}

/// The finding for an answer that AWS would not give.
pub fn not_aws(at: &str, seen: &str) -> Finding {
    Finding::new(Cause::CaptivePortal, format!("what answers as {at} is not AWS"))
        .seen(seen)
        .try_this("sign in to the network in a browser, or check proxy and endpoint settings")
}

/// An error and its causes in one line. The SDK keeps secrets out of these.
pub fn sources_of(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if parts.last() != Some(&text) {
            parts.push(text);
        }
        next = cause.source();
    }
    let text = parts.join(": ");
    // Some of these hold the whole request, with its headers.
    match text.find("Request {") {
        Some(at) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// What says the same whichever service speaks: a proxy's refusal, throttling, server failure, an answer without an AWS
/// error in it.
pub fn common(code: &str, status: u16, at: &str) -> Option<Finding> {
    if status == 407 {
        return Some(password_wanted().seen("HTTP 407"));
    }
    let answer = Answer { code, message: "", status: Some(status) };
    match answer.condition() {
        Some(Condition::Throttled) => Some(
            Finding::new(Cause::Throttled, format!("{at} asks to slow down")).seen(told(code, status)).try_this("try again in a minute"),
        ),
        Some(Condition::Failing) => Some(
            Finding::new(Cause::AwsUnavailable, format!("{at} fails"))
                .seen(told(code, status))
                .try_this("try again; https://health.aws.amazon.com"),
        ),
        _ if code.is_empty() => Some(not_aws(at, &format!("HTTP {status} without an AWS error in it"))),
        _ => None,
    }
}

fn told(code: &str, status: u16) -> String {
    if code.is_empty() { format!("HTTP {status}") } else { format!("{code} (HTTP {status})") }
}

fn parts<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> (String, String, u16) {
    let response = error.raw_response();
    let status = response.map_or(0, |r| r.status().as_u16());
    let body = response.and_then(|r| r.body().bytes()).map(String::from_utf8_lossy).unwrap_or_default();
    if let Some(code) = error.code() {
        let message = error.message().map(str::to_owned).or_else(|| description(&body));
        return (code.to_owned(), message.unwrap_or_default(), status);
    }
    // Stand-ins for AWS (moto for one) wrap their errors once more than AWS does, and the SDK finds no code in them.
    let inside = |tag: &str| Some(body.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>"))?.0.to_owned());
    match inside("Code").filter(|code| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')) {
        Some(code) => (code, inside("Message").unwrap_or_default(), status),
        None => (String::new(), String::new(), status),
    }
}

/// What SSO-OIDC says in the place of a message, as OAuth 2.0 has it.
fn description(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let words: Vec<&str> = ["error_description", "reason"].into_iter().filter_map(|key| body[key].as_str()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What STS was asked.
pub struct Question<'a> {
    /// As in "the role …".
    pub what: &'a str,
    /// Where it was asked.
    pub region: &'a str,
    /// Who asked; `None` where a web identity token was shown.
    pub caller: Option<&'a Credentials>,
    /// A role of the same partition, if one is known.
    pub role_arn: &'a str,
    /// Whether that is what was asked for.
    pub for_role: bool,
}

/// What STS meant by refusing.
pub fn explain<E>(error: &SdkError<E, HttpResponse>, question: &Question<'_>) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Question { what, region, caller, role_arn, for_role } = *question;
    if let Some(finding) = unreached(error, "STS", region) {
        return finding;
    }
    let (code, message, status) = parts(error);
    if let Some(finding) = common(&code, status, &format!("STS in {region}")) {
        return finding;
    }
    let answer = Answer { code: &code, message: &message, status: Some(status) };
    let keys = caller.map(Credentials::keys);
    let asked = Asked { what, region: Some(region), keys, partition: partition::of_arn(role_arn) };
    match (answer.condition(), caller) {
        // Without a caller a web identity token was shown.
        (Some(Condition::Expired), None) => answer.finding(Condition::WebIdentityExpired, &asked),
        (Some(Condition::Denied | Condition::AssumeRoleDenied), None) => {
            Finding::new(Cause::AssumeRoleDenied, format!("AWS denies {what} to this web identity"))
                .seen(answer.to_string())
                .try_this("compare the role's trust policy with the token: provider, audience and subject")
        }
        (Some(Condition::InvalidSetting) | None, None) => answer.finding(Condition::WebIdentityRejected, &asked),
        // Whatever is denied where a role is asked for is the role.
        (Some(Condition::Denied), Some(_)) if for_role => answer.finding(Condition::AssumeRoleDenied, &asked),
        (Some(condition), _) => answer.finding(condition, &asked),
        (None, Some(_)) => Finding::new(Cause::Unexpected, format!("AWS refuses {what}"))
            .seen(answer.to_string())
            .try_this("what AWS says stands above; awsfresh -v says what was asked"),
    }
}

/// What the SSO portal or SSO-OIDC said: code, message, status; or why neither was reached.
pub fn sso_answer<E>(error: &SdkError<E, HttpResponse>, service: &str, region: &str) -> std::result::Result<(String, String), Finding>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(finding) = unreached(error, service, region) {
        return Err(finding);
    }
    let (code, message, status) = parts(error);
    match common(&code, status, &format!("{service} in {region}")) {
        Some(finding) => Err(finding),
        None => Ok((code, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connector_errors_are_told_apart() {
        let cases = [
            ("io error: dns error: failed to lookup address information", false, Cause::DnsFailure),
            ("invalid peer certificate: UnknownIssuer", false, Cause::TlsUntrusted),
            ("client error (Connect): tunnel error: unsuccessful", false, Cause::ProxyMisconfigured),
            ("HTTP connect timeout occurred after 2s", true, Cause::ConnectTimeout),
            ("tcp connect error: Connection refused (os error 111)", false, Cause::ConnectTimeout),
            ("connection closed before message completed", false, Cause::CaptivePortal),
            ("io error: tls handshake eof", false, Cause::ConnectTimeout),
            ("peer closed connection without sending TLS close_notify: https://docs.rs/rustls/", false, Cause::ConnectTimeout),
            ("received corrupt message of type InvalidContentType", false, Cause::ConnectTimeout),
            ("unsuccessful tunnel: proxy authorization required", false, Cause::ProxyMisconfigured),
        ];
        for (detail, timeout, cause) in cases {
            assert_eq!(dispatch(detail, timeout, "STS in eu-west-1").cause, cause, "{detail}");
        }
    }

    #[test]
    fn answers_without_an_aws_code_are_not_aws() {
        assert_eq!(common("", 403, "STS").map(|f| f.cause), Some(Cause::CaptivePortal));
        assert_eq!(common("AccessDenied", 403, "STS").map(|f| f.cause), None);
        assert_eq!(common("", 503, "STS").map(|f| f.cause), Some(Cause::AwsUnavailable));
        assert_eq!(common("Throttling", 400, "STS").map(|f| f.cause), Some(Cause::Throttled));
    }
}
