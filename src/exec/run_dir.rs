//! The private directory of one wrapped command: 0700, files 0600, gone after it. A lock file that its owner holds
//! tells the living from what a SIGKILL left behind; the next run clears that away.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnosis::{Cause, Finding, Result};
use crate::digest::random_hex;
use crate::{files, world};

/// The overlay's config file in a run's directory.
pub const CONFIG: &str = "config";
/// Its credentials file.
pub const CREDENTIALS: &str = "credentials";
const ALIVE: &str = "alive";
/// A directory without a lock this old is no run that is just beginning.
const GRACE: Duration = Duration::from_secs(60);

/// Removed on drop.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _alive: File,
}

impl RunDir {
    /// Makes one under `runs`, and clears away what dead runs left there.
    pub fn create(runs: &Path) -> Result<Self> {
        let unusable = |e: io::Error| {
            Finding::new(Cause::FilePermissions, format!("no private directory can be made in {}: {e}", runs.display()))
                .try_this("set XDG_RUNTIME_DIR to a writable directory, or use --deliver env")
        };
        private_dir(runs).map_err(unusable)?;
        sweep(runs);
        let path = runs.join(format!("run-{}", random_hex::<8>().map_err(unusable)?));
        private_dir(&path).map_err(unusable)?;
        let made = files::create_private(&path.join(ALIVE));
        let locked = made.and_then(|alive| fs2::FileExt::try_lock_exclusive(&alive).map(|()| alive));
        match locked {
            Ok(alive) => Ok(Self { path, _alive: alive }),
            Err(e) => {
                let _ = fs::remove_dir_all(&path);
                Err(unusable(e))
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one of its files.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        files::create_private(&self.path.join(name)).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| {
            Finding::new(Cause::FilePermissions, format!("{} cannot be written: {e}", self.path.display()))
                .try_this("free space in the runtime directory, or use --deliver env")
        })
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path); // the next run tries again
    }
}

/// Removes directories whose owner is gone.
fn sweep(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with("run-") {
            continue;
        }
        let dead = match File::open(entry.path().join(ALIVE)) {
            Ok(alive) => fs2::FileExt::try_lock_exclusive(&alive).is_ok(),
            Err(_) => entry.metadata().and_then(|m| m.modified()).is_ok_and(|t| t.elapsed().is_ok_and(|age| age > GRACE)),
        };
        if dead {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Keeps what would be lost with a run's directory: `target` in `dir`, which is made.
pub fn keep(dir: &Path, target: &Path, bytes: &[u8]) -> io::Result<()> {
    private_dir(dir)?;
    files::replace(target, bytes)
}

/// Makes a directory for this user alone; refuses a link to one, and one that somebody else owns or may write to.
fn private_dir(path: &Path) -> io::Result<()> {
    files::create_private_dir(path)?;
    files::check_private_dir(path, &fs::symlink_metadata(path)?, world::uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_left_alone_and_the_dead_cleared_away() {
        let runs = tempfile::tempdir().unwrap();
        let living = RunDir::create(runs.path()).unwrap();
        let dead = runs.path().join("run-0123456789abcdef");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(ALIVE), "").unwrap();
        let second = RunDir::create(runs.path()).unwrap();
        assert!(living.path().exists() && second.path().exists() && !dead.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    #[cfg(unix)]
    fn a_directory_others_can_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let runs = tempfile::tempdir().unwrap();
        fs::set_permissions(runs.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(RunDir::create(runs.path()).unwrap_err().cause, Cause::FilePermissions);
    }
}
