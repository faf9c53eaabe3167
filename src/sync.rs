//! Locking within the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, even after a thread panicked while holding it: the data behind the crate's
/// mutexes is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
