//! AWS Sign-In: renews a session of `aws login` if the caller proves that it has the session's key.

use aws_smithy_types::base64;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::{BASE64, Double, Refusal, State, random, sso, sts};

const LIFETIME: i64 = 900;

/// A user who is signed in with `aws login`.
pub struct Login {
    arn: String,
    refresh_token: String,
    /// The uncompressed point of the session's key.
    public_key: Vec<u8>,
}

impl Double {
    /// Signs in `arn` and returns the AWS CLI's cache file, with credentials that expire at
    /// `expires`.
    pub fn add_login(&self, arn: &str, expires: &str) -> Value {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key");
        let pkcs8 = pair.serialize_der();
        // The AWS CLI writes the private key as SEC 1, which is the last part of its PKCS #8 form.
        let sec1 = base64::encode(&pkcs8[pkcs8.len() - 109..]);
        let lines: Vec<_> = sec1
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let refresh_token = random(BASE64, 120);
        let login = Login {
            arn: arn.to_owned(),
            refresh_token: refresh_token.clone(),
            public_key: pkcs8[pkcs8.len() - 65..].to_vec(),
        };
        self.state().logins.push(login);
        json!({
            "accessToken": {
                "accessKeyId": "ASIAOLDOLDOLDOLDOLDO",
                "secretAccessKey": "old",
                "sessionToken": "old",
                "accountId": arn.split(':').nth(4),
                "expiresAt": expires,
            },
            "tokenType": "aws_sigv4",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "refreshToken": refresh_token,
            "idToken": "id",
            "dpopKey": format!(
                "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
                lines.join("\n")
            ),
        })
    }
}

pub fn action(path: &str) -> Option<&'static str> {
    (path == "/v1/token").then_some("CreateOAuth2Token")
}

pub fn answer(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let denied = |error: &str| Refusal::new(401, "AccessDeniedException", error);
    let sent = request.param("refreshToken").unwrap_or_default();
    let login = state
        .logins
        .iter_mut()
        .find(|login| login.refresh_token == sent)
        .ok_or_else(|| denied("TOKEN_EXPIRED"))?;
    if !proves(
        request.header("dpop").unwrap_or_default(),
        &login.public_key,
    ) {
        return Err(denied("INVALID_REQUEST"));
    }
    login.refresh_token = random(BASE64, 120);
    let (arn, refresh_token) = (login.arn.clone(), login.refresh_token.clone());
    let issued = sts::issue(state, sts::console_session(&arn), now + LIFETIME);
    Ok(sso::json_reply(
        200,
        &json!({
            "accessToken": {
                "accessKeyId": issued.id,
                "secretAccessKey": issued.secret,
                "sessionToken": issued.token,
            },
            "tokenType": "aws_sigv4",
            "expiresIn": LIFETIME,
            "refreshToken": refresh_token,
        }),
    ))
}

/// Whether a DPoP proof (RFC 9449) was signed with the session's key.
fn proves(proof: &str, public_key: &[u8]) -> bool {
    let decode = |text: &str| {
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4))
            .replace('-', "+")
            .replace('_', "/");
        base64::decode(padded).unwrap_or_default()
    };
    let Some((signed, signature)) = proof.rsplit_once('.') else {
        return false;
    };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key)
        .verify(signed.as_bytes(), &decode(signature))
        .is_ok()
}

pub fn refuse(refusal: &Refusal) -> Reply {
    sso::json_reply(
        refusal.status,
        &json!({"error": refusal.message, "message": "refused"}),
    )
    .with("x-amzn-ErrorType", refusal.code.clone())
}
