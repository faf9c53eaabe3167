//! The OS keyring if it can be used, else sealed files, else nothing. There is no probe before the
//! first use: a warm answer from the keyring is one conversation with it.

use std::sync::Mutex;

use zeroize::Zeroizing;

use super::sealed::Sealed;
use super::{CacheKey, Status, Store, StoreError};
use crate::sync::lock;

/// Why there is no keyring to try, where it is not the sealed files that use it.
const NO_KEYRING: Option<&str> = if cfg!(any(target_os = "macos", windows)) {
    None
} else {
    Some("there is no session bus for a keyring")
};

pub(super) struct Auto {
    levels: Vec<Box<dyn Store>>,
    /// Why each level so far could not be used. Its length is the level in use.
    failures: Mutex<Vec<StoreError>>,
}

impl Auto {
    pub(super) fn new(keyring: Option<Box<dyn Store>>, sealed: Sealed) -> Self {
        let sealed: Box<dyn Store> = Box::new(sealed);
        Self {
            levels: keyring.into_iter().chain([sealed]).collect(),
            failures: Mutex::default(),
        }
    }

    fn failures(&self) -> Vec<StoreError> {
        lock(&self.failures).clone()
    }

    /// Does `work` on the first level that can be used; `None` if there is none.
    fn first<T>(&self, work: impl Fn(&dyn Store) -> Result<T, StoreError>) -> Option<T> {
        loop {
            let level = self.failures().len();
            match work(self.levels.get(level)?.as_ref()) {
                Ok(outcome) => return Some(outcome),
                Err(error) => {
                    let mut failures = lock(&self.failures);
                    // Another thread may have moved on already.
                    if failures.len() == level {
                        failures.push(error);
                    }
                }
            }
        }
    }

    /// Removes what the levels that are not in use have under `key`.
    fn remove_elsewhere(&self, key: &CacheKey) {
        let used = self.name();
        for level in self.levels.iter().filter(|level| level.name() != used) {
            let _ = level.remove(key); // an older value: it ranks below the new one
        }
    }

    /// Does `work` on every level. A locked one fails the whole: its entries would stay behind
    /// unseen.
    fn all<T>(
        &self,
        work: impl Fn(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let outcomes: Vec<_> = self
            .levels
            .iter()
            .map(|level| work(level.as_ref()))
            .collect();
        let served = |outcome: Result<T, StoreError>| match outcome {
            Err(StoreError::Unavailable { .. }) => None,
            other => Some(other),
        };
        outcomes.into_iter().filter_map(served).collect()
    }
}

impl Store for Auto {
    fn name(&self) -> &'static str {
        self.levels
            .get(self.failures().len())
            .map_or("none", |level| level.name())
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.first(|level| level.get(key)).flatten())
    }

    fn get_all(&self, key: &CacheKey) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        let outcomes = self.levels.iter().map(|level| level.get_all(key));
        let (mut found, mut locked) = (Vec::new(), None);
        for outcome in outcomes {
            match outcome {
                Ok(value) => found.extend(value),
                Err(error @ StoreError::Locked { .. }) => locked = Some(error),
                Err(error) => log::debug!("{error}"),
            }
        }
        match locked {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    fn put_only(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        self.put(key, label, value)?;
        self.remove_elsewhere(key);
        Ok(())
    }

    fn put(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        self.first(|level| level.put(key, label, value));
        Ok(())
    }

    fn put_for_good(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        let stored = self.first(|level| level.put_for_good(key, label, value));
        stored.ok_or_else(|| {
            let failures = self.failures();
            let reasons: Vec<_> = failures.iter().map(StoreError::detail).collect();
            StoreError::unavailable(reasons.join("; "))
        })?;
        self.remove_elsewhere(key);
        Ok(())
    }

    fn get_for_good(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let mut failed = None;
        for level in &self.levels {
            match level.get_for_good(key) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        Ok(self.all(|level| level.remove(key))?.contains(&true))
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        let mut keys: Vec<_> = self
            .all(|level| level.keys())?
            .into_iter()
            .flatten()
            .collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    fn check(&self) -> Status {
        // The keyring and the data key are tried here, to report what a run would find.
        let status = self.first(|level| {
            let status = level.check();
            status.state.clone().map(|()| status)
        });
        let failures = self.failures();
        let mut reasons: Vec<String> = failures.iter().map(|f| f.detail().to_owned()).collect();
        if self.levels.len() == 1 {
            reasons.splice(0..0, NO_KEYRING.map(str::to_owned));
        }
        match status {
            Some(status) => {
                reasons.push(status.reason);
                Status {
                    name: status.name,
                    reason: reasons.join("; "),
                    state: Ok(()),
                }
            }
            None => {
                let reason = reasons.join("; ");
                let detail = format!("nothing is cached: {reason}");
                // A person can do something about a locked keyring.
                let locked = failures
                    .iter()
                    .any(|f| matches!(f, StoreError::Locked { .. }));
                let error = if locked {
                    StoreError::locked(detail)
                } else {
                    StoreError::unavailable(detail)
                };
                Status {
                    name: "none",
                    reason,
                    state: Err(error),
                }
            }
        }
    }

    fn status(&self) -> String {
        let failures = self.failures();
        let reasons: Vec<_> = failures.iter().map(StoreError::detail).collect();
        match (self.name(), reasons.join("; ")) {
            (name, why) if !why.is_empty() => format!("{name}, because {why}"),
            ("sealed", _) => match NO_KEYRING {
                Some(why) => format!("sealed, because {why}"),
                None => "sealed".to_owned(),
            },
            (name, _) => format!("{name}, if it responds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A keyring that accepts nothing new, or is locked.
    struct Failing {
        entries: Mutex<BTreeMap<CacheKey, Vec<u8>>>,
        locked: bool,
    }

    impl Store for Failing {
        fn name(&self) -> &'static str {
            "keyring"
        }

        fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
            if self.locked {
                return Err(StoreError::locked("locked"));
            }
            Ok(lock(&self.entries).get(key).cloned().map(Zeroizing::new))
        }

        fn put(&self, _: &CacheKey, _: &str, _: &[u8]) -> Result<(), StoreError> {
            Err(StoreError::unavailable("no answer"))
        }

        fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
            Ok(lock(&self.entries).remove(key).is_some())
        }

        fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
            Ok(lock(&self.entries).keys().cloned().collect())
        }

        fn check(&self) -> Status {
            Status {
                name: self.name(),
                reason: String::new(),
                state: Ok(()),
            }
        }
    }

    fn auto(dir: &std::path::Path, locked: bool) -> Auto {
        let key_file = dir.join("key");
        std::fs::write(&key_file, "0".repeat(64)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&key_file, mode).unwrap();
        }
        let sealed = Sealed::new(&crate::store::StoreSettings {
            kind: crate::store::StoreKind::Auto,
            dir: dir.join("sealed"),
            spare: Vec::new(),
            key_file: Some(key_file),
            key_command: None,
            bus_address: None,
            runtime_dir: None,
            uid: crate::files::uid(),
            timeout: std::time::Duration::from_secs(1),
            attended: false,
        });
        let old = (CacheKey::new("sso-token", "aa"), b"spent".to_vec());
        let keyring = Failing {
            entries: Mutex::new(BTreeMap::from([old])),
            locked,
        };
        Auto::new(Some(Box::new(keyring)), sealed)
    }

    #[test]
    fn a_value_that_went_elsewhere_is_found_beside_the_old_one_and_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = CacheKey::new("sso-token", "aa");
        let values = |store: &Auto| -> Vec<Vec<u8>> {
            let all = store.get_all(&key).unwrap();
            all.iter().map(|value| value.to_vec()).collect()
        };
        let first = auto(dir.path(), false);
        first.put(&key, "", b"new").unwrap();
        // The next process asks the keyring first.
        let next = auto(dir.path(), false);
        assert_eq!(next.get(&key).unwrap().unwrap().as_slice(), b"spent");
        assert_eq!(values(&next), [b"spent".to_vec(), b"new".to_vec()]);
        next.put_only(&key, "", b"newer").unwrap();
        assert_eq!(values(&next), [b"newer".to_vec()]);
    }

    #[test]
    fn a_locked_keyring_may_have_what_is_not_found_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let key = CacheKey::new("sso-token", "aa");
        let store = auto(dir.path(), true);
        assert!(matches!(
            store.get_all(&key),
            Err(StoreError::Locked { .. })
        ));
        store.put(&key, "", b"here").unwrap();
        assert_eq!(store.get_all(&key).unwrap().len(), 1);
    }
}
