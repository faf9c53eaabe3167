//! `refresh`: renew ahead of time, for cron and for people about to board a plane.

use super::Context;
use crate::cli::Which;
use crate::diagnosis::Result;
use crate::time::for_people;

/// Renews the named profiles; goes on after a failure, and returns the first one.
pub fn run(context: &Context<'_>, which: &Which) -> Result<()> {
    let set = context.profiles()?;
    let mut first = None;
    for profile in context.named(&set, which) {
        let outcome = context.resolve(&set, &profile).and_then(|chain| context.obtain(&chain, true));
        match outcome.map_err(|f| f.for_profile(&profile)) {
            Ok(credentials) => {
                let left = credentials.expiration.map_or("no expiration".into(), |t| for_people(t.seconds_from(context.world.now())));
                context.talk.note(&format!("profile `{profile}`: {left}"));
            }
            Err(finding) => match first {
                None => first = Some(finding),
                Some(_) => context.talk.failure(&finding),
            },
        }
    }
    first.map_or(Ok(()), Err)
}
