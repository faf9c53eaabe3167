//! `login_session`: console credentials that `aws login` left in a file of the AWS CLI. They are
//! refreshed under the lock of their cache key, and the file is replaced in one step; keys that this
//! program does not know are kept. Signing in is up to the AWS CLI.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/access-login.html>

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_signin::Client;
use aws_sdk_signin::error::SdkError;
use aws_sdk_signin::operation::create_o_auth2_token::CreateOAuth2TokenError;
use aws_sdk_signin::types::{
    CreateOAuth2TokenRequestBody, CreateOAuth2TokenResponseBody, OAuth2ErrorCode,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::cli_file::{Unreadable, read_settled, unreadable_file};
use super::connection::{Service, retries};
use super::{Sources, sdk_error};
use crate::config::Value;
use crate::credentials::{Credentials, Secret};
use crate::digest::{random_hex, sha256_hex};
use crate::files;
use crate::finding::{Cause, Finding, Result, profile_option, remedy};
use crate::text::redacted;
use crate::time::Timestamp;
use crate::world::World;

/// Session files have a few KB.
const FILE_LIMIT: u64 = 256 * 1024;
/// The SDKs refresh a session with less time left, in seconds.
const REFRESH_WINDOW: i64 = 5 * 60;
/// How much longer a file may become, in bytes.
const GROWTH: usize = 8 * 1024;
/// Once a request is sent, the server may have rotated the refresh token: the response is waited for
/// beyond the deadline.
const ROTATION_GRACE: Duration = Duration::from_secs(10);

/// A session file.
#[derive(PartialEq)]
struct LoginToken {
    fields: Map<String, Json>,
    credentials: Credentials,
    expires: Timestamp,
}

/// What one call works with.
struct Session<'a> {
    sources: &'a Sources<'a>,
    arn: &'a Value,
    profile: &'a str,
    file: PathBuf,
}

/// Credentials of the session `arn`, refreshed when less than five minutes are left.
pub(super) fn credentials(
    sources: &Sources<'_>,
    arn: &Value,
    profile: &str,
) -> Result<Credentials> {
    let session = Session {
        sources,
        arn,
        profile,
        file: cache_file(sources.calls.world, &arn.text),
    };
    let now = sources.calls.world.now();
    let token = session.read()?;
    if token.expires.seconds_from(now) > REFRESH_WINDOW {
        return Ok(token.credentials);
    }
    let size = token.to_bytes().len() + GROWTH;
    let refreshed = match files::check_room(&session.file, size) {
        Ok(()) => {
            let limit = sources.calls.time_left() + ROTATION_GRACE;
            sources.calls.run_within(limit, session.refresh(&token))
        }
        Err(e) => Err(Finding::no_room("`aws login` session", &e.to_string())
            .evidence(session.file.display().to_string())),
    };
    match refreshed {
        Ok(refreshed) => {
            // A new sign-in by the AWS CLI, which takes no lock, is not overwritten.
            if let Ok(other) = session.read()
                && other != token
                && other.expires > now
            {
                return Ok(other.credentials);
            }
            if let Err(e) = files::replace(&session.file, &refreshed.to_bytes()) {
                log::warn!(
                    "the renewed `aws login` session could not be saved ({e}); fix that, then run \
                        aws login again"
                );
            }
            if refreshed.expires <= now {
                let summary = "AWS Sign-In returned a response without usable credentials";
                return Err(Finding::new(Cause::AwsUnavailable, summary).remedy("try again"));
            }
            Ok(refreshed.credentials)
        }
        // The AWS CLI and the SDKs take no lock: one of them may have used the refresh token first.
        Err(finding) => match session.read() {
            Ok(again) if again != token && again.expires > now => Ok(again.credentials),
            _ if token.expires > now => {
                log::debug!("the refresh failed, but the session is still valid:\n{finding}");
                Ok(token.credentials)
            }
            _ => Err(finding),
        },
    }
}

impl Session<'_> {
    fn sign_in(&self, finding: Finding) -> Finding {
        finding
            .evidence(format!("login_session at {}", self.arn.origin))
            .remedy(remedy!(
                "aws login {}",
                profile_option("--profile", self.profile)
            ))
    }

    fn read(&self) -> Result<LoginToken> {
        read_settled(&self.file, FILE_LIMIT, LoginToken::parse).map_err(|e| match e {
            Unreadable::Damaged(why) => self.damaged(&why),
            Unreadable::Missing => {
                let summary = "not signed in to this `aws login` session on this machine";
                let evidence = format!("there is no {}", self.file.display());
                self.sign_in(Finding::new(Cause::LoginSessionExpired, summary).evidence(evidence))
            }
            Unreadable::Io(e) => unreadable_file("`aws login` session", &self.file, &e),
        })
    }

    fn damaged(&self, why: &str) -> Finding {
        let summary = "the file of this `aws login` session is damaged";
        let evidence = format!("{}: {why}", self.file.display());
        self.sign_in(Finding::new(Cause::LoginSessionExpired, summary).evidence(evidence))
    }

    /// Refreshes the session. Write the result before anything else: the old refresh token may be
    /// spent.
    async fn refresh(&self, token: &LoginToken) -> Result<LoginToken> {
        let sources = self.sources;
        let region = sources.sts_region(None, &self.arn.text)?;
        let required = |key| token.text(key).ok_or("it is incomplete");
        let parts = || {
            Ok((
                required("clientId")?,
                required("refreshToken")?,
                required("dpopKey")?,
            ))
        };
        let (client_id, refresh_token, key) = parts().map_err(|why| self.damaged(why))?;
        let key = SecretKey::from_sec1_pem(key).map_err(|_| self.damaged("dpopKey is no key"))?;
        let unexpected =
            |e: String| Finding::new(Cause::Unexpected, format!("cannot refresh: {e}"));
        let id = random_hex::<16>().map_err(|e| unexpected(e.to_string()))?;
        let body = CreateOAuth2TokenRequestBody::builder()
            .client_id(client_id)
            .grant_type("refresh_token")
            .refresh_token(refresh_token)
            .build()
            .map_err(|e| unexpected(e.to_string()))?;
        let hosts = sources.calls.connections.hosts();
        // One attempt: if its response is lost, the old refresh token may be spent.
        let retries = retries().with_max_attempts(1);
        let config = sources
            .calls
            .sdk_config(Service::Signin, &region, hosts, retries)?;
        let now = sources.calls.world.now();
        let request = Client::new(&config)
            .create_o_auth2_token()
            .token_input(body);
        let response = request
            .customize()
            .mutate_request(move |request| {
                let proof = proof(&key, request.uri(), &id, now);
                request.headers_mut().insert("DPoP", proof);
            })
            .send()
            .await
            .map_err(|e| self.refused(&e, &region))?;
        let response = response.token_output().ok_or_else(|| {
            let summary = "AWS Sign-In returned an empty response";
            Finding::new(Cause::AwsUnavailable, summary).remedy("try again")
        })?;
        Ok(token.refreshed(response, now))
    }

    fn refused(
        &self,
        error: &SdkError<CreateOAuth2TokenError, HttpResponse>,
        region: &str,
    ) -> Finding {
        let (code, message) = match sdk_error::sso_error(error, "the sign-in service", region) {
            Err(finding) => return finding,
            Ok(said) => said,
        };
        let said = match error.as_service_error() {
            Some(CreateOAuth2TokenError::AccessDeniedException(denied)) => Some(denied.error()),
            _ => None,
        };
        let evidence = match said {
            Some(reason) => format!("{code}: {reason}: {message}"),
            None => format!("{code}: {message}"),
        };
        let evidence = redacted(&evidence);
        if said == Some(&OAuth2ErrorCode::InsufficientPermissions) {
            let summary = "this user is not allowed to refresh its `aws login` session";
            return Finding::new(Cause::PermissionDenied, summary)
                .evidence(evidence)
                .remedy(
                    "request the permission signin:CreateOAuth2Token \
                    (SignInLocalDevelopmentAccess has it)",
                );
        }
        let summary = match said {
            Some(OAuth2ErrorCode::TokenExpired) => "the `aws login` session has expired",
            Some(OAuth2ErrorCode::UserCredentialsChanged) => {
                "the `aws login` session ended with a change of the password"
            }
            _ => "the `aws login` session cannot be refreshed",
        };
        self.sign_in(Finding::new(Cause::LoginSessionExpired, summary).evidence(evidence))
    }
}

impl LoginToken {
    /// Reads a session file; the error quotes none of it.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let fields: Map<String, Json> =
            serde_json::from_slice(bytes).map_err(|_| "it is not JSON")?;
        // They stay in `fields`.
        for key in ["refreshToken", "idToken", "dpopKey"] {
            if let Some(text) = fields.get(key).and_then(Json::as_str) {
                Secret::register(text);
            }
        }
        let access = fields.get("accessToken").ok_or("no accessToken")?;
        let text = |key: &str| access[key].as_str().filter(|text| !text.is_empty());
        let expires = text("expiresAt").and_then(Timestamp::parse);
        let expires = expires.ok_or("expiresAt is not a time")?;
        let credentials = Credentials {
            access_key_id: text("accessKeyId").ok_or("no accessKeyId")?.to_owned(),
            secret_access_key: Secret::new(
                text("secretAccessKey")
                    .ok_or("no secretAccessKey")?
                    .to_owned(),
            ),
            session_token: text("sessionToken").map(|token| Secret::new(token.to_owned())),
            expiration: Some(expires),
            account_id: text("accountId").map(str::to_owned),
        };
        Ok(Self {
            fields,
            credentials,
            expires,
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        let value = self.fields.get(key).and_then(Json::as_str);
        value.filter(|text| !text.is_empty())
    }

    /// This session with what a refresh returned. What a response does not have, or what cannot be
    /// used, is left as it was; a refresh token that was rotated is kept in any case.
    fn refreshed(&self, response: &CreateOAuth2TokenResponseBody, now: Timestamp) -> Self {
        let mut refreshed = self
            .with_credentials(response, now)
            .unwrap_or_else(|| Self {
                fields: self.fields.clone(),
                credentials: self.credentials.clone(),
                expires: self.expires,
            });
        if !response.refresh_token().is_empty() {
            Secret::register(response.refresh_token());
            let token = response.refresh_token().into();
            refreshed.fields.insert("refreshToken".to_owned(), token);
        }
        refreshed
    }

    fn with_credentials(
        &self,
        response: &CreateOAuth2TokenResponseBody,
        now: Timestamp,
    ) -> Option<Self> {
        let access = response.access_token()?;
        let seconds = i64::from(response.expires_in());
        let expires = Some(now.plus(seconds)).filter(|_| seconds > 0)?;
        let credentials = Credentials {
            access_key_id: access.access_key_id().to_owned(),
            secret_access_key: Secret::new(access.secret_access_key().to_owned()),
            session_token: Some(Secret::new(access.session_token().to_owned())),
            expiration: Some(expires),
            account_id: self.credentials.account_id.clone(),
        };
        if credentials.flaw().is_some() {
            return None;
        }
        let mut fields = self.fields.clone();
        if let Some(kept) = fields.get_mut("accessToken").and_then(Json::as_object_mut) {
            for (key, value) in [
                ("accessKeyId", access.access_key_id()),
                ("secretAccessKey", access.secret_access_key()),
                ("sessionToken", access.session_token()),
                ("expiresAt", &expires.to_string()),
            ] {
                kept.insert(key.to_owned(), value.into());
            }
        }
        Some(Self {
            fields,
            credentials,
            expires,
        })
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Reserved up front: growing would leave copies that are not wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let _ = serde_json::to_writer(&mut *bytes, &self.fields); // writing to memory cannot fail
        bytes
    }
}

/// The proof that this program has the key of the session (RFC 9449): a JWT, signed with ES256.
fn proof(key: &SecretKey, url: &str, id: &str, now: Timestamp) -> String {
    let point = key.public_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| match bytes {
        Some(bytes) => URL_SAFE_NO_PAD.encode(bytes),
        None => String::new(),
    };
    let header = json!({
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": {
            "kty": "EC",
            "x": coordinate(point.x()),
            "y": coordinate(point.y()),
            "crv": "P-256",
        },
    });
    let payload = json!({"jti": id, "htm": "POST", "htu": url, "iat": now.0});
    let encode = |part: &Json| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&payload));
    let signature: Signature = SigningKey::from(key).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The AWS CLI's file for the session:
/// <https://github.com/aws/aws-cli/tree/v2/awscli/customizations/login>
fn cache_file(world: &World, arn: &str) -> PathBuf {
    let dir = match world.env("AWS_LOGIN_CACHE_DIRECTORY") {
        Some(dir) => world.expand(dir),
        None => world.home.join(".aws/login/cache"),
    };
    dir.join(format!("{}.json", sha256_hex(arn.trim().as_bytes())))
}
