//! Where awsfresh keeps locks, sealed credentials and its journal.

use std::path::{Path, PathBuf};

use crate::digest::sha256_hex;
use crate::files;

/// The directories for state.
#[derive(Clone, Debug)]
pub(crate) struct StateDirs {
    /// The one to use. It follows from the home directory and the user alone: cron and login shells
    /// must share it, and cron has no `XDG_*`.
    pub(crate) main: PathBuf,
    /// Where to go on if the main one cannot be written to, the best one first. They are in memory
    /// where the system has such a place, and are checked before every use.
    pub(crate) spare: Vec<PathBuf>,
}

impl StateDirs {
    /// In the home directory if that belongs to this user. In that of another one (`sudo -E`) this
    /// user would leave files that the owner cannot use.
    pub(super) fn new(home: &Path) -> Self {
        let uid = files::uid();
        let spare = spare_dirs(home, uid);
        let mut main = state_dir_under(home);
        if !belongs_to(&main, uid)
            && let Some(own) = files::first_own_dir(&spare)
        {
            main = own.to_owned();
        }
        Self { main, spare }
    }
}

fn state_dir_under(home: &Path) -> PathBuf {
    if cfg!(windows) {
        home.join("AppData").join("Local").join("awsfresh")
    } else if cfg!(target_os = "macos") {
        home.join("Library")
            .join("Application Support")
            .join("awsfresh")
    } else {
        home.join(".local").join("state").join("awsfresh")
    }
}

/// Whether this user owns a directory, or that in which it would be created.
#[cfg(unix)]
fn belongs_to(dir: &Path, uid: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let existing = dir.ancestors().find_map(|dir| dir.metadata().ok());
    existing.is_some_and(|about| about.uid() == uid)
}

#[cfg(not(unix))]
fn belongs_to(_: &Path, _: u32) -> bool {
    true
}

/// One directory per user and home directory in each place where every user can create one.
fn spare_dirs(home: &Path, uid: u32) -> Vec<PathBuf> {
    if cfg!(not(unix)) {
        return Vec::new();
    }
    let home = &sha256_hex(home.as_os_str().as_encoded_bytes())[..12];
    let runtime = PathBuf::from(format!("/run/user/{uid}"));
    let shared = ["/dev/shm", "/tmp"].map(PathBuf::from);
    let places = std::iter::once(runtime).chain(shared);
    places
        .map(|place| place.join(format!("awsfresh-{uid}-{home}")))
        .collect()
}
