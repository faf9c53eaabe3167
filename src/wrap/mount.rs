//! A directory to mount into a container: a config file, and the credentials, which are replaced after
//! each renewal. It is in memory, because credentials are written to it.

use std::path::{Path, PathBuf};

use super::run_dir::RunDir;
use crate::aws_files::AwsFiles;
use crate::config::for_container;
use crate::credentials::Credentials;
use crate::files;
use crate::finding::{Cause, Finding, Result};
use crate::world::World;

/// Where it is to be mounted: the config file names the credentials below it.
const MOUNT_POINT: &str = "/aws";
const CONFIG: &str = "config";
const CREDENTIALS: &str = "credentials.json";
/// The directory itself, in the directory of the run.
const MOUNT: &str = "mount";

/// Removed on drop.
pub(super) struct Mount {
    _dir: RunDir,
    path: PathBuf,
}

impl Mount {
    /// The variable that has its path.
    pub(super) const VARIABLE: &str = "AWSFRESH_MOUNT";

    /// Creates it for a profile.
    pub(super) fn create(
        world: &World,
        aws: &AwsFiles,
        profile: &str,
        credentials: &Credentials,
    ) -> Result<Self> {
        let dir = RunDir::create_in_memory(world)?;
        let path = dir.path().join(MOUNT);
        let mount = Self { _dir: dir, path };
        super::run_dir::private_dir(&mount.path).map_err(|e| mount.unusable(&e))?;
        let process = format!("cat {MOUNT_POINT}/{CREDENTIALS}");
        let [config, secrets] = aws.texts();
        let config = for_container(&config, &secrets, profile, &process);
        mount.write(CONFIG, config.as_bytes())?;
        mount.renew(credentials)?;
        Ok(mount)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the credentials in one step.
    pub(super) fn renew(&self, credentials: &Credentials) -> Result<()> {
        self.write(CREDENTIALS, &credentials.to_process_json())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        files::write_atomic(&self.path.join(name), bytes).map_err(|e| self.unusable(&e))
    }

    fn unusable(&self, error: &std::io::Error) -> Finding {
        let summary = format!("cannot write to {}: {error}", self.path.display());
        Finding::new(Cause::FilePermissions, summary)
            .remedy("free memory in the runtime directory, or use --deliver env")
    }
}
