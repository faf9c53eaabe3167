//! What can be seen of the files and directories of AWS tools without reading them.

use std::path::PathBuf;

use super::aws_cli_cache;
use crate::aws_files::{file_state, link_to_nowhere};
use crate::config::Chain;
use crate::finding::Finding;
use crate::source::sso::Session;
use crate::time::Timestamp;
use crate::world::World;

/// A file or directory of AWS tools.
pub(super) struct FileFacts {
    pub(super) path: PathBuf,
    /// The variable that names it, if one does.
    pub(super) named_by: Option<&'static str>,
    pub(super) exists: bool,
    /// Permission bits and owner, where the system has them.
    pub(super) mode: Option<(u32, u32)>,
    pub(super) is_dir: bool,
    /// Whether this user could write to it.
    pub(super) writable: bool,
    /// When it was last modified.
    pub(super) modified: Option<Timestamp>,
    /// Where it is a link to, if nothing is there.
    pub(super) nowhere: Option<PathBuf>,
    /// Why it cannot be read or parsed.
    pub(super) problem: Option<Finding>,
}

impl FileFacts {
    /// A file that `variable` may name.
    pub(super) fn named(
        path: PathBuf,
        variable: &'static str,
        problem: Option<Finding>,
        world: &World,
    ) -> Self {
        let named_by = world.env(variable).map(|_| variable);
        Self {
            named_by,
            problem,
            ..Self::of(path)
        }
    }

    fn of(path: PathBuf) -> Self {
        let about = std::fs::metadata(&path).ok();
        let modified = about.as_ref().and_then(|m| m.modified().ok());
        let modified = modified.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        #[cfg(unix)]
        let mode = about.as_ref().and_then(mode);
        #[cfg(not(unix))]
        let mode = None;
        #[cfg(unix)]
        let writable = rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).is_ok();
        #[cfg(not(unix))]
        let writable = true;
        Self {
            nowhere: link_to_nowhere(&path),
            exists: about.is_some(),
            is_dir: about.as_ref().is_some_and(std::fs::Metadata::is_dir),
            path,
            named_by: None,
            mode,
            writable,
            modified: modified.map(|d| Timestamp(d.as_secs().cast_signed())),
            problem: None,
        }
    }

    /// `read PATH`, or `there is no PATH`.
    pub(super) fn state(&self) -> String {
        file_state(&self.path, self.exists)
    }
}

/// Permission bits and owner. A device or a pipe keeps no secret: its mode does not matter.
#[cfg(unix)]
fn mode(about: &std::fs::Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    (about.is_file() || about.is_dir()).then(|| (about.mode() & 0o777, about.uid()))
}

/// The directories in which the AWS CLI keeps sessions, and the token file of an SSO session.
pub(super) fn cli_files(world: &World, chain: Option<&Chain>) -> Vec<FileFacts> {
    let aws = world.home.join(".aws");
    let session = chain.and_then(|chain| Session::of(&chain.base, world));
    let token_file = session.map(|session| session.path().to_owned());
    let dirs = [
        aws.clone(),
        aws_cli_cache::cache_dir(world),
        aws.join("sso/cache"),
    ];
    dirs.into_iter()
        .chain(token_file)
        .map(FileFacts::of)
        .filter(|file| file.exists)
        .collect()
}
