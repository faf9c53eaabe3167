//! `-- COMMAND`: run a command with credentials that stay fresh.

use std::ffi::OsString;

use super::{Context, RUN};
use crate::aws_files::AwsFiles;
use crate::cli::Wrap;
use crate::finding::{Cause, Finding, Result};
use crate::journal::Journal;
use crate::refresh::Mfa;
use crate::signin::Codes;
use crate::store::StoreKind;
use crate::ui::{self, Terminal};
use crate::world::World;
use crate::wrap::{Reporter, Session, WrapOptions};

/// Runs the command and returns its exit code. An error means that it was not started.
pub(super) fn run(context: &Context<'_>, args: &Wrap, store: Option<StoreKind>) -> Result<u8> {
    let world = context.world;
    let (profile, _) = world.selected_profile(args.profile.as_deref());
    let command = if args.command.is_empty() {
        let shell = shell(world)?;
        log::info!("this shell has the credentials of profile `{profile}`; exit ends it");
        vec![shell]
    } else {
        args.command.clone()
    };
    let files = AwsFiles::read(world);
    let chain = files.chain(world, profile)?;
    let options = WrapOptions {
        delivery: args.deliver.unwrap_or_default(),
        min_ttl: args.min_ttl,
        verify: args.verify,
        expect_account: args.expect_account.clone(),
        expect_role: args.expect_role.clone(),
        post_mortem: !args.no_post_mortem,
        drill: args.drill,
        on_renew: args.on_renew,
        command,
        store,
    };
    let journal = Journal::new(&world.state.main, &world.state.spare);
    let reporter = ConsoleReporter {
        record: &|finding| journal.record(world.now(), RUN, finding),
    };
    let person = &args.person;
    let codes = Codes::new(person.mfa_code.clone(), !person.no_login);
    let mut files = Some(files);
    let code = context.offering_sign_in(&chain, !person.no_login, || {
        // They are dropped before the command runs, and read again after a sign-in.
        let files = match files.take() {
            Some(files) => files,
            None => context.files()?,
        };
        let session = Session {
            world,
            chain: &chain,
            store: &*context.store,
            options: &options,
            mfa: Mfa::new(&codes),
            reporter: &reporter,
        };
        session.run(files)
    });
    code.map_err(|finding| finding.for_profile(profile))
}

/// The user's shell. Without a terminal it would read commands from wherever stdin is.
fn shell(world: &World) -> Result<OsString> {
    if Terminal::open().is_none() || !ui::is_attended() {
        return Err(Finding::new(
            Cause::Usage,
            "no command to run, and no terminal for a shell",
        )
        .remedy("awsfresh [-p PROFILE] -- COMMAND..."));
    }
    let (variable, default) = if cfg!(windows) {
        ("COMSPEC", "cmd.exe")
    } else {
        ("SHELL", "/bin/sh")
    };
    Ok(world.env(variable).unwrap_or(default).into())
}

/// Prints failures of the command, and records those that credentials caused.
struct ConsoleReporter<'a> {
    record: &'a (dyn Fn(&Finding) + Sync),
}

impl Reporter for ConsoleReporter<'_> {
    fn start_failed(&self, finding: &Finding) {
        ui::error(finding);
    }

    fn credentials_failed(&self, finding: &Finding) {
        ui::error(finding);
        (self.record)(finding);
    }
}
