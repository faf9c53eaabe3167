//! Small files, and every flag they are opened with. Files that others write are read whole up to a
//! limit and without waiting: opening a named pipe in the place of a file would hang. Our own files
//! and directories are for this user alone.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::digest::random_hex;

/// At most `limit` bytes and one more, so that the caller can tell a larger file.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_open(&open(path)?, limit)
}

/// Opens a file for [`read_open`], so that the caller can check its owner and mode in between.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    options
        .flags(Flags {
            follow_links: true,
            wait: false,
        })
        .open(path)
}

/// Reads an open file; a directory or a pipe is an error.
pub(crate) fn read_open(file: &File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type()) {
        return Err(io::Error::other("it is a pipe, not a file"));
    }
    // Reserved up front: growing would leave copies on the heap that are not wiped.
    let size = usize::try_from(about.len().min(limit)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.max(4096) + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content of a regular file of at most `limit` bytes; `None` where there is no file, or
/// something else, or a link.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut options = File::options();
    options.read(true);
    let file = match options
        .flags(Flags {
            follow_links: false,
            wait: false,
        })
        .open(path)
    {
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

/// Opens a lock file, which is created if missing and never truncated; a link is not followed, and
/// a file that has another name or another owner is refused.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = open_own(&mut options, path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = file.metadata()?;
        if about.nlink() != 1 || about.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it is not a file of this user alone"));
        }
    }
    Ok(file)
}

/// Opens a file to read and append, which is created if missing; a link is not followed.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    open_own(&mut options, path)
}

/// Opens a file of awsfresh: for this user alone if it is created; a link is not followed.
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = Flags {
        follow_links: false,
        wait: true,
    };
    options.private().flags(flags).open(path)
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
    options.write(true).create_new(true).private().open(path)
}

/// Replaces `path` by a file for this user alone. A reader sees the old file or the new one, even
/// after a crash.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_file_name(format!(".{}.tmp", random_hex::<8>()?));
    let mut file = create_private(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The same for a file of the user, who may have made it a link: its target is replaced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic(&target(path), bytes)
}

/// Checks that a file of `size` bytes could take the place of `path`: one is written beside it and
/// removed. A spent refresh token whose successor cannot be saved would be lost.
pub(crate) fn check_room(path: &Path, size: usize) -> io::Result<()> {
    let probe = target(path).with_file_name(format!(".{}.tmp", random_hex::<8>()?));
    let written = create_private(&probe).and_then(|mut file| file.write_all(&vec![0; size]));
    let removed = fs::remove_file(&probe);
    written.and(removed)
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

/// Creates a directory for this user alone, and its missing parents. An existing one stays as
/// it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a directory for this user alone, or makes an existing one private again; an error where
/// it is a link, or belongs to another user.
pub(crate) fn own_private_dir(path: &Path, uid: u32) -> io::Result<()> {
    create_private_dir(path)?;
    match check_private_dir(path, &fs::symlink_metadata(path)?, uid) {
        Ok(()) => Ok(()),
        #[cfg(unix)]
        Err(NotPrivate::WritableByOthers(_)) => {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        }
        Err(why) => Err(io::Error::other(why.to_string())),
    }
}

/// Why a directory is not private.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotPrivate {
    /// It is something else.
    NotADirectory(PathBuf),
    /// Another user owns it.
    ForeignOwner { path: PathBuf, owner: u32, uid: u32 },
    /// Other users can create files in it.
    WritableByOthers(PathBuf),
}

impl fmt::Display for NotPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADirectory(path) => write!(f, "{} is not a directory", path.display()),
            Self::ForeignOwner { path, owner, uid } => {
                write!(
                    f,
                    "the directory {} belongs to user {owner}, not {uid}",
                    path.display()
                )
            }
            Self::WritableByOthers(path) => {
                write!(
                    f,
                    "other users can write to the directory {}: chmod 700 it",
                    path.display()
                )
            }
        }
    }
}

/// Rejects anything but a directory that `uid` owns and no other user can write to. Whether a link is
/// followed is the caller's choice of `about`.
pub(crate) fn check_private_dir(path: &Path, about: &Metadata, uid: u32) -> Result<(), NotPrivate> {
    if !about.is_dir() {
        return Err(NotPrivate::NotADirectory(path.to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if about.uid() != uid {
            return Err(NotPrivate::ForeignOwner {
                path: path.to_owned(),
                owner: about.uid(),
                uid,
            });
        }
        if about.mode() & 0o022 != 0 {
            return Err(NotPrivate::WritableByOthers(path.to_owned()));
        }
    }
    #[cfg(not(unix))]
    let _ = uid;
    Ok(())
}

/// How a path is opened, where the system has flags for it.
struct Flags {
    follow_links: bool,
    /// Whether to wait for the other end of a pipe.
    wait: bool,
}

trait OpenFlags {
    fn flags(&mut self, flags: Flags) -> &mut Self;
    fn private(&mut self) -> &mut Self;
}

impl OpenFlags for OpenOptions {
    #[cfg(unix)]
    fn flags(&mut self, flags: Flags) -> &mut Self {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let mut bits = OFlags::empty();
        bits.set(OFlags::NOFOLLOW, !flags.follow_links);
        bits.set(OFlags::NONBLOCK, !flags.wait);
        self.custom_flags(bits.bits().cast_signed())
    }

    #[cfg(not(unix))]
    fn flags(&mut self, _: Flags) -> &mut Self {
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
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_directory_of_this_user_alone_is_private() {
        let home = tempfile::tempdir().unwrap();
        let (dir, link, file) = (
            home.path().join("a/b"),
            home.path().join("link"),
            home.path().join("file"),
        );
        create_private_dir(&dir).unwrap();
        symlink(&dir, &link).unwrap();
        write_atomic(&file, b"").unwrap();
        let about = fs::metadata(&dir).unwrap();
        assert_eq!(
            (
                about.mode() & 0o777,
                fs::metadata(&file).unwrap().mode() & 0o777
            ),
            (0o700, 0o600)
        );
        let rejected = |path: &Path, about: &Metadata, uid: u32| {
            check_private_dir(path, about, uid).unwrap_err()
        };
        assert!(check_private_dir(&dir, &about, about.uid()).is_ok());
        assert!(check_private_dir(&link, &fs::metadata(&link).unwrap(), about.uid()).is_ok());
        let of_link = fs::symlink_metadata(&link).unwrap();
        assert_eq!(
            rejected(&link, &of_link, about.uid()),
            NotPrivate::NotADirectory(link.clone())
        );
        let of_file = fs::metadata(&file).unwrap();
        assert_eq!(
            rejected(&file, &of_file, about.uid()),
            NotPrivate::NotADirectory(file.clone())
        );
        let owner = about.uid();
        let foreign = NotPrivate::ForeignOwner {
            path: dir.clone(),
            owner,
            uid: owner + 1,
        };
        assert_eq!(rejected(&dir, &about, owner + 1), foreign);
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o720)).unwrap();
        let shared = rejected(&dir, &fs::metadata(&dir).unwrap(), owner);
        assert!(shared.to_string().contains("chmod 700"), "{shared}");
    }

    #[test]
    fn a_link_or_a_pipe_is_no_regular_file() {
        let home = tempfile::tempdir().unwrap();
        let (file, link, pipe) = (
            home.path().join("file"),
            home.path().join("link"),
            home.path().join("pipe"),
        );
        write_atomic(&file, b"abc").unwrap();
        symlink(&file, &link).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(
            read_regular(&file, 10).unwrap().as_deref(),
            Some(&b"abc"[..])
        );
        for path in [&link, &pipe, &home.path().join("missing")] {
            assert_eq!(read_regular(path, 10).unwrap(), None, "{}", path.display());
        }
        assert_eq!(read_regular(&file, 2).unwrap(), None, "too large");
        assert!(read_bounded(&pipe, 10).is_err() && open_append(&link).is_err());
    }
}
