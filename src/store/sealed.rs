//! One sealed file per entry, for cron, SSH, containers and servers without a keyring.
//! ChaCha20-Poly1305 with the entry's name as associated data; the key is not on the disk unless
//! the user put it there ([`super::data_key`]).
//!
//! A file: `AWSF`, a version byte, 12 bytes of nonce, the ciphertext with its tag.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::{fs, io};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{
    CacheKey, Status, Store, StoreError, StoreSettings, VALUE_LIMIT, data_key, sealed_dir,
};
use crate::files;

const MAGIC: &[u8] = b"AWSF\x01";
const SUFFIX: &str = ".sealed";

pub(super) struct Sealed {
    settings: StoreSettings,
    key: OnceLock<Result<LessSafeKey, StoreError>>,
}

impl Sealed {
    /// Opens nothing yet.
    pub(super) fn new(settings: &StoreSettings) -> Self {
        Self {
            settings: settings.clone(),
            key: OnceLock::new(),
        }
    }

    fn key(&self) -> Result<&LessSafeKey, StoreError> {
        let load = || {
            let bytes = data_key::load(&self.settings)?;
            let key = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref())
                .map_err(|_| StoreError::broken("the data key cannot be used"))?;
            Ok(LessSafeKey::new(key))
        };
        self.key.get_or_init(load).as_ref().map_err(Clone::clone)
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        self.settings.dir.join(key.file_name() + SUFFIX)
    }

    /// `None` if the content was not sealed under this name with this key.
    fn unseal(
        &self,
        key: &CacheKey,
        file: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some((nonce, sealed)) = file
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_at_checked(NONCE_LEN))
        else {
            return Ok(None);
        };
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else {
            return Ok(None);
        };
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let Ok(plain) = self
            .key()?
            .open_in_place(nonce, Aad::from(key.as_str()), &mut bytes)
        else {
            return Ok(None);
        };
        let length = plain.len();
        bytes.truncate(length);
        Ok(Some(bytes))
    }

    fn seal(&self, key: &CacheKey, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::broken("the system's random numbers or the cipher failed");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        // One allocation: growing would leave plain text in memory.
        let mut body = Vec::with_capacity(value.len() + CHACHA20_POLY1305.tag_len());
        body.extend_from_slice(value);
        self.key()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(key.as_str()),
                &mut body,
            )
            .map_err(failed)?;
        Ok([MAGIC, &nonce, &body].concat())
    }
}

impl Store for Sealed {
    fn name(&self) -> &'static str {
        "sealed"
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if !sealed_dir::exists(&self.settings)? {
            return Ok(None);
        }
        match files::read_regular(&self.path(key), VALUE_LIMIT as u64)
            .map_err(|e| sealed_dir::unusable(&self.settings.dir, &e))?
        {
            Some(file) => self.unseal(key, &file),
            None => Ok(None),
        }
    }

    fn put(&self, key: &CacheKey, _label: &str, value: &[u8]) -> Result<(), StoreError> {
        sealed_dir::create(&self.settings)?;
        let file = self.seal(key, value)?;
        files::write_atomic(&self.path(key), &file)
            .map_err(|e| sealed_dir::unusable(&self.settings.dir, &e))
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        if !sealed_dir::exists(&self.settings)? {
            return Ok(false);
        }
        match fs::remove_file(self.path(key)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(sealed_dir::unusable(&self.settings.dir, &e)),
        }
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        if !sealed_dir::exists(&self.settings)? {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.settings.dir)
            .map_err(|e| sealed_dir::unusable(&self.settings.dir, &e))?;
        let key = |entry: io::Result<fs::DirEntry>| {
            CacheKey::from_file_name(entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX)?)
        };
        Ok(entries.filter_map(key).collect())
    }

    fn check(&self) -> Status {
        let checked = sealed_dir::create(&self.settings).and_then(|()| self.key().map(|_| ()));
        let reason = format!(
            "sealed files in {}, key from {}",
            self.settings.dir.display(),
            data_key::place(&self.settings)
        );
        Status {
            name: self.name(),
            reason,
            state: checked,
        }
    }
}

#[cfg(all(test, unix))]
#[path = "sealed_tests.rs"]
mod tests;
