//! Which store to use, and its settings.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::files;
use crate::finding::{Cause, Finding, Result};
use crate::world::World;

/// How long a keyring may take to answer an unattended caller.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(1);

/// The store that the user selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// The OS keyring if it responds and is unlocked, else `sealed`, else `none`.
    #[default]
    Auto,
    /// The OS keyring and nothing else.
    Keyring,
    /// Sealed files.
    Sealed,
    /// Nothing is cached.
    None,
}

impl StoreKind {
    /// The name on the command line and in the environment.
    pub(crate) fn name(self) -> &'static str {
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
        let found = all.into_iter().find(|kind| kind.name() == wanted);
        found.ok_or_else(|| format!("`{wanted}` is not one of auto, keyring, sealed, none"))
    }
}

/// The settings of a store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The store to open.
    pub kind: StoreKind,
    /// The directory of the sealed files.
    pub dir: PathBuf,
    /// Where state goes if nothing can be written there; files are in `sealed` below the first that
    /// can be used.
    pub spare: Vec<PathBuf>,
    /// A file with the key of the sealed files.
    pub key_file: Option<PathBuf>,
    /// A command that prints that key.
    pub key_command: Option<String>,
    /// `DBUS_SESSION_BUS_ADDRESS`.
    pub bus_address: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The ID of the user this runs as.
    pub uid: u32,
    /// How long a keyring may take to answer.
    pub timeout: Duration,
    /// Whether a person is at a terminal.
    pub attended: bool,
}

impl StoreSettings {
    /// From the flag, the environment and the settings file, in this order.
    pub(crate) fn from_world(world: &World, flag: Option<StoreKind>) -> Result<Self> {
        let settings = &world.settings;
        let kind = match (flag, world.env("AWSFRESH_STORE"), &settings.store) {
            (Some(kind), ..) => kind,
            (None, Some(text), _) => parse_kind("AWSFRESH_STORE", text)?,
            (None, None, Some(text)) => parse_kind("store in config.toml", text)?,
            (None, None, None) => StoreKind::Auto,
        };
        let key_file = world
            .env("AWSFRESH_KEY_FILE")
            .map(PathBuf::from)
            .or_else(|| settings.key_file.clone());
        let key_command = world.env("AWSFRESH_KEY_COMMAND").map(str::to_owned);
        Ok(Self {
            kind,
            dir: world.state.main.join("sealed"),
            spare: world.state.spare.clone(),
            key_file: key_file.map(|path| world.expand_home(&path.to_string_lossy())),
            key_command: key_command.or_else(|| settings.key_command.clone()),
            bus_address: world.env("DBUS_SESSION_BUS_ADDRESS").map(str::to_owned),
            runtime_dir: world.env("XDG_RUNTIME_DIR").map(PathBuf::from),
            uid: files::uid(),
            timeout: KEYRING_TIMEOUT,
            attended: world.attended,
        })
    }
}

fn parse_kind(place: &str, text: &str) -> Result<StoreKind> {
    text.parse().map_err(|_| {
        Finding::new(Cause::Usage, format!("{place} does not name a store"))
            .evidence(format!("{place} = {text}"))
            .remedy("use one of: auto, keyring, sealed, none")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_have_names() {
        assert_eq!("sealed".parse(), Ok(StoreKind::Sealed));
        assert!("plain".parse::<StoreKind>().is_err());
    }
}
