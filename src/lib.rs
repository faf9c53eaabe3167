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

use diagnosis::{Cause, Finding};
use world::World;

/// The status where a command was to be run and never was: `env`, `nice`, `timeout` and their kin use it, too.
const NOTHING_STARTED: u8 = 125;

/// The whole program: arguments in, exit code out.
pub fn main() -> u8 {
    tell_panics();
    let cli = match cli::Cli::of_process() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let talk = commands::Talk::new(cli.common.verbose, cli.common.quiet);
    let world = World::collect();
    match world.as_ref().map_err(Clone::clone).and_then(|world| commands::run(&cli, world, &talk)) {
        Ok(code) => code,
        Err(finding) => {
            talk.failure(&finding);
            if let Ok(world) = &world {
                commands::note_down(&cli, world, &finding);
            }
            if cli.wrap.command.is_empty() { finding.exit_code() } else { NOTHING_STARTED }
        }
    }
}

/// A panic ends the process with a finding that names its place alone: its message may hold whatever was at hand, a secret
/// among it.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let finding = Finding::new(Cause::Unexpected, format!("awsfresh panicked at {place}"))
            .seen(format!("version {}", env!("CARGO_PKG_VERSION")))
            .try_this("this is a bug: please report the lines above; what was asked for may work another way");
        commands::Talk::new(false, false).failure(&finding);
        #[allow(clippy::exit)] // unwinding would go on with half a state, and aborting has no code in the table
        std::process::exit(i32::from(if runs_a_command() { NOTHING_STARTED } else { finding.exit_code() }))
    }));
}

fn runs_a_command() -> bool {
    std::env::args_os().any(|arg| arg == "--")
}

/// Help and version as they are; whatever else the parser says in the form of every failure.
fn usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print(); // nobody is left to tell when the stream is closed
        return if error.use_stderr() { Cause::Usage.exit_code() } else { 0 };
    }
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let summary = lines.next().unwrap_or_default().trim_start_matches("error: ").trim_end_matches(':').to_owned();
    let finding = lines.fold(Finding::new(Cause::Usage, summary), |finding, line| match line.strip_prefix("tip: ") {
        Some(tip) => finding.try_this(tip),
        None => finding.seen(line),
    });
    let finding = match error.kind() {
        clap::error::ErrorKind::InvalidSubcommand => finding.try_this("to run a command: awsfresh [-p PROFILE] -- COMMAND..."),
        _ => finding,
    };
    commands::Talk::new(false, false).failure(&finding.try_this("awsfresh --help"));
    if runs_a_command() { NOTHING_STARTED } else { Cause::Usage.exit_code() }
}
