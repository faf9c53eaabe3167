//! Where credentials are cached: in the OS keyring, in files sealed with a key that is not on the
//! disk, or nowhere.

mod auto;
mod data_key;
mod error;
mod key;
#[cfg(target_os = "linux")]
mod keyring_linux;
mod none;
#[cfg(any(target_os = "macos", windows))]
mod os_key;
mod sealed;
mod sealed_dir;
mod settings;

use std::time::Duration;

use zeroize::Zeroizing;

use crate::digest::random_hex;
pub use error::StoreError;
pub use key::CacheKey;
pub use settings::{StoreKind, StoreSettings};

/// The size limit of an entry, in bytes; a larger value was not written by awsfresh.
const VALUE_LIMIT: usize = 1024 * 1024;

/// A cache of credentials. An entry that cannot be read counts as missing; an error means that the
/// store as a whole cannot be used.
pub trait Store: Send + Sync {
    /// `keyring`, `sealed` or `none`; for `auto`, the one in use.
    fn name(&self) -> &'static str;
    /// The value stored under `key`.
    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;
    /// Every value stored under `key`, of a store that consists of several. An error means that one of
    /// them may have a value and cannot be read.
    fn get_all(&self, key: &CacheKey) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.get(key)?.into_iter().collect())
    }
    /// Stores `value` and removes what other stores have under `key`, as far as they can be used.
    fn put_only(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        self.put(key, label, value)
    }
    /// Stores `value` in one step, in the place of an earlier one. `label` is shown in keyring
    /// managers.
    fn put(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Stores what must still be there after a restart of the machine; an error where this store
    /// would not keep it.
    fn put_for_good(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        self.put_only(key, label, value)
    }
    /// What was stored with [`Self::put_for_good`]; an error where a part of the store that may have it
    /// cannot be used.
    fn get_for_good(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.get_all(key)?.into_iter().next())
    }
    /// Removes an entry; returns whether there was one.
    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError>;
    /// Every key that has an entry.
    fn keys(&self) -> Result<Vec<CacheKey>, StoreError>;
    /// Checks whether the store can be used, at the cost of one use.
    fn check(&self) -> Status;
    /// Which store and why, in one line, as far as its use so far has shown. It checks nothing: for
    /// the warm path.
    fn status(&self) -> String {
        format!("{}, as requested", self.name())
    }
}

/// What [`Store::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// [`Store::name`].
    pub name: &'static str,
    /// Why this store was selected.
    pub reason: String,
    /// Whether it can be used.
    pub state: Result<(), StoreError>,
}

/// The store of this run. Nothing is connected to or created before its first use.
pub fn open(settings: &StoreSettings) -> Box<dyn Store> {
    match settings.kind {
        StoreKind::Auto => Box::new(auto::Auto::new(
            keyring(settings, false),
            sealed::Sealed::new(settings),
        )),
        StoreKind::Keyring => keyring(settings, true).unwrap_or_else(|| Box::new(none::NoKeyring)),
        StoreKind::Sealed => Box::new(sealed::Sealed::new(settings)),
        StoreKind::None => Box::new(none::Nothing),
    }
}

/// Checks that a store would keep an entry of `size` bytes: one is written, read and removed.
pub(crate) fn check_room(store: &dyn Store, size: usize) -> Result<(), String> {
    probe(store, |key, label| {
        store.put(key, label, &vec![0; size])?;
        store.get(key)
    })
}

/// The same for an entry that has to outlast a restart.
pub(crate) fn check_for_good(store: &dyn Store) -> Result<(), String> {
    probe(store, |key, label| {
        store.put_for_good(key, label, &[0; 64])?;
        store.get_for_good(key)
    })
}

fn probe(
    store: &dyn Store,
    put_and_get: impl Fn(&CacheKey, &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>,
) -> Result<(), String> {
    let name = random_hex::<8>().map_err(|e| e.to_string())?;
    let key = CacheKey::new("test", &name);
    let kept = put_and_get(&key, "awsfresh: a test, which can be deleted");
    let _ = store.remove(&key); // it contains nothing
    match kept {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("the store keeps nothing".to_owned()),
        Err(error) => Err(error.detail().to_owned()),
    }
}

/// Whether a store keeps what is put into it.
pub(crate) fn keeps_entries(store: &dyn Store) -> bool {
    check_room(store, 64).is_ok()
}

/// The OS keyring. `None` where this system has none or, unless it is `wanted`, where nothing would
/// respond.
#[cfg(target_os = "linux")]
fn keyring(settings: &StoreSettings, wanted: bool) -> Option<Box<dyn Store>> {
    keyring_linux::SecretServiceStore::new(settings, wanted).map(|store| Box::new(store) as _)
}

/// There, sealed files have their key from the OS keyring.
#[cfg(any(target_os = "macos", windows))]
fn keyring(settings: &StoreSettings, wanted: bool) -> Option<Box<dyn Store>> {
    wanted.then(|| Box::new(sealed::Sealed::new(settings)) as _)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn keyring(_: &StoreSettings, _wanted: bool) -> Option<Box<dyn Store>> {
    None
}

/// Runs `work` on a thread of its own, for at most `limit`: keyring libraries can hang for ever,
/// and some must not be called from asynchronous code. A thread that exceeds the limit ends with
/// the process.
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
fn bounded<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || {
            let _ = sender.send(work());
        });
    if let Err(error) = spawned {
        return Err(StoreError::unavailable(format!(
            "no thread for the keyring could be started: {error}"
        )));
    }
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(StoreError::unavailable(format!(
            "the keyring did not respond within {} s",
            limit.as_secs_f32()
        ))),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            Err(StoreError::broken("the keyring library failed"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    fn a_hanging_library_is_left_behind() {
        let error = bounded(Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert_eq!(
            error,
            Err(StoreError::unavailable(
                "the keyring did not respond within 0.02 s"
            ))
        );
    }
}
