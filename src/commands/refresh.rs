//! `refresh`: renew ahead of time, for cron and before a journey.

use super::context::{Context, selected};
use crate::cli::{Person, ProfileSelection};
use crate::finding::Result;
use crate::signin::Codes;
use crate::time::human_duration;
use crate::ui;

/// Renews the selected profiles; continues after a failure, and returns the first one.
pub(super) fn run(
    context: &Context<'_>,
    selection: &ProfileSelection,
    person: &Person,
) -> Result<()> {
    let codes = Codes::new(person.mfa_code.clone(), !person.no_login);
    let files = context.files()?;
    let mut first = None;
    for profile in selected(files.profiles(), selection) {
        let chain = context.resolve(files.profiles(), &profile);
        let outcome = chain.and_then(|chain| {
            context.offering_sign_in(&chain, !person.no_login, || {
                context.obtain(&chain, true, Some(&codes))
            })
        });
        match outcome.map_err(|finding| finding.for_profile(&profile)) {
            Ok(credentials) => {
                let left = match credentials.expiration {
                    Some(end) => human_duration(end.seconds_from(context.world.now())),
                    None => "no expiration".to_owned(),
                };
                log::info!("profile `{profile}`: {left}");
            }
            Err(finding) if first.is_none() => first = Some(finding),
            Err(finding) => ui::error(&finding),
        }
    }
    first.map_or(Ok(()), Err)
}
