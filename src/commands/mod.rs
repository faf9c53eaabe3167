//! One file per subcommand: arguments in, a call to one of the modules below, output. Data goes to
//! stdout, everything else to stderr, both through `ui`.

mod check;
mod completions;
mod console;
mod context;
mod credential_process;
mod doctor;
mod edits;
mod explain;
mod export;
mod forget;
mod keys;
mod login;
mod logout;
mod man;
mod refresh;
mod sessions;
mod setup;
mod status;
mod why;
mod wrap;

use crate::cli::{Cli, Subcommand};
use crate::doctor::Scope;
use crate::finding::{Finding, Result};
use crate::journal::Journal;
use crate::store::{self, StoreSettings};
use crate::world::World;
use context::Context;

/// Carries out a subcommand that works where the surroundings cannot be read; `None` for every other
/// one.
pub(crate) fn run_anywhere(cli: &Cli, world: Option<&World>) -> Option<Result<u8>> {
    let outcome = match &cli.subcommand {
        Some(Subcommand::Completions { shell }) => completions::run(*shell),
        Some(Subcommand::Man(args)) => man::run(args),
        Some(Subcommand::CompleteWords(args)) => completions::complete(world, args),
        _ => return None,
    };
    Some(outcome.map(|()| 0))
}

/// Carries out a subcommand, or runs a command. Returns the exit code.
pub(crate) fn run(cli: &Cli, world: &World) -> Result<u8> {
    let store = store::open(&StoreSettings::from_world(world, cli.common.store)?);
    let context = Context::new(world, store);
    match &cli.subcommand {
        Some(Subcommand::CredentialProcess { profile }) => {
            credential_process::run(&context, profile.as_deref())?;
            Ok(0)
        }
        other => run_other(cli, &context, other.as_ref()),
    }
}

/// Every subcommand but `credential-process`. In a function of its own, because its stack frame is
/// large: a warm answer would pay for two pages of it.
#[inline(never)]
fn run_other(cli: &Cli, context: &Context<'_>, subcommand: Option<&Subcommand>) -> Result<u8> {
    match subcommand {
        None => return wrap::run(context, &cli.wrap, cli.common.store),
        Some(Subcommand::Console(args)) => console::run(context, args)?,
        Some(Subcommand::Export(args)) => export::run(context, args)?,
        Some(Subcommand::Status(args)) => return status::run(context, args),
        Some(Subcommand::Login(args)) => login::run(context, args)?,
        Some(Subcommand::Logout(args)) => logout::run(context, args)?,
        Some(Subcommand::Refresh { selection, person }) => {
            refresh::run(context, selection, person)?;
        }
        Some(Subcommand::Forget { selection }) => forget::run(context, selection)?,
        Some(Subcommand::Setup(args)) => return setup::run(context, args),
        Some(Subcommand::Keys { command }) => keys::run(context, command)?,
        Some(Subcommand::Check(args)) => return check::run(context, args),
        Some(Subcommand::Doctor {
            profile,
            offline,
            tool,
            no_login,
            json,
        }) => {
            let may_offer = !no_login && !offline && !json;
            let scope = Scope {
                profile: profile.as_deref(),
                offline: *offline,
                tools: tool,
            };
            return doctor::run(context, &scope, *json, may_offer);
        }
        Some(Subcommand::Explain {
            file,
            profile,
            json,
        }) => {
            return explain::run(context, file.as_deref(), profile.as_deref(), *json);
        }
        Some(Subcommand::Why { json, all }) => why::run(context, *json, *all)?,
        Some(
            Subcommand::CredentialProcess { .. }
            | Subcommand::Completions { .. }
            | Subcommand::Man(_)
            | Subcommand::CompleteWords(_),
        ) => {}
    }
    Ok(0)
}

/// Records the failure of a subcommand for `why`: the caller may not show it.
pub(crate) fn record_failure(cli: &Cli, world: &World, finding: &Finding) {
    let subcommand = match &cli.subcommand {
        None => RUN,
        Some(Subcommand::CredentialProcess { .. }) => "credential-process",
        Some(Subcommand::Console(_)) => "console",
        Some(Subcommand::Export(_)) => "export",
        Some(Subcommand::Status(_)) => "status",
        Some(Subcommand::Refresh { .. }) => "refresh",
        Some(Subcommand::Forget { .. }) => "forget",
        Some(Subcommand::Login(_)) => "login",
        Some(Subcommand::Logout(_)) => "logout",
        Some(Subcommand::Setup(_)) => "setup",
        Some(Subcommand::Check(_)) => "check",
        Some(Subcommand::Keys { .. }) => "keys",
        // Their failures are those of others.
        Some(Subcommand::Doctor { .. } | Subcommand::Explain { .. } | Subcommand::Why { .. }) => {
            return;
        }
        // They obtain no credentials.
        Some(
            Subcommand::Completions { .. } | Subcommand::Man(_) | Subcommand::CompleteWords(_),
        ) => {
            return;
        }
    };
    Journal::new(&world.state.main, &world.state.spare).record(world.now(), subcommand, finding);
}

/// What the journal calls a wrapped command.
const RUN: &str = "run";
