//! `keys list`: the stored keys, and whose they are.

use serde_json::{Value, json};

use crate::commands::Context;
use crate::finding::Result;
use crate::refresh::StoredKey;
use crate::store::StoreError;
use crate::text::masked;
use crate::time::human_duration;
use crate::ui;

/// Lists the stored keys, and the profiles whose key is not in the store.
pub(super) fn run(context: &Context<'_>, as_json: bool) -> Result<()> {
    let files = context.files()?;
    let stored = StoredKey::all(&*context.store).map_err(StoreError::into_finding)?;
    let named: Vec<(&str, &str)> = files
        .profiles()
        .profiles()
        .filter_map(|one| Some((&*one.name, one.stored_key_id()?.text.as_str())))
        .collect();
    let mut rows: Vec<(Option<&str>, &str, Option<&StoredKey>)> = named
        .iter()
        .map(|(name, id)| {
            (
                Some(*name),
                *id,
                stored.iter().find(|key| key.access_key_id == *id),
            )
        })
        .collect();
    let is_named = |key: &&StoredKey| named.iter().any(|(_, id)| key.access_key_id == *id);
    let orphans = stored.iter().filter(|key| !is_named(key));
    rows.extend(orphans.map(|key| (None, key.access_key_id.as_str(), Some(key))));
    if as_json {
        let row = |(profile, id, key): &(Option<&str>, &str, Option<&StoredKey>)| {
            json!({"profile": profile, "access_key_id": id, "stored": key.is_some(),
                "owner": key.map(|key| &key.owner), "added": key.map(|key| key.added.to_string())})
        };
        let rows: Vec<Value> = rows.iter().map(row).collect();
        return ui::print_json(json!({"store": context.store.name(), "keys": rows}));
    }
    if rows.is_empty() {
        return ui::print_line(
            "no key is stored; awsfresh keys import PROFILE moves one out of a file",
        );
    }
    for (profile, id, key) in rows {
        let state = match key {
            Some(key) => {
                let age = human_duration(context.world.now().seconds_from(key.added).max(0));
                format!("{}, stored {age} ago", key.owner)
            }
            None => "its secret is not in the store".to_owned(),
        };
        let profile = profile.map_or("no profile".to_owned(), |name| format!("profile {name}"));
        let id = if profile == "no profile" {
            id.to_owned()
        } else {
            masked(id)
        };
        ui::print_line(&format!("{profile}: {id}, {state}"))?;
    }
    Ok(())
}
