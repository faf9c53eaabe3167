//! The directory of the sealed files: for this user alone, checked before every use.

use std::path::Path;
use std::{fs, io};

use super::{StoreError, StoreSettings};
use crate::files;

/// Creates the directory, for this user alone, and checks it.
pub(super) fn create(settings: &StoreSettings) -> Result<(), StoreError> {
    files::create_private_dir(&settings.dir).map_err(|e| unusable(&settings.dir, &e))?;
    exists(settings).map(|_| ())
}

/// Whether the directory exists; an error where another user could put files into it.
pub(super) fn exists(settings: &StoreSettings) -> Result<bool, StoreError> {
    let dir = &settings.dir;
    let about = match fs::metadata(dir) {
        Ok(about) => about,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(unusable(dir, &e)),
    };
    let checked = files::check_private_dir(dir, &about, settings.uid);
    checked
        .map(|()| true)
        .map_err(|e| StoreError::broken(e.to_string()))
}

/// The error for a failed operation in the directory.
pub(super) fn unusable(dir: &Path, error: &io::Error) -> StoreError {
    StoreError::broken(format!(
        "cannot use the directory {}: {error}",
        dir.display()
    ))
}
