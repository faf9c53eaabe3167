//! Directories for this user alone, and the check that they are.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Creates a directory for this user alone, and its missing parents. An existing one stays as
/// it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    match create_one_private_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            create_private_dir(path.parent().ok_or(e)?)?;
            create_one_private_dir(path)
        }
        outcome => outcome,
    }
}

/// The same for a directory whose parent exists.
fn create_one_private_dir(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there are no modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        #[cfg(unix)]
        Ok(()) => {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)) // whatever the umask is
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        outcome => outcome,
    }
}

/// Creates a directory of the AWS CLI, and its missing parents. If root creates one in the home
/// directory of another user, it belongs to that user.
pub(crate) fn create_aws_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent()
        && !path.exists()
    {
        use std::os::unix::fs::{MetadataExt, lchown};
        create_aws_dir(parent)?;
        create_one_private_dir(path)?;
        let (owner, own) = (fs::metadata(parent)?, fs::symlink_metadata(path)?);
        if own.uid() == 0 && owner.uid() != 0 {
            lchown(path, Some(owner.uid()), Some(owner.gid()))?;
        }
        return Ok(());
    }
    create_private_dir(path)
}

/// Creates a directory for this user alone, or makes an existing one private again; an error where
/// it is a link, or belongs to another user.
pub(crate) fn own_private_dir(path: &Path) -> io::Result<()> {
    create_private_dir(path)?;
    make_dir_private(path)
}

fn make_dir_private(path: &Path) -> io::Result<()> {
    match check_private_dir(path, &fs::symlink_metadata(path)?, uid()) {
        Ok(()) => Ok(()),
        #[cfg(unix)]
        Err(NotPrivate::WritableByOthers(_)) => {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        }
        Err(why) => Err(io::Error::other(why.to_string())),
    }
}

/// The first of these directories that is, or can be made, one of this user alone. Parents are not
/// created.
pub(crate) fn first_own_dir(dirs: &[PathBuf]) -> Option<&Path> {
    let own = |dir: &&PathBuf| create_one_private_dir(dir).and_then(|()| make_dir_private(dir));
    dirs.iter()
        .find(|dir| own(dir).is_ok())
        .map(PathBuf::as_path)
}

/// Those of these directories that exist and are of this user alone.
pub(crate) fn existing_own_dirs(dirs: &[PathBuf]) -> impl Iterator<Item = &Path> {
    let is_own = |dir: &&PathBuf| {
        let about = fs::symlink_metadata(dir);
        about.is_ok_and(|about| check_private_dir(dir, &about, uid()).is_ok())
    };
    dirs.iter().filter(is_own).map(PathBuf::as_path)
}

/// The ID of the user to whom new files belong; 0 where users have no numbers.
pub(crate) fn uid() -> u32 {
    #[cfg(unix)]
    return rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    0
}

/// Why a directory is not private.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotPrivate {
    /// It is something else.
    NotADirectory(PathBuf),
    /// Another user owns it.
    #[cfg_attr(not(unix), expect(dead_code, reason = "users have no numbers"))]
    ForeignOwner { path: PathBuf, owner: u32, uid: u32 },
    /// Other users can create files in it.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no modes"))]
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
