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

impl NoKeyring {
    fn error<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::unavailable(
            "awsfresh supports no keyring on this system",
        ))
    }
}

impl Store for NoKeyring {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn get(&self, _: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.error()
    }

    fn put(&self, _: &CacheKey, _: &str, _: &[u8]) -> Result<(), StoreError> {
        self.error()
    }

    fn remove(&self, _: &CacheKey) -> Result<bool, StoreError> {
        self.error()
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        self.error()
    }

    fn check(&self) -> Status {
        Status {
            name: self.name(),
            reason: "as configured".into(),
            state: self.error(),
        }
    }
}
