//! Where the AWS files may be that tools do not find: under another name, behind a link to nowhere,
//! in another directory, or in the file of an old tool. Looked for only where something is missing.

use std::path::{Path, PathBuf};

use crate::files;
use crate::finding::{Finding, remedy};
use crate::world::World;

/// So many entries of a directory are looked at.
const MAX_ENTRIES: usize = 1000;
/// Files of old tools are small.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Directories in the home directory that people take for `~/.aws`; `~` is one that a program made
/// which did not expand it.
const OTHER_DIRS: [&str; 4] = ["~/.aws", "aws", ".config/aws", ".AWS"];

/// Files of other tools with keys, and a word that shows that they have them.
const OTHER_TOOLS: [(&str, &str, &str); 2] = [
    (".boto", "aws_access_key_id", "boto 2 and gsutil read"),
    (".s3cfg", "access_key", "s3cmd reads"),
];

/// Adds to a finding about something missing what is near `paths`, the two AWS files.
pub(super) fn with_near_misses(world: &World, finding: Finding, paths: &[PathBuf; 2]) -> Finding {
    let missing = paths.iter().filter(|path| !path.exists());
    let finding = missing.fold(finding, |finding, path| match link_to_nowhere(path) {
        Some(target) => finding
            .evidence(format!(
                "{} is a link to {}, which does not exist",
                path.display(),
                target.display()
            ))
            .remedy(remedy!("restore {}, or mount it, too", target)),
        None => with_other_file(world, finding, path),
    });
    with_old_tools(world, without_home(world, finding))
}

/// The target of a link that leads nowhere.
pub(crate) fn link_to_nowhere(path: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(path).ok()?;
    (!path.exists()).then_some(target)
}

/// A file with a similar name beside `path`, or with its name in another directory.
fn with_other_file(world: &World, finding: Finding, path: &Path) -> Finding {
    let Some(other) = similar_file(path).or_else(|| in_other_dir(world, path)) else {
        return finding;
    };
    finding
        .evidence(format!(
            "there is {}, which no AWS tool reads",
            other.display()
        ))
        .remedy(remedy!("mv -n {} {}", other, path))
}

fn similar_file(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?.flatten();
    let is_similar = |name: &str| {
        let bare = name.trim_start_matches('.').to_ascii_lowercase();
        let stem = bare.split('.').next().unwrap_or_default();
        name != wanted && stem.trim_end_matches('s') == wanted.trim_end_matches('s')
    };
    let mut paths = entries.take(MAX_ENTRIES).map(|entry| entry.path());
    paths.find(|other| {
        let name = other.file_name().and_then(|name| name.to_str());
        name.is_some_and(is_similar) && other.is_file()
    })
}

fn in_other_dir(world: &World, path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let standard = world.home.join(".aws");
    if path.parent() != Some(&standard) {
        return None; // a variable names another file
    }
    let is_other = |other: &PathBuf| other.is_file() && !is_same_dir(other, path);
    let mut paths = OTHER_DIRS.iter().map(|dir| world.home.join(dir).join(name));
    paths.find(is_other)
}

/// On a file system without upper and lower case, `.AWS` is `.aws`.
fn is_same_dir(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.parent().and_then(|dir| dir.canonicalize().ok());
    real(a).is_some() && real(a) == real(b)
}

/// Services of systemd, cron and web servers often have no `HOME`.
fn without_home(world: &World, finding: Finding) -> Finding {
    if cfg!(windows) || world.env("HOME").is_some() {
        return finding;
    }
    finding
        .evidence(format!(
            "HOME is not set: this user's home directory is {}",
            world.home.display()
        ))
        .remedy(
            "set HOME for the service, as in systemd with User=NAME or Environment=HOME=/home/NAME",
        )
        .remedy("or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE")
}

fn with_old_tools(world: &World, finding: Finding) -> Finding {
    OTHER_TOOLS
        .iter()
        .fold(finding, |finding, (name, key, who)| {
            let path = world.home.join(name);
            let Ok(bytes) = files::read_bounded(&path, SIZE_LIMIT) else {
                return finding;
            };
            let text = String::from_utf8_lossy(&bytes);
            let has_key = text.lines().any(|line| line.trim_start().starts_with(key));
            if !has_key {
                return finding;
            }
            finding
                .evidence(format!("{} has a key, which only {who}", path.display()))
                .remedy(remedy!("aws configure, with the key in {}", path))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_similar_name_is_found() {
        for (name, is_found) in [
            ("credentials.txt", true),
            ("credentials.ini", true),
            ("credential", true),
            ("Credentials", true),
            (".credentials", true),
            ("config", false),
            ("cli", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(name), "").unwrap();
            let found = similar_file(&dir.path().join("credentials"));
            assert_eq!(found.is_some(), is_found, "{name}");
        }
    }
}
