//! Both AWS files, each read once: their bytes, their text, and the profiles in them. They are parsed
//! on first use, and for the chain of one profile only as far as it needs them. What is wrong with
//! one of them is kept, for `doctor`, which goes on; every other caller stops at the first error.

mod near;

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::config::{self, Chain, Excerpt, FileKind, Names, Outline, Part, ProfileSet};
use crate::files::{self, FileBytes};
use crate::finding::{Cause, Finding, Result, remedy};
use crate::limits::{cores, side_by_side};
use crate::world::World;
pub(crate) use near::link_to_nowhere;

/// Larger files are not AWS config files.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;
/// To parse so many bytes takes longer than to start a thread.
const PART: usize = 100_000;

/// The config file and the credentials file.
pub(crate) struct AwsFiles {
    files: [AwsFile; 2],
    parsed: OnceLock<Parsed>,
}

/// One of them.
struct AwsFile {
    path: String,
    kind: FileKind,
    /// A missing file is `None`; an error says why it cannot be read.
    bytes: Result<Option<FileBytes>>,
}

struct Parsed {
    profiles: ProfileSet,
    /// Why a file cannot be read or parsed.
    problems: [Option<Finding>; 2],
}

impl AwsFiles {
    /// Reads both; never fails.
    pub(crate) fn read(world: &World) -> Self {
        let files = paths(world).map(|(path, kind)| AwsFile {
            bytes: read_bytes(&path).map_err(|finding| with_path_below(world, &path, finding)),
            path: path.to_string_lossy().into_owned(),
            kind,
        });
        Self {
            files,
            parsed: OnceLock::new(),
        }
    }

    fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| {
            let [config, credentials] = self.files.each_ref().map(AwsFile::parse);
            let problem = |file: &Result<ProfileSet>| file.as_ref().err().cloned();
            Parsed {
                problems: [problem(&config), problem(&credentials)],
                profiles: config
                    .unwrap_or_default()
                    .merged(credentials.unwrap_or_default()),
            }
        })
    }

    /// The same files; fails as [`Self::check`] does.
    pub(crate) fn checked(self) -> Result<Self> {
        self.check()?;
        Ok(self)
    }

    /// Fails with what is wrong with the first of the files that cannot be used.
    pub(crate) fn check(&self) -> Result<()> {
        let mut problems = self.parsed().problems.iter();
        problems.find_map(Clone::clone).map_or(Ok(()), Err)
    }

    /// The chain of `profile`. Fails, too, with what is wrong with a file that cannot be used.
    pub(crate) fn chain(&self, world: &World, profile: &str) -> Result<Chain> {
        if let Some(chain) = self.chain_alone(profile) {
            return Ok(chain);
        }
        self.check()?;
        resolve(world, self.profiles(), profile)
    }

    /// The chain of `profile` without the other profiles, if both files can be used and it is whole.
    fn chain_alone(&self, profile: &str) -> Option<Chain> {
        let [config, credentials] = self.files.each_ref().map(AwsFile::outline);
        config::resolve_needed([config?.as_ref(), credentials?.as_ref()], profile)
    }

    /// The first `most` profiles, where there are more than `all` and both files can be used.
    pub(crate) fn excerpt(&self, all: usize, most: usize) -> Option<Excerpt> {
        let [config, credentials] = self.files.each_ref().map(AwsFile::outline);
        config::excerpt([config?.as_ref(), credentials?.as_ref()], all, most)
    }

    /// The profiles in the files that can be used.
    pub(crate) fn profiles(&self) -> &ProfileSet {
        &self.parsed().profiles
    }

    /// The profiles, and why the config file and the credentials file cannot be used.
    pub(crate) fn into_parts(mut self) -> (ProfileSet, [Option<Finding>; 2]) {
        self.parsed();
        let parsed = self.parsed.take();
        parsed.map_or_else(Default::default, |parsed| {
            (parsed.profiles, parsed.problems)
        })
    }

    /// See [`ProfileSet::leave`]. The bytes of the files are wiped.
    pub(crate) fn leave_profiles(self) {
        if let Some(parsed) = self.parsed.into_inner() {
            parsed.profiles.leave();
        }
    }

    /// Both as text.
    pub(crate) fn texts(&self) -> [Cow<'_, str>; 2] {
        self.files.each_ref().map(|file| match &file.bytes {
            Ok(Some(bytes)) => lossy(bytes),
            _ => Cow::default(),
        })
    }
}

impl AwsFile {
    fn bytes(&self) -> Result<Option<&FileBytes>> {
        self.bytes
            .as_ref()
            .map(Option::as_ref)
            .map_err(Clone::clone)
    }

    /// A missing file has no profiles.
    fn parse(&self) -> Result<ProfileSet> {
        let Some(bytes) = self.bytes()? else {
            return Ok(ProfileSet::default());
        };
        match self.parse_side_by_side(bytes) {
            Some(profiles) => Ok(profiles),
            None => config::parse(&self.path, self.kind, bytes).map(ProfileSet::of),
        }
    }

    /// A large file, on all cores. `None` where it is small or cannot be parsed in parts.
    fn parse_side_by_side(&self, bytes: &[u8]) -> Option<ProfileSet> {
        let most = bytes.len() / PART;
        let count = if most > 1 { most.min(cores()) } else { 1 };
        if count == 1 {
            return None;
        }
        let parts = Outline::of(&self.path, self.kind, bytes)?.parts(count);
        let parts = side_by_side(&parts, Part::parse).into_iter();
        ProfileSet::joined(parts.map(Option::flatten).collect::<Option<_>>()?)
    }

    /// A missing file is `Some(None)`; `None` where it cannot be used.
    fn outline(&self) -> Option<Option<Outline<'_>>> {
        match self.bytes.as_ref().ok()? {
            Some(bytes) => Outline::of(&self.path, self.kind, bytes).map(Some),
            None => Some(None),
        }
    }
}

/// Fails if the text of a file is no longer `old`. Call it under the lock of the AWS files.
pub(crate) fn check_unchanged(world: &World, kind: FileKind, old: &str) -> Result<()> {
    let path = path_of(world, kind);
    let now = read_bytes(&path)?;
    if now.as_deref().unwrap_or_default() == old.as_bytes() {
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
        let paths = [world.config_file(), world.credentials_file()];
        let finding = near::with_near_misses(world, finding, &paths);
        paths.iter().fold(finding, |finding, path| {
            finding.evidence(file_state(path, path.exists()))
        })
    })
}

/// The names in both files, as far as they can be read.
pub(crate) fn names(world: &World) -> Names {
    let mut names = Names::default();
    for (path, kind) in paths(world) {
        let mut is_first = true;
        // A file that cannot be read has no names to offer.
        let _ = files::read_lines(&path, SIZE_LIMIT, |lines| {
            let text = lossy(lines);
            let marks: &[char] = if is_first { &['\u{feff}'] } else { &[] };
            names.add(kind, text.trim_start_matches(marks));
            is_first = false;
        });
    }
    names.sort();
    names
}

/// The text of bytes that are nearly always UTF-8, which the standard library checks faster on its own.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn paths(world: &World) -> [(PathBuf, FileKind); 2] {
    [FileKind::Config, FileKind::Credentials].map(|kind| (path_of(world, kind), kind))
}

/// `read PATH`, or `there is no PATH`.
pub(crate) fn file_state(path: &Path, exists: bool) -> String {
    let state = if exists { "read" } else { "there is no" };
    format!("{state} {}", path.display())
}

fn read_bytes(path: &Path) -> Result<Option<FileBytes>> {
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
        return directory(path, finding);
    }
    finding.remedy(remedy!("ls -l {}", path))
}

/// A variable that names a file below a directory in the place of a file: it must follow.
fn with_path_below(world: &World, path: &Path, finding: Finding) -> Finding {
    let variable = "AWS_WEB_IDENTITY_TOKEN_FILE";
    let is_below = |file: &str| path.is_dir() && Path::new(file).starts_with(path);
    match world.env(variable) {
        Some(file) if is_below(file) => finding
            .evidence(format!("{variable}={file}"))
            .remedy(remedy!("then set {} to the new path", variable)),
        _ => finding,
    }
}

/// A directory in the place of a file: what can be done depends on how it got there.
fn directory(path: &Path, finding: Finding) -> Finding {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let first: Vec<String> = names.take(3).collect();
    if files::is_mount(path) {
        return finding
            .evidence("a directory is mounted there")
            .remedy(remedy!(
                "mount a file at {}, or the directory elsewhere",
                path
            ));
    }
    if first.is_empty() {
        return finding
            .evidence(
                "it is an empty directory, as docker -v makes where the host has no such file",
            )
            .remedy(remedy!("rmdir {}, and put the file there", path));
    }
    finding
        .evidence(format!("the directory contains {}", first.join(", ")))
        .remedy(remedy!(
            "move what it contains elsewhere, or mount it elsewhere: {} must be a file",
            path
        ))
}
