//! macOS Keychain and Windows Credential Manager, through the keyring crate. Not yet run on either
//! system.
//!
//! Windows allows 2,560 bytes per item: a larger value is stored in parts with a generation ID, and
//! the item under the key itself, written last, names the generation. So parts of two generations
//! never mix. The crate cannot list items; one more item, `index`, names the keys.

use std::collections::BTreeSet;
use std::time::Duration;

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use super::{CacheKey, Status, Store, StoreError, StoreSettings, bounded};
use crate::digest::random_hex;

const SERVICE: &str = "awsfresh";
const INDEX: &str = "index";
const PART: usize = if cfg!(windows) { 2400 } else { usize::MAX };
/// Time for a person to answer a dialog, such as the one of macOS after every upgrade.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct NativeStore {
    limit: Duration,
}

impl NativeStore {
    pub(super) fn new(settings: &StoreSettings) -> Self {
        Self {
            limit: if settings.attended {
                PATIENCE
            } else {
                settings.timeout
            },
        }
    }

    fn on<T: Send + 'static>(
        &self,
        key: &CacheKey,
        work: impl FnOnce(&str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let name = key.as_str().to_owned();
        bounded(self.limit, move || work(&name))
    }
}

impl Store for NativeStore {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.on(key, |name| {
            let Some(head) = read(name)? else {
                return Ok(None);
            };
            match head.split_first() {
                Some((b'v', value)) => Ok(Some(Zeroizing::new(value.to_vec()))),
                Some((b'p', rest)) => {
                    let Some((generation, count)) = generation(rest) else {
                        return Ok(None);
                    };
                    let mut value = Zeroizing::new(Vec::with_capacity(count * PART.min(4096)));
                    for n in 0..count {
                        let Some(part) = read(&part_name(name, generation, n))? else {
                            return Ok(None);
                        };
                        value.extend_from_slice(&part);
                    }
                    Ok(Some(value))
                }
                _ => Ok(None),
            }
        })
    }

    fn put(&self, key: &CacheKey, _label: &str, value: &[u8]) -> Result<(), StoreError> {
        let value = Zeroizing::new(value.to_vec());
        self.on(key, move |name| {
            let before = read(name)?;
            if value.len() < PART {
                let head = Zeroizing::new([b"v", value.as_slice()].concat());
                write(name, &head)?;
            } else {
                let id = random_hex::<8>()
                    .map_err(|_| StoreError::broken("the system has no random numbers"))?;
                let parts = value.chunks(PART);
                let head = format!("p{id}:{}", parts.len());
                for (n, part) in parts.enumerate() {
                    write(&part_name(name, &id, n), part)?;
                }
                write(name, head.as_bytes())?;
            }
            sweep(name, before.as_ref().map(|b| b.as_slice()))?;
            let mut index = read_index()?;
            if index.insert(name.to_owned()) {
                write_index(&index)
            } else {
                Ok(())
            }
        })
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        self.on(key, |name| {
            let before = read(name)?;
            let there = delete(name)?;
            sweep(name, before.as_ref().map(|b| b.as_slice()))?;
            let mut index = read_index()?;
            if index.remove(name) {
                write_index(&index)?;
            }
            Ok(there)
        })
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        bounded(self.limit, || {
            Ok(read_index()?
                .iter()
                .filter_map(|name| CacheKey::parse(name))
                .collect())
        })
    }

    fn check(&self) -> Status {
        let checked = bounded(self.limit, || read(INDEX).map(|_| ()));
        let reason = if cfg!(windows) {
            "Windows Credential Manager"
        } else {
            "the login keychain"
        };
        Status {
            name: self.name(),
            reason: reason.into(),
            state: checked,
        }
    }
}

fn part_name(name: &str, generation: &str, n: usize) -> String {
    format!("{name}#{generation}#{n}")
}

/// `GENERATION:COUNT`, the head of a value in parts.
fn generation(head: &[u8]) -> Option<(&str, usize)> {
    let (generation, count) = std::str::from_utf8(head).ok()?.split_once(':')?;
    Some((
        generation,
        count.parse().ok().filter(|count| *count <= 400)?,
    ))
}

/// Deletes the parts of a generation that is no longer in use.
fn sweep(name: &str, head: Option<&[u8]>) -> Result<(), StoreError> {
    if let Some((generation, count)) = head.and_then(|h| h.strip_prefix(b"p")).and_then(generation)
    {
        for n in 0..count {
            delete(&part_name(name, generation, n))?;
        }
    }
    Ok(())
}

fn read_index() -> Result<BTreeSet<String>, StoreError> {
    let bytes = read(INDEX)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes)
        .split(' ')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

/// As many keys as fit into an item; `forget` by name also finds the others.
fn write_index(index: &BTreeSet<String>) -> Result<(), StoreError> {
    let mut text = String::new();
    for name in index {
        if text.len() + name.len() + 1 < PART {
            text.push_str(name);
            text.push(' ');
        }
    }
    write(INDEX, text.as_bytes())
}

fn entry(name: &str) -> Result<Entry, StoreError> {
    Entry::new(SERVICE, name).map_err(sentence)
}

fn read(name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    match entry(name)?.get_secret() {
        Ok(value) => Ok(Some(Zeroizing::new(value))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(sentence(error)),
    }
}

fn write(name: &str, value: &[u8]) -> Result<(), StoreError> {
    entry(name)?.set_secret(value).map_err(sentence)
}

fn delete(name: &str) -> Result<bool, StoreError> {
    match entry(name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(sentence(error)),
    }
}

/// By kind only: some of these errors contain the secret.
fn sentence(error: Error) -> StoreError {
    match error {
        Error::NoStorageAccess(_) => {
            StoreError::locked("the keyring is locked or denies access to awsfresh")
        }
        Error::NoDefaultStore | Error::NotSupportedByStore(_) => {
            StoreError::unavailable("there is no keyring in this session")
        }
        Error::PlatformFailure(_) => StoreError::unavailable("the system's keyring failed"),
        Error::TooLong(..) => StoreError::broken("the value is too long for the keyring"),
        _ => StoreError::broken("the keyring returned an unexpected response"),
    }
}
