//! The directory of the sealed files: for this user alone, checked before every use.

use std::path::Path;
use std::{fs, io};

use super::StoreError;
use crate::files;

/// Creates the directory, for this user alone, and checks it.
pub(super) fn create(dir: &Path, uid: u32) -> Result<(), StoreError> {
    files::create_private_dir(dir).map_err(|e| unusable(dir, &e))?;
    exists(dir, uid).map(|_| ())
}

/// Whether the directory exists; an error where another user could put files into it.
pub(super) fn exists(dir: &Path, uid: u32) -> Result<bool, StoreError> {
    let about = match fs::metadata(dir) {
        Ok(about) => about,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(unusable(dir, &e)),
    };
    let checked = files::check_private_dir(dir, &about, uid);
    checked
        .map(|()| true)
        .map_err(|e| StoreError::broken(e.to_string()))
}

/// Whether other users can put files into the directory: to be told, not to be worked around.
pub(super) fn is_shared(dir: &Path, uid: u32) -> bool {
    let checked = fs::metadata(dir).map(|about| files::check_private_dir(dir, &about, uid));
    matches!(checked, Ok(Err(files::NotPrivate::WritableByOthers(_))))
}

/// The error for a failed operation in the directory.
pub(super) fn unusable(dir: &Path, error: &io::Error) -> StoreError {
    StoreError::broken(format!(
        "cannot use the directory {}: {error}",
        dir.display()
    ))
}
