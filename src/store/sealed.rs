//! One sealed file per entry, for cron, SSH, containers and servers without a keyring. ChaCha20-Poly1305 with the
//! entry's name as associated data; the key is not on the disk unless the user put it there ([`super::data_key`]).
//!
//! A file: `AWSF`, a version byte, 12 bytes of nonce, the ciphertext with its tag.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{CacheKey, Status, Store, StoreError, StoreSettings, VALUE_LIMIT, data_key};
use crate::files;

const MAGIC: &[u8] = b"AWSF\x01";
const SUFFIX: &str = ".sealed";

pub(super) struct Sealed {
    settings: StoreSettings,
    key: OnceLock<Result<LessSafeKey, StoreError>>,
}

impl Sealed {
    /// Touches nothing yet.
    pub(super) fn new(settings: &StoreSettings) -> Self {
        Self { settings: settings.clone(), key: OnceLock::new() }
    }

    fn key(&self) -> Result<&LessSafeKey, StoreError> {
        let load = || {
            let bytes = data_key::load(&self.settings)?;
            let key = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref()).map_err(|_| StoreError::broken("the data key is not usable"))?;
            Ok(LessSafeKey::new(key))
        };
        self.key.get_or_init(load).as_ref().map_err(Clone::clone)
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        self.settings.dir.join(key.file_name() + SUFFIX)
    }

    /// `None` where the content is not what we wrote under this name with this key.
    fn unseal(&self, key: &CacheKey, file: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some((nonce, sealed)) = file.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(NONCE_LEN)) else { return Ok(None) };
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else { return Ok(None) };
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let Ok(plain) = self.key()?.open_in_place(nonce, Aad::from(key.as_str()), &mut bytes) else { return Ok(None) };
        let length = plain.len();
        bytes.truncate(length);
        Ok(Some(bytes))
    }

    fn seal(&self, key: &CacheKey, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::broken("the system's random numbers or the cipher failed");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        // One allocation from the start: growing would leave plain text behind.
        let mut body = Vec::with_capacity(value.len() + CHACHA20_POLY1305.tag_len());
        body.extend_from_slice(value);
        self.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(key.as_str()), &mut body).map_err(failed)?;
        Ok([MAGIC, &nonce, &body].concat())
    }
}

impl Store for Sealed {
    fn name(&self) -> &'static str {
        "sealed"
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if !check_dir(&self.settings)? {
            return Ok(None);
        }
        match read_bounded(&self.path(key)).map_err(|e| in_dir(&self.settings.dir, &e))? {
            Some(file) => self.unseal(key, &file),
            None => Ok(None),
        }
    }

    fn put(&self, key: &CacheKey, _label: &str, value: &[u8]) -> Result<(), StoreError> {
        create_dir(&self.settings)?;
        let file = self.seal(key, value)?;
        files::replace(&self.path(key), &file).map_err(|e| in_dir(&self.settings.dir, &e))
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        if !check_dir(&self.settings)? {
            return Ok(false);
        }
        match fs::remove_file(self.path(key)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(in_dir(&self.settings.dir, &e)),
        }
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        if !check_dir(&self.settings)? {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.settings.dir).map_err(|e| in_dir(&self.settings.dir, &e))?;
        let key = |entry: io::Result<fs::DirEntry>| CacheKey::from_file_name(entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX)?);
        Ok(entries.filter_map(key).collect())
    }

    fn check(&self) -> Status {
        let checked = create_dir(&self.settings).and_then(|()| self.key().map(|_| ()));
        let reason = format!("sealed files in {}, key from {}", self.settings.dir.display(), data_key::place(&self.settings));
        Status { name: self.name(), reason, warning: checked.err().map(|e| e.detail().to_owned()) }
    }
}

fn in_dir(dir: &Path, error: &io::Error) -> StoreError {
    StoreError::broken(format!("the directory {} cannot be used: {error}", dir.display()))
}

/// Makes the directory, for this user alone, and checks it.
pub(super) fn create_dir(settings: &StoreSettings) -> Result<(), StoreError> {
    files::create_private_dir(&settings.dir).map_err(|e| in_dir(&settings.dir, &e))?;
    check_dir(settings).map(|_| ())
}

/// Whether the directory is there; an error where somebody else could put files into it.
fn check_dir(settings: &StoreSettings) -> Result<bool, StoreError> {
    let dir = &settings.dir;
    let about = match fs::metadata(dir) {
        Ok(about) => about,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(in_dir(dir, &e)),
    };
    files::check_private_dir(dir, &about, settings.uid).map(|()| true).map_err(|e| StoreError::broken(e.to_string()))
}

/// The content of a regular file that is not too large; `None` for anything else.
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Ok(None),
        Err(e) => return Err(e),
    };
    let about = file.metadata()?;
    if !about.is_file() || about.len() > VALUE_LIMIT as u64 {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    file.take(VALUE_LIMIT as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(all(test, unix))]
#[path = "sealed_tests.rs"]
mod tests;
