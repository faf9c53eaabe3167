//! The program: arguments in, exit code out; usage errors and panics in the form of every other
//! failure.

use std::ffi::OsString;
#[cfg(unix)]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::Cli;
use crate::finding::{Cause, Finding, Remedy};
use crate::world::World;
use crate::{commands, core_dumps, ui};

/// The exit code where a command was to be run and was not started, as `env`, `nice` and `timeout`
/// use it.
const NOT_STARTED: u8 = 125;

/// Whether the arguments ask for a command to be run; for the panic hook, which gets no arguments.
static RUNS_A_COMMAND: AtomicBool = AtomicBool::new(false);

/// Runs the program with the arguments of this process. Call it once, before any thread is started.
pub fn main() -> u8 {
    core_dumps::forbid();
    install_panic_hook();
    keep_exit_codes();
    ui::init(false, false);
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::from_args(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args),
    };
    let runs_a_command = cli.has_command() || Cli::runs_a_command(&args);
    RUNS_A_COMMAND.store(runs_a_command, Ordering::Relaxed);
    ui::init(cli.common.verbose, cli.common.quiet);
    let world = World::collect(ui::is_attended());
    let outcome = commands::run_anywhere(&cli, world.as_ref().ok()).unwrap_or_else(|| {
        let world = world.as_ref().map_err(Clone::clone);
        world.and_then(|world| commands::run(&cli, world))
    });
    outcome.unwrap_or_else(|finding| {
        ui::error(&finding);
        if let Ok(world) = &world {
            commands::record_failure(&cli, world, &finding);
        }
        exit_code(&finding, runs_a_command)
    })
}

/// A caller that ignores SIGCHLD passes that on, and the system then keeps no exit code of the
/// programs that this process starts. A handler, even one that does nothing, ends that.
fn keep_exit_codes() {
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGCHLD, Arc::default());
}

/// The exit code of a failure of awsfresh itself.
fn exit_code(finding: &Finding, runs_a_command: bool) -> u8 {
    if runs_a_command {
        NOT_STARTED
    } else {
        finding.exit_code()
    }
}

/// Makes a panic end the process with a finding that names its place alone: the panic's message may
/// quote any value, including a secret.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let finding = Finding::new(Cause::Unexpected, format!("awsfresh panicked at {place}"))
            .evidence(format!("version {}", env!("CARGO_PKG_VERSION")))
            .remedy("this is a bug; please report it together with the lines above");
        ui::error(&finding);
        let code = exit_code(&finding, RUNS_A_COMMAND.load(Ordering::Relaxed));
        #[expect(
            clippy::exit,
            reason = "unwinding would continue with half a state; aborting has no exit code"
        )]
        std::process::exit(i32::from(code))
    }));
}

/// Prints help and version as they are, and every other message of the parser as a finding.
fn usage(error: &clap::Error, args: &[OsString]) -> u8 {
    let no_arguments = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || no_arguments {
        let _ = error.print(); // if the stream is closed there is nowhere to report that
        return if no_arguments {
            Cause::Usage.class().code()
        } else {
            0
        };
    }
    let finding = usage_finding(error, args);
    ui::error(&finding);
    exit_code(&finding, Cli::runs_a_command(args))
}

fn usage_finding(error: &clap::Error, args: &[OsString]) -> Finding {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && !Cli::names_subcommand(args)
        && !Cli::runs_a_command(args)
        && let Some(intended) = Cli::intended(args, word)
    {
        let finding = Finding::new(
            Cause::Usage,
            format!("`{word}` is not a subcommand of awsfresh"),
        );
        let finding = intended
            .into_iter()
            .flatten()
            .fold(finding, Finding::remedy);
        return finding.remedy("awsfresh --help");
    }
    let text = error.render().to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"));
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let summary = lines.next().unwrap_or_default();
    let summary = summary.trim_start_matches("error: ").trim_end_matches(':');
    let finding = Finding::new(Cause::Usage, summary);
    let finding = lines.fold(finding, |finding, line| match line.strip_prefix("tip: ") {
        // A tip may contain an argument, and its quotes are not those of a shell.
        Some(tip) => finding.remedy(Remedy::of_words(tip.replace('\'', "").split(' '))),
        None => finding.evidence(line),
    });
    finding.remedy("awsfresh --help")
}
