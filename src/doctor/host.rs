//! Where this runs: in which kind of machine or container, and with whose home directory.

use std::path::{Path, PathBuf};

use crate::files;
use crate::host_kind::{HostKind, kinds};
use crate::world::World;

/// The surroundings of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostEnvironment {
    /// Every kind that fits.
    pub(super) kinds: Vec<HostKind>,
    /// The user who called `sudo`, whose files are not read.
    pub(super) sudo_user: Option<String>,
    /// This user's home directory according to `/etc/passwd`, if `HOME` is another one and it has
    /// AWS files. Users of NSS (LDAP, SSSD) are not found.
    pub(super) own_home: Option<PathBuf>,
    /// Under WSL: `.aws` directories on the Windows side.
    pub(super) windows: Vec<PathBuf>,
    /// The ID of the user this runs as.
    pub(super) uid: u32,
}

impl HostEnvironment {
    /// By variables and well-known files.
    pub(super) fn detect(world: &World) -> Self {
        let kinds = kinds(world);
        let windows = if kinds.contains(&HostKind::Wsl) {
            windows_homes(world)
        } else {
            Vec::new()
        };
        let uid = files::uid();
        let users = std::fs::read_to_string("/etc/passwd").ok();
        let own_home = users.and_then(|users| home_of(uid, &users));
        let own_home = own_home.filter(|home| *home != world.home && has_files(&home.join(".aws")));
        let sudo_user = world.env("SUDO_USER").map(str::to_owned);
        Self {
            kinds,
            sudo_user,
            own_home,
            windows,
            uid,
        }
    }

    /// Whether this is a place of that kind.
    pub(super) fn is(&self, kind: HostKind) -> bool {
        self.kinds.contains(&kind)
    }
}

/// `.aws` directories of the Windows users: the one that `WSLENV=USERPROFILE/p` passes, else those
/// on drive C.
fn windows_homes(world: &World) -> Vec<PathBuf> {
    let passed = world
        .env("USERPROFILE")
        .filter(|path| path.starts_with('/'));
    let homes = match passed {
        Some(home) => vec![PathBuf::from(home)],
        None => {
            let users = std::fs::read_dir("/mnt/c/Users")
                .into_iter()
                .flatten()
                .flatten();
            users.map(|entry| entry.path()).collect()
        }
    };
    let dirs = homes.into_iter().map(|home| home.join(".aws"));
    dirs.filter(|dir| has_files(dir)).take(3).collect()
}

fn has_files(dir: &Path) -> bool {
    dir.join("config").is_file() || dir.join("credentials").is_file()
}

/// The home directory in the lines of `/etc/passwd`.
fn home_of(uid: u32, users: &str) -> Option<PathBuf> {
    let uid = uid.to_string();
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    fields.get(5).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_home() {
        let users = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n";
        assert_eq!(home_of(1000, users), Some("/home/ann".into()));
        assert_eq!(home_of(7, users), None);
    }
}
