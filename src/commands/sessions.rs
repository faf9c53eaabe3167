//! The SSO sessions of the config file, and the cached credentials that came from one.

use std::collections::BTreeSet;

use super::Context;
use crate::config::{self, Base, Chain, Network, ProfileSet, SsoSession};
use crate::finding::Result;
use crate::refresh::{Entry, step_keys};
use crate::source::connection::Connections;
use crate::store::CacheKey;

/// An SSO session, and how it is reached.
pub(super) struct Target {
    pub(super) session: SsoSession,
    pub(super) network: Network,
}

/// The `[sso-session]` of this name, reached as the first profile that names it is.
pub(super) fn target(context: &Context<'_>, set: &ProfileSet, name: &str) -> Result<Target> {
    let session = config::sso_session(set, name)?;
    let network = chains(context, set).find_map(|chain| match &chain.base {
        Base::Sso { session, .. } if session.name.as_deref() == Some(name) => Some(chain.network),
        _ => None,
    });
    Ok(Target {
        session,
        network: network.unwrap_or_default(),
    })
}

/// Every `[sso-session]`, and every session of the legacy form, each once.
pub(super) fn every_session(context: &Context<'_>, set: &ProfileSet) -> Vec<Result<Target>> {
    let named = set.sso_session_names();
    let mut all: Vec<_> = named.map(|name| target(context, set, name)).collect();
    let mut legacy = BTreeSet::new();
    for chain in chains(context, set) {
        if let Base::Sso { session, .. } = chain.base
            && session.name.is_none()
            && legacy.insert((session.start_url.clone(), session.region.clone()))
        {
            let network = chain.network;
            all.push(Ok(Target { session, network }));
        }
    }
    all
}

/// The chain of every profile that has one.
pub(super) fn chains<'a>(
    context: &'a Context<'_>,
    set: &'a ProfileSet,
) -> impl Iterator<Item = Chain> {
    set.names()
        .filter_map(|name| context.resolve(set, name).ok())
}

/// The cache keys of the credentials that came from a session: those of its roles, and of the roles
/// behind them.
pub(super) fn keys_from(
    context: &Context<'_>,
    set: &ProfileSet,
    wanted: &SsoSession,
) -> BTreeSet<CacheKey> {
    let is_of = |chain: &Chain| {
        chain.sso_session().is_some_and(|session| {
            session.name == wanted.name && session.start_url == wanted.start_url
        })
    };
    let of_session = chains(context, set).filter(is_of);
    of_session
        .flat_map(|chain| {
            let connections = Connections::new(context.world, &chain.network);
            step_keys(&chain, context.world, &connections)
        })
        .flatten()
        .collect()
}

/// Makes what came from the session before due for renewal: the new sign-in may be that of another
/// user, or have other permissions. It is served as long as the renewal fails.
pub(super) fn renew_credentials_from(
    context: &Context<'_>,
    set: &ProfileSet,
    session: &SsoSession,
) {
    for key in keys_from(context, set, session) {
        let stored = context.store.get(&key).ok().flatten();
        let entry = stored.and_then(|bytes| Entry::from_bytes(&key, &bytes));
        if let Some(entry) = entry {
            let label = format!("awsfresh: SSO session {}", session.label());
            if let Err(e) = context.store.put(&key, &label, &entry.due().to_bytes()) {
                log::debug!("{key} is not renewed at once: {e}");
            }
        }
    }
}
