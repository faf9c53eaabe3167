//! The stores without entries.

use zeroize::Zeroizing;

use super::{CacheKey, Status, Store, StoreError};

/// `--store none`: nothing is cached.
pub(super) struct Nothing;

impl Store for Nothing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn get(&self, _: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(None)
    }

    fn put(&self, _: &CacheKey, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_for_good(&self, _: &CacheKey, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::unavailable("the store `none` keeps nothing"))
    }

    fn remove(&self, _: &CacheKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        Ok(Vec::new())
    }

    fn check(&self) -> Status {
        Status {
            name: self.name(),
            reason: "as configured".into(),
            state: Ok(()),
        }
    }
}

/// The keyring of a system for which awsfresh has none.
pub(super) struct NoKeyring;

fn unsupported<T>() -> Result<T, StoreError> {
    let detail = "awsfresh supports no keyring on this system";
    Err(StoreError::unavailable(detail))
}

impl Store for NoKeyring {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn get(&self, _: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        unsupported()
    }

    fn put(&self, _: &CacheKey, _: &str, _: &[u8]) -> Result<(), StoreError> {
        unsupported()
    }

    fn remove(&self, _: &CacheKey) -> Result<bool, StoreError> {
        unsupported()
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        unsupported()
    }

    fn check(&self) -> Status {
        Status {
            name: self.name(),
            reason: "as configured".into(),
            state: unsupported(),
        }
    }
}
