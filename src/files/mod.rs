//! Small files, and every flag they are opened with. Files that others write are read whole up to a
//! limit and without waiting: opening a named pipe in the place of a file would hang. Our own files
//! and directories are for this user alone.

mod dirs;
mod lines;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use zeroize::Zeroize;

use crate::digest::random_hex;
pub(crate) use dirs::{
    NotPrivate, check_private_dir, create_aws_dir, create_private_dir, existing_own_dirs,
    first_own_dir, own_private_dir, uid,
};
pub(crate) use lines::read_lines;

/// The bytes of a file, which may contain secrets: wiped when dropped, all at once. `Zeroizing<Vec<u8>>`
/// does that byte by byte, which takes a millisecond for two megabytes.
#[derive(Default)]
pub(crate) struct FileBytes(Vec<u8>);

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for FileBytes {
    fn drop(&mut self) {
        self.0.clear();
        self.0.spare_capacity_mut().zeroize();
    }
}

/// At most `limit` bytes and one more, so that the caller can tell a larger file.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<FileBytes> {
    read_open(&open(path)?, limit)
}

/// Whether something is mounted at a path.
pub(crate) fn is_mount(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| fs::metadata(path).map(|about| about.dev()).ok();
        path.parent()
            .is_some_and(|parent| device(parent) != device(path))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Opens a file for [`read_open`], so that the caller can check its owner and mode in between.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    options.never_wait(Links::Follow).open(path)
}

/// Fails for a directory and for a pipe.
fn checked(file: &File) -> io::Result<Metadata> {
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type()) {
        return Err(io::Error::other("it is a pipe, not a file"));
    }
    Ok(about)
}

/// What is reserved for a file of this size, in bytes: one more, which shows its end.
fn capacity(size: u64) -> usize {
    match usize::try_from(size).unwrap_or(0) {
        0 => 4096, // files of the kernel have no size
        size => size.saturating_add(1),
    }
}

/// Reads an open file; a directory or a pipe is an error.
pub(crate) fn read_open(file: &File, limit: u64) -> io::Result<FileBytes> {
    let about = checked(file)?;
    // Reserved up front: growing would leave copies on the heap that are not wiped.
    let mut bytes = FileBytes(Vec::with_capacity(capacity(about.len().min(limit))));
    file.take(limit + 1).read_to_end(&mut bytes.0)?;
    Ok(bytes)
}

/// The content of a regular file of at most `limit` bytes; `None` where there is no file, or
/// something else, or a link.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut options = File::options();
    options.read(true);
    let file = match options.never_wait(Links::Reject).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Ok(None),
        Err(e) => return Err(e),
    };
    let about = file.metadata()?;
    if !about.is_file() || about.len() > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Opens a lock file, which is created if missing and never truncated.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    open_own(&mut options, path).map(|(file, _)| file)
}

/// Opens a file to read and append, which is created if missing.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    open_own(&mut options, path).map(|(file, _)| file)
}

/// Opens an existing file to write.
pub(crate) fn open_existing(path: &Path) -> io::Result<(File, Metadata)> {
    open_own(File::options().write(true), path)
}

/// Reads at most `limit` bytes of a file of awsfresh.
pub(crate) fn read_own(path: &Path, limit: u64) -> io::Result<FileBytes> {
    let (file, _) = open_own(File::options().read(true), path)?;
    read_open(&file, limit)
}

/// Opens a file of awsfresh: for this user alone if it is created. Another user may have planted
/// what is there: a link is not followed, a pipe not waited for, and a file that has another name
/// or another owner is left as it is.
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<(File, Metadata)> {
    let file = options.private().never_wait(Links::Reject).open(path)?;
    let about = file.metadata()?;
    #[cfg(unix)]
    let is_own = {
        use std::os::unix::fs::MetadataExt;
        about.is_file() && about.nlink() == 1 && about.uid() == uid()
    };
    #[cfg(not(unix))]
    let is_own = about.is_file();
    if !is_own {
        return Err(io::Error::other("it is not a file of this user alone"));
    }
    make_private(&file, &about)?;
    Ok((file, about))
}

/// Undoes what the umask took from the mode of a new file: with mode 0 it could not be opened again.
fn make_private(file: &File, about: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut mode = about.permissions();
        if mode.mode() & 0o777 != 0o600 {
            mode.set_mode(0o600);
            file.set_permissions(mode)?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, about);
    Ok(())
}

/// Lets the programs that this one starts inherit an open file.
pub(crate) fn let_inherit(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Creates a file for this user alone; an error where something exists already.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let file = options.write(true).create_new(true).private().open(path)?;
    make_private(&file, &file.metadata()?)?;
    Ok(file)
}

/// Replaces `path` by a file for this user alone. A reader sees the old file or the new one.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes, |_| Ok(()))?.move_to(path)
}

/// The same for a file of the AWS CLI: where it is a link, its target is replaced, and the new file
/// has the owner of the old one. Root may run with the home directory of another user.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = target(path);
    write_beside(&path, bytes, |file| keep_owner(file, &path))?.move_to(&path)
}

/// The same for a file that the user edits: the new one has the mode of the old one, too. A file that
/// the user may not write to is not replaced, nor is a device. One that does not exist is created, for
/// the user alone. Removes what a call that was killed has left; only one may run at a time.
pub(crate) fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = target(path);
    let old = match File::options().write(true).open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                return Err(io::Error::other(
                    "it is a link to a file that does not exist",
                ));
            }
            path.parent().map_or(Ok(()), create_aws_dir)?;
            return replace(&path, bytes);
        }
        old => old?,
    };
    let about = old.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let in_dir = path.parent().map(fs::read_dir).and_then(Result::ok);
    for entry in in_dir.into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(EDIT) {
            let _ = fs::remove_file(entry.path()); // it may have a secret
        }
    }
    let name = format!("{EDIT}{}", random_hex::<8>()?);
    let new = write_as(path.with_file_name(name), bytes, |_| Ok(()))?;
    keep_owner(&new.file, &path)?;
    new.file.set_permissions(about.permissions())?;
    new.file.sync_all()?; // it replaces what nothing can fetch again
    new.move_to(&path)
}

/// How the names of new files begin that are to replace one that the user edits.
const EDIT: &str = ".awsfresh-edit-";

/// Checks that a file of `size` bytes could take the place of `path`: one is written beside it and
/// removed. A spent refresh token whose successor cannot be saved would be lost.
pub(crate) fn check_room(path: &Path, size: usize) -> io::Result<()> {
    let path = target(path);
    let probe = write_beside(&path, &vec![0; size], |file| keep_owner(file, &path))?;
    probe.file.sync_all() // a network file system reports a full disk only now
}

/// A new file, which is removed unless it is moved.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// Replaces `path`. The file is flushed after that and not before: a process is killed more
    /// often than a machine loses its power, and flushing can take as long as a call to AWS. What
    /// it replaces is of no more use: an old credential, or a refresh token that has been spent.
    fn move_to(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.file.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // it no longer exists if it was moved
    }
}

/// Writes a file of a new name in the directory of `path`.
fn write_beside(
    path: &Path,
    bytes: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<Temporary> {
    let name = format!(".{}.tmp", random_hex::<8>()?);
    write_as(path.with_file_name(name), bytes, prepare)
}

/// Writes a new file.
fn write_as(
    path: PathBuf,
    bytes: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<Temporary> {
    let file = create_private(&path)?;
    let mut temporary = Temporary { path, file };
    prepare(&temporary.file)?;
    temporary.file.write_all(bytes)?;
    Ok(temporary)
}

/// Gives a new file to the owner of the one that it replaces, or of the directory if root creates it.
fn keep_owner(file: &File, replaced: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let own = file.metadata()?;
        let owner = match fs::metadata(replaced) {
            Ok(old) => old,
            Err(_) if own.uid() == 0 => fs::metadata(replaced.parent().unwrap_or(replaced))?,
            Err(_) => return Ok(()),
        };
        if owner.uid() != own.uid() {
            fchown(file, Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, replaced);
    Ok(())
}

/// The file that a path leads to.
fn target(path: &Path) -> PathBuf {
    if path.is_symlink()
        && let Ok(target) = fs::canonicalize(path)
    {
        return target;
    }
    path.to_owned()
}

/// What to do with a link in the place of a file.
#[derive(Clone, Copy, PartialEq)]
enum Links {
    Follow,
    Reject,
}

trait OpenFlags {
    /// Opens without waiting for the other end of a pipe.
    fn never_wait(&mut self, links: Links) -> &mut Self;
    fn private(&mut self) -> &mut Self;
}

impl OpenFlags for OpenOptions {
    #[cfg(unix)]
    fn never_wait(&mut self, links: Links) -> &mut Self {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let mut bits = OFlags::NONBLOCK;
        bits.set(OFlags::NOFOLLOW, links == Links::Reject);
        self.custom_flags(bits.bits().cast_signed())
    }

    #[cfg(not(unix))]
    fn never_wait(&mut self, _: Links) -> &mut Self {
        self
    }

    /// Mode 0600 for a file that is created.
    fn private(&mut self) -> &mut Self {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(self, 0o600);
        self
    }
}

#[cfg(all(test, unix))]
mod tests;
