//! Small files. Those that others put in place are read whole up to a limit, and never waited for: a pipe in the place of
//! a file would hang whoever opens it. Those of our own, and their directories, are for this user alone.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use crate::digest::random_hex;

/// At most `limit` bytes and one more, so that a caller sees that there is more.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_open(&open(path)?, limit)
}

/// Opens a file for [`read_open`], so that a caller can look at its owner and mode in between.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

/// Reads an open file; a directory or a pipe is an error.
pub fn read_open(file: &File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type()) {
        return Err(io::Error::other("it is a pipe, not a file"));
    }
    // Reserved up front: growing would leave unwiped copies on the heap.
    let size = usize::try_from(about.len().min(limit)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.max(4096) + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a directory for this user alone, and those above it that are missing. One that is there stays as it is.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Refuses what is no directory, or one that somebody else than `uid` owns or may write to. Whether a link is followed is
/// the caller's choice of `about`.
pub fn check_private_dir(path: &Path, about: &Metadata, uid: u32) -> io::Result<()> {
    let refused = |why: String| Err(io::Error::other(why));
    if !about.is_dir() {
        return refused(format!("{} is not a directory", path.display()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if about.uid() != uid {
            return refused(format!("the directory {} belongs to user {}, not {uid}", path.display(), about.uid()));
        }
        if about.mode() & 0o022 != 0 {
            return refused(format!("others can write to the directory {}: chmod 700 it", path.display()));
        }
    }
    #[cfg(not(unix))]
    let _ = uid;
    Ok(())
}

/// Makes a file that nobody else can read; an error where something is there.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Puts a file for this user alone in the place of `path`. A reader sees the old file or the new one, also after a crash.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_file_name(format!(".{}.tmp", random_hex::<8>()?));
    let mut file = create_private(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_directory_of_this_user_alone_is_private() {
        let home = tempfile::tempdir().unwrap();
        let (dir, link, file) = (home.path().join("a/b"), home.path().join("link"), home.path().join("file"));
        create_private_dir(&dir).unwrap();
        symlink(&dir, &link).unwrap();
        replace(&file, b"").unwrap();
        let about = fs::metadata(&dir).unwrap();
        assert_eq!((about.mode() & 0o777, fs::metadata(&file).unwrap().mode() & 0o777), (0o700, 0o600));
        let refused = |path: &Path, about: &Metadata, uid: u32| check_private_dir(path, about, uid).unwrap_err().to_string();
        assert!(check_private_dir(&dir, &about, about.uid()).is_ok());
        assert!(check_private_dir(&link, &fs::metadata(&link).unwrap(), about.uid()).is_ok());
        assert!(refused(&link, &fs::symlink_metadata(&link).unwrap(), about.uid()).contains("not a directory"));
        assert!(refused(&file, &fs::metadata(&file).unwrap(), about.uid()).contains("not a directory"));
        assert!(refused(&dir, &about, about.uid() + 1).contains("belongs to user"));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o720)).unwrap();
        assert!(refused(&dir, &fs::metadata(&dir).unwrap(), about.uid()).contains("chmod 700"));
    }
}
