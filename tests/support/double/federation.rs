//! The federation endpoint of AWS Sign-In: sign-in tokens for credentials of a role. A rejection is
//! a page, as that of AWS.

use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::{BASE64, Double, Refusal, State, random, sso};

impl Double {
    /// The sign-in tokens issued so far.
    pub fn signin_tokens(&self) -> Vec<String> {
        self.state().signin_tokens.clone()
    }
}

pub fn answer(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let invalid = || Refusal::new(400, "", "Invalid credentials parameter");
    let session = request.param("Session").unwrap_or_default();
    let session: Value = serde_json::from_str(session).map_err(|_| invalid())?;
    let field = |name: &str| session[name].as_str().unwrap_or_default();
    let key = state.keys.get(field("sessionId")).ok_or_else(invalid)?;
    let is_valid = key.secret == field("sessionKey")
        && key.token.as_deref() == Some(field("sessionToken"))
        && key.expires.is_none_or(|end| end > now);
    let duration = request.param("SessionDuration");
    if !is_valid || key.role_arn.is_none() || (key.chained && duration.is_some()) {
        return Err(invalid());
    }
    let token = random(BASE64, 200);
    state.signin_tokens.push(token.clone());
    Ok(sso::json_reply(200, &json!({"SigninToken": token})))
}

pub fn refuse(refusal: &Refusal) -> Reply {
    let page = format!(
        "<html><head><title>Error report</title></head><body><h1>HTTP Status {} - {}</h1></body></html>",
        refusal.status, refusal.message
    );
    Reply::new(refusal.status, "text/html;charset=utf-8", page)
}
