//! One refresh at a time per key, across processes.
//!
//! The lock is an advisory lock on a file of its own, which the kernel drops when its holder exits
//! in any way. The file is never unlinked: after an unlink, two processes could each hold "the"
//! lock. Its content is the last failed attempt, so that the processes that waited share the
//! outcome instead of repeating it. Not promised: exclusion on file systems without locks (some
//! network homes); there the caller continues without one.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::finding::{Cause, Finding, Result};
use crate::store::CacheKey;
use crate::time::Timestamp;
use crate::world::{World, uid};
use crate::{file_lock, files};

/// More than any failure takes, in bytes.
const FAILURE_LIMIT: u64 = 64 * 1024;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct RefreshLock(File);

/// A refresh that failed, as left in the lock file.
#[derive(Serialize, Deserialize)]
pub(super) struct Failure {
    /// When it failed.
    pub(super) at: Timestamp,
    /// Why it failed.
    pub(super) finding: Finding,
}

/// The outcome of an attempt to take the lock.
pub(super) enum LockAttempt {
    /// This process does the work. `lock` is `None` where the file system has no locks. `waited`
    /// says whether another process held the lock.
    Acquired {
        lock: Option<RefreshLock>,
        waited: bool,
    },
    /// Another process still holds it.
    Busy,
}

/// The directory of the lock files.
pub(super) fn directory(world: &World) -> PathBuf {
    world.state_dir().join("locks")
}

/// What most processes are busy with while they hold a lock.
pub(super) const RENEWING: &str = "renewing the same credentials";

/// Tries to take the lock of `key`; with a deadline, waits for it that long. The wait for a process
/// that is `busy` with something is reported on a terminal.
pub(super) fn acquire(
    dir: &Path,
    key: &CacheKey,
    deadline: Option<Instant>,
    attended: bool,
    busy: &str,
) -> LockAttempt {
    let attempt = RefreshLock::try_take(dir, key).and_then(|taken| match (taken, deadline) {
        (Some(lock), _) => Ok(LockAttempt::Acquired {
            lock: Some(lock),
            waited: false,
        }),
        (None, None) => Ok(LockAttempt::Busy),
        (None, Some(deadline)) => {
            let level = if attended {
                log::Level::Info
            } else {
                log::Level::Debug
            };
            log::log!(level, "waiting for another process that is {busy}");
            let taken = RefreshLock::wait(dir, key, deadline)?;
            Ok(match taken {
                Some(lock) => LockAttempt::Acquired {
                    lock: Some(lock),
                    waited: true,
                },
                None => LockAttempt::Busy,
            })
        }
    });
    attempt.unwrap_or_else(|e| {
        log::debug!(
            "no lock is available in {} ({e}): continuing without one",
            dir.display()
        );
        LockAttempt::Acquired {
            lock: None,
            waited: false,
        }
    })
}

/// What to do where a renewal by another process took too long.
pub(super) const MORE_TIME: &str = "try again; AWSFRESH_TIMEOUT=SECONDS allows more time";

/// How a wait for a lock is reported.
pub(super) struct Wait<'a> {
    /// What the other process does, as in "that is …".
    pub(super) busy: &'a str,
    /// What the lock is for, as in "the …".
    pub(super) what: &'a str,
    /// What to do after the deadline.
    pub(super) remedy: &'a str,
}

/// Takes a lock, or fails at the deadline. Returns the lock, where the file system has locks, and
/// whether another process held it.
pub(super) fn take(
    world: &World,
    key: &CacheKey,
    deadline: Instant,
    wait: &Wait<'_>,
) -> Result<(Option<RefreshLock>, bool)> {
    let (began, dir) = (Instant::now(), directory(world));
    match acquire(&dir, key, Some(deadline), world.attended, wait.busy) {
        LockAttempt::Acquired { lock, waited } => Ok((lock, waited)),
        LockAttempt::Busy => Err(lock_timeout(wait.what, began.elapsed(), &dir, wait.remedy)),
    }
}

/// The finding for a lock that another process held until the deadline.
pub(super) fn lock_timeout(what: &str, waited: Duration, dir: &Path, remedy: &str) -> Finding {
    let summary = format!("another awsfresh process still holds the lock of the {what}");
    let waited = waited.as_secs_f64();
    Finding::new(Cause::LockTimeout, summary)
        .evidence(format!("waited {waited:.1} s for it in {}", dir.display()))
        .remedy(remedy)
}

impl RefreshLock {
    /// Takes the lock if it is free.
    fn try_take(dir: &Path, key: &CacheKey) -> io::Result<Option<Self>> {
        let file = open(dir, key)?;
        Ok(file_lock::try_lock(&file)?.then_some(Self(file)))
    }

    /// Waits for the lock until `deadline`; `None` once that has passed. The wait is the kernel's
    /// own, on a helper thread: polling would cost latency, and a thread that is left over ends
    /// with the process.
    fn wait(dir: &Path, key: &CacheKey, deadline: Instant) -> io::Result<Option<Self>> {
        let file = open(dir, key)?;
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("lock".into())
            .stack_size(64 * 1024);
        thread.spawn(move || {
            let outcome = file_lock::lock(&file);
            // If the caller no longer waits, dropping the file releases the lock.
            let _ = sender.send(outcome.map(|()| Self(file)));
        })?;
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(outcome) => outcome.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The last failed attempt, if none has succeeded since.
    pub(super) fn last_failure(&mut self) -> Option<Failure> {
        let mut text = Vec::new();
        self.0.rewind().ok()?;
        (&self.0).take(FAILURE_LIMIT).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Leaves a failure for the processes that wait. Best effort: it saves them work, no more.
    pub(super) fn leave_failure(&mut self, failure: &Failure) {
        if let Ok(text) = serde_json::to_vec(failure) {
            let emptied = self.0.set_len(0).and_then(|()| self.0.rewind());
            let _ = emptied.and_then(|()| self.0.write_all(&text));
        }
    }

    /// Removes the failure.
    pub(super) fn clear_failure(&mut self) {
        let _ = self.0.set_len(0);
    }
}

fn open(dir: &Path, key: &CacheKey) -> io::Result<File> {
    files::own_private_dir(dir, uid())?;
    files::open_lock_file(&dir.join(format!("{}.lock", key.file_name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CacheKey {
        CacheKey::new("role", "00ff")
    }

    #[test]
    fn a_second_holder_waits_until_the_first_releases_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let wait = |millis| {
            let deadline = Instant::now() + Duration::from_millis(millis);
            RefreshLock::wait(dir.path(), &key(), deadline).unwrap()
        };
        let first = RefreshLock::try_take(dir.path(), &key())
            .unwrap()
            .expect("free");
        assert!(RefreshLock::try_take(dir.path(), &key()).unwrap().is_none());
        assert!(wait(30).is_none());
        drop(first);
        assert!(wait(5000).is_some());
    }

    /// A file that another user planted could show its own remedy, or overwrite what it links to.
    #[test]
    #[cfg(unix)]
    fn a_planted_lock_file_is_refused_and_the_directory_made_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let open_to_all = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(dir.path(), open_to_all).unwrap();
        let file = dir.path().join(format!("{}.lock", key().file_name()));
        let other = dir.path().join("precious");
        std::fs::write(&other, "precious").unwrap();
        std::fs::hard_link(&other, &file).unwrap();
        assert!(RefreshLock::try_take(dir.path(), &key()).is_err());
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        assert!(RefreshLock::try_take(dir.path(), &key()).is_err());
        std::fs::remove_file(&file).unwrap();
        assert!(RefreshLock::try_take(dir.path(), &key()).unwrap().is_some());
        let mode = std::fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(std::fs::read_to_string(other).unwrap(), "precious");
    }

    #[test]
    fn a_failure_is_left_for_the_next_holder_and_garbage_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let take = || {
            RefreshLock::try_take(dir.path(), &key())
                .unwrap()
                .expect("free")
        };
        let mut lock = take();
        assert!(lock.last_failure().is_none());
        let finding = Finding::new(Cause::DnsFailure, "no such host");
        lock.leave_failure(&Failure {
            at: Timestamp(7),
            finding,
        });
        drop(lock);
        let mut lock = take();
        let left = lock.last_failure().map(|f| (f.at, f.finding.cause));
        assert_eq!(left, Some((Timestamp(7), Cause::DnsFailure)));
        lock.clear_failure();
        assert!(lock.last_failure().is_none());
        let file = dir.path().join(format!("{}.lock", key().file_name()));
        std::fs::write(file, b"\0{garbage").unwrap();
        assert!(lock.last_failure().is_none());
    }
}
