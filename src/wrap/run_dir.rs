//! The private directory of one wrapped command: 0700, files 0600, removed after it. The owner and
//! the command hold the lock of a file in it; a directory without one was left behind by a SIGKILL, and
//! the next run removes it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::digest::random_hex;
use crate::finding::{Cause, Finding, Result};
use crate::world::World;
use crate::{file_lock, files};

/// The overlay's config file in a run's directory.
pub(super) const CONFIG: &str = "config";
/// Its credentials file.
pub(super) const CREDENTIALS: &str = "credentials";
const ALIVE: &str = "alive";
const STARTING: &str = "starting";
/// A directory of this age without a lock file is not a run that is about to begin.
const GRACE: Duration = Duration::from_secs(60);

/// More than most config files take, in bytes.
const ROOM: usize = 64 * 1024;

/// Removed on drop.
#[derive(Debug)]
pub(super) struct RunDir {
    path: PathBuf,
    alive: Option<File>,
}

impl RunDir {
    /// Creates one in the runtime directory, else in the state directory, else in a spare one: `su`
    /// keeps the runtime directory of another user, and a disk may be full.
    pub(super) fn create(world: &World) -> Result<Self> {
        match world.runtime_dir().map(|runtime| Self::create_in(&runtime)) {
            Some(Ok(dir)) => return Ok(dir),
            Some(Err(finding)) => log::debug!("{finding}"),
            None => {}
        }
        let in_state = |state: &Path| Self::create_in(&state.join("runs"));
        in_state(&world.state.main).or_else(|finding| {
            log::debug!("{finding}");
            let spare = files::first_own_dir(&world.state.spare);
            spare.map_or(Err(finding), in_state)
        })
    }

    /// Creates one in a file system in memory. Only Linux has one that every user can write to;
    /// elsewhere it is where [`Self::create`] puts it.
    pub(super) fn create_in_memory(world: &World) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            return Self::create(world);
        }
        // Each is checked itself: another user may have created it.
        let own = |spare: &PathBuf| files::first_own_dir(std::slice::from_ref(spare)).is_some();
        let spare = world.state.spare.iter().filter(|spare| own(spare));
        let spare = spare.map(|spare| spare.join("runs"));
        for runs in world.runtime_dir().into_iter().chain(spare) {
            match Self::create_in(&runs) {
                Ok(dir) if is_in_memory(&dir.path) => return Ok(dir),
                Ok(_) => log::debug!("{} is on a disk", runs.display()),
                Err(finding) => log::debug!("{finding}"),
            }
        }
        let summary = "there is no directory in memory for the credentials of a container";
        Err(Finding::new(Cause::FilePermissions, summary)
            .evidence("looked in XDG_RUNTIME_DIR, /run/user and /dev/shm")
            .remedy("set XDG_RUNTIME_DIR to a directory on a tmpfs, or use --deliver env"))
    }

    /// Creates one in `runs`, and removes what dead runs left there.
    fn create_in(runs: &Path) -> Result<Self> {
        let unusable = |e: io::Error| {
            Finding::new(
                Cause::FilePermissions,
                format!(
                    "cannot create a private directory in {}: {e}",
                    runs.display()
                ),
            )
            .remedy("set XDG_RUNTIME_DIR to a writable directory, or use --deliver env")
        };
        private_dir(runs).map_err(unusable)?;
        sweep(runs);
        let path = runs.join(format!("run-{}", random_hex::<8>().map_err(unusable)?));
        private_dir(&path).map_err(unusable)?;
        let alive = files::check_room(&path.join(CONFIG), ROOM).and_then(|()| alive(&path));
        match alive {
            Ok(alive) => Ok(Self {
                path,
                alive: Some(alive),
            }),
            Err(e) => {
                let _ = fs::remove_dir_all(&path);
                Err(unusable(e))
            }
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one of its files.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        files::create_private(&self.path.join(name))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| {
                Finding::new(
                    Cause::FilePermissions,
                    format!("cannot write to {}: {e}", self.path.display()),
                )
                .remedy("free space in the runtime directory, or use --deliver env")
            })
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        self.alive = None; // Windows removes no directory with an open file in it
        let _ = fs::remove_dir_all(&self.path); // if it fails, the next run tries again
    }
}

/// Creates the lock file of a directory. The command inherits it, and with it the lock: the directory
/// lives as long as any process of the command, even after a SIGKILL of this one. It gets its name when it is locked: under that name, a file
/// that is free belongs to a dead run.
fn alive(dir: &Path) -> io::Result<File> {
    let starting = dir.join(STARTING);
    let file = files::create_private(&starting)?;
    file_lock::try_lock(&file)?;
    files::let_inherit(&file)?;
    fs::rename(&starting, dir.join(ALIVE))?;
    Ok(file)
}

/// Removes directories without an owner.
fn sweep(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with("run-") {
            continue;
        }
        let dead = match File::open(entry.path().join(ALIVE)) {
            Ok(alive) => file_lock::try_lock(&alive).is_ok_and(|free| free),
            Err(_) => entry
                .metadata()
                .and_then(|m| m.modified())
                .is_ok_and(|t| t.elapsed().is_ok_and(|age| age > GRACE)),
        };
        if dead {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h.
    const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];
    let about = rustix::fs::statfs(path);
    about.is_ok_and(|about| IN_MEMORY.contains(&(about.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

/// Creates a directory for this user alone; rejects a link to one, and one that another user owns
/// or can write to.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    files::create_private_dir(path)?;
    let about = fs::symlink_metadata(path)?;
    files::check_private_dir(path, &about, files::uid())
        .map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_directories_stay_and_dead_ones_are_removed() {
        let runs = tempfile::tempdir().unwrap();
        let living = RunDir::create_in(runs.path()).unwrap();
        let dead = runs.path().join("run-0123456789abcdef");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(ALIVE), "").unwrap();
        let second = RunDir::create_in(runs.path()).unwrap();
        assert!(living.path().exists() && second.path().exists() && !dead.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn runs_that_begin_at_once_do_not_remove_each_other() {
        let runs = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        RunDir::create_in(runs.path())
                            .unwrap()
                            .write(CONFIG, "")
                            .unwrap();
                    }
                });
            }
        });
    }

    #[test]
    #[cfg(unix)]
    fn a_directory_others_can_write_to_is_rejected() {
        use std::os::unix::fs::PermissionsExt;
        let runs = tempfile::tempdir().unwrap();
        fs::set_permissions(runs.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(
            RunDir::create_in(runs.path()).unwrap_err().cause,
            Cause::FilePermissions
        );
    }
}
