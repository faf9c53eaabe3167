//! Files that the AWS CLI and the SDKs rewrite in place: a reader may see half of one.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::files;
use crate::finding::{Cause, Finding, remedy};

/// A file that does not parse is read again after these pauses, in milliseconds.
const ATTEMPTS: [u64; 3] = [0, 50, 100];

/// Why a file has no value.
pub(super) enum Unreadable {
    /// There is none.
    Missing,
    /// It cannot be read.
    Io(io::Error),
    /// It does not parse, however often it is read; why.
    Damaged(String),
}

/// Reads a file until it parses.
pub(super) fn read_settled<T>(
    path: &Path,
    limit: u64,
    parse: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<T, Unreadable> {
    let mut why = String::new();
    for wait in ATTEMPTS {
        std::thread::sleep(Duration::from_millis(wait));
        let bytes = files::read_bounded(path, limit).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Io(e),
        })?;
        match parse(&bytes) {
            Ok(value) => return Ok(value),
            Err(damage) => why = damage,
        }
    }
    Err(Unreadable::Damaged(why))
}

/// The finding for a file that exists and cannot be read.
pub(super) fn unreadable_file(what: &str, path: &Path, error: &io::Error) -> Finding {
    let shown = path.display();
    Finding::new(
        Cause::ConfigUnreadable,
        format!("the {what} file {shown} cannot be read"),
    )
    .evidence(error.to_string())
    .remedy(remedy!("ls -l {}", path))
}
