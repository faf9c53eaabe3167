//! `forget`: drop what is cached here. AWS is not told: sessions it has issued stay valid until they end. SSO tokens stay:
//! they are a sign-in, not a cache.

use super::Context;
use crate::cli::Which;
use crate::diagnosis::Result;
use crate::refresh::{TOKEN_KIND, keys};
use crate::store::StoreError;

/// Removes the cached credentials of the named profiles, or every entry there is.
pub fn run(context: &Context<'_>, which: &Which) -> Result<()> {
    let keys = if which.all {
        let mut keys = context.store.keys().map_err(StoreError::into_finding)?;
        keys.retain(|key| key.kind() != TOKEN_KIND);
        keys
    } else {
        let set = context.profiles()?;
        let mut found = Vec::new();
        for profile in &which.profile {
            found.extend(keys(&context.resolve(&set, profile)?, context.world).into_iter().flatten());
        }
        found
    };
    let mut removed = 0;
    for key in keys {
        removed += usize::from(context.store.remove(&key).map_err(StoreError::into_finding)?);
    }
    context.talk.note(&format!("{removed} {} dropped", if removed == 1 { "credential" } else { "credentials" }));
    Ok(())
}
