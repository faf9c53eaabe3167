//! What the errors of SSO-OIDC mean for a sign-in and for a refresh.

use aws_sdk_ssooidc::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::oidc::SERVICE;
use super::session::Session;
use super::token::Token;
use crate::finding::{Cause, Finding, remedy};
use crate::source::sdk_error;
use crate::text::redacted;
use crate::time::Timestamp;

/// The person said no.
pub(super) fn denied<E>(session: &Session<'_>, error: &SdkError<E, HttpResponse>) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let summary = format!(
        "the sign-in to `{}` was refused in the browser",
        session.label()
    );
    let finding = Finding::new(Cause::SsoSessionMissing, summary);
    let said = sdk_error::sso_error(error, SERVICE, session.region());
    let finding = match said {
        Ok((code, message)) => finding.evidence(redacted(&format!("{code}: {message}"))),
        Err(_) => finding,
    };
    finding.remedy(session.login())
}

/// The finding for an error of a request that is part of a sign-in.
pub(super) fn refused<E>(
    error: &SdkError<E, HttpResponse>,
    session: &Session<'_>,
    what: &str,
) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (code, message) = match sdk_error::sso_error(error, SERVICE, session.region()) {
        Err(finding) => return finding,
        Ok(said) => said,
    };
    let said = redacted(&format!("{code}: {message}"));
    let (label, section) = (session.label(), session.config().section());
    let check = remedy!("check sso_start_url and sso_region in {}", section);
    match code.as_str() {
        // Both are how AWS reports a start URL that does not belong to the region.
        "InvalidRequestException" | "InvalidClientMetadataException" | "InvalidGrantException" => {
            let summary = format!("SSO-OIDC rejected the sign-in to `{label}`");
            Finding::new(Cause::SsoRegionMismatch, summary)
                .likely()
                .evidence(said)
                .evidence(format!(
                    "sso_start_url = {}, sso_region = {}",
                    session.config().start_url,
                    session.region()
                ))
                .remedy(check)
        }
        "InvalidScopeException" => {
            let summary = format!("SSO-OIDC rejected the scopes of SSO session `{label}`");
            let scopes = session.config().scopes.join(",");
            Finding::new(Cause::ConfigMalformed, summary)
                .evidence(said)
                .evidence(format!("sso_registration_scopes = {scopes}"))
                .remedy(remedy!(
                    "sso_registration_scopes = sso:account:access in {}",
                    section
                ))
        }
        "InvalidClientException" | "UnauthorizedClientException" => {
            let summary = format!("SSO-OIDC no longer knows the registration of `{label}`");
            Finding::new(Cause::SsoRegistrationExpired, summary)
                .evidence(said)
                .remedy(session.login())
        }
        _ => {
            let summary = format!("SSO-OIDC did not {what} for SSO session `{label}`");
            Finding::new(Cause::Unexpected, summary)
                .evidence(said)
                .remedy(check)
        }
    }
}

/// The finding for an error of SSO-OIDC on a refresh.
pub(super) fn refresh_error(
    session: &Session<'_>,
    code: &str,
    message: &str,
    token: &Token,
    now: Timestamp,
) -> Finding {
    let facts = session.facts(token);
    let finding = match code {
        "InvalidClientException" => {
            let summary = format!(
                "SSO-OIDC rejected the registration of `{}`",
                session.label()
            );
            Finding::new(Cause::SsoRegistrationExpired, summary).remedy(session.login())
        }
        _ if token.is_valid(now) => facts.not_refreshable(),
        "InvalidGrantException" | "ExpiredTokenException" => facts.expired(now),
        _ => facts.expired(now).likely(),
    };
    finding.evidence(redacted(&format!("{code}: {message}")))
}
