//! The cache key of each step of a chain: a digest of everything that decides about the
//! credentials, so that an edited profile never yields the credentials of the old one. It contains
//! no secret; of a static key only its ID.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::{Base, Chain};
use crate::digest::sha256_hex;
use crate::source::connection::{Connections, Service};
use crate::source::session_name;
use crate::source::sso::{Flow, Session};
use crate::store::CacheKey;
use crate::world::{CONTAINER_VARIABLES, World};

/// The kind of an entry with an SSO token: see [`CacheKey`].
pub const TOKEN_KIND: &str = "sso-token";

/// The kind of an entry with an MFA session.
pub(crate) const MFA_KIND: &str = "mfa";

/// The kind of an entry with a client registration at SSO-OIDC.
pub(crate) const REGISTRATION_KIND: &str = "sso-client";

/// Few texts are longer, in bytes: `status` makes thousands of keys.
const USUAL_LENGTH: usize = 512;

/// The key of an entry of `kind` that depends on `what`.
fn key(kind: &str, what: &Value) -> CacheKey {
    let mut text = String::with_capacity(USUAL_LENGTH);
    let _ = write!(text, "{what}"); // writing to memory cannot fail
    let mut digest = sha256_hex(text.as_bytes());
    digest.truncate(32);
    CacheKey::new(kind, &digest)
}

/// One key per step, base first; `None` for a base that is not cached.
pub(crate) fn step_keys(
    chain: &Chain,
    world: &World,
    connections: &Connections,
) -> Vec<Option<CacheKey>> {
    let (identities, base_is_cached) = identities(chain, world, connections);
    let kinds = std::iter::once("base").chain(std::iter::repeat("role"));
    let keys = identities.iter().zip(kinds).map(|(what, kind)| {
        let is_cached = kind != "base" || base_is_cached;
        is_cached.then(|| key(kind, what))
    });
    keys.collect()
}

/// The key of the MFA session behind each step, base first; `None` for a step without
/// `mfa_serial`. Roles behind one device, assumed by one caller, share it.
pub(crate) fn mfa_keys(
    chain: &Chain,
    world: &World,
    connections: &Connections,
) -> Vec<Option<CacheKey>> {
    let (identities, _) = identities(chain, world, connections);
    let of_hops = chain.hops.iter().zip(&identities).map(|(hop, source)| {
        let what = json!({"source": source, "serial": hop.mfa_serial.as_ref()?,
            "endpoint": connections.url(Service::Sts)});
        Some(key(MFA_KIND, &what))
    });
    std::iter::once(None).chain(of_hops).collect()
}

/// What the credentials of each step depend on, base first, and whether those of the base are
/// cached.
fn identities(chain: &Chain, world: &World, connections: &Connections) -> (Vec<Value>, bool) {
    let sts = connections.url(Service::Sts);
    let (base, base_is_cached) = base(chain, world, connections);
    let mut identities = vec![base];
    for hop in &chain.hops {
        let identity = json!({
            "source": identities.last(),
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
        identities.push(identity);
    }
    (identities, base_is_cached)
}

/// What the credentials of the base depend on, and whether they are cached.
fn base(chain: &Chain, world: &World, connections: &Connections) -> (Value, bool) {
    let sts = connections.url(Service::Sts);
    match &chain.base {
        Base::Static { credentials, .. } => (json!({"key": credentials.access_key_id}), false),
        Base::StoredKeys { access_key_id, .. } => (json!({"key": access_key_id.text}), false),
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
            session,
            account_id,
            role_name,
        } => {
            let what = json!({"sso": session.identity(), "account": account_id,
                "role": role_name, "endpoint": connections.url(Service::Sso)});
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
    key(TOKEN_KIND, &json!(session.config().identity()))
}

/// The key of the registration for one SSO session and flow. Scopes are part of a registration.
pub(crate) fn registration_key(session: &Session<'_>, flow: Flow) -> CacheKey {
    let what = json!([
        session.config().identity(),
        flow.name(),
        session.config().scopes
    ]);
    key(REGISTRATION_KIND, &what)
}

/// The key of the lock under which a person signs in to an SSO session.
pub(crate) fn sign_in_key(session: &Session<'_>) -> CacheKey {
    key("sso-sign-in", &json!(session.config().identity()))
}
