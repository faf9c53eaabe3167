//! Which keys `setup` renamed in a config file, to take back these and no others.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Renamed;
use crate::digest::sha256_hex;
use crate::files;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::world::World;

/// More than any record has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The record of one config file.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Record {
    renamed: Renamed,
}

impl Record {
    pub(super) fn read(world: &World) -> Result<Self> {
        let path = path(world);
        let bytes = match files::read_own(&path, LIMIT) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(unusable(&path, &e.to_string())),
        };
        serde_json::from_slice(&bytes).map_err(|e| unusable(&path, &e.to_string()))
    }

    pub(super) fn write(&self, world: &World) -> Result<()> {
        let path = path(world);
        let dir = path.parent().map_or(Ok(()), files::own_private_dir);
        let written = dir.and_then(|()| files::write_atomic(&path, &serde_json::to_vec(self)?));
        written.map_err(|e| unusable(&path, &e.to_string()))
    }

    pub(super) fn add(&mut self, renamed: &Renamed) {
        for (profile, keys) in renamed {
            let known = self.renamed.entry(profile.clone()).or_default();
            known.extend(keys.iter().cloned());
        }
    }

    /// Removes and returns what is known of these profiles; of all if there are none.
    pub(super) fn take(&mut self, profiles: &[String]) -> Renamed {
        if profiles.is_empty() {
            return std::mem::take(&mut self.renamed);
        }
        let taken = profiles
            .iter()
            .filter_map(|name| self.renamed.remove_entry(name));
        taken.collect()
    }
}

/// Its file: one for each config file.
fn path(world: &World) -> PathBuf {
    let config = world.config_file();
    let digest = &sha256_hex(config.as_os_str().as_encoded_bytes())[..32];
    world
        .state
        .main
        .join("setup")
        .join(format!("{digest}.json"))
}

fn unusable(path: &std::path::Path, why: &str) -> Finding {
    let summary = format!("the record of changes {} cannot be used", path.display());
    Finding::new(Cause::FilePermissions, summary)
        .evidence(why)
        .remedy(remedy!("ls -l {}", path))
}
