//! The keys in the environment, and the variables that people take for them.

use crate::aws::access_key::Keys;
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Subject};
use crate::world::World;

/// `AWS_ACCESS_KEY_ID` and its companions.
#[derive(Default)]
pub(super) struct EnvironmentKeys {
    pub(super) id: Option<String>,
    pub(super) secret: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) security_token: Option<Secret>,
    pub(super) expiration: Option<String>,
    /// Variables in the place of these, which few tools read.
    pub(super) misnamed: Vec<String>,
}

/// Names that only the SDKs for Go and the first one for Java read, and names as people remember
/// them.
const MISNAMED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_ACCESS_KEY_SECRET",
    "AWS_SECRET_ACCESS_KEY_ID",
    "AWS_KEY_ID",
    "AWS_TOKEN",
];

impl EnvironmentKeys {
    pub(super) fn collect(world: &World) -> Self {
        let text = |name: &str| world.env(name).map(str::to_owned);
        let secret = |name: &str| text(name).map(Secret::new);
        let names = world.variables().map(|(name, _)| name.to_owned());
        Self {
            id: text("AWS_ACCESS_KEY_ID"),
            secret: secret("AWS_SECRET_ACCESS_KEY"),
            session_token: secret("AWS_SESSION_TOKEN"),
            security_token: secret("AWS_SECURITY_TOKEN"),
            expiration: text("AWS_CREDENTIAL_EXPIRATION"),
            misnamed: names.filter(|name| is_misnamed(name)).collect(),
        }
    }

    /// All parts, as most SDKs combine them; `None` without both halves of a key.
    pub(super) fn keys(&self) -> Option<Keys<'_>> {
        let token = self.session_token.as_ref().or(self.security_token.as_ref());
        let (id, secret) = (self.id.as_deref()?, self.secret.as_ref()?.expose());
        Some(Keys {
            id,
            secret,
            token: token.map(Secret::expose),
        })
    }
}

pub(super) fn is_misnamed(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let known = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    (known.contains(&upper.as_str()) && upper != name) || MISNAMED.contains(&upper.as_str())
}

/// A finding about an environment variable with a part of a key.
pub(super) fn in_environment(cause: Cause, variable: &str, what: &str) -> Finding {
    Finding::new(cause, format!("{variable} in the environment {what}"))
        .about(Subject::Environment)
        .evidence(format!("the environment variable {variable}"))
}
