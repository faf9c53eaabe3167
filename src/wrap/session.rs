//! The run of one command, from the first credentials to the report after it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acquire::Acquired;
use super::child::{Spawner, exit_code, start_error};
use super::environment::env_changes;
use super::mount::Mount;
use super::open_files::OpenFiles;
use super::post_mortem::Run;
use super::renewer::{Renewal, Renewer};
use super::request_log::{Request, Summary};
use super::resources::Resources;
use super::{Delivery, OnRenew, WrapOptions, seconds};
use crate::aws_files::AwsFiles;
use crate::config::Chain;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result};
use crate::limits;
use crate::refresh::{Mfa, Refresher};
use crate::store::Store;
use crate::world::World;

/// How long the question to AWS after a failed command may take.
const POST_MORTEM_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between two attempts to write new credentials for a container.
const MOUNT_PAUSE: Duration = Duration::from_secs(5);
/// How long a command has to end before a restart kills it.
const RESTART_GRACE: Duration = Duration::from_secs(10);

/// What a run has to do with failures of the command: the caller prints and records them.
pub(crate) trait Reporter: Sync {
    /// The command could not be started.
    fn start_failed(&self, finding: &Finding);
    /// Credentials caused the command's failure.
    fn credentials_failed(&self, finding: &Finding);
}

/// One run of a command with the credentials of a chain.
pub(crate) struct Session<'a> {
    pub(crate) world: &'a World,
    pub(crate) chain: &'a Chain,
    pub(crate) store: &'a dyn Store,
    pub(crate) options: &'a WrapOptions,
    /// For the first credentials; a renewal asks no one.
    pub(crate) mfa: Mfa<'a>,
    pub(crate) reporter: &'a dyn Reporter,
}

impl Session<'_> {
    pub(super) fn refresher(&self, deadline: Instant) -> Refresher<'_> {
        Refresher::new(self.world, self.chain, self.store, deadline)
    }

    fn drill(&self) -> Option<i64> {
        self.options.drill.map(seconds)
    }

    /// Runs the command and returns its exit code. An error means that it was not started.
    pub(crate) fn run(&self, files: AwsFiles) -> Result<u8> {
        let open_files = OpenFiles::new(); // first: a call to AWS may raise the limit
        let Acquired {
            credentials,
            obtained,
        } = self.acquire()?;
        let renewer = Arc::new(Renewer::new(credentials, obtained));
        let delivery = self.options.delivery;
        let resources = Resources::create(
            self.world,
            self.chain,
            delivery,
            self.drill(),
            &files,
            &renewer,
            &open_files,
        )?;
        drop(files); // they may contain secrets, and the command may run for days
        let spawner = Spawner::new().map_err(|e| limits::reached("watch for signals", &e))?;
        let end = std::thread::scope(|scope| {
            if delivery != Delivery::Env || self.options.on_renew.is_some() {
                let renew = || self.keep_fresh(&renewer, &spawner, resources.mount());
                let thread = std::thread::Builder::new().spawn_scoped(scope, renew);
                thread.map_err(|e| limits::reached("start a thread that renews", &e))?;
            }
            let end = self.run_command(&resources, &renewer, &spawner, &open_files);
            renewer.stop();
            end
        })?;
        self.post_mortem(&resources, &renewer, &end);
        resources.keep_changes(self.world);
        Ok(end.code)
    }

    fn keep_fresh(&self, renewer: &Renewer, spawner: &Spawner, mount: Option<&Mount>) {
        let obtain = || {
            let refresher = match self.world.timeout() {
                Ok(timeout) => self.refresher(Instant::now() + timeout),
                Err(finding) => {
                    return Renewal {
                        outcome: Err(finding),
                        failure: None,
                    };
                }
            };
            let obtained = || refresher.obtained().unwrap_or_else(|| self.world.now());
            let outcome = refresher
                .obtain()
                .map(|credentials| (credentials, obtained()));
            Renewal {
                outcome,
                failure: refresher.failed_renewal(),
            }
        };
        let renewed = || {
            if let Some(mount) = mount {
                // The file system may be full for a moment.
                while let Err(finding) = mount.renew(&renewer.credentials()) {
                    log::warn!("{}", finding.summary);
                    if renewer.stopped_within(MOUNT_PAUSE) {
                        break;
                    }
                }
            }
            match self.options.on_renew {
                None => {}
                Some(OnRenew::Signal(signal)) => spawner.signal(signal),
                Some(OnRenew::Restart) => end_for_restart(renewer, spawner),
            }
        };
        renewer.keep_fresh(|| self.world.now(), obtain, renewed);
    }

    /// Runs the command, and again after each restart.
    fn run_command(
        &self,
        resources: &Resources,
        renewer: &Renewer,
        spawner: &Spawner,
        open_files: &OpenFiles,
    ) -> Result<End> {
        let mut restarts = 0;
        loop {
            let credentials = renewer.credentials();
            let mut command = self.command(resources, &credentials);
            let start = Request {
                at: self.world.now(),
                expiration: credentials.expiration,
            };
            drop(credentials);
            let end = |code| End {
                code,
                start,
                restarts,
            };
            let mut child = match open_files.as_user(|| spawner.spawn(&mut command)) {
                Ok(child) => child,
                Err(e) => {
                    let (code, finding) = start_error(&command, &e);
                    self.reporter.start_failed(&finding);
                    return Ok(end(code));
                }
            };
            let lost = |e| {
                Finding::new(
                    Cause::Unexpected,
                    format!("cannot wait for the command: {e}"),
                )
            };
            let status = spawner.wait(&mut child).map_err(lost)?;
            if !spawner.is_restarting() {
                return Ok(end(exit_code(status)));
            }
            restarts += 1;
            resources.forget_requests();
        }
    }

    fn command(&self, resources: &Resources, credentials: &Credentials) -> Command {
        let delivered = resources.delivered(credentials);
        let mut words = self.options.command.iter();
        let mut command = Command::new(words.next().cloned().unwrap_or_default());
        command.args(words);
        for (name, value) in env_changes(self.world, self.chain, &delivered, self.drill()) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(mount) = resources.mount() {
            command.env(Mount::VARIABLE, mount.path());
        }
        if let Some(store) = self.options.store {
            command.env("AWSFRESH_STORE", store.name());
        }
        command
    }

    /// After a drill, its report; after a failure, whether credentials caused it.
    fn post_mortem(&self, resources: &Resources, renewer: &Renewer, end: &End) {
        let requests = match resources {
            Resources::Env => Some(Summary::with(None, end.start)),
            Resources::Profile(files) | Resources::Files(files, _) => files.requests(),
            Resources::Endpoint(_, endpoint) => endpoint.requests(),
        };
        let command = self.options.command.first().map(Path::new);
        let command = command
            .and_then(Path::file_name)
            .unwrap_or_default()
            .to_string_lossy();
        let run = Run {
            command: &command,
            profile: &self.chain.profile,
            delivery: self.options.delivery,
            on_renew: self.options.on_renew,
            began: end.start.at,
            restarts: end.restarts,
            ended: self.world.now(),
            requests,
            last: renewer.last(),
            failure: renewer.failure(),
        };
        if let Some(drill) = self.drill() {
            log::info!("{}", run.drill_report(drill));
            return; // the announced expiration was not the real one: it explains no failure
        }
        // 126 and 127 may be ours, and more than 128 is what a person or the system did to the
        // command.
        let code = end.code;
        if code == 0 || code >= 126 || !self.options.post_mortem || requests.is_none() {
            return;
        }
        if let Some(finding) = run.cause_of_failure().or_else(|| self.rejected(renewer)) {
            self.reporter.credentials_failed(&finding);
        }
    }

    /// Why AWS rejects the credentials now, if it does.
    fn rejected(&self, renewer: &Renewer) -> Option<Finding> {
        let refresher = self.refresher(Instant::now() + POST_MORTEM_TIMEOUT);
        let finding = refresher.identity(&renewer.credentials()).err()?;
        if finding.means_stale_credentials() {
            refresher.invalidate();
        }
        let is_cause = finding.means_stale_credentials()
            || matches!(
                finding.cause,
                Cause::SecretWrong | Cause::ClockSkew | Cause::RegionDisabled
            );
        is_cause.then(|| finding.for_profile(&self.chain.profile))
    }
}

/// How the last start of the command ended.
struct End {
    code: u8,
    /// When it was, and when the credentials expire that were there then.
    start: Request,
    /// How often the command had been started before.
    restarts: u64,
}

/// Ends the command, so that `run_command` starts it again.
fn end_for_restart(renewer: &Renewer, spawner: &Spawner) {
    let before = spawner.running();
    if !spawner.restart() {
        return;
    }
    log::debug!("credentials were renewed: ending the command to start it again");
    let patience = Instant::now() + RESTART_GRACE;
    while spawner.running() == before {
        if renewer.stopped_within(Duration::from_millis(50)) {
            return;
        }
        if Instant::now() > patience {
            spawner.kill();
            return;
        }
    }
}
