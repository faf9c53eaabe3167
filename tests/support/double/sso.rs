//! IAM Identity Center: the portal, which issues role credentials, and the OIDC service, which
//! rotates tokens.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
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

    /// A new sign-in, by a client whose scopes decide whether its token can be refreshed.
    fn begin(&mut self, client_id: &str, client: &Client, now: i64) -> serde_json::Value {
        self.session.client_id = client_id.to_owned();
        self.session.client_secret.clone_from(&client.secret);
        let mut body = self.rotate(now);
        if !client.scopes.contains("sso:account:access") {
            self.session.refresh_token = None;
            body["refreshToken"] = serde_json::Value::Null;
        }
        body
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

/// A registered client.
#[derive(Clone, Default)]
pub struct Client {
    secret: String,
    grants: String,
    scopes: String,
    /// The start URL, of a client for authorization codes.
    issuer: String,
}

/// So many requests of one second are answered.
pub struct Limit {
    count: usize,
    answered: VecDeque<Instant>,
}

impl Limit {
    /// Whether one more may be answered.
    fn admits(&mut self) -> bool {
        let second = Duration::from_secs(1);
        self.answered.retain(|at| at.elapsed() < second);
        let admits = self.answered.len() < self.count;
        if admits {
            self.answered.push_back(Instant::now());
        }
        admits
    }
}

/// A device code, and whether the user has approved it.
pub struct Device {
    start_url: String,
    approved: bool,
}

/// An authorization code.
pub struct Code {
    client_id: String,
    redirect_uri: String,
    challenge: String,
}

impl Double {
    pub fn add_sso(&self, session: SsoSession) {
        let mut state = self.state();
        let client = Client {
            secret: session.client_secret.clone(),
            ..Client::default()
        };
        state.clients.insert(session.client_id.clone(), client);
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

    /// Rejects every access token from now on; the session can be refreshed.
    pub fn expire_access_tokens(&self) {
        for portal in &mut self.state().sso {
            portal.older.clear();
            portal.session.token_expires = 0;
        }
    }

    /// Lets the portal answer only so many requests of one second.
    pub fn limit_portal(&self, count: usize) {
        let answered = VecDeque::new();
        self.state().portal_limit = Some(Limit { count, answered });
    }

    /// Gives an account a name.
    pub fn name_account(&self, id: &str, name: &str) {
        let names = &mut self.state().account_names;
        names.insert(id.to_owned(), name.to_owned());
    }

    /// Changes which accounts and roles the user of a session has.
    pub fn assign(&self, start_url: &str, assignments: &[(&str, &str)]) {
        for portal in &mut self.state().sso {
            if portal.session.start_url == start_url {
                let owned =
                    |(account, role): &(&str, &str)| ((*account).to_owned(), (*role).to_owned());
                portal.session.assignments = assignments.iter().map(owned).collect();
            }
        }
    }

    /// Forgets every registered client.
    pub fn forget_clients(&self) {
        self.state().clients.clear();
    }

    /// Makes the page on which a user approves a sign-in come back with an error.
    pub fn refuse_authorization(&self, error: &str, description: &str) {
        self.state().refusal = Some((error.to_owned(), description.to_owned()));
    }

    /// Approves every device code as soon as it is issued.
    pub fn approve_every_device(&self) {
        self.state().approves_devices = true;
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
        "/authorize" => "Authorize",
        _ => return None,
    })
}

pub fn portal(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    if let Some(limit) = &mut state.portal_limit
        && !limit.admits()
    {
        let code = "TooManyRequestsException";
        return Err(Refusal::new(429, code, "HTTP 429 Unknown Code"));
    }
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
                    "accountName": state.account_names.get(id).unwrap_or(&format!("account-{id}")),
                    "emailAddress": format!("{id}@example.com"),
                })
            };
            let (page, next) = page(request, accounts.into_iter().map(account).collect());
            json!({"accountList": page, "nextToken": next})
        }
        "/assignment/roles" => {
            let roles = session
                .assignments
                .iter()
                .filter(|(account, _)| account == account_id)
                .map(|(account, role)| json!({"roleName": role, "accountId": account}));
            let (page, next) = page(request, roles.collect());
            json!({"roleList": page, "nextToken": next})
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

/// The page of a list that a request asks for, and the token of the next one.
fn page(
    request: &Request,
    all: Vec<serde_json::Value>,
) -> (Vec<serde_json::Value>, Option<String>) {
    let number = |name: &str| request.param(name).and_then(|text| text.parse().ok());
    let (size, start) = (
        number("max_result").unwrap_or(100),
        number("next_token").unwrap_or(0),
    );
    let next = (start + size < all.len()).then(|| (start + size).to_string());
    (all.into_iter().skip(start).take(size).collect(), next)
}

pub fn oidc(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let client_id = request.param("clientId").unwrap_or_default();
    match request.path.as_str() {
        "/client/register" => return register(state, request, now),
        "/authorize" => return Ok(authorize(state, request)),
        _ => {}
    }
    let client = state.clients.get(client_id);
    if client.map(|client| client.secret.as_str()) != request.param("clientSecret") {
        return Err(Refusal::new(
            401,
            "InvalidClientException",
            "Invalid client",
        ));
    }
    if request.path == "/device_authorization" {
        return start_device(state, request);
    }
    create_token(state, request, now)
}

fn register(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let param = |name: &str| request.param(name).unwrap_or_default().to_owned();
    let client = Client {
        secret: random(BASE64, 120),
        grants: param("grantTypes"),
        scopes: param("scopes"),
        issuer: param("issuerUrl"),
    };
    if client.grants.contains("device_code") && client.grants.contains("authorization_code") {
        return Err(Refusal::new(500, "InternalServerException", ""));
    }
    if !client.issuer.is_empty() && !is_known(state, &client.issuer) {
        return Err(Refusal::new(
            400,
            "InvalidClientMetadataException",
            "Invalid issuer URL",
        ));
    }
    let id = random(BASE64, 22);
    let body = json!({
        "clientId": id,
        "clientSecret": client.secret,
        "clientIdIssuedAt": now,
        "clientSecretExpiresAt": now + REGISTRATION_LIFETIME,
    });
    state.clients.insert(id, client);
    Ok(json_reply(200, &body))
}

fn is_known(state: &State, start_url: &str) -> bool {
    state
        .sso
        .iter()
        .any(|portal| portal.session.start_url == start_url)
}

/// The page on which a user approves, who does so at once. An unknown client never comes back.
fn authorize(state: &mut State, request: &Request) -> Reply {
    let param = |name: &str| request.param(name).unwrap_or_default().to_owned();
    let (client_id, redirect_uri) = (param("client_id"), param("redirect_uri"));
    let is_known = state
        .clients
        .get(&client_id)
        .is_some_and(|client| client.grants.contains("authorization_code"));
    let is_valid = redirect_uri.starts_with("http://127.0.0.1:")
        && redirect_uri.ends_with("/oauth/callback")
        && param("response_type") == "code"
        && param("code_challenge_method") == "S256"
        && !param("scopes").is_empty();
    if !is_known || !is_valid {
        let page = "<h1>invalid_request</h1>".to_owned();
        return Reply::new(400, "text/html", page);
    }
    let outcome = match &state.refusal {
        Some((error, description)) => {
            let description: String =
                form_urlencoded::byte_serialize(description.as_bytes()).collect();
            format!("error={error}&error_description={description}")
        }
        None => {
            let code = random(b"0123456789abcdef", 40);
            let issued = Code {
                client_id,
                redirect_uri: redirect_uri.clone(),
                challenge: param("code_challenge"),
            };
            state.codes.insert(code.clone(), issued);
            format!("code={code}")
        }
    };
    let location = format!("{redirect_uri}?{outcome}&state={}", param("state"));
    Reply::new(302, "text/html", String::new()).with("Location", location)
}

fn start_device(state: &mut State, request: &Request) -> Result<Reply, Refusal> {
    let code = random(BASE64, 40);
    let start_url = request.param("startUrl").unwrap_or_default().to_owned();
    if !is_known(state, &start_url) {
        return Err(Refusal::new(
            400,
            "InvalidRequestException",
            "Invalid request",
        ));
    }
    let body = json!({
        "deviceCode": code,
        "userCode": "ABCD-EFGH",
        "verificationUri": format!("{start_url}/#/device"),
        "verificationUriComplete": format!("{start_url}/#/device?user_code=ABCD-EFGH"),
        "expiresIn": 600,
        "interval": 1,
    });
    let device = Device {
        start_url,
        approved: state.approves_devices,
    };
    state.devices.insert(code, device);
    Ok(json_reply(200, &body))
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
    let client = state.clients.get(client_id).cloned().unwrap_or_default();
    let start_url = match request.param("grantType").unwrap_or_default() {
        "refresh_token" => {
            let sent = request.param("refreshToken").ok_or_else(invalid_grant)?;
            let portal = state.sso.iter_mut().find(|portal| {
                portal.session.refresh_token.as_deref() == Some(sent)
                    && portal.session.client_id == client_id
            });
            let portal = portal.ok_or_else(invalid_grant)?;
            return Ok(json_reply(200, &portal.rotate(now)));
        }
        "authorization_code" => {
            let code = request.param("code").unwrap_or_default();
            // A code works once, whatever comes of it.
            let code = state.codes.remove(code).ok_or_else(invalid_grant)?;
            let verifier = request.param("codeVerifier").unwrap_or_default();
            let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            if code.client_id != client_id
                || request.param("redirectUri") != Some(&code.redirect_uri)
                || code.challenge != challenge
            {
                return Err(invalid_grant());
            }
            client.issuer.clone()
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
            let start_url = device.start_url.clone();
            state.devices.remove(code);
            start_url
        }
        _ => {
            return Err(Refusal::new(
                400,
                "UnsupportedGrantTypeException",
                "Unsupported grant type",
            ));
        }
    };
    let portal = state
        .sso
        .iter_mut()
        .find(|portal| portal.session.start_url == start_url)
        .ok_or_else(invalid_grant)?;
    Ok(json_reply(200, &portal.begin(client_id, &client, now)))
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
