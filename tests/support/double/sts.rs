//! STS: which principal may assume which role, for how long, and the XML of the answers.

use super::http::{Reply, Request};
use super::{BASE32, BASE64, Double, Key, Refusal, State, clock, random, sigv4, stable_id};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A role and its trust policy.
#[derive(Clone, Debug)]
pub struct Role {
    pub arn: String,
    /// ARNs of users, roles, role sessions or account roots; `*` is every principal.
    pub trusts: Vec<String>,
    pub external_id: Option<String>,
    /// Whether the caller needs an MFA code.
    pub mfa: bool,
    pub max_session: u32,
    /// Seconds that a session lasts, whatever the request asks for.
    pub lifetime: Option<i64>,
}

impl Role {
    /// A role that trusts no principal.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            trusts: Vec::new(),
            external_id: None,
            mfa: false,
            max_session: 3_600,
            lifetime: None,
        }
    }

    fn admits(&self, caller: &Key) -> bool {
        let root = format!("arn:aws:iam::{}:root", account(&caller.arn));
        self.trusts.iter().any(|arn| {
            *arn == "*"
                || *arn == caller.arn
                || *arn == root
                || Some(arn) == caller.role_arn.as_ref()
        })
    }
}

pub struct MfaDevice {
    user_arn: String,
    serial: String,
    code: String,
}

pub struct WebIdentity {
    role_arn: String,
    expired: bool,
}

/// Newly issued credentials.
pub struct Issued {
    pub id: String,
    pub secret: String,
    pub token: String,
}

impl Double {
    /// Adds a long-term key of a user.
    pub fn add_user(&self, key_id: &str, secret: &str, arn: &str) {
        let key = Key {
            secret: secret.into(),
            token: None,
            arn: arn.into(),
            role_arn: None,
            mfa: false,
            chained: false,
            expires: None,
        };
        self.state().keys.insert(key_id.to_owned(), key);
    }

    /// Adds a session that expires at `expires`, in epoch seconds.
    pub fn add_session(&self, key_id: &str, secret: &str, token: &str, arn: &str, expires: i64) {
        let token = Some(token.to_owned());
        let key = Key {
            secret: secret.into(),
            token,
            arn: arn.into(),
            role_arn: None,
            mfa: false,
            chained: false,
            expires: Some(expires),
        };
        self.state().keys.insert(key_id.to_owned(), key);
    }

    pub fn remove_key(&self, key_id: &str) {
        self.state().keys.remove(key_id);
    }

    /// Adds a device whose code never changes.
    pub fn add_mfa(&self, user_arn: &str, serial: &str, code: &str) {
        self.state().mfa.push(MfaDevice {
            user_arn: user_arn.into(),
            serial: serial.into(),
            code: code.into(),
        });
    }

    pub fn add_role(&self, role: Role) {
        self.state().roles.insert(role.arn.clone(), role);
    }

    /// Deletes the role and its sessions.
    pub fn remove_role(&self, arn: &str) {
        let mut state = self.state();
        state.roles.remove(arn);
        state
            .keys
            .retain(|_, key| key.role_arn.as_deref() != Some(arn));
    }

    /// Adds a web identity token that is valid for one role.
    pub fn add_web_identity(&self, token: &str, role_arn: &str) {
        self.state().web_identities.insert(
            token.into(),
            WebIdentity {
                role_arn: role_arn.into(),
                expired: false,
            },
        );
    }

    pub fn expire_web_identity(&self, token: &str) {
        if let Some(identity) = self.state().web_identities.get_mut(token) {
            identity.expired = true;
        }
    }
}

pub fn answer(state: &mut State, request: &Request, now: i64) -> Reply {
    let action = request.param("Action").unwrap_or_default();
    if action == "AssumeRoleWithWebIdentity" {
        return finish(action, assume_with_web_identity(state, request, now), None);
    }
    if sigv4::is_not_known_yet(state, request) {
        return refuse(&sigv4::unknown_key());
    }
    let caller = match sigv4::verify(state, request, "sts", now) {
        Ok(key) => key.clone(),
        Err(refusal) => return refuse(&refusal),
    };
    let result = match action {
        "GetCallerIdentity" => Ok(caller_identity(&caller)),
        "AssumeRole" => assume(state, request, &caller, now),
        "GetSessionToken" => session_token(state, request, &caller, now),
        _ => Err(Refusal::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action} for version 2011-06-15"),
        )),
    };
    finish(action, result, Some(caller.arn))
}

fn finish(action: &str, result: Result<String, Refusal>, caller: Option<String>) -> Reply {
    let mut reply = match result {
        Ok(result) => xml(200, |request_id| {
            format!(
                "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
                 <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
                 </{action}Response>"
            )
        }),
        Err(refusal) => refuse(&refusal),
    };
    reply.caller = caller;
    reply
}

pub fn refuse(refusal: &Refusal) -> Reply {
    let fault = if refusal.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let (code, message) = (escape(&refusal.code), escape(&refusal.message));
    xml(refusal.status, |request_id| {
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{request_id}</RequestId>\
             </ErrorResponse>"
        )
    })
}

fn xml(status: u16, body: impl FnOnce(&str) -> String) -> Reply {
    let request_id = request_id();
    Reply::new(status, "text/xml", body(&request_id)).with("x-amzn-RequestId", request_id)
}

pub fn request_id() -> String {
    let id = random(b"0123456789abcdef", 32);
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn caller_identity(caller: &Key) -> String {
    let id = match caller.role_arn.as_deref() {
        Some(role) => format!("AROA{}:{}", stable_id(role), last_part(&caller.arn)),
        None if caller.arn.ends_with(":root") => account(&caller.arn).to_owned(),
        None => format!("AIDA{}", stable_id(&caller.arn)),
    };
    format!(
        "<Arn>{}</Arn><UserId>{id}</UserId><Account>{}</Account>",
        escape(&caller.arn),
        account(&caller.arn)
    )
}

fn assume(state: &mut State, request: &Request, caller: &Key, now: i64) -> Result<String, Refusal> {
    let duration = duration(request, 3_600, 43_200)?;
    let (arn, session) = (role_arn(request)?, session_name(request)?);
    let denied = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            caller.arn
        );
        Refusal::new(403, "AccessDenied", message)
    };
    if caller.arn.ends_with(":root") {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "Roles may not be assumed by root accounts.",
        ));
    }
    let mfa_checked = check_mfa(state, request, caller)?;
    let role = state
        .roles
        .get(arn)
        .filter(|role| role.admits(caller))
        .ok_or_else(denied)?;
    let external_id_holds =
        role.external_id.is_none() || role.external_id.as_deref() == request.param("ExternalId");
    if !external_id_holds || (role.mfa && !mfa_checked && !caller.mfa) {
        return Err(denied());
    }
    if caller.role_arn.is_some() && duration > 3_600 {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                       assumed by role chaining.";
        return Err(Refusal::new(400, "ValidationError", message));
    }
    let session = Session {
        name: session,
        chained: caller.token.is_some(),
    };
    grant(state, arn, &session, duration, now)
}

fn assume_with_web_identity(
    state: &mut State,
    request: &Request,
    now: i64,
) -> Result<String, Refusal> {
    let duration = duration(request, 3_600, 43_200)?;
    let (arn, session) = (role_arn(request)?, session_name(request)?);
    let token = request.param("WebIdentityToken").unwrap_or_default();
    let identity = state.web_identities.get(token).ok_or_else(|| {
        let message = "The ID Token provided is not a valid JWT. (You may see this error if you \
                       sent an Access Token)";
        Refusal::new(400, "InvalidIdentityToken", message)
    })?;
    if identity.expired {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {}",
            now - 1
        );
        return Err(Refusal::new(400, "ExpiredTokenException", message));
    }
    if identity.role_arn != arn || !state.roles.contains_key(arn) {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ));
    }
    let session = Session {
        name: session,
        chained: false,
    };
    let granted = grant(state, arn, &session, duration, now)?;
    Ok(format!(
        "{granted}<SubjectFromWebIdentityToken>subject</SubjectFromWebIdentityToken>\
         <Audience>sts.amazonaws.com</Audience><Provider>https://issuer.example.com</Provider>"
    ))
}

/// A session to issue.
struct Session<'a> {
    name: &'a str,
    /// Whether the caller is a session, too.
    chained: bool,
}

/// Issues a session of a role, after the check that the caller may assume it.
fn grant(
    state: &mut State,
    arn: &str,
    session: &Session<'_>,
    duration: i64,
    now: i64,
) -> Result<String, Refusal> {
    let role = &state.roles[arn];
    if duration > i64::from(role.max_session) {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Refusal::new(400, "ValidationError", message));
    }
    let expires = now + role.lifetime.unwrap_or(duration);
    let Session { name, chained } = *session;
    let key = Key {
        chained,
        ..role_session(arn, name)
    };
    let assumed = escape(&key.arn);
    let credentials = credentials(&issue(state, key, expires), expires);
    Ok(format!(
        "{credentials}<AssumedRoleUser><AssumedRoleId>AROA{}:{name}</AssumedRoleId>\
         <Arn>{assumed}</Arn></AssumedRoleUser>",
        stable_id(arn)
    ))
}

fn session_token(
    state: &mut State,
    request: &Request,
    caller: &Key,
    now: i64,
) -> Result<String, Refusal> {
    let duration = duration(request, 43_200, 129_600)?;
    if caller.token.is_some() {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        ));
    }
    let mfa = check_mfa(state, request, caller)?;
    let key = Key {
        mfa,
        ..caller.clone()
    };
    Ok(credentials(
        &issue(state, key, now + duration),
        now + duration,
    ))
}

/// Whether the request has a valid MFA code. A wrong code is an error.
fn check_mfa(state: &State, request: &Request, caller: &Key) -> Result<bool, Refusal> {
    let denied = |message: &str| Err(Refusal::new(403, "AccessDenied", message));
    let (serial, code) = match (request.param("SerialNumber"), request.param("TokenCode")) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                 time pass code.",
            );
        }
    };
    match state
        .mfa
        .iter()
        .find(|device| device.user_arn == caller.arn && device.serial == serial)
    {
        // AWS's message has two spaces here.
        None => denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your \
             MFA serial number is valid and associated with this user.",
        ),
        Some(device) if device.code != code => {
            denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
        }
        Some(_) => Ok(true),
    }
}

fn constraint(value: &str, field: &str, rule: &str) -> Refusal {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: \
         Member must {rule}"
    );
    Refusal::new(400, "ValidationError", message)
}

fn duration(request: &Request, default: i64, max: i64) -> Result<i64, Refusal> {
    let Some(text) = request.param("DurationSeconds") else {
        return Ok(default);
    };
    match text.parse() {
        Ok(seconds) if seconds > max => Err(constraint(
            text,
            "durationSeconds",
            &format!("have value less than or equal to {max}"),
        )),
        Ok(seconds) if seconds >= 900 => Ok(seconds),
        _ => Err(constraint(
            text,
            "durationSeconds",
            "have value greater than or equal to 900",
        )),
    }
}

fn session_name(request: &Request) -> Result<&str, Refusal> {
    let name = request.param("RoleSessionName").unwrap_or_default();
    if name.len() < 2 {
        return Err(constraint(
            name,
            "roleSessionName",
            "have length greater than or equal to 2",
        ));
    }
    if name.len() > 64 {
        return Err(constraint(
            name,
            "roleSessionName",
            "have length less than or equal to 64",
        ));
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    {
        return Err(constraint(
            name,
            "roleSessionName",
            r"satisfy regular expression pattern: [\w+=,.@-]*",
        ));
    }
    Ok(name)
}

fn role_arn(request: &Request) -> Result<&str, Refusal> {
    let arn = request.param("RoleArn").unwrap_or_default();
    let valid = account(arn).len() == 12
        && arn
            .split(':')
            .nth(5)
            .is_some_and(|resource| resource.starts_with("role/"));
    if valid {
        Ok(arn)
    } else {
        Err(Refusal::new(
            400,
            "ValidationError",
            format!("{arn} is invalid"),
        ))
    }
}

fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

pub fn role_session(role_arn: &str, session: &str) -> Key {
    let partition = role_arn.split(':').nth(1).unwrap_or_default();
    let arn = format!(
        "arn:{partition}:sts::{}:assumed-role/{}/{session}",
        account(role_arn),
        last_part(role_arn)
    );
    Key {
        secret: String::new(),
        token: None,
        arn,
        role_arn: Some(role_arn.to_owned()),
        mfa: false,
        chained: false,
        expires: None,
    }
}

/// A session from `aws login`. It keeps the ARN of the user.
pub fn console_session(arn: &str) -> Key {
    Key {
        secret: String::new(),
        token: None,
        arn: arn.to_owned(),
        role_arn: None,
        mfa: false,
        chained: false,
        expires: None,
    }
}

/// A session that the SSO portal issues for a permission set.
pub fn reserved_role(account: &str, permission_set: &str, user: &str) -> Key {
    let path = "role/aws-reserved/sso.amazonaws.com";
    role_session(
        &format!("arn:aws:iam::{account}:{path}/AWSReservedSSO_{permission_set}_0123456789abcdef"),
        user,
    )
}

/// Makes `key` a session with a new ID, secret and token.
pub fn issue(state: &mut State, key: Key, expires: i64) -> Issued {
    let issued = Issued {
        id: format!("ASIA{}", random(BASE32, 16)),
        secret: random(BASE64, 40),
        token: format!("IQoJb3JpZ2luX2Vj{}", random(BASE64, 424)),
    };
    let (secret, token) = (issued.secret.clone(), Some(issued.token.clone()));
    state.keys.insert(
        issued.id.clone(),
        Key {
            secret,
            token,
            expires: Some(expires),
            ..key
        },
    );
    issued
}

fn credentials(issued: &Issued, expires: i64) -> String {
    format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        issued.id,
        issued.secret,
        issued.token,
        clock::rfc3339(expires)
    )
}
