//! One refresh at a time per key, across processes.
//!
//! The lock is an advisory lock on a file of its own, which the kernel drops when its holder dies in any way. The file
//! is never unlinked: after an unlink two processes could each hold "the" lock. Its content is the last failed
//! attempt, so that whoever waited learns the outcome instead of repeating it. Not promised: exclusion where the file
//! system has no locks (some network homes); there the caller goes on without.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::diagnosis::Finding;
use crate::files;
use crate::store::CacheKey;
use crate::time::Timestamp;

/// Held until dropped.
#[derive(Debug)]
pub struct RefreshLock(File);

/// A refresh that failed, as left in the lock file.
#[derive(Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub finding: Finding,
}

/// More than any finding takes.
const FAILURE_LIMIT: u64 = 64 * 1024;

impl RefreshLock {
    /// Takes the lock if it is free.
    pub fn try_take(dir: &Path, key: &CacheKey) -> io::Result<Option<Self>> {
        let file = open(dir, key)?;
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) => Ok(Some(Self(file))),
            Err(e) if e.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Waits for the lock until `deadline`; `None` once that has passed. The wait is the kernel's own, on a helper
    /// thread: polling would cost latency, and a thread left over ends with the process.
    pub fn wait(dir: &Path, key: &CacheKey, deadline: Instant) -> io::Result<Option<Self>> {
        let file = open(dir, key)?;
        let (sender, receiver) = mpsc::channel();
        std::thread::Builder::new().name("lock".into()).stack_size(64 * 1024).spawn(move || {
            let outcome = loop {
                match fs2::FileExt::lock_exclusive(&file) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            // If nobody waits any more, dropping the file gives the lock back.
            let _ = sender.send(outcome.map(|()| Self(file)));
        })?;
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(outcome) => outcome.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The failed attempt that was left here last, if the one after it did not succeed.
    pub fn last_failure(&mut self) -> Option<Failure> {
        let mut text = Vec::new();
        self.0.rewind().ok()?;
        (&self.0).take(FAILURE_LIMIT).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Leaves a failure for those who wait. Best effort: it saves them work, nothing more.
    pub fn leave_failure(&mut self, failure: &Failure) {
        if let Ok(text) = serde_json::to_vec(failure) {
            let _ = self.0.set_len(0).and_then(|()| self.0.rewind()).and_then(|()| self.0.write_all(&text));
        }
    }

    /// Forgets the failure.
    pub fn clear_failure(&mut self) {
        let _ = self.0.set_len(0);
    }
}

fn open(dir: &Path, key: &CacheKey) -> io::Result<File> {
    files::create_private_dir(dir)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(dir.join(format!("{}.lock", key.file_name())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnosis::Cause;

    fn key() -> CacheKey {
        CacheKey::new("role", "00ff")
    }

    #[test]
    fn a_second_holder_waits_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = RefreshLock::try_take(dir.path(), &key()).unwrap().expect("free");
        assert!(RefreshLock::try_take(dir.path(), &key()).unwrap().is_none());
        assert!(RefreshLock::wait(dir.path(), &key(), Instant::now() + Duration::from_millis(30)).unwrap().is_none());
        drop(first);
        assert!(RefreshLock::wait(dir.path(), &key(), Instant::now() + Duration::from_secs(5)).unwrap().is_some());
    }

    #[test]
    fn a_failure_is_left_for_the_next_holder_and_garbage_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = RefreshLock::try_take(dir.path(), &key()).unwrap().expect("free");
        assert!(lock.last_failure().is_none());
        lock.leave_failure(&Failure { at: Timestamp(7), finding: Finding::new(Cause::DnsFailure, "no such host") });
        drop(lock);
        let mut lock = RefreshLock::try_take(dir.path(), &key()).unwrap().expect("free");
        assert_eq!(lock.last_failure().map(|f| (f.at, f.finding.cause)), Some((Timestamp(7), Cause::DnsFailure)));
        lock.clear_failure();
        assert!(lock.last_failure().is_none());
        std::fs::write(dir.path().join(format!("{}.lock", key().file_name())), b"\0{garbage").unwrap();
        assert!(lock.last_failure().is_none());
    }
}
