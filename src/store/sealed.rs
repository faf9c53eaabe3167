//! One sealed file per entry, for cron, SSH, containers and servers without a keyring.
//! ChaCha20-Poly1305 with the entry's name as associated data; the key is not on the disk unless
//! the user put it there ([`super::data_key`]).
//!
//! A file: `AWSF`, a version byte, 12 bytes of nonce, the ciphertext with its tag.

use std::path::{Path, PathBuf};
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
/// The directory of the files in a directory for all state.
const SPARE: &str = "sealed";

type Value = Zeroizing<Vec<u8>>;

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

    /// The directories in which files may be: the usual one, then those that were used while nothing
    /// could be written there.
    fn dirs(&self) -> impl Iterator<Item = PathBuf> {
        let spare = files::existing_own_dirs(&self.settings.spare);
        std::iter::once(self.settings.dir.clone()).chain(spare.map(|dir| dir.join(SPARE)))
    }

    /// Does `work` in the usual directory; if that fails, in one of [`Self::dirs`] instead.
    fn write(&self, work: impl Fn(&Path) -> Result<(), StoreError>) -> Result<PathBuf, StoreError> {
        let usual = &self.settings.dir;
        let error = match work(usual) {
            Ok(()) => return Ok(usual.clone()),
            Err(error) => error,
        };
        let spare = files::first_own_dir(&self.settings.spare);
        let Some(spare) = spare.filter(|_| !sealed_dir::is_shared(usual, self.settings.uid)) else {
            return Err(error);
        };
        let spare = spare.join(SPARE);
        log::debug!("{error}; using {}", spare.display());
        work(&spare).map(|()| spare).map_err(|_| error)
    }

    fn put_in(&self, dir: &Path, key: &CacheKey, file: &[u8]) -> Result<(), StoreError> {
        sealed_dir::create(dir, self.settings.uid)?;
        files::write_atomic(&path(dir, key), file).map_err(|e| sealed_dir::unusable(dir, &e))
    }

    fn get_in(&self, dir: &Path, key: &CacheKey) -> Result<Option<Value>, StoreError> {
        if !sealed_dir::exists(dir, self.settings.uid)? {
            return Ok(None);
        }
        match files::read_regular(&path(dir, key), VALUE_LIMIT as u64)
            .map_err(|e| sealed_dir::unusable(dir, &e))?
        {
            Some(file) => self.unseal(key, &file),
            None => Ok(None),
        }
    }

    /// `None` if the content was not sealed under this name with this key.
    fn unseal(&self, key: &CacheKey, file: &[u8]) -> Result<Option<Value>, StoreError> {
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

fn path(dir: &Path, key: &CacheKey) -> PathBuf {
    dir.join(key.file_name() + SUFFIX)
}

fn remove_in(dir: &Path, uid: u32, key: &CacheKey) -> Result<bool, StoreError> {
    if !sealed_dir::exists(dir, uid)? {
        return Ok(false);
    }
    match fs::remove_file(path(dir, key)) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(sealed_dir::unusable(dir, &e)),
    }
}

fn keys_in(dir: &Path, uid: u32) -> Result<Vec<CacheKey>, StoreError> {
    if !sealed_dir::exists(dir, uid)? {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).map_err(|e| sealed_dir::unusable(dir, &e))?;
    let key = |entry: io::Result<fs::DirEntry>| {
        CacheKey::from_file_name(entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX)?)
    };
    Ok(entries.filter_map(key).collect())
}

impl Store for Sealed {
    fn name(&self) -> &'static str {
        "sealed"
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Value>, StoreError> {
        let usual = self.get_in(&self.settings.dir, key);
        if let Ok(Some(_)) = usual {
            return usual;
        }
        let spare = self.dirs().skip(1);
        let mut found = spare.filter_map(|dir| self.get_in(&dir, key).ok().flatten());
        found.next().map_or(usual, |value| Ok(Some(value)))
    }

    fn get_all(&self, key: &CacheKey) -> Result<Vec<Value>, StoreError> {
        let all = self.dirs().map(|dir| self.get_in(&dir, key));
        let (values, errors): (Vec<_>, Vec<_>) = all.partition(Result::is_ok);
        match errors.into_iter().find_map(Result::err) {
            Some(error) if values.is_empty() => Err(error),
            _ => Ok(values.into_iter().flatten().flatten().collect()),
        }
    }

    fn put(&self, key: &CacheKey, _label: &str, value: &[u8]) -> Result<(), StoreError> {
        let file = self.seal(key, value)?;
        let used = self.write(|dir| self.put_in(dir, key, &file))?;
        for dir in self.dirs().filter(|dir| *dir != used) {
            let _ = remove_in(&dir, self.settings.uid, key); // an older value; the newest one of all counts
        }
        Ok(())
    }

    fn put_for_good(&self, key: &CacheKey, _label: &str, value: &[u8]) -> Result<(), StoreError> {
        if !data_key::outlasts_restart(&self.settings) {
            return Err(StoreError::unavailable(
                "sealed files are lost at the next restart without a key file (AWSFRESH_KEY_FILE)",
            ));
        }
        self.put_in(&self.settings.dir, key, &self.seal(key, value)?)
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        let removed: Vec<bool> = self
            .dirs()
            .map(|dir| remove_in(&dir, self.settings.uid, key))
            .collect::<Result<_, _>>()?;
        Ok(removed.contains(&true))
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        let keys = self.dirs().map(|dir| keys_in(&dir, self.settings.uid));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?.concat();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    fn check(&self) -> Status {
        let used = self.write(|dir| sealed_dir::create(dir, self.settings.uid));
        let checked = used.and_then(|dir| self.key().map(|_| dir));
        let dir = checked.as_ref().unwrap_or(&self.settings.dir);
        let key = data_key::place(&self.settings);
        Status {
            name: self.name(),
            reason: format!("sealed files in {}, key from {key}", dir.display()),
            state: checked.map(|_| ()),
        }
    }
}

#[cfg(all(test, unix))]
#[path = "sealed_tests.rs"]
mod tests;
