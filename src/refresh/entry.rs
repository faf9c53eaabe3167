//! The content of a store under one key: one line of compact JSON, because some services corrupt
//! raw newlines. An entry of another version, of another key or of no form at all counts as
//! missing.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::freshness::{Freshness, freshness};
use crate::credentials::Credentials;
use crate::store::CacheKey;
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// Credentials as cached.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    #[serde(rename = "v")]
    version: u32,
    key: String,
    /// When the source issued them.
    pub obtained: Timestamp,
    /// Always with an expiration.
    pub credentials: Credentials,
}

impl Entry {
    /// An entry for `key`.
    pub fn new(key: &CacheKey, obtained: Timestamp, credentials: Credentials) -> Self {
        Self {
            version: VERSION,
            key: key.as_str().to_owned(),
            obtained,
            credentials,
        }
    }

    /// When the credentials expire. An entry without a time is never read.
    pub fn expiration(&self) -> Timestamp {
        self.credentials.expiration.unwrap_or(Timestamp(i64::MIN))
    }

    /// How fresh the credentials are.
    pub(crate) fn freshness(&self, now: Timestamp) -> Freshness {
        freshness(self.obtained, self.expiration(), now)
    }

    /// The same credentials, due for renewal: as if they were older than any AWS session.
    pub(crate) fn due(mut self) -> Self {
        self.obtained = Timestamp(0);
        self
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(8192)); // growing would leave copies that are not wiped
        // Writing to memory cannot fail; an empty value would be read as missing.
        let _ = serde_json::to_writer(&mut *bytes, self);
        bytes
    }

    /// Reads a stored form; `None` for anything that is not a complete entry of this key.
    pub fn from_bytes(key: &CacheKey, bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        let is_complete = entry.version == VERSION
            && entry.key == key.as_str()
            && entry.credentials.expiration.is_some()
            && entry.credentials.flaw().is_none();
        is_complete.then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Secret;

    fn entry(key: &CacheKey) -> Entry {
        let credentials = Credentials {
            access_key_id: "ASIAXXXXXXXXXXXXXXXX".into(),
            secret_access_key: Secret::new("secret".into()),
            session_token: Some(Secret::new("token".into())),
            expiration: Some(Timestamp(100)),
            account_id: None,
        };
        Entry::new(key, Timestamp(1), credentials)
    }

    #[test]
    fn an_entry_is_one_line_and_is_read_back() {
        let key = CacheKey::new("role", "aa");
        let bytes = entry(&key).to_bytes();
        assert!(!bytes.contains(&b'\n'));
        assert_eq!(
            Entry::from_bytes(&key, &bytes).map(|e| e.expiration()),
            Some(Timestamp(100))
        );
    }

    #[test]
    fn anything_else_counts_as_missing() {
        let key = CacheKey::new("role", "aa");
        let good = String::from_utf8(entry(&key).to_bytes().to_vec()).unwrap();
        assert!(
            Entry::from_bytes(&CacheKey::new("role", "bb"), good.as_bytes()).is_none(),
            "another key"
        );
        for cut in 0..good.len() {
            assert!(
                Entry::from_bytes(&key, &good.as_bytes()[..cut]).is_none(),
                "cut at {cut}"
            );
        }
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"expiration\":100,", ""),
            ("ASIAXXXXXXXXXXXXXXXX", ""),
            (":100", ":\"soon\""),
        ] {
            let bad = good.replace(from, to);
            assert!(
                bad == good || Entry::from_bytes(&key, bad.as_bytes()).is_none(),
                "{to}"
            );
        }
    }
}
