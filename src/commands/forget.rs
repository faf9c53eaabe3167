//! `forget`: delete what is cached on this machine. AWS is not informed: issued sessions stay valid
//! until they expire. SSO tokens, MFA sessions and long-term keys stay: they are no cache.

use super::Context;
use crate::cli::ProfileSelection;
use crate::finding::Result;
use crate::refresh::{MFA_KIND, REGISTRATION_KIND, StoredKey, TOKEN_KIND, step_keys};
use crate::source::connection::Connections;
use crate::store::StoreError;

/// Deletes the cached credentials of the selected profiles, or every entry.
pub(super) fn run(context: &Context<'_>, selection: &ProfileSelection) -> Result<()> {
    let keys = if selection.all {
        let mut keys = context.store.keys().map_err(StoreError::into_finding)?;
        keys.retain(|key| {
            ![TOKEN_KIND, REGISTRATION_KIND, MFA_KIND, StoredKey::KIND].contains(&key.kind())
        });
        keys
    } else {
        let files = context.files()?;
        let mut found = Vec::new();
        for profile in &selection.profile {
            let chain = context.resolve(files.profiles(), profile)?;
            let connections = Connections::new(context.world, &chain.network);
            found.extend(
                step_keys(&chain, context.world, &connections)
                    .into_iter()
                    .flatten(),
            );
        }
        found
    };
    let mut deleted = 0;
    for key in keys {
        deleted += usize::from(
            context
                .store
                .remove(&key)
                .map_err(StoreError::into_finding)?,
        );
    }
    let noun = if deleted == 1 {
        "credential"
    } else {
        "credentials"
    };
    log::info!("{deleted} cached {noun} deleted");
    Ok(())
}
