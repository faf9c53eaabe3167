//! The choice among several SSO sessions.

use crate::config::{Network, SsoSession};
use crate::refresh::SsoTokens;
use crate::source::Calls;
use crate::source::sso::Session;
use crate::store::Store;
use crate::text::{columns, padded};
use crate::time::human_duration;
use crate::ui::{self, Terminal};
use crate::world::World;

/// So much of a name is shown, in columns.
const MAX_LABEL: usize = 100;

/// Lists sessions and their state, and asks for one: its position in the list. `None` where there
/// is no person to ask, or the answer names none.
pub(crate) fn choose(
    world: &World,
    store: &dyn Store,
    sessions: &[(&SsoSession, &Network)],
) -> Option<usize> {
    if !ui::is_attended() {
        return None;
    }
    let mut terminal = Terminal::open()?;
    let labels = sessions.iter().map(|(session, _)| session.label());
    let width = labels.clone().map(columns).max()?.min(MAX_LABEL);
    for (number, (session, network)) in (1..).zip(sessions) {
        let state = state(world, store, session, network);
        let label = padded(session.label(), width);
        ui::say(&format!("{number:3}  {label}  {state}"));
    }
    let count = sessions.len();
    let answer = terminal.ask(&format!("Sign in to which (1-{count}, or a name)? "))?;
    let number = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let named = labels.clone().position(|label| label == answer);
    named.or(number.filter(|number| *number < count))
}

/// The state of a session in a few words, without asking AWS.
fn state(world: &World, store: &dyn Store, session: &SsoSession, network: &Network) -> String {
    let now = world.now();
    let session = Session::new(session, world);
    let Ok(deadline) = world.deadline() else {
        return String::new();
    };
    let calls = Calls::new(world, network, deadline);
    let tokens = match SsoTokens::new(&session, &calls, store).all() {
        Ok(tokens) => tokens,
        Err(finding) => return finding.summary,
    };
    match tokens.first() {
        None => "not signed in".to_owned(),
        Some(token) if token.is_valid(now) => {
            let left = human_duration(token.expires().seconds_from(now));
            format!("signed in, {left} left")
        }
        Some(token) if token.is_refreshable(now) => "can be renewed".to_owned(),
        Some(token) => {
            let ago = human_duration(now.seconds_from(token.expires()));
            format!("expired {ago} ago")
        }
    }
}
