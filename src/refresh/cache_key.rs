//! The cache key of each step of a chain: a digest of everything that decides about the
//! credentials, so that an edited profile never yields the credentials of the old one. It contains
//! no secret; of a static key only its ID.

use serde_json::{Value, json};

use crate::config::{Base, Chain};
use crate::digest::sha256_hex;
use crate::source::connection::{Connections, Service};
use crate::source::session_name;
use crate::source::sso::Session;
use crate::store::CacheKey;
use crate::world::{CONTAINER_VARIABLES, World};

/// The kind of an entry with an SSO token: see [`CacheKey`].
pub const TOKEN_KIND: &str = "sso-token";

/// The key of an entry of `kind` that depends on `what`.
fn key(kind: &str, what: &Value) -> CacheKey {
    let mut digest = sha256_hex(what.to_string().as_bytes());
    digest.truncate(32);
    CacheKey::new(kind, &digest)
}

/// One key per step, base first; `None` for a base that is not cached.
pub(crate) fn step_keys(
    chain: &Chain,
    world: &World,
    connections: &Connections,
) -> Vec<Option<CacheKey>> {
    let sts = connections.url(Service::Sts);
    let (mut identity, is_cached) = base(chain, world, connections);
    let mut keys = vec![is_cached.then(|| key("base", &identity))];
    for hop in &chain.hops {
        identity = json!({
            "source": identity,
            "role": hop.role_arn.text,
            "external_id": hop.external_id,
            "session_name": session_name(world, hop.session_name.as_deref()),
            "duration": hop.duration_seconds,
            "mfa": hop.mfa_serial,
            "policy": hop.policy,
            "policy_arns": hop.policy_arns,
            "tags": hop.tags,
            "transitive": hop.transitive_tag_keys,
            "source_identity": hop.source_identity,
            "endpoint": sts,
        });
        keys.push(Some(key("role", &identity)));
    }
    keys
}

/// What the credentials of the base depend on, and whether they are cached.
fn base(chain: &Chain, world: &World, connections: &Connections) -> (Value, bool) {
    let sts = connections.url(Service::Sts);
    match &chain.base {
        Base::Static { credentials, .. } => (json!({"key": credentials.access_key_id}), false),
        Base::Environment { .. } => (
            json!({"environment": world.outer_env("AWS_ACCESS_KEY_ID")}),
            false,
        ),
        Base::InstanceMetadata { .. } => (json!("instance"), false),
        Base::Container { .. } => (
            json!({"container": CONTAINER_VARIABLES.map(|name| world.env(name))}),
            false,
        ),
        Base::WebIdentity {
            token_file,
            role_arn,
            session_name: name,
            duration_seconds,
        } => {
            let session = session_name(world, name.as_ref().map(|v| v.text.as_str()));
            let what = json!({"web_identity": token_file.text, "role": role_arn.text,
                "session": session, "duration": duration_seconds, "endpoint": sts});
            (what, true)
        }
        Base::Sso {
            account_id,
            role_name,
            ..
        } => {
            let session = Session::of(&chain.base, world).map(|s| s.identity());
            let what = json!({"sso": session, "account": account_id, "role": role_name,
                "endpoint": connections.url(Service::Sso)});
            (what, true)
        }
        Base::LoginSession { arn, .. } => (json!({"login": arn.text.trim()}), true),
        Base::Process { command, profile } => {
            (json!({"process": command.text, "profile": profile}), true)
        }
    }
}

/// The key of one SSO session's token: in the store, if it is ours, and of the lock under which it
/// is refreshed.
pub(crate) fn token_key(session: &Session<'_>) -> CacheKey {
    key(TOKEN_KIND, &json!(session.identity()))
}
