//! One refresh at a time per key, across processes.
//!
//! The lock is an advisory lock on a file of its own, which the kernel drops when its holder exits
//! in any way. The file is never unlinked: after an unlink, two processes could each hold "the"
//! lock. Its content is the last failed attempt, so that the processes that waited share the
//! outcome instead of repeating it; the room for it is taken when the file is created, so that a
//! full disk does not prevent that.
//!
//! A holder that does not end may have been stopped. After a while, one of those that wait becomes
//! its successor, under a second lock, and the others wait for either.
//!
//! Not promised: exclusion on file systems without locks (some network homes); there the caller
//! continues without one.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;
use crate::finding::{Cause, Finding, Result};
use crate::store::CacheKey;
use crate::time::Timestamp;
use crate::world::{StateDirs, World};
use crate::{file_lock, files};

/// The directory of the lock files in that of the state.
const DIR: &str = "locks";

/// More than any failure takes, in bytes.
const FAILURE_LIMIT: u64 = 64 * 1024;

/// The size of a lock file, in bytes: more than most failures take.
const ROOM: usize = 4096;

/// The longest time until a successor takes over from a holder that does not end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for another process that changes the AWS files.
const EDIT_TIME: Duration = Duration::from_secs(30);
/// A wait that is shorter is not reported.
const QUIET: Duration = Duration::from_millis(500);

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

/// How to wait for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long to wait at most.
    pub(super) deadline: Instant,
    /// Whether the work may be done again while the holder may still be at it. A refresh token must
    /// not be sent twice, and a person not be asked twice.
    pub(super) may_succeed: bool,
}

/// What most processes are busy with while they hold a lock.
pub(super) const RENEWING: &str = "renewing the same credentials";

/// Tries to take the lock of `key`; waits for it if `patience` says so. The wait for a process that
/// is `busy` with something is reported on a terminal.
pub(super) fn acquire(
    world: &World,
    key: &CacheKey,
    patience: Option<Patience>,
    busy: &str,
) -> LockAttempt {
    let dirs = &world.state;
    let attempt = RefreshLock::try_take(dirs, key).and_then(|taken| match (taken, patience) {
        (Some(lock), _) => Ok(LockAttempt::Acquired {
            lock: Some(lock),
            waited: false,
        }),
        (None, None) => Ok(LockAttempt::Busy),
        (None, Some(patience)) => {
            let report = || {
                let level = if world.attended {
                    log::Level::Info
                } else {
                    log::Level::Debug
                };
                log::log!(level, "waiting for another process that is {busy}");
            };
            let taken = RefreshLock::wait(dirs, key, patience, report)?;
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
            dirs.main.display()
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
    pub(super) remedy: &'static str,
}

/// Takes a lock, or fails at the deadline; without one, at once. Returns the lock, where the file
/// system has locks, and whether another process held it.
pub(super) fn take(
    world: &World,
    key: &CacheKey,
    deadline: Option<Instant>,
    wait: &Wait<'_>,
) -> Result<(Option<RefreshLock>, bool)> {
    let began = Instant::now();
    let patience = deadline.map(|deadline| Patience {
        deadline,
        may_succeed: false,
    });
    match acquire(world, key, patience, wait.busy) {
        LockAttempt::Acquired { lock, waited } => Ok((lock, waited)),
        LockAttempt::Busy => Err(lock_timeout(world, wait.what, began.elapsed(), wait.remedy)),
    }
}

/// Excludes other processes of awsfresh from changing the AWS files, until it is dropped.
pub(crate) fn lock_aws_files(world: &World) -> Result<Option<RefreshLock>> {
    let path = world.config_file();
    let digest = &sha256_hex(path.as_os_str().as_encoded_bytes())[..32];
    let wait = Wait {
        busy: "changing the AWS files",
        what: "AWS files",
        remedy: "try again when the other process has ended",
    };
    let deadline = Instant::now() + EDIT_TIME;
    let key = CacheKey::new("aws-files", digest);
    Ok(take(world, &key, Some(deadline), &wait)?.0)
}

/// The finding for a lock that another process held until the deadline.
pub(super) fn lock_timeout(
    world: &World,
    what: &str,
    waited: Duration,
    remedy: &'static str,
) -> Finding {
    let summary = format!("another awsfresh process still holds the lock of the {what}");
    let waited = waited.as_secs_f64();
    let dir = world.state.main.join(DIR);
    Finding::new(Cause::LockTimeout, summary)
        .evidence(format!("waited {waited:.1} s for it in {}", dir.display()))
        .remedy(remedy)
}

impl RefreshLock {
    /// Takes the lock if it is free.
    fn try_take(dirs: &StateDirs, key: &CacheKey) -> io::Result<Option<Self>> {
        let file = open(dirs, &key.file_name())?;
        Ok(file_lock::try_lock(&file)?.then_some(Self(file)))
    }

    /// Waits for the lock, and from some time on for that of the successor, too; `None` at the
    /// deadline. `report` is called when the wait is no longer short. The wait is the kernel's own,
    /// on helper threads: polling would cost latency, and a thread that is left over ends with the
    /// process.
    fn wait(
        dirs: &StateDirs,
        key: &CacheKey,
        patience: Patience,
        report: impl FnOnce(),
    ) -> io::Result<Option<Self>> {
        let (sender, receiver) = mpsc::channel();
        wait_aside(open(dirs, &key.file_name())?, sender.clone())?;
        let left = patience.deadline.saturating_duration_since(Instant::now());
        let alone = (left * 2 / 5).min(PATIENCE);
        let quiet = QUIET.min(alone);
        if let Some(lock) = receive(&receiver, quiet)? {
            return Ok(Some(lock));
        }
        report();
        if patience.may_succeed {
            if let Some(lock) = receive(&receiver, alone - quiet)? {
                return Ok(Some(lock));
            }
            log::debug!("the other process does not end: waiting to take over from it");
            wait_aside(
                open(dirs, &format!("{}.successor", key.file_name()))?,
                sender,
            )?;
        }
        let left = patience.deadline.saturating_duration_since(Instant::now());
        receive(&receiver, left)
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
        let failure = Failure {
            at: failure.at,
            finding: failure.finding.for_output(),
        };
        if let Ok(text) = serde_json::to_vec(&failure) {
            let _ = self.overwrite(text);
        }
    }

    /// Removes the failure.
    pub(super) fn clear_failure(&mut self) {
        if self.last_failure().is_some() {
            let _ = self.overwrite(Vec::new());
        }
    }

    /// Replaces the content; blanks fill the room.
    fn overwrite(&mut self, mut text: Vec<u8>) -> io::Result<()> {
        text.resize(text.len().max(ROOM), b' ');
        self.0.rewind()?;
        self.0.write_all(&text)?;
        self.0.set_len(text.len() as u64)
    }
}

/// Waits for the lock of a file on a thread of its own.
fn wait_aside(file: File, sender: Sender<io::Result<RefreshLock>>) -> io::Result<()> {
    let thread = std::thread::Builder::new()
        .name("lock".into())
        .stack_size(64 * 1024);
    thread.spawn(move || {
        let outcome = file_lock::lock(&file);
        // If the caller no longer waits, dropping the file releases the lock.
        let _ = sender.send(outcome.map(|()| RefreshLock(file)));
    })?;
    Ok(())
}

/// The lock that comes first, or `None` after `limit`.
fn receive(
    receiver: &Receiver<io::Result<RefreshLock>>,
    limit: Duration,
) -> io::Result<Option<RefreshLock>> {
    receiver.recv_timeout(limit).ok().transpose()
}

/// Opens a lock file; where that is not possible, one in a spare directory.
fn open(dirs: &StateDirs, name: &str) -> io::Result<File> {
    let with_room = || {
        let file = open_in(&dirs.main, name)?;
        take_room(&file).map(|()| file)
    };
    with_room().or_else(|e| match files::first_own_dir(&dirs.spare) {
        Some(spare) => open_in(spare, name),
        None => Err(e),
    })
}

fn open_in(state: &Path, name: &str) -> io::Result<File> {
    let dir = state.join(DIR);
    files::own_private_dir(&dir)?;
    files::open_lock_file(&dir.join(format!("{name}.lock")))
}

/// Fills a new file with blanks.
fn take_room(mut file: &File) -> io::Result<()> {
    if file.metadata()?.len() > 0 {
        return Ok(());
    }
    match file.write_all(&[b' '; ROOM]) {
        // Windows lets no one write to a locked file: whoever holds the lock has filled it.
        Err(_) if file.metadata()?.len() > 0 => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
