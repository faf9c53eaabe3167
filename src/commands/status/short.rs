//! One line for a prompt.

use super::report::{Row, State};
use super::sessions::{SessionRow, SignIn};
use crate::cli::Status;
use crate::commands::Context;
use crate::config::Chain;
use crate::finding::Result;
use crate::time::human_duration;
use crate::ui;

/// Prints the template, filled in for one profile; nothing where nothing is cached, or where that
/// cannot be known. A prompt is no place for errors.
pub(super) fn run(context: &Context<'_>, args: &Status, template: &str) -> Result<()> {
    ui::init(false, true);
    let named = args.profile.first().map(String::as_str);
    let (profile, _) = context.world.selected_profile(named);
    let Ok(chain) = context.chain(profile) else {
        return Ok(());
    };
    let row = Row::new(context, profile.to_owned(), &chain);
    match row
        .expiration
        .map(|end| end.seconds_from(context.world.now()))
    {
        Some(seconds) => ui::print_line(&filled(context, &chain, &row, seconds, template)),
        None => Ok(()),
    }
}

fn filled(context: &Context<'_>, chain: &Chain, row: &Row, seconds: i64, template: &str) -> String {
    let left = if row.state != State::Expired {
        human_duration(seconds)
    } else if is_renewable(context, chain) {
        "renewable".to_owned()
    } else {
        "expired".to_owned()
    };
    // The name is last: it may contain a placeholder.
    template
        .replace("{left}", &left)
        .replace("{seconds}", &seconds.max(0).to_string())
        .replace("{state}", &row.state.id())
        .replace("{profile}", &row.profile)
}

/// Whether expired credentials are renewed by the next call without a person: those of an SSO
/// session to which the person is signed in.
fn is_renewable(context: &Context<'_>, chain: &Chain) -> bool {
    let needs_code = chain.hops.iter().any(|hop| hop.mfa_serial.is_some());
    let Some(session) = chain.sso_session() else {
        return false;
    };
    !needs_code && SessionRow::new(context, session).state == SignIn::SignedIn
}
