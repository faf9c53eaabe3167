//! Where credentials wait between two runs: the OS keyring, files sealed with a key that is not on
//! the disk, or nowhere.

mod auto;
mod data_key;
mod error;
mod key;
#[cfg(target_os = "linux")]
mod keyring_linux;
#[cfg(any(target_os = "macos", target_os = "windows"))]
mod keyring_other;
mod none;
mod sealed;
mod sealed_dir;
mod settings;

use std::time::Duration;

use zeroize::Zeroizing;

pub use error::StoreError;
pub use key::CacheKey;
pub use settings::{StoreKind, StoreSettings};

/// The size limit of an entry, in bytes; a larger value was not written by awsfresh.
const VALUE_LIMIT: usize = 1024 * 1024;

/// A place for credentials. Whatever cannot be made sense of counts as missing; an error means that
/// the place as such does not serve.
pub trait Store: Send + Sync {
    /// `keyring`, `sealed` or `none`; of `auto`, the one in use at the moment.
    fn name(&self) -> &'static str;
    /// The value kept under `key`.
    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;
    /// Keeps `value`, in one step replacing what was there. `label` is what a person sees in a
    /// keyring manager.
    fn put(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Removes an entry; returns whether there was one.
    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError>;
    /// Every key that has an entry.
    fn keys(&self) -> Result<Vec<CacheKey>, StoreError>;
    /// Asks the store whether it serves, which costs as much as a use.
    fn check(&self) -> Status;
    /// Which store and why, in one line, as far as its use up to now has shown. Asks nothing: for
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

/// The store of this run. Nothing is asked, connected to or created before its first use; what it
/// finds then is in [`Store::check`].
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

/// The OS keyring; `None` where there is none on this system, or, unless `wanted`, nothing that
/// could answer.
#[cfg(target_os = "linux")]
fn keyring(settings: &StoreSettings, wanted: bool) -> Option<Box<dyn Store>> {
    keyring_linux::SecretServiceStore::new(settings, wanted).map(|store| Box::new(store) as _)
}

#[cfg(any(target_os = "macos", target_os = "windows"))]
fn keyring(settings: &StoreSettings, _wanted: bool) -> Option<Box<dyn Store>> {
    Some(Box::new(keyring_other::NativeStore::new(settings)))
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn keyring(_: &StoreSettings, _wanted: bool) -> Option<Box<dyn Store>> {
    None
}

/// Runs `work` on a thread of its own, for at most `limit`: keyring libraries can hang for ever,
/// and some must not be called from asynchronous code. A thread that is late is left behind and
/// ends with the process.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
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
            "the keyring did not answer within {} s",
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
    #[cfg(target_os = "linux")]
    fn a_hanging_library_is_left_behind() {
        let error = bounded(Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert_eq!(
            error,
            Err(StoreError::unavailable(
                "the keyring did not answer within 0.02 s"
            ))
        );
    }
}
