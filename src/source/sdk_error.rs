//! An error of the SDK as a finding: first whether AWS was reached, then what it said. Messages are
//! matched on codes and key phrases, because their wording changes.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::connection_error::{connection_error, proxy_password_required, timed_out};
use crate::aws::access_key::Keys;
use crate::aws::error_code::{ApiError, ErrorKind};
use crate::aws::error_finding::RequestContext;
use crate::aws::partition;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result};
use crate::text::redacted;

/// Why AWS was not reached or did not respond sensibly; `None` where it returned an error of its
/// own.
fn unreachable<E>(error: &SdkError<E, HttpResponse>, service: &str) -> Option<Finding>
where
    E: std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(_) => None,
        SdkError::TimeoutError(_) => Some(timed_out(service)),
        SdkError::ResponseError(e) => {
            let status = e.raw().status().as_u16();
            let evidence = format!("HTTP {status} that does not parse as an AWS response");
            Some(Finding::not_aws(service, &evidence))
        }
        SdkError::DispatchFailure(e) => {
            let detail = e.as_connector_error().map(|e| error_chain(e));
            let detail = redacted(&detail.unwrap_or_default());
            Some(connection_error(&detail, e.is_timeout(), service))
        }
        other => Some(
            Finding::new(
                Cause::Unexpected,
                format!("the request to {service} could not be built"),
            )
            .evidence(error_chain(other))
            .remedy("check region and endpoint settings, in the profile and in the environment"),
        ),
    }
}

/// An error and its causes in one line. The SDK keeps secrets out of these.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
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
    // Some of them contain the whole request, with its headers.
    match text.find("Request {") {
        Some(at) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Errors that mean the same whichever service returns them: rejection by a proxy, throttling, a
/// server error, a response without an AWS error.
pub(super) fn service_error(code: &str, status: u16, service: &str) -> Option<Finding> {
    if status == 407 {
        return Some(proxy_password_required("HTTP 407"));
    }
    let evidence = if code.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("{code} (HTTP {status})")
    };
    let error = ApiError {
        code,
        message: "",
        status: Some(status),
    };
    match error.kind() {
        Some(ErrorKind::Throttled) => Some(Finding::throttled(service).evidence(evidence)),
        Some(ErrorKind::ServerError) => Some(Finding::server_error(service).evidence(evidence)),
        _ if code.is_empty() => Some(Finding::not_aws(
            service,
            &format!("HTTP {status} without an AWS error"),
        )),
        _ => None,
    }
}

/// Code, message and HTTP status of an error response.
fn parts<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> (String, String, u16) {
    let response = error.raw_response();
    let status = response.map_or(0, |r| r.status().as_u16());
    let body = response.and_then(|r| r.body().bytes());
    let body = body.map(String::from_utf8_lossy).unwrap_or_default();
    if let Some(code) = error.code() {
        let message = error
            .message()
            .map(str::to_owned)
            .or_else(|| oauth_description(&body));
        return (code.to_owned(), message.unwrap_or_default(), status);
    }
    // Emulators (moto for one) wrap their errors in one more element than AWS does, and the SDK
    // finds no code in them.
    let element = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
    };
    let is_code = |code: &String| {
        code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    };
    match element("Code").filter(is_code) {
        Some(code) => (code, element("Message").unwrap_or_default(), status),
        None => (String::new(), String::new(), status),
    }
}

/// The message of SSO-OIDC, in the form of OAuth 2.0.
fn oauth_description(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let keys = ["error_description", "reason"];
    let words: Vec<&str> = keys
        .into_iter()
        .filter_map(|key| body[key].as_str())
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A request to STS.
pub(crate) struct StsRequest<'a> {
    /// As in "the role …".
    pub(crate) what: &'a str,
    /// The region it was sent to.
    pub(crate) region: &'a str,
    /// The caller; `None` where a web identity token was sent.
    pub(crate) caller: Option<&'a Credentials>,
    /// A role of the same partition, if one is known.
    pub(crate) role_arn: &'a str,
    /// Whether the request was to assume that role.
    pub(crate) assumes_role: bool,
}

/// The finding for an error of STS.
pub(crate) fn sts_error<E>(error: &SdkError<E, HttpResponse>, request: &StsRequest<'_>) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let StsRequest {
        what,
        region,
        caller,
        role_arn,
        assumes_role,
    } = *request;
    let service = format!("STS in {region}");
    if let Some(finding) = unreachable(error, &service) {
        return finding;
    }
    let (code, message, status) = parts(error);
    if let Some(finding) = service_error(&code, status, &service) {
        return finding;
    }
    let error = ApiError {
        code: &code,
        message: &message,
        status: Some(status),
    };
    let context = RequestContext {
        what,
        region: Some(region),
        keys: caller.map(Keys::from),
        partition: partition::of_arn(role_arn),
    };
    let is_web_identity = caller.is_none();
    match error.kind() {
        Some(ErrorKind::Expired) if is_web_identity => {
            error.finding(ErrorKind::WebIdentityExpired, &context)
        }
        Some(ErrorKind::Denied | ErrorKind::AssumeRoleDenied) if is_web_identity => {
            let summary = format!("AWS denied {what} to this web identity");
            let said = redacted(&error.to_string());
            Finding::new(Cause::AssumeRoleDenied, summary).evidence(said).remedy(
                "compare the role's trust policy with the token: provider, audience and subject",
            )
        }
        Some(ErrorKind::InvalidSetting) | None if is_web_identity => {
            error.finding(ErrorKind::WebIdentityRejected, &context)
        }
        // A request to assume a role can be denied that role alone.
        Some(ErrorKind::Denied) if assumes_role => {
            error.finding(ErrorKind::AssumeRoleDenied, &context)
        }
        Some(kind) => error.finding(kind, &context),
        None => Finding::new(Cause::Unexpected, format!("AWS rejected {what}"))
            .evidence(redacted(&error.to_string()))
            .remedy("see the message of AWS above; awsfresh -v shows the request"),
    }
}

/// Code and message of an error of the SSO portal or of SSO-OIDC; or why the service was not
/// reached.
pub(crate) fn sso_error<E>(
    error: &SdkError<E, HttpResponse>,
    service: &str,
    region: &str,
) -> Result<(String, String)>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let service = format!("{service} in {region}");
    if let Some(finding) = unreachable(error, &service) {
        return Err(finding);
    }
    let (code, message, status) = parts(error);
    match service_error(&code, status, &service) {
        Some(finding) => Err(finding),
        None => Ok((code, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_an_aws_code_is_not_from_aws() {
        let cause =
            |code: &str, status| service_error(code, status, "STS").map(|finding| finding.cause);
        assert_eq!(cause("", 403), Some(Cause::CaptivePortal));
        assert_eq!(cause("AccessDenied", 403), None);
        assert_eq!(cause("", 503), Some(Cause::AwsUnavailable));
        assert_eq!(cause("Throttling", 400), Some(Cause::Throttled));
    }
}
