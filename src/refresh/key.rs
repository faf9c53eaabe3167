//! The cache key of each link of a chain: a digest of everything that shapes the credential, so that an edited profile
//! never yields the old role. Never a secret goes in; of a static key only its id.

use serde_json::{Value, json};

use crate::config::{Base, Chain};
use crate::digest::sha256_hex;
use crate::source::{Endpoints, Service, default_session_name, sso::Session};
use crate::store::CacheKey;
use crate::world::World;

/// The name of `kind` of entry shaped by `what`.
fn key(kind: &str, what: &Value) -> CacheKey {
    let mut digest = sha256_hex(what.to_string().as_bytes());
    digest.truncate(32);
    CacheKey::new(kind, &digest)
}

/// One key per link, base first; `None` for a base that is not cached. `env_key_id` is the access key of the
/// environment, for chains that start there.
pub fn keys(chain: &Chain, world: &World) -> Vec<Option<CacheKey>> {
    let endpoints = Endpoints::new(world, &chain.network);
    let (mut identity, cached) = base(chain, world, &endpoints);
    let mut keys = vec![cached.then(|| key("base", &identity))];
    for hop in &chain.hops {
        identity = json!({
            "source": identity,
            "role": hop.role_arn.text,
            "external_id": hop.external_id,
            "session_name": default_session_name(world, hop.session_name.as_deref()),
            "duration": hop.duration_seconds,
            "mfa": hop.mfa_serial,
            "policy": hop.policy,
            "policy_arns": hop.policy_arns,
            "tags": hop.tags,
            "transitive": hop.transitive_tag_keys,
            "source_identity": hop.source_identity,
            "endpoint": endpoints.url(Service::Sts),
        });
        keys.push(Some(key("role", &identity)));
    }
    keys
}

fn base(chain: &Chain, world: &World, endpoints: &Endpoints) -> (Value, bool) {
    match &chain.base {
        Base::Static { credentials, .. } => (json!({"key": credentials.access_key_id}), false),
        Base::Environment { .. } => (json!({"environment": world.outer_env("AWS_ACCESS_KEY_ID")}), false),
        Base::InstanceMetadata { .. } => (json!("instance"), false),
        Base::Container { .. } => {
            let uri = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"].map(|n| world.env(n));
            (json!({"container": uri}), false)
        }
        Base::WebIdentity { token_file, role_arn, session_name, duration_seconds, .. } => {
            let session = default_session_name(world, session_name.as_ref().map(|v| v.text.as_str()));
            let what = json!({"web_identity": token_file.text, "role": role_arn.text, "session": session, "duration": duration_seconds,
                "endpoint": endpoints.url(Service::Sts)});
            (what, true)
        }
        Base::Sso { account_id, role_name, .. } => {
            let session = Session::of(&chain.base, world).map(|s| s.identity());
            (json!({"sso": session, "account": account_id, "role": role_name, "endpoint": endpoints.url(Service::Sso)}), true)
        }
        Base::LoginSession { arn, .. } => (json!({"login": arn.text.trim()}), true),
        Base::Process { command, profile } => (json!({"process": command.text, "profile": profile}), true),
    }
}

/// What entries with an SSO token are called: [`CacheKey::kind`].
pub const TOKEN_KIND: &str = "sso-token";

/// The key under which one SSO session's token is kept, if it is ours, and refreshed by one process at a time.
pub fn token_key(session: &Session<'_>) -> CacheKey {
    key(TOKEN_KIND, &json!(session.identity()))
}
