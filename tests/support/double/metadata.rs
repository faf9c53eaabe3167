//! The EC2 instance metadata service (version 2 only) and a container credentials endpoint.

use serde_json::json;

use super::http::{Reply, Request};
use super::{BASE64, Double, Refusal, State, clock, random, sso, sts};

const LIFETIME: i64 = 3_600;
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The role of the simulated instance and container.
#[derive(Default)]
pub struct Surroundings {
    role_arn: Option<String>,
    /// The `Authorization` header that the container endpoint requires.
    container_token: Option<String>,
    sessions: Vec<String>,
}

impl Double {
    /// Simulates an instance and a container with this role. The container endpoint is
    /// `/container`.
    pub fn surround(&self, role_arn: &str, container_token: &str) {
        let surroundings = Surroundings {
            role_arn: Some(role_arn.to_owned()),
            container_token: Some(container_token.to_owned()),
            sessions: Vec::new(),
        };
        self.state().surroundings = surroundings;
    }
}

pub fn action(path: &str) -> Option<&'static str> {
    Some(match path {
        "/container" => "ContainerCredentials",
        "/latest/api/token" => "MetadataToken",
        ROLES => "InstanceRoles",
        path if path.starts_with(ROLES) => "InstanceCredentials",
        _ => return None,
    })
}

pub fn answer(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    if (request.method.as_str(), request.path.as_str()) == ("PUT", "/latest/api/token") {
        let token = random(BASE64, 56);
        state.surroundings.sessions.push(token.clone());
        return Ok(Reply::new(200, "text/plain", token)
            .with("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned()));
    }
    let Some(role) = state.surroundings.role_arn.clone() else {
        return Err(Refusal::new(404, "", "no role"));
    };
    let name = role.rsplit('/').next().unwrap_or_default().to_owned();
    match (request.method.as_str(), request.path.as_str()) {
        (_, "/container")
            if request.header("authorization") != state.surroundings.container_token.as_deref() =>
        {
            return Err(Refusal::new(403, "", "wrong token"));
        }
        (_, "/container") => {}
        _ if !state
            .surroundings
            .sessions
            .iter()
            .any(|known| Some(known.as_str()) == request.header("x-aws-ec2-metadata-token")) =>
        {
            return Err(Refusal::new(401, "", "no session"));
        }
        (_, ROLES) => return Ok(Reply::new(200, "text/plain", name)),
        _ => {}
    }
    let expires = now + LIFETIME;
    let issued = sts::issue(
        state,
        sts::role_session(&role, "i-0123456789abcdef0"),
        expires,
    );
    Ok(sso::json_reply(
        200,
        &json!({
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": clock::rfc3339(now),
            "AccessKeyId": issued.id,
            "SecretAccessKey": issued.secret,
            "Token": issued.token,
            "Expiration": clock::rfc3339(expires),
        }),
    ))
}

pub fn refuse(refusal: &Refusal) -> Reply {
    Reply::new(refusal.status, "text/plain", refusal.message.clone())
}
