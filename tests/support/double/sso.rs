//! IAM Identity Center: the portal, which issues role credentials, and the OIDC service, which
//! rotates tokens.

use serde_json::json;

use super::http::{Reply, Request};
use super::{BASE64, Double, Refusal, State, clock, random, sts};

const TOKEN_LIFETIME: i64 = 3_600;
const REGISTRATION_LIFETIME: i64 = 90 * 86_400;

/// The sign-in of one user at one start URL.
#[derive(Clone, Debug)]
pub struct SsoSession {
    pub start_url: String,
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub client_id: String,
    pub client_secret: String,
    /// Epoch seconds.
    pub token_expires: i64,
    pub user: String,
    /// Account IDs and names of the user's roles.
    pub assignments: Vec<(String, String)>,
    /// Seconds that role credentials last.
    pub role_lifetime: i64,
}

/// A session, and the rotated access tokens that have not expired.
pub struct Portal {
    session: SsoSession,
    older: Vec<(String, i64)>,
}

impl Portal {
    fn accepts(&self, token: &str, now: i64) -> bool {
        let current = (&self.session.access_token, self.session.token_expires);
        let older = self.older.iter().map(|(token, expires)| (token, *expires));
        older
            .chain([current])
            .any(|(known, expires)| known == token && expires > now)
    }

    fn rotate(&mut self, now: i64) -> serde_json::Value {
        let access = format!("aoa{}", random(BASE64, 120));
        let expired = std::mem::replace(&mut self.session.access_token, access);
        self.older.push((expired, self.session.token_expires));
        self.session.token_expires = now + TOKEN_LIFETIME;
        self.session.refresh_token = Some(format!("aor{}", random(BASE64, 120)));
        json!({
            "accessToken": self.session.access_token,
            "refreshToken": self.session.refresh_token,
            "expiresIn": TOKEN_LIFETIME,
            "tokenType": "Bearer",
        })
    }
}

/// A device code, and whether the user has approved it.
pub struct Device {
    start_url: String,
    approved: bool,
}

impl Double {
    pub fn add_sso(&self, session: SsoSession) {
        let mut state = self.state();
        state
            .clients
            .insert(session.client_id.clone(), session.client_secret.clone());
        state
            .sso
            .retain(|portal| portal.session.start_url != session.start_url);
        state.sso.push(Portal {
            session,
            older: Vec::new(),
        });
    }

    /// The current access and refresh token.
    pub fn sso_current(&self, start_url: &str) -> (String, Option<String>) {
        let state = self.state();
        let portal = state
            .sso
            .iter()
            .find(|portal| portal.session.start_url == start_url)
            .expect("a session at this start URL");
        (
            portal.session.access_token.clone(),
            portal.session.refresh_token.clone(),
        )
    }

    /// Ends the session, like an administrator: no token of it is valid any more.
    pub fn revoke_sso(&self, start_url: &str) {
        for portal in self
            .state()
            .sso
            .iter_mut()
            .filter(|portal| portal.session.start_url == start_url)
        {
            end(portal);
        }
    }

    /// Approves every device code issued so far.
    pub fn approve_devices(&self) {
        self.state()
            .devices
            .values_mut()
            .for_each(|device| device.approved = true);
    }
}

fn end(portal: &mut Portal) {
    portal.older.clear();
    portal.session.token_expires = 0;
    portal.session.refresh_token = None;
}

/// The operation of a path of either service.
pub fn action(path: &str) -> Option<&'static str> {
    Some(match path {
        "/federation/credentials" => "GetRoleCredentials",
        "/assignment/accounts" => "ListAccounts",
        "/assignment/roles" => "ListAccountRoles",
        "/logout" => "Logout",
        "/token" => "CreateToken",
        "/client/register" => "RegisterClient",
        "/device_authorization" => "StartDeviceAuthorization",
        _ => return None,
    })
}

pub fn portal(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let token = request.header("x-amz-sso_bearer_token").unwrap_or_default();
    let portal = state
        .sso
        .iter_mut()
        .find(|portal| portal.accepts(token, now))
        .ok_or_else(|| {
            Refusal::new(
                401,
                "UnauthorizedException",
                "Session token not found or invalid",
            )
        })?;
    let session = portal.session.clone();
    let account_id = request.param("account_id").unwrap_or_default();
    let body = match request.path.as_str() {
        "/logout" => {
            end(portal);
            json!({})
        }
        "/assignment/accounts" => {
            let mut accounts: Vec<_> = session
                .assignments
                .iter()
                .map(|(account, _)| account)
                .collect();
            accounts.sort();
            accounts.dedup();
            let account = |id: &String| {
                json!({
                    "accountId": id,
                    "accountName": format!("account-{id}"),
                    "emailAddress": format!("{id}@example.com"),
                })
            };
            let size: usize = request
                .param("max_result")
                .and_then(|size| size.parse().ok())
                .unwrap_or(100);
            let start: usize = request
                .param("next_token")
                .and_then(|start| start.parse().ok())
                .unwrap_or(0);
            let next = (start + size < accounts.len()).then(|| (start + size).to_string());
            let page: Vec<_> = accounts
                .into_iter()
                .skip(start)
                .take(size)
                .map(account)
                .collect();
            json!({"accountList": page, "nextToken": next})
        }
        "/assignment/roles" => {
            let roles = session
                .assignments
                .iter()
                .filter(|(account, _)| account == account_id)
                .map(|(account, role)| json!({"roleName": role, "accountId": account}));
            json!({"roleList": roles.collect::<Vec<_>>()})
        }
        _ => {
            let role = request.param("role_name").unwrap_or_default();
            if !session
                .assignments
                .iter()
                .any(|(account, name)| account == account_id && name == role)
            {
                return Err(Refusal::new(403, "ForbiddenException", "No access"));
            }
            let expires = now + session.role_lifetime;
            let issued = sts::issue(
                state,
                sts::reserved_role(account_id, role, &session.user),
                expires,
            );
            json!({"roleCredentials": {
                "accessKeyId": issued.id,
                "secretAccessKey": issued.secret,
                "sessionToken": issued.token,
                "expiration": expires * 1_000,
            }})
        }
    };
    let mut reply = json_reply(200, &body);
    reply.caller = Some(session.user);
    Ok(reply)
}

pub fn oidc(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let client_id = request.param("clientId").unwrap_or_default();
    if request.path == "/client/register" {
        let (id, secret) = (random(BASE64, 22), random(BASE64, 120));
        state.clients.insert(id.clone(), secret.clone());
        return Ok(json_reply(
            200,
            &json!({
                "clientId": id,
                "clientSecret": secret,
                "clientIdIssuedAt": now,
                "clientSecretExpiresAt": now + REGISTRATION_LIFETIME,
            }),
        ));
    }
    if state.clients.get(client_id).map(String::as_str) != request.param("clientSecret") {
        return Err(Refusal::new(
            401,
            "InvalidClientException",
            "Invalid client",
        ));
    }
    if request.path == "/device_authorization" {
        let (code, start_url) = (
            random(BASE64, 40),
            request.param("startUrl").unwrap_or_default().to_owned(),
        );
        let body = json!({
            "deviceCode": code,
            "userCode": "ABCD-EFGH",
            "verificationUri": format!("{start_url}/#/device"),
            "verificationUriComplete": format!("{start_url}/#/device?user_code=ABCD-EFGH"),
            "expiresIn": 600,
            "interval": 1,
        });
        state.devices.insert(
            code,
            Device {
                start_url,
                approved: false,
            },
        );
        return Ok(json_reply(200, &body));
    }
    create_token(state, request, now)
}

fn create_token(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let invalid_grant = || {
        Refusal::new(
            400,
            "InvalidGrantException",
            "Invalid refresh token provided",
        )
    };
    let client_id = request.param("clientId").unwrap_or_default();
    let portal = match request.param("grantType").unwrap_or_default() {
        "refresh_token" => {
            let sent = request.param("refreshToken").ok_or_else(invalid_grant)?;
            state
                .sso
                .iter_mut()
                .find(|portal| {
                    portal.session.refresh_token.as_deref() == Some(sent)
                        && portal.session.client_id == client_id
                })
                .ok_or_else(invalid_grant)?
        }
        "urn:ietf:params:oauth:grant-type:device_code" => {
            let code = request.param("deviceCode").unwrap_or_default();
            let device = state
                .devices
                .get(code)
                .ok_or_else(|| Refusal::new(400, "InvalidGrantException", "Invalid device code"))?;
            if !device.approved {
                return Err(Refusal::new(
                    400,
                    "AuthorizationPendingException",
                    "Authorization is pending",
                ));
            }
            let found = state
                .sso
                .iter_mut()
                .find(|portal| portal.session.start_url == device.start_url)
                .ok_or_else(invalid_grant)?;
            let client_secret = request.param("clientSecret").unwrap_or_default();
            (found.session.client_id, found.session.client_secret) =
                (client_id.to_owned(), client_secret.to_owned());
            state.devices.remove(code);
            found
        }
        _ => {
            return Err(Refusal::new(
                400,
                "UnsupportedGrantTypeException",
                "Unsupported grant type",
            ));
        }
    };
    Ok(json_reply(200, &portal.rotate(now)))
}

pub fn refuse_portal(refusal: &Refusal) -> Reply {
    let kind = format!("com.amazonaws.switchboard.portal#{}", refusal.code);
    json_reply(
        refusal.status,
        &json!({"message": refusal.message, "__type": kind}),
    )
    .with("x-amzn-ErrorType", refusal.code.clone())
}

pub fn refuse_oidc(refusal: &Refusal) -> Reply {
    let mut error = String::new();
    for letter in refusal.code.trim_end_matches("Exception").chars() {
        if letter.is_ascii_uppercase() && !error.is_empty() {
            error.push('_');
        }
        error.push(letter.to_ascii_lowercase());
    }
    json_reply(
        refusal.status,
        &json!({"error": error, "error_description": refusal.message}),
    )
    .with("x-amzn-ErrorType", refusal.code.clone())
}

pub fn json_reply(status: u16, body: &serde_json::Value) -> Reply {
    let request_id = sts::request_id();
    Reply::new(status, "application/json", body.to_string()).with("x-amzn-RequestId", request_id)
}

/// A session with an access token that expires in one hour.
impl Default for SsoSession {
    fn default() -> Self {
        Self {
            start_url: "https://d-1234567890.awsapps.com/start".to_owned(),
            access_token: "access-1".to_owned(),
            refresh_token: Some("refresh-1".to_owned()),
            client_id: "client-1".to_owned(),
            client_secret: "client-secret-1".to_owned(),
            token_expires: clock::now() + TOKEN_LIFETIME,
            user: "ann@example.com".to_owned(),
            assignments: vec![("111111111111".to_owned(), "Developer".to_owned())],
            role_lifetime: 3_600,
        }
    }
}
