//! The data key in the macOS Keychain or the Windows Credential Manager: one item, however many
//! entries. The entries are sealed files: Windows allows 2,560 bytes per item, less than many of
//! them have, and macOS asks for each item again after an upgrade of the program.
//!
//! Run under Wine only; type-checked for macOS.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use super::data_key::{self, DataKey};
use super::{StoreError, StoreSettings, bounded, sealed_dir};
use crate::{file_lock, files};

const SERVICE: &str = "awsfresh";
const ITEM: &str = "data-key";
/// Where the item is.
pub(super) const PLACE: &str = if cfg!(windows) {
    "the Windows Credential Manager"
} else {
    "the login keychain"
};
/// Time for a person to answer a dialog, such as the one of macOS after every upgrade.
const PATIENCE: Duration = Duration::from_secs(60);
/// Another first run creates the item within this time.
const CREATION: Duration = Duration::from_secs(2);

/// The key; a new one is stored if there is none.
pub(super) fn load(settings: &StoreSettings) -> Result<DataKey, StoreError> {
    let attended = settings.attended;
    let limit = if attended { PATIENCE } else { settings.timeout };
    let (dir, uid) = (settings.dir.clone(), settings.uid);
    // The wait for another first run has its own error.
    bounded(limit + CREATION, move || {
        let _dialogs = dialogs(attended)?;
        match read()? {
            Some(key) => Ok(key),
            None => create(&dir, uid),
        }
    })
}

/// Stores a new key, unless another process was first.
fn create(dir: &Path, uid: u32) -> Result<DataKey, StoreError> {
    let _lock = locked(dir, uid)?;
    if let Some(key) = read()? {
        return Ok(key);
    }
    let key = data_key::new()?;
    item()?.set_secret(key.as_ref()).map_err(sentence)?;
    read()?.ok_or_else(|| StoreError::unavailable(format!("{PLACE} did not keep the data key")))
}

/// Held by the one process that creates the key.
fn locked(dir: &Path, uid: u32) -> Result<File, StoreError> {
    sealed_dir::create(dir, uid)?;
    let unusable = |e| sealed_dir::unusable(dir, &e);
    let file = files::open_lock_file(&dir.join("data-key.lock")).map_err(unusable)?;
    if file_lock::lock_within(&file, CREATION).map_err(unusable)? {
        Ok(file)
    } else {
        Err(StoreError::unavailable(
            "another process is creating the data key",
        ))
    }
}

fn item() -> Result<Entry, StoreError> {
    Entry::new(SERVICE, ITEM).map_err(sentence)
}

fn read() -> Result<Option<DataKey>, StoreError> {
    let secret = match item()?.get_secret() {
        Ok(secret) => Zeroizing::new(secret),
        Err(Error::NoEntry) => return Ok(None),
        Err(error) => return Err(sentence(error)),
    };
    let key = <[u8; 32]>::try_from(secret.as_slice());
    key.map(|key| Some(Zeroizing::new(key))).map_err(|_| {
        StoreError::broken(format!(
            "the item {SERVICE}/{ITEM} in {PLACE} is not a key: delete it"
        ))
    })
}

/// Without a person there is an error in the place of a dialog, as long as the guard lives.
#[cfg(target_os = "macos")]
fn dialogs(
    attended: bool,
) -> Result<Option<security_framework::os::macos::keychain::KeychainUserInteractionLock>, StoreError>
{
    use security_framework::os::macos::keychain::SecKeychain;
    if attended {
        return Ok(None);
    }
    SecKeychain::disable_user_interaction()
        .map(Some)
        .map_err(|_| StoreError::unavailable(format!("{PLACE} does not respond")))
}

#[cfg(windows)]
fn dialogs(_attended: bool) -> Result<(), StoreError> {
    Ok(())
}

/// By kind only: some of these errors contain the secret.
fn sentence(error: Error) -> StoreError {
    let name_a_file = "name a key file with AWSFRESH_KEY_FILE";
    match error {
        Error::NoStorageAccess(_) => {
            StoreError::locked(format!("{PLACE} is locked or denies access to awsfresh"))
        }
        Error::NoDefaultStore | Error::NotSupportedByStore(_) => {
            StoreError::unavailable(format!("{PLACE} cannot be used here; {name_a_file}"))
        }
        Error::PlatformFailure(_) => {
            StoreError::unavailable(format!("{PLACE} failed; {name_a_file}"))
        }
        _ => StoreError::broken(format!("{PLACE} returned an unexpected response")),
    }
}
