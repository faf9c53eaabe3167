//! SSO-OIDC: registers this program, signs a person in, refreshes tokens.
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html>

use std::time::Duration;

use aws_sdk_ssooidc::Client;
use aws_sdk_ssooidc::error::ProvideErrorMetadata;
use aws_sdk_ssooidc::operation::create_token::CreateTokenOutput;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::oidc_error::{denied, refresh_error, refused};
use super::session::Session;
use super::token::{Issued, Token, is_header_value};
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Result};
use crate::source::aws_host::aws_url;
use crate::source::connection::{Service, retries};
use crate::source::{Calls, sdk_error};
use crate::time::Timestamp;

/// As messages name it.
pub(super) const SERVICE: &str = "SSO-OIDC";
/// Once a refresh token is sent, the server may have spent it: the response is waited for beyond the
/// deadline.
pub(crate) const ROTATION_GRACE: Duration = Duration::from_secs(10);
/// A registration with less time left, in seconds, is renewed: a token would not be refreshed with
/// it for long. AWS grants 90 days.
const REGISTRATION_MARGIN: i64 = 24 * 3600;
/// AWS ignores the port of the redirect, and accepts this host and path only.
const REDIRECT: &str = "http://127.0.0.1/oauth/callback";
/// Seconds between two polls where the service names none (RFC 8628, section 3.2).
const DEFAULT_INTERVAL: u64 = 5;

/// How a person signs in. Each flow has a registration of its own: with the grants of both, AWS
/// answers HTTP 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// A browser on this machine comes back with a code (RFC 8252).
    Browser,
    /// A browser anywhere; this machine polls (RFC 8628).
    Device,
}

impl Flow {
    /// For cache keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Device => "device",
        }
    }
}

/// This program as SSO-OIDC knows it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) expires: Timestamp,
}

impl Registration {
    /// The stored form.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Reserved up front: growing would leave copies that are not wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let _ = serde_json::to_writer(&mut *bytes, self); // writing to memory cannot fail
        bytes
    }

    /// Reads a stored form; `None` for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether a token that is issued now can be refreshed for a while.
    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        self.expires.seconds_from(now) > REGISTRATION_MARGIN
    }
}

/// A device code, and what a person needs to approve it.
pub(crate) struct DeviceAuthorization {
    code: Secret,
    /// To compare with what the page shows; the page may show none.
    pub(crate) user_code: Option<String>,
    /// The page, as AWS gave it.
    pub(crate) url: String,
    /// How long it can be approved.
    pub(crate) lifetime: Duration,
    /// The pause between two polls.
    pub(crate) interval: Duration,
}

/// What a person's approval looks like in each flow.
pub(crate) enum Approval<'a> {
    /// The code that the browser brought back.
    Code {
        code: &'a Secret,
        redirect_uri: &'a str,
        verifier: &'a Secret,
    },
    /// A device code, approved or not.
    Device(&'a DeviceAuthorization),
}

/// Why there is no token.
pub(crate) enum NoToken {
    /// The device code is not approved yet.
    Pending,
    /// The same, and polls come too often.
    SlowDown,
    /// The registration is unknown: a new one may work.
    UnknownClient(Finding),
    /// Anything else.
    Failed(Finding),
}

/// Registers this program for a flow.
pub(crate) fn register(
    calls: &Calls<'_>,
    session: &Session<'_>,
    flow: Flow,
) -> Result<Registration> {
    let client = client(calls, session, 3)?;
    let mut request = client
        .register_client()
        .client_name(client_name(session.label()))
        .client_type("public")
        .set_scopes(Some(session.config().scopes.clone()));
    request = match flow {
        Flow::Browser => request
            .grant_types("authorization_code")
            .redirect_uris(REDIRECT)
            .issuer_url(start_url(session)),
        Flow::Device => request.grant_types("urn:ietf:params:oauth:grant-type:device_code"),
    };
    let request = request.grant_types("refresh_token");
    let response = calls.run(async {
        let sent = request.send().await;
        sent.map_err(|e| refused(&e, session, "register this program"))
    })?;
    let (Some(id), Some(secret)) = (response.client_id(), response.client_secret()) else {
        return Err(unusable("a registration without an ID or a secret"));
    };
    if !is_header_value(id) || !is_header_value(secret) {
        return Err(unusable("a registration that cannot be used"));
    }
    Ok(Registration {
        client_id: id.to_owned(),
        client_secret: Secret::new(secret.to_owned()),
        expires: Timestamp(response.client_secret_expires_at()),
    })
}

/// Asks for a device code.
pub(crate) fn start_device(
    calls: &Calls<'_>,
    session: &Session<'_>,
    registration: &Registration,
) -> Result<DeviceAuthorization, NoToken> {
    let client = client(calls, session, 3).map_err(NoToken::Failed)?;
    let request = client
        .start_device_authorization()
        .client_id(&registration.client_id)
        .client_secret(registration.client_secret.expose())
        .start_url(start_url(session));
    let mut unknown = false;
    let response = calls.run(async {
        let sent = request.send().await;
        sent.map_err(|e| {
            unknown = is_unknown_client(e.code());
            refused(&e, session, "start a sign-in")
        })
    });
    let response = match response {
        Ok(response) => response,
        Err(finding) if unknown => return Err(NoToken::UnknownClient(finding)),
        Err(finding) => return Err(NoToken::Failed(finding)),
    };
    let url = response
        .verification_uri_complete()
        .or_else(|| response.verification_uri());
    let lifetime = u64::try_from(response.expires_in()).unwrap_or_default();
    match (response.device_code(), url) {
        (Some(code), Some(url)) if lifetime > 0 && is_web_page(url) => Ok(DeviceAuthorization {
            code: Secret::new(code.to_owned()),
            user_code: response.user_code().map(str::to_owned),
            url: url.to_owned(),
            lifetime: Duration::from_secs(lifetime.min(3600)),
            interval: match u64::try_from(response.interval()) {
                Ok(seconds @ 1..=60) => Duration::from_secs(seconds),
                _ => Duration::from_secs(DEFAULT_INTERVAL),
            },
        }),
        _ => Err(NoToken::Failed(unusable(
            "a device code that cannot be used",
        ))),
    }
}

/// Exchanges an approval for a token.
pub(crate) async fn token(
    calls: &Calls<'_>,
    session: &Session<'_>,
    registration: &Registration,
    approval: Approval<'_>,
) -> Result<Token, NoToken> {
    // One attempt: if the response is lost, the code is spent.
    let client = client(calls, session, 1).map_err(NoToken::Failed)?;
    let request = client
        .create_token()
        .client_id(&registration.client_id)
        .client_secret(registration.client_secret.expose());
    let request = match approval {
        Approval::Code {
            code,
            redirect_uri,
            verifier,
        } => request
            .grant_type("authorization_code")
            .code(code.expose())
            .redirect_uri(redirect_uri)
            .code_verifier(verifier.expose()),
        Approval::Device(device) => request
            .grant_type("urn:ietf:params:oauth:grant-type:device_code")
            .device_code(device.code.expose()),
    };
    let response = request.send().await.map_err(|e| match e.code() {
        Some("AuthorizationPendingException") => NoToken::Pending,
        Some("SlowDownException") => NoToken::SlowDown,
        code if is_unknown_client(code) => {
            NoToken::UnknownClient(refused(&e, session, "accept this program"))
        }
        Some("AccessDeniedException") => NoToken::Failed(denied(session, &e)),
        Some("ExpiredTokenException") => {
            let summary = format!(
                "the sign-in to `{}` was not approved in time",
                session.label()
            );
            NoToken::Failed(Finding::new(Cause::SsoSessionMissing, summary).remedy(session.login()))
        }
        _ => NoToken::Failed(refused(&e, session, "issue a token")),
    })?;
    let issued = issued(&response, calls.world.now()).map_err(NoToken::Failed)?;
    Ok(Token::signed_in(session.config(), &issued, registration))
}

/// Refreshes a token. Call it under the lock, and write the result back before anything else: the
/// old refresh token may be spent.
pub(crate) fn refresh(calls: &Calls<'_>, session: &Session<'_>, token: &Token) -> Result<Token> {
    let now = calls.world.now();
    let facts = session.facts(token);
    let Some((client_id, client_secret, refresh_token)) = token.refresh_parts() else {
        return Err(facts.not_refreshable().evidence(facts.no_refresh_token()));
    };
    if facts.registration_expires.is_some_and(|end| end <= now) {
        return Err(facts.registration_expired());
    }
    // One attempt: if its response is lost, the old refresh token may be spent.
    let client = client(calls, session, 1)?;
    let call = async {
        let request = client
            .create_token()
            .client_id(client_id)
            .client_secret(client_secret)
            .refresh_token(refresh_token)
            .grant_type("refresh_token");
        request.send().await.map_err(|e| {
            match sdk_error::sso_error(&e, SERVICE, session.region()) {
                Err(finding) => finding,
                Ok((code, message)) => refresh_error(session, &code, &message, token, now),
            }
        })
    };
    let response = calls.run_within(calls.time_left() + ROTATION_GRACE, call)?;
    if response.access_token().is_none() {
        return Err(unusable("a response without an access token"));
    }
    let (access, expires) = match issued(&response, calls.world.now()) {
        Ok(issued) => (issued.access, issued.expires),
        // A refresh token that may have been rotated is kept in any case.
        Err(_) => (token.access().expose(), token.expires()),
    };
    Ok(token.refreshed(access, expires, response.refresh_token()))
}

fn is_unknown_client(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("InvalidClientException" | "UnauthorizedClientException")
    )
}

/// The page on which a person approves a sign-in by browser.
pub(crate) fn authorize_url(
    calls: &Calls<'_>,
    session: &Session<'_>,
    registration: &Registration,
    redirect_uri: &str,
    state: &str,
    challenge: &str,
) -> Result<String> {
    let hosts = session.hosts(&calls.connections, Service::SsoOidc)?;
    let base = match calls.connections.url(Service::SsoOidc) {
        Some(url) => url.to_owned(),
        None => aws_url(Service::SsoOidc, session.region(), hosts).ok_or_else(|| {
            let summary = format!("SSO-OIDC has no host in {}", session.region());
            Finding::new(Cause::RegionInvalid, summary).remedy("check sso_region")
        })?,
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &registration.client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state)
        .append_pair("code_challenge_method", "S256")
        .append_pair("code_challenge", challenge)
        // Not `scope`: awscli/customizations/sso/utils.py.
        .append_pair("scopes", &session.config().scopes.join(" "))
        .finish();
    Ok(format!("{}/authorize?{query}", base.trim_end_matches('/')))
}

/// What a response of CreateToken has, checked.
fn issued(response: &CreateTokenOutput, now: Timestamp) -> Result<Issued<'_>> {
    match (response.access_token(), response.expires_in()) {
        (Some(access), seconds) if seconds > 0 && is_header_value(access) => Ok(Issued {
            access,
            expires: now.plus(i64::from(seconds)),
            refresh: response.refresh_token().filter(|text| !text.is_empty()),
        }),
        _ => Err(unusable("an access token that cannot be used")),
    }
}

fn client(calls: &Calls<'_>, session: &Session<'_>, attempts: u32) -> Result<Client> {
    let hosts = session.hosts(&calls.connections, Service::SsoOidc)?;
    let retries = retries().with_max_attempts(attempts);
    let config = calls.sdk_config(Service::SsoOidc, session.region(), hosts, retries)?;
    Ok(Client::new(&config))
}

/// The start URL without the fragment that the browser's address line shows, as in `/start#/`.
fn start_url(session: &Session<'_>) -> String {
    let url = session.config().start_url.as_str();
    let url = url.split('#').next().unwrap_or(url);
    url.to_owned()
}

/// The name that AWS shows on the page that asks for approval.
fn client_name(label: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let label: String = label
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(60)
        .collect();
    format!("awsfresh-{label}")
}

fn is_web_page(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|c| c.is_ascii_graphic())
}

fn unusable(what: &str) -> Finding {
    Finding::new(Cause::AwsUnavailable, format!("{SERVICE} returned {what}")).remedy("try again")
}
