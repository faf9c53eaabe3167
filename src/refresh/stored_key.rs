//! Long-term keys in the credential store, instead of a file. They are no cache: nothing can fetch
//! them again.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::Value;
use crate::credentials::{Credentials, Secret};
use crate::digest::sha256_hex;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::store::{CacheKey, Store, StoreError, check_for_good};
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// A long-term key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    #[serde(rename = "v")]
    version: u32,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    /// The user that it belongs to, as AWS named it.
    pub(crate) owner: String,
    /// When it was put into the store.
    pub(crate) added: Timestamp,
    /// When a rotation began that is to replace it.
    #[serde(default)]
    pub(crate) rotating_since: Option<Timestamp>,
    /// The ID of the key that it replaces, until that is deleted.
    #[serde(default)]
    pub(crate) replaces: Option<String>,
    /// The ID of the key that it has replaced.
    #[serde(default)]
    pub(crate) replaced: Option<String>,
}

impl StoredKey {
    /// The kind of its entries.
    pub(crate) const KIND: &'static str = "access-key";

    /// A key of this owner.
    pub(crate) fn new(credentials: &Credentials, owner: &str, added: Timestamp) -> Self {
        Self {
            version: VERSION,
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret_access_key.clone(),
            owner: owner.to_owned(),
            added,
            rotating_since: None,
            replaces: None,
            replaced: None,
        }
    }

    /// The place of the key with this ID.
    pub(crate) fn place(access_key_id: &str) -> CacheKey {
        CacheKey::new(Self::KIND, &sha256_hex(access_key_id.as_bytes())[..32])
    }

    /// As credentials.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: None,
            expiration: None,
            account_id: None,
        }
    }

    /// Every key in the store.
    pub(crate) fn all(store: &dyn Store) -> Result<Vec<Self>, StoreError> {
        let places = store.keys()?.into_iter();
        let places = places.filter(|place| place.kind() == Self::KIND);
        let found = places.map(|place| Self::at(store, &place));
        Ok(found
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The key with this ID; `None` if the store does not have it.
    pub(crate) fn get(store: &dyn Store, access_key_id: &str) -> Result<Option<Self>, StoreError> {
        let place = Self::place(access_key_id);
        let found = Self::at(store, &place)?;
        let found = found.filter(|key| key.access_key_id == access_key_id);
        if found.is_none() && store.keys().is_ok_and(|keys| keys.contains(&place)) {
            return Err(StoreError::broken(
                "the key is in the store and cannot be opened: another AWSFRESH_KEY_FILE, or damage",
            ));
        }
        Ok(found)
    }

    fn at(store: &dyn Store, place: &CacheKey) -> Result<Option<Self>, StoreError> {
        let bytes = store.get_for_good(place)?;
        let key = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Ok(key.filter(|key| key.version == VERSION && Self::place(&key.access_key_id) == *place))
    }

    /// The finding for a key that is not in the store.
    pub(crate) fn missing(store: &dyn Store, profile: &str) -> Finding {
        let summary = "the secret of the access key is not in the credential store";
        let add = if profile.starts_with('-') {
            remedy!("awsfresh keys add -- {} stores another key", profile)
        } else {
            remedy!("awsfresh keys add {} stores another key", profile)
        };
        Finding::new(Cause::CredentialsMissing, summary)
            .evidence(format!("the store is {}", store.status()))
            .remedy("a key in the OS keyring is found only where that is running and unlocked")
            .remedy(add)
    }

    /// The credentials of a profile whose key is stored.
    pub(super) fn load(store: &dyn Store, id: &Value, profile: &str) -> Result<Credentials> {
        match Self::get(store, &id.text) {
            Ok(Some(key)) => Ok(key.credentials()),
            // A command that has been running since before a rotation has the old ID.
            Ok(None) => {
                let all = Self::all(store).unwrap_or_default();
                let mut all = all.into_iter();
                let successor = all.find(|key| key.replaced.as_ref() == Some(&id.text));
                match successor {
                    Some(key) => Ok(key.credentials()),
                    None => Err(Self::missing(store, profile).at(&id.origin)),
                }
            }
            Err(error) => Err(error
                .into_finding()
                .evidence(format!("the key at {}", id.origin))),
        }
    }

    /// Fails where the store would not keep a key for good.
    pub(crate) fn check_store(store: &dyn Store) -> Result<()> {
        check_for_good(store).map_err(|why| no_store(&why))
    }

    /// Stores the key for good, and reads it back.
    pub(crate) fn save(&self, store: &dyn Store, profile: &str) -> Result<()> {
        let place = Self::place(&self.access_key_id);
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024)); // growing would leave copies
        // One that cannot be opened now may be opened with another key file.
        Self::get(store, &self.access_key_id).map_err(StoreError::into_finding)?;
        // Writing to memory cannot fail; what is not whole is found below.
        let _ = serde_json::to_writer(&mut *bytes, self);
        let label = format!("awsfresh: access key of profile {profile}");
        let stored = store.put_for_good(&place, &label, &bytes);
        let kept = stored.and_then(|()| Self::get(store, &self.access_key_id));
        let why = match kept {
            Ok(Some(kept)) if kept.secret_access_key == self.secret_access_key => return Ok(()),
            Ok(_) => "the store does not return what was put into it".to_owned(),
            Err(error) => error.detail().to_owned(),
        };
        Err(no_store(&why))
    }

    /// Deletes the key with this ID, if there is one.
    pub(crate) fn delete(store: &dyn Store, access_key_id: &str) -> Result<()> {
        let deleted = store.remove(&Self::place(access_key_id));
        deleted.map(drop).map_err(StoreError::into_finding)
    }
}

fn no_store(why: &str) -> Finding {
    let summary = "there is no store that keeps long-term keys";
    Finding::new(Cause::StoreUnavailable, summary)
        .evidence(why)
        .remedy("unlock the keyring, or name a key file that outlasts restarts: AWSFRESH_KEY_FILE")
}
