//! Where this runs: in which kind of machine or container, and under whose home directory.

use std::path::{Path, PathBuf};

use crate::world::World;

/// Where this process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Names such as `container` and `wsl`.
    pub names: Vec<&'static str>,
    /// The person behind `sudo`, whose files are not the ones that are read.
    pub sudo_user: Option<String>,
    /// The home directory that the system has for this user, where `HOME` is another one and that one has AWS files.
    pub own_home: Option<PathBuf>,
    /// Under WSL: `.aws` directories on the Windows side.
    pub windows: Vec<PathBuf>,
    /// Who runs this, where the system has numbers for that.
    pub uid: u32,
}

impl Surroundings {
    /// As variables and well-known files tell it.
    pub fn of(world: &World) -> Self {
        let mut names = Vec::new();
        let variable = |name: &str| world.env(name).is_some();
        let says = |path: &str, what: &str| std::fs::read_to_string(path).is_ok_and(|text| text.contains(what));
        let container = variable("container") || ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists());
        for (name, here) in [
            ("lambda", variable("AWS_LAMBDA_FUNCTION_NAME")),
            ("ecs", variable("ECS_CONTAINER_METADATA_URI_V4") || variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")),
            ("kubernetes", variable("KUBERNETES_SERVICE_HOST")),
            ("codebuild", variable("CODEBUILD_BUILD_ID")),
            ("github-actions", variable("GITHUB_ACTIONS")),
            ("ci", variable("CI")),
            ("wsl", variable("WSL_DISTRO_NAME") || says("/proc/sys/kernel/osrelease", "icrosoft")),
            ("container", container),
            ("ec2", says("/sys/class/dmi/id/sys_vendor", "Amazon EC2")),
        ] {
            if here {
                names.push(name);
            }
        }
        let sudo_user = world.env("SUDO_USER").map(str::to_owned);
        let windows = if names.contains(&"wsl") { windows_homes(world) } else { Vec::new() };
        let uid = crate::world::uid();
        let own_home = std::fs::read_to_string("/etc/passwd").ok().and_then(|users| home_of(uid, &users));
        let own_home = own_home.filter(|home| *home != world.home && has_files(&home.join(".aws")));
        Self { names, sudo_user, own_home, windows, uid }
    }

    /// Whether this is a place of that name.
    pub fn is(&self, name: &str) -> bool {
        self.names.contains(&name)
    }
}

/// `.aws` directories of the Windows users: the one that `WSLENV=USERPROFILE/p` hands over, else those on drive C.
fn windows_homes(world: &World) -> Vec<PathBuf> {
    let handed = world.env("USERPROFILE").filter(|path| path.starts_with('/')).map(PathBuf::from);
    let homes = match handed {
        Some(home) => vec![home],
        None => std::fs::read_dir("/mnt/c/Users").map_or_else(|_| Vec::new(), |all| all.flatten().map(|entry| entry.path()).collect()),
    };
    homes.into_iter().map(|home| home.join(".aws")).filter(|dir| has_files(dir)).take(3).collect()
}

fn has_files(dir: &Path) -> bool {
    dir.join("config").is_file() || dir.join("credentials").is_file()
}

/// The home directory in the lines of `/etc/passwd`.
fn home_of(uid: u32, users: &str) -> Option<PathBuf> {
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.get(2) == Some(&uid.to_string().as_str()))?;
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
