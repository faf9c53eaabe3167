//! The federation endpoint of AWS Sign-In: a sign-in token for credentials of a role.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html>

use serde::Serialize;
use zeroize::Zeroizing;

use super::Sources;
use super::connection_error::{connection_error, proxy_password_required};
use super::plain_request::{body_text, call};
use crate::aws::console::Console;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::text::redacted;

/// Credentials in the form of this endpoint.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    session_id: &'a str,
    session_key: &'a Secret,
    session_token: Option<&'a Secret>,
}

/// Exchanges credentials for a token. Redirects are not followed.
pub(super) async fn signin_token(
    sources: &Sources<'_>,
    console: Console,
    caller: &Credentials,
    duration: Option<u32>,
) -> Result<Secret> {
    let session = Session {
        session_id: &caller.access_key_id,
        session_key: &caller.secret_access_key,
        session_token: caller.session_token.as_ref(),
    };
    let session = Zeroizing::new(serde_json::to_string(&session).unwrap_or_default());
    let url = Zeroizing::new(console.token_request(&session, duration));
    let host = console.signin_host();
    let transport = sources.calls.connections.transport(&url)?;
    let limit = sources.calls.time_left();
    let response = call(&transport, "GET", &url, &[], limit)
        .await
        .map_err(|detail| connection_error(&redacted(&detail), false, host))?;
    let status = response.status().as_u16();
    match status {
        200 => token(&body_text(&response)).ok_or_else(|| {
            let evidence = "a response to getSigninToken without a sign-in token";
            Finding::not_aws(host, evidence)
        }),
        400 | 401 | 403 => Err(rejected(status, duration)),
        407 => Err(proxy_password_required("HTTP 407")),
        429 => Err(Finding::throttled(host).evidence("HTTP 429")),
        500.. => Err(Finding::server_error(host).evidence(format!("HTTP {status}"))),
        _ => Err(Finding::not_aws(
            host,
            &format!("HTTP {status} for getSigninToken"),
        )),
    }
}

fn token(body: &str) -> Option<Secret> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let token = body["SigninToken"].as_str()?;
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    is_token.then(|| Secret::new(token.to_owned()))
}

/// AWS answers with a page whatever the reason is; the caller knows whether STS accepts the
/// credentials.
fn rejected(status: u16, duration: Option<u32>) -> Finding {
    let summary = "AWS Sign-In rejects these credentials, which STS accepts";
    let finding = Finding::new(Cause::PermissionDenied, summary)
        .evidence(format!("HTTP {status} for getSigninToken"));
    let finding = match duration {
        Some(seconds) => finding
            .evidence(format!("requested a console session of {seconds} s"))
            .remedy("lower duration_seconds in the profile"),
        None => finding,
    };
    finding.remedy("check that the credentials are those of a role, and that no policy denies it")
}
