//! What a command gets in addition to its environment, while it runs.

use std::path::Path;
use std::sync::Arc;

use super::Delivery;
use super::endpoint::Endpoint;
use super::environment::Delivered;
use super::mount::Mount;
use super::open_files::OpenFiles;
use super::renewer::Renewer;
use super::request_log::{self, Summary};
use super::run_dir::{CONFIG, CREDENTIALS, RunDir};
use crate::aws_files::AwsFiles;
use crate::config::{Chain, DefaultProfile, Overlay, process_of};
use crate::credentials::Credentials;
use crate::files;
use crate::finding::{Cause, Finding, Result};
use crate::shell::quoted;
use crate::world::{self, World};

/// Released when dropped.
pub(super) enum Resources {
    Profile(OverlayFiles),
    Endpoint(OverlayFiles, Endpoint),
    Files(OverlayFiles, Mount),
    Env,
}

impl Resources {
    /// Creates what `delivery` needs.
    pub(super) fn create(
        world: &World,
        chain: &Chain,
        delivery: Delivery,
        drill: Option<i64>,
        files: &AwsFiles,
        renewer: &Arc<Renewer>,
        open_files: &OpenFiles,
    ) -> Result<Self> {
        let profile = &chain.profile;
        match delivery {
            Delivery::Env => Ok(Self::Env),
            Delivery::Profile => {
                let overlay =
                    OverlayFiles::create(world, files, profile, DefaultProfile::AsChosen)?;
                Ok(Self::Profile(overlay))
            }
            Delivery::Files => {
                let overlay =
                    OverlayFiles::create(world, files, profile, DefaultProfile::AsChosen)?;
                let mount = renewer
                    .with(|credentials, _| Mount::create(world, files, profile, credentials))?;
                Ok(Self::Files(overlay, mount))
            }
            Delivery::Endpoint => {
                let overlay = OverlayFiles::create(world, files, profile, DefaultProfile::Empty)?;
                let renewer = renewer.clone();
                let endpoint = Endpoint::start(renewer, profile, world::now, drill, open_files)?;
                Ok(Self::Endpoint(overlay, endpoint))
            }
        }
    }

    /// What the environment has to name.
    pub(super) fn delivered<'a>(&'a self, credentials: &'a Credentials) -> Delivered<'a> {
        match self {
            Self::Env => Delivered::Env(credentials),
            Self::Profile(files) | Self::Files(files, _) => Delivered::Profile {
                run_dir: files.dir.path(),
            },
            Self::Endpoint(files, endpoint) => Delivered::Endpoint {
                run_dir: files.dir.path(),
                url: endpoint.url(),
                token: endpoint.token(),
            },
        }
    }

    /// The directory for a container.
    pub(super) fn mount(&self) -> Option<&Mount> {
        match self {
            Self::Files(_, mount) => Some(mount),
            Self::Profile(_) | Self::Endpoint(..) | Self::Env => None,
        }
    }

    /// From here on only new requests count: the command is started again.
    pub(super) fn forget_requests(&self) {
        match self {
            Self::Profile(files) | Self::Files(files, _) => {
                request_log::forget(files.dir.path());
            }
            Self::Endpoint(_, endpoint) => endpoint.forget_requests(),
            Self::Env => {}
        }
    }

    /// Saves what the command wrote into its private copies: they are about to be removed.
    pub(super) fn keep_changes(&self, world: &World) {
        if let Self::Profile(files) | Self::Endpoint(files, _) | Self::Files(files, _) = self {
            files.keep_changes(world);
        }
    }
}

/// The overlay's files.
pub(super) struct OverlayFiles {
    dir: RunDir,
    /// The text of the config file.
    config: String,
}

impl OverlayFiles {
    fn create(
        world: &World,
        files: &AwsFiles,
        profile: &str,
        default: DefaultProfile,
    ) -> Result<Self> {
        let program = world.program().map_err(|e| {
            Finding::new(
                Cause::Unexpected,
                format!("cannot locate the awsfresh executable: {e}"),
            )
            .remedy("use --deliver env, which needs no second call")
        })?;
        let dir = RunDir::create(world)?;
        for path in [
            program.as_path(),
            dir.path(),
            &world.config_file(),
            &world.credentials_file(),
        ] {
            check_utf8(path)?;
        }
        let program = quoted(&program.to_string_lossy());
        let process = |profile: &str| process_of(&program, profile);
        let [config, credentials] = files.texts();
        let config = Overlay {
            profile,
            default,
            process: &process,
        }
        .rewrite(&config, &credentials);
        dir.write(CONFIG, &config)?;
        dir.write(CREDENTIALS, "")?;
        dir.write(request_log::FILE, "")?;
        Ok(Self { dir, config })
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Option<Summary> {
        request_log::read(self.dir.path())
    }

    fn keep_changes(&self, world: &World) {
        for (name, written) in [(CONFIG, self.config.as_str()), (CREDENTIALS, "")] {
            let Ok(now) = std::fs::read(self.dir.path().join(name)) else {
                continue;
            };
            if now == written.as_bytes() {
                continue;
            }
            let what = format!("the command changed its private copy of the AWS {name} file");
            let time = world.now().to_string().replace(':', "");
            let kept = world.state.main.join("kept");
            let target = kept.join(format!("{name}-{time}"));
            match keep(&target, &now) {
                Ok(()) => log::info!(
                    "{what}, which is removed now; the changed copy is {}",
                    target.display()
                ),
                Err(e) => log::warn!("{what}, and the changed copy could not be saved: {e}"),
            }
        }
    }
}

fn keep(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(dir) = target.parent() {
        super::run_dir::private_dir(dir)?;
    }
    files::write_atomic(target, bytes)
}

/// A path that another program gets in a config file or a variable that we read back as text.
fn check_utf8(path: &Path) -> Result<()> {
    if path.to_str().is_some() {
        return Ok(());
    }
    let summary = format!("the path {} is not valid UTF-8", path.display());
    Err(Finding::new(Cause::Usage, summary).remedy("use --deliver env, which needs no files"))
}
