//! `-- COMMAND`: run a command with credentials that stay fresh.

use super::{Context, RUN};
use crate::cli::Wrap;
use crate::finding::{Finding, Result};
use crate::journal::Journal;
use crate::refresh::Mfa;
use crate::signin::Codes;
use crate::store::StoreKind;
use crate::ui;
use crate::wrap::{Reporter, Session, WrapOptions};

/// Runs the command and returns its exit code. An error means that it was not started.
pub(super) fn run(context: &Context<'_>, args: &Wrap, store: Option<StoreKind>) -> Result<u8> {
    let world = context.world;
    let (profile, _) = world.selected_profile(args.profile.as_deref());
    let files = context.files()?;
    let chain = context.resolve(files.profiles(), profile)?;
    let options = WrapOptions {
        delivery: args.deliver.unwrap_or_default(),
        min_ttl: args.min_ttl,
        verify: args.verify,
        expect_account: args.expect_account.clone(),
        expect_role: args.expect_role.clone(),
        post_mortem: !args.no_post_mortem,
        drill: args.drill,
        on_renew: args.on_renew,
        command: args.command.clone(),
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
