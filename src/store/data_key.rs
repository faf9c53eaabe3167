//! The 32-byte key of the sealed files: from a file or command that the user names, else from where
//! the system keeps keys. On Linux that is the kernel's user keyring, which is in memory only and
//! shared by cron jobs and login shells; on macOS and Windows it is `os_key.rs`.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{StoreError, StoreSettings};
use crate::files;

pub(super) type DataKey = Zeroizing<[u8; 32]>;

/// Leaves time for AWS before an unattended caller gives up.
const COMMAND_LIMIT: Duration = Duration::from_secs(3);
const TEXT_LIMIT: u64 = 4096;

/// Where the key is looked for.
pub(super) fn place(settings: &StoreSettings) -> String {
    match (&settings.key_file, &settings.key_command) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(_)) => "the key command".into(),
        (None, None) => system::PLACE.into(),
    }
}

/// A new key.
pub(super) fn new() -> Result<DataKey, StoreError> {
    let mut key = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(key.as_mut())
        .map_err(|_| StoreError::broken("the system has no random numbers"))?;
    Ok(key)
}

/// Whether the key is still there after a restart of the machine.
pub(super) fn outlasts_restart(settings: &StoreSettings) -> bool {
    let is_named = settings.key_file.is_some() || settings.key_command.is_some();
    is_named || cfg!(any(target_os = "macos", windows))
}

/// The key. If the system's place for it has none yet, a new one is put there.
pub(super) fn load(settings: &StoreSettings) -> Result<DataKey, StoreError> {
    match (&settings.key_file, &settings.key_command) {
        (Some(_), _) => from_file(settings),
        (None, Some(command)) => from_command(command),
        (None, None) => system::load(settings),
    }
}

fn from_file(settings: &StoreSettings) -> Result<DataKey, StoreError> {
    let path = settings
        .key_file
        .as_deref()
        .unwrap_or(std::path::Path::new(""));
    let failed = |e: std::io::Error| {
        StoreError::unavailable(format!(
            "the key file {} cannot be read: {e}",
            path.display()
        ))
    };
    let file = files::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = file.metadata().map_err(failed)?;
        if about.mode() & 0o077 != 0 || (about.uid() != settings.uid && about.uid() != 0) {
            return Err(StoreError::broken(format!(
                "other users can use the key file {}: chmod 600 it",
                path.display()
            )));
        }
    }
    let bytes = files::read_open(&file, TEXT_LIMIT).map_err(failed)?;
    parse(&bytes)
        .ok_or_else(|| StoreError::broken(format!("the key file {} {NO_KEY}", path.display())))
}

const NO_KEY: &str = "does not contain a key: 32 bytes, or these as 64 hex digits or base64";

fn from_command(command: &str) -> Result<DataKey, StoreError> {
    let failed = |what: &str| {
        StoreError::unavailable(format!("the key command (AWSFRESH_KEY_COMMAND) {what}"))
    };
    let (shell, flag) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let spawned = Command::new(shell)
        .arg(flag)
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = spawned.map_err(|e| failed(&format!("cannot be started: {e}")))?;
    let until = Instant::now() + COMMAND_LIMIT;
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        let reader = std::thread::Builder::new().spawn(move || {
            let mut bytes = Zeroizing::new(Vec::with_capacity(TEXT_LIMIT as usize));
            let read = output.take(TEXT_LIMIT).read_to_end(&mut bytes);
            let _ = sender.send(read.map(|_| bytes));
        });
        if let Err(e) = reader {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(&format!("cannot be read: {e}")));
        }
    }
    let output = receiver.recv_timeout(COMMAND_LIMIT);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => break None,
        }
    };
    match (output, status) {
        (Ok(Ok(bytes)), Some(status)) if status.success() => {
            parse(&bytes).ok_or_else(|| failed(NO_KEY))
        }
        (_, Some(status)) => Err(failed(&format!("failed ({status})"))),
        (_, None) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(failed("did not end within 3 s"))
        }
    }
}

fn parse(bytes: &[u8]) -> Option<DataKey> {
    if let Ok(raw) = <[u8; 32]>::try_from(bytes) {
        return Some(Zeroizing::new(raw));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() == 64 && text.is_ascii() {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, key.as_mut()).ok()?;
        return Some(key);
    }
    let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
    <[u8; 32]>::try_from(decoded.as_slice())
        .ok()
        .map(Zeroizing::new)
}

#[cfg(any(target_os = "macos", windows))]
use super::os_key as system;

/// The kernel keyring.
#[cfg(target_os = "linux")]
mod system {
    use linux_keyutils::{
        Key, KeyError, KeyPermissions, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier,
        Permission,
    };

    use super::*;

    /// One key per user: one per home directory would use up the quota of a machine that creates
    /// home directories, as build servers do.
    const NAME: &str = "awsfresh:data-key";
    pub(super) const PLACE: &str = "the kernel keyring";

    pub(super) fn load(_: &StoreSettings) -> Result<DataKey, StoreError> {
        let ring = user_ring().map_err(refused)?;
        if let Some(key) = find(ring).map_err(refused)? {
            return Ok(key);
        }
        match ring.add_key(NAME, new()?.as_ref()) {
            Ok(id) => {
                if let Ok(persistent) = persistent_ring() {
                    let _ = persistent.link_key(id);
                }
            }
            // Another process was first, and its key cannot be changed any more.
            Err(KeyError::AccessDenied) => {}
            Err(error) => return Err(refused(error)),
        }
        // Two first runs at once may each have added one: what is there now stays.
        find(ring).map_err(refused)?.ok_or_else(|| {
            StoreError::unavailable(format!("the kernel keyring did not keep the key {NAME}"))
        })
    }

    /// The user keyring, made a part of the process keyring: without that, cron and bare sessions
    /// may not read from it.
    fn user_ring() -> Result<KeyRing, KeyError> {
        let ring = KeyRing::from_special_id(KeyRingIdentifier::User, true)?;
        KeyRing::from_special_id(KeyRingIdentifier::Process, true)?.link_keyring(ring)?;
        Ok(ring)
    }

    /// Outlives the user's last process, for some days. Not every kernel has it.
    fn persistent_ring() -> Result<KeyRing, KeyError> {
        KeyRing::get_persistent(KeyRingIdentifier::Process)
    }

    fn find(ring: KeyRing) -> Result<Option<DataKey>, KeyError> {
        if let Some((_, key)) = search(ring)? {
            return Ok(Some(key));
        }
        let Ok(Some((id, key))) = persistent_ring().and_then(search) else {
            return Ok(None);
        };
        let _ = ring.link_key(id);
        Ok(Some(key))
    }

    /// The key in a ring. It is made read-only before it is read: adding a key replaces one of the
    /// same name, and this one may have sealed a file a moment later.
    fn search(ring: KeyRing) -> Result<Option<(Key, DataKey)>, KeyError> {
        let read = |id: Key| {
            id.set_perms(read_only())?;
            let mut key = Zeroizing::new([0; 32]);
            let length = id.read(&mut *key)?;
            Ok((length == key.len()).then_some((id, key)))
        };
        match ring.search(NAME).and_then(read) {
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => {
                Ok(None)
            }
            other => other,
        }
    }

    /// Everything but changing the key itself, for whoever can use the user keyring.
    fn read_only() -> KeyPermissions {
        KeyPermissionsBuilder::builder()
            .posessor(Permission::ALL - Permission::WRITE)
            .user(Permission::VIEW)
            .build()
    }

    fn refused(error: KeyError) -> StoreError {
        let why = match error {
            KeyError::AccessDenied | KeyError::PermissionDenied => "not permitted".into(),
            KeyError::QuotaExceeded => {
                "its quota is used up: `keyctl show @u` lists what is in it".into()
            }
            KeyError::OperationNotSupported | KeyError::Unknown(38) => {
                "this kernel has none".into()
            }
            other => format!("{other}"),
        };
        StoreError::unavailable(format!(
            "the kernel keyring cannot be used here ({why}); name a key file with AWSFRESH_KEY_FILE"
        ))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod system {
    use super::*;

    pub(super) const PLACE: &str = "nowhere";

    pub(super) fn load(_: &StoreSettings) -> Result<DataKey, StoreError> {
        Err(StoreError::unavailable(
            "this system has no place for the key of sealed files; name a key file with AWSFRESH_KEY_FILE",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_three_forms() {
        let key = [0xa5; 32];
        assert_eq!(parse(&key).as_deref(), Some(&key));
        assert_eq!(
            parse(format!("{}\n", "a5".repeat(32)).as_bytes()).as_deref(),
            Some(&key)
        );
        assert_eq!(
            parse(b"paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\n").as_deref(),
            Some(&key)
        );
        for bad in [
            &b""[..],
            b"short",
            &[0; 33],
            "é".repeat(32).as_bytes(),
            &[b'g'; 64],
        ] {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_command_prints_it_or_fails_with_a_sentence() {
        assert_eq!(
            from_command("printf 'a5%.0s' $(seq 32)").unwrap().as_ref(),
            &[0xa5; 32]
        );
        assert!(
            from_command("exit 3")
                .unwrap_err()
                .detail()
                .contains("exit status: 3")
        );
        let endless = from_command("yes").unwrap_err();
        assert!(!endless.detail().contains("y\ny"), "{endless}");
    }
}
