//! Advisory locks on files, across processes: `flock` on Unix, `LockFileEx` on Windows, both
//! through the standard library. The kernel drops a lock when its holder exits in any way. Not
//! promised: exclusion on file systems without locks (some network homes); there an error is
//! returned, and the caller decides.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Takes the lock if it is free; returns whether it was.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Waits for the lock for at most `limit`; returns whether it was taken. For locks that are held for
/// an instant: whoever holds one may have been stopped.
pub(crate) fn lock_within(file: &File, limit: Duration) -> io::Result<bool> {
    let until = Instant::now() + limit;
    loop {
        if try_lock(file)? {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the lock without a limit; for a thread that can be abandoned.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
