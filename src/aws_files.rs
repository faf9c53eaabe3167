//! Both AWS files, each read once: their bytes, their text, and the profiles in them. What is wrong
//! with one of them is kept, for `doctor`, which goes on; every other caller stops at the first
//! error.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{self, Chain, File, FileKind, Names, ProfileSet};
use crate::files;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::world::World;

/// Larger files are not AWS config files.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

type Bytes = Zeroizing<Vec<u8>>;

/// The config file and the credentials file.
pub(crate) struct AwsFiles {
    /// A missing file is `None`.
    bytes: [Option<Bytes>; 2],
    /// Why a file cannot be read or parsed.
    problems: [Option<Finding>; 2],
    profiles: ProfileSet,
}

impl AwsFiles {
    /// Reads and parses both; never fails.
    pub(crate) fn read(world: &World) -> Self {
        let [config, credentials] = paths(world).map(|(path, kind)| match read_bytes(&path) {
            Ok(bytes) => match bytes
                .as_ref()
                .map(|bytes| parse(&path, kind, bytes))
                .transpose()
            {
                Ok(file) => (bytes, file, None),
                Err(problem) => (bytes, None, Some(problem)),
            },
            Err(problem) => (None, None, Some(problem)),
        });
        Self {
            bytes: [config.0, credentials.0],
            problems: [config.2, credentials.2],
            profiles: ProfileSet::new(config.1, credentials.1),
        }
    }

    /// Fails with what is wrong with the first of the files that cannot be used.
    pub(crate) fn checked(mut self) -> Result<Self> {
        match self.problems.iter_mut().find_map(Option::take) {
            Some(problem) => Err(problem),
            None => Ok(self),
        }
    }

    /// The profiles in the files that can be used.
    pub(crate) fn profiles(&self) -> &ProfileSet {
        &self.profiles
    }

    /// The profiles, and why the config file and the credentials file cannot be used.
    pub(crate) fn into_parts(self) -> (ProfileSet, [Option<Finding>; 2]) {
        (self.profiles, self.problems)
    }

    /// Both as text.
    pub(crate) fn texts(&self) -> [Cow<'_, str>; 2] {
        self.bytes.each_ref().map(|bytes| match bytes {
            Some(bytes) => String::from_utf8_lossy(bytes),
            None => Cow::default(),
        })
    }
}

/// Fails if the text of a file is no longer `old`. Call it under the lock of the AWS files.
pub(crate) fn check_unchanged(world: &World, kind: FileKind, old: &str) -> Result<()> {
    let path = path_of(world, kind);
    let now = read_bytes(&path)?;
    if now.as_deref().map_or(&[][..], Vec::as_slice) == old.as_bytes() {
        return Ok(());
    }
    let summary = format!("{} was changed meanwhile", path.display());
    Err(Finding::new(Cause::LockTimeout, summary).remedy("run it again"))
}

/// Replaces the text of one of the files. Fails if it is no longer `old`.
pub(crate) fn replace(world: &World, kind: FileKind, old: &str, new: &str) -> Result<()> {
    check_unchanged(world, kind, old)?;
    let path = path_of(world, kind);
    files::rewrite(&path, new.as_bytes()).map_err(|e| {
        let summary = format!("cannot change {}: {e}", path.display());
        Finding::new(Cause::FilePermissions, summary).remedy(remedy!("ls -l {}", path))
    })
}

fn path_of(world: &World, kind: FileKind) -> PathBuf {
    match kind {
        FileKind::Config => world.config_file(),
        FileKind::Credentials => world.credentials_file(),
    }
}

/// The chain of `profile`. Where there is no such profile, the paths of both files are part of the
/// evidence.
pub(crate) fn resolve(world: &World, set: &ProfileSet, profile: &str) -> Result<Chain> {
    config::resolve(set, profile).map_err(|finding| {
        if finding.cause != Cause::ProfileNotFound {
            return finding;
        }
        [world.config_file(), world.credentials_file()]
            .iter()
            .fold(finding, |finding, path| {
                finding.evidence(file_state(path, path.exists()))
            })
    })
}

/// The names in both files, as far as they can be read.
pub(crate) fn names(world: &World) -> Names {
    let mut names = Names::default();
    for (path, kind) in paths(world) {
        if let Ok(Some(bytes)) = read_bytes(&path) {
            names.add(kind, &String::from_utf8_lossy(&bytes));
        }
    }
    names
}

fn paths(world: &World) -> [(PathBuf, FileKind); 2] {
    [FileKind::Config, FileKind::Credentials].map(|kind| (path_of(world, kind), kind))
}

/// `read PATH`, or `there is no PATH`.
pub(crate) fn file_state(path: &Path, exists: bool) -> String {
    let state = if exists { "read" } else { "there is no" };
    format!("{state} {}", path.display())
}

fn parse(path: &Path, kind: FileKind, bytes: &Bytes) -> Result<File> {
    config::parse(&path.to_string_lossy(), kind, bytes)
}

fn read_bytes(path: &Path) -> Result<Option<Bytes>> {
    let bytes = match files::read_bounded(path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(e) => return Err(unreadable(path, &e)),
    };
    if bytes.len() as u64 > SIZE_LIMIT {
        let summary = format!("{} is larger than {SIZE_LIMIT} bytes", path.display());
        return Err(
            Finding::new(Cause::ConfigMalformed, summary).remedy("name the AWS config file")
        );
    }
    Ok(Some(bytes))
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    let finding = Finding::new(
        Cause::ConfigUnreadable,
        format!("cannot read {}: {error}", path.display()),
    );
    if path.is_dir() {
        return finding
            .evidence("it is a directory: docker -v creates one where the host has no such file")
            .remedy(remedy!("rmdir {}, and put the file there", path));
    }
    finding.remedy(remedy!("ls -l {}", path))
}
