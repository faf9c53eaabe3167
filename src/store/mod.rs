//! Where credentials wait between two runs: the OS keyring, files sealed with a key that is not on the disk, or nowhere.

mod auto;
mod data_key;
#[cfg(target_os = "linux")]
mod keyring_linux;
#[cfg(any(target_os = "macos", target_os = "windows"))]
mod keyring_other;
mod none;
mod sealed;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::diagnosis::{Cause, Finding};

/// More than any entry takes; whatever is larger was not written by us.
const VALUE_LIMIT: usize = 1024 * 1024;

/// Name of one entry: `kind/hexdigest`, of the characters `a-z0-9/-` only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of what `digest_hex` identifies among its `kind`. Any other character becomes `-`.
    pub fn new(kind: &str, digest_hex: &str) -> Self {
        let clean = |text: &str| -> String {
            let keep = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
            text.chars().map(keep).collect()
        };
        Self(format!("{}/{}", clean(kind), clean(digest_hex)))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is a key to.
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The name with `-` for the slash.
    pub fn file_name(&self) -> String {
        self.0.replace('/', "-")
    }

    /// The key behind a name that a store gave back.
    fn parse(name: &str) -> Option<Self> {
        let (kind, digest) = name.split_once('/')?;
        let key = Self::new(kind, digest);
        (key.0 == name).then_some(key)
    }

    /// The key behind [`CacheKey::file_name`]: a digest has no `-`.
    fn from_file_name(name: &str) -> Option<Self> {
        let (kind, digest) = name.rsplit_once('-')?;
        Self::parse(&format!("{kind}/{digest}"))
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place for credentials. Whatever cannot be made sense of counts as missing; an error means that the place as such
/// does not serve.
pub trait Store: Send + Sync {
    /// `keyring`, `sealed` or `none`; of `auto`, the one in use at the moment.
    fn name(&self) -> &'static str;
    /// The value kept under `key`.
    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;
    /// Keeps `value`, in one step replacing what was there. `label` is what a person sees in a keyring manager.
    fn put(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Forgets; tells whether there was something.
    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError>;
    /// Every key that has an entry.
    fn keys(&self) -> Result<Vec<CacheKey>, StoreError>;
    /// Asks the store whether it serves, which costs as much as a use.
    fn check(&self) -> Status;
    /// Which store and why, in one line, as far as its use up to now has shown. Asks nothing: for the warm path.
    fn status(&self) -> String {
        format!("{}, as asked for", self.name())
    }
}

/// What [`Store::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// [`Store::name`].
    pub name: &'static str,
    /// Why this one.
    pub reason: String,
    /// What a person should know even without asking.
    pub warning: Option<String>,
}

/// Why a store does not serve. The text is a plain sentence that never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It is there, but a person has to unlock it.
    Locked {
        /// What was seen.
        detail: String,
    },
    /// It is not there, or does not answer.
    Unavailable {
        /// What was seen.
        detail: String,
    },
    /// It is there and in no state to be used.
    Broken {
        /// What was seen.
        detail: String,
    },
}

impl StoreError {
    fn locked(detail: impl Into<String>) -> Self {
        Self::Locked { detail: detail.into() }
    }

    fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable { detail: detail.into() }
    }

    fn broken(detail: impl Into<String>) -> Self {
        Self::Broken { detail: detail.into() }
    }

    /// What was seen.
    pub fn detail(&self) -> &str {
        match self {
            Self::Locked { detail } | Self::Unavailable { detail } | Self::Broken { detail } => detail,
        }
    }

    /// As a finding with a next step.
    pub fn into_finding(self) -> Finding {
        let (cause, summary, next) = match &self {
            Self::Locked { .. } => {
                (Cause::StoreLocked, "the keyring is locked", "unlock the keyring (sign in to the desktop), or use AWSFRESH_STORE=sealed")
            }
            Self::Unavailable { .. } => {
                (Cause::StoreUnavailable, "the credential store cannot be used", "AWSFRESH_STORE=auto uses whatever store works here")
            }
            Self::Broken { .. } => (Cause::StoreUnavailable, "the credential store is not in order", "awsfresh status"),
        };
        Finding::new(cause, summary).seen(self.detail()).try_this(next)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Finding {
    fn from(error: StoreError) -> Self {
        error.into_finding()
    }
}

/// Which store the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// The OS keyring where it answers unlocked, else `sealed`, else `none`.
    #[default]
    Auto,
    /// The OS keyring and nothing else.
    Keyring,
    /// Sealed files.
    Sealed,
    /// Nothing is kept.
    None,
}

impl StoreKind {
    /// What it is called on the command line and in the environment.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Keyring => "keyring",
            Self::Sealed => "sealed",
            Self::None => "none",
        }
    }
}

impl FromStr for StoreKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Auto, Self::Keyring, Self::Sealed, Self::None];
        let wanted = text.trim();
        all.into_iter().find(|kind| kind.name() == wanted).ok_or_else(|| format!("`{wanted}` is none of: auto, keyring, sealed, none"))
    }
}

/// What opening a store takes.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Which one.
    pub kind: StoreKind,
    /// Where sealed files lie.
    pub dir: PathBuf,
    /// A file with the key of the sealed files.
    pub key_file: Option<PathBuf>,
    /// A command that prints that key.
    pub key_command: Option<String>,
    /// `DBUS_SESSION_BUS_ADDRESS`.
    pub bus_address: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// Who runs this.
    pub uid: u32,
    /// How long a keyring may take to answer.
    pub deadline: Duration,
    /// Whether a person can be asked.
    pub attended: bool,
}

/// The store of this run. Nothing is asked, connected to or created before its first use; what it finds then is in
/// [`Store::check`].
pub fn open(settings: &StoreSettings) -> Box<dyn Store> {
    match settings.kind {
        StoreKind::Auto => Box::new(auto::Auto::new(keyring(settings, false), sealed::Sealed::new(settings))),
        StoreKind::Keyring => keyring(settings, true).unwrap_or_else(|| Box::new(none::NoKeyring)),
        StoreKind::Sealed => Box::new(sealed::Sealed::new(settings)),
        StoreKind::None => Box::new(none::Nothing),
    }
}

/// The OS keyring; `None` where there is none on this system, or, unless `wanted`, nothing that could answer.
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

/// Runs `work` on a thread of its own, for at most `limit`: keyring libraries can hang for ever, and some must not be
/// called from asynchronous code. A thread that is late is left behind and ends with the process.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
fn bounded<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let spawned = std::thread::Builder::new().name("keyring".into()).spawn(move || {
        let _ = sender.send(work());
    });
    if let Err(error) = spawned {
        return Err(StoreError::unavailable(format!("no thread for the keyring could be started: {error}")));
    }
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
            Err(StoreError::unavailable(format!("the keyring did not answer within {} s", limit.as_secs_f32())))
        }
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(StoreError::broken("the keyring library failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_as_file_names() {
        let key = CacheKey::new("sso-token", "3f2a");
        assert_eq!((key.as_str(), key.file_name().as_str()), ("sso-token/3f2a", "sso-token-3f2a"));
        assert_eq!(key.kind(), "sso-token");
        assert_eq!(CacheKey::from_file_name(&key.file_name()), Some(key));
        assert_eq!(CacheKey::new("../x", "A").as_str(), "---x/-");
        assert_eq!(CacheKey::parse("../x"), None);
    }

    #[test]
    fn kinds_and_findings() {
        assert_eq!("sealed".parse(), Ok(StoreKind::Sealed));
        assert!("plain".parse::<StoreKind>().is_err());
        let finding = StoreError::locked("the collection `login` is locked").into_finding();
        assert_eq!((finding.cause, finding.exit_code(), finding.remedy.len()), (Cause::StoreLocked, 8, 1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_hanging_library_is_left_behind() {
        let error = bounded(Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert_eq!(error, Err(StoreError::unavailable("the keyring did not answer within 0.02 s")));
    }
}
