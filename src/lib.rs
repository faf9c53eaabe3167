//! awsfresh: AWS credentials that stay fresh.
//!
//! The way of one call, and where to read it:
//!
//! 1. [`cli`] turns the arguments into data.
//! 2. [`world`] reads environment, clock and paths, once.
//! 3. [`commands`] holds one file per verb; each resolves the profile with [`config`] (pure: text to chain, with
//!    file:line for every value) and asks [`refresh`] for credentials.
//! 4. [`refresh`] looks into a [`store`]; on a miss it takes a lock, looks again, and asks a [`source`].
//! 5. [`exec`] runs commands: it hands them the credentials, renews those meanwhile, and looks back when they failed.
//! 6. Whatever goes wrong is a [`diagnosis::Finding`]: a fact, its evidence, a next step, an exit code. `doctor` gathers
//!    facts, asks AWS, and draws every finding it can from both.
//!
//! docs/architecture.md has the reasons.

pub mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod diagnosis;
pub mod digest;
pub mod exec;
pub mod files;
pub mod partition;
pub mod refresh;
pub mod settings;
pub mod shell;
pub mod source;
pub mod store;
pub mod time;
pub mod world;

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use cli::Cli;
use diagnosis::{Cause, Finding};
use world::World;

/// The status where a command was to be run and never was: `env`, `nice`, `timeout` and their kin use it, too.
const NOTHING_STARTED: u8 = 125;

/// The whole program: arguments in, exit code out.
pub fn main() -> u8 {
    tell_panics();
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::read(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args),
    };
    RUNS_A_COMMAND.store(cli.verb.is_none(), Ordering::Relaxed);
    let talk = commands::Talk::new(cli.common.verbose, cli.common.quiet);
    let world = World::collect();
    if let Ok(world) = &world {
        expand_for_the_sdk(world);
    }
    match world.as_ref().map_err(Clone::clone).and_then(|world| commands::run(&cli, world, &talk)) {
        Ok(code) => code,
        Err(finding) => {
            talk.failure(&finding);
            if let Ok(world) = &world {
                commands::note_down(&cli, world, &finding);
            }
            if cli.verb.is_none() { NOTHING_STARTED } else { finding.exit_code() }
        }
    }
}

/// The SDK's `aws login` provider reads this variable by itself and takes it literally; the AWS CLI expands it.
fn expand_for_the_sdk(world: &World) {
    let name = source::LOGIN_DIRECTORY_VARIABLE;
    if let Some(given) = world.env(name)
        && let expanded = world.expand(given)
        && expanded.as_os_str() != given
    {
        // SAFETY: no other thread has been started yet that could read the environment.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var(name, expanded);
        }
    }
}

/// Whether the arguments ask for a command to be run; for the panic hook, which is handed nothing.
static RUNS_A_COMMAND: AtomicBool = AtomicBool::new(false);

/// A panic ends the process with a finding that names its place alone: its message may hold whatever was at hand, a secret
/// among it.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let finding = Finding::new(Cause::Unexpected, format!("awsfresh panicked at {place}"))
            .seen(format!("version {}", env!("CARGO_PKG_VERSION")))
            .try_this("this is a bug; please report it together with the lines above");
        commands::Talk::new(false, false).failure(&finding);
        #[allow(clippy::exit)] // unwinding would go on with half a state, and aborting has no code in the table
        std::process::exit(i32::from(if RUNS_A_COMMAND.load(Ordering::Relaxed) { NOTHING_STARTED } else { finding.exit_code() }))
    }));
}

/// Help and version as they are; whatever else the parser says in the form of every failure.
fn usage(error: &clap::Error, args: &[OsString]) -> u8 {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print(); // nobody is left to tell when the stream is closed
        return if error.use_stderr() { Cause::Usage.exit_code() } else { 0 };
    }
    commands::Talk::new(false, false).failure(&usage_finding(error, args));
    if Cli::runs_a_command(args) { NOTHING_STARTED } else { Cause::Usage.exit_code() }
}

fn usage_finding(error: &clap::Error, args: &[OsString]) -> Finding {
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) = (error.kind(), error.get(ContextKind::InvalidArg))
        && !Cli::runs_a_command(args)
        && error.get(ContextKind::InvalidSubcommand).is_none()
        && let Some(meant) = Cli::meant(args, word)
    {
        let finding = Finding::new(Cause::Usage, format!("`{word}` is not a subcommand of awsfresh"));
        let finding = meant.into_iter().flatten().fold(finding, Finding::try_this);
        return finding.try_this("awsfresh --help");
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let summary = lines.next().unwrap_or_default().trim_start_matches("error: ").trim_end_matches(':').to_owned();
    let finding = lines.fold(Finding::new(Cause::Usage, summary), |finding, line| match line.strip_prefix("tip: ") {
        Some(tip) => finding.try_this(tip),
        None => finding.seen(line),
    });
    finding.try_this("awsfresh --help")
}
