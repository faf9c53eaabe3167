//! awsfresh: AWS credentials that stay fresh.
//!
//! The way of one call, and where to read it:
//!
//! 1. [`cli`] turns the arguments into data.
//! 2. [`world`] reads environment, clock and paths, once.
//! 3. [`commands`] holds one file per verb; each resolves the profile with [`config`] (pure: text to chain, with
//!    file:line for every value) and asks [`refresh`] for credentials.
//! 4. [`refresh`] looks into a [`store`]; on a miss it takes a lock, looks again, and asks a [`source`].
//! 5. Whatever goes wrong is a [`diagnosis::Finding`]: a fact, its evidence, a next step, an exit code.
//!
//! docs/architecture.md has the reasons.

pub mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod diagnosis;
pub mod digest;
pub mod refresh;
pub mod settings;
pub mod source;
pub mod store;
pub mod time;
pub mod world;

use std::process::ExitCode;

use world::World;

/// The whole program: arguments in, exit code out.
pub fn main() -> ExitCode {
    let cli = cli::Cli::of_process();
    let talk = commands::Talk::new(cli.common.verbose, cli.common.quiet);
    match World::collect().and_then(|world| commands::run(&cli, &world, &talk)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(finding) => {
            talk.failure(&finding);
            ExitCode::from(finding.exit_code())
        }
    }
}
