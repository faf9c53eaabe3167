//! `doctor`: what is wrong with a profile, or that nothing is.

use super::Context;
use crate::doctor::{Report, Scope};
use crate::finding::Result;
use crate::signin::can_cure;
use crate::{doctor, ui};

/// Prints the diagnosis; the exit code is that of the first error.
pub(super) fn run(
    context: &Context<'_>,
    scope: &Scope<'_>,
    as_json: bool,
    may_offer: bool,
) -> Result<u8> {
    let mut report = doctor::run(context.world, &*context.store, scope);
    print(&report, as_json)?;
    if may_offer
        && let Some(finding) = report.culprit().filter(|finding| can_cure(finding))
        && let (selected, _) = context.world.selected_profile(scope.profile)
        && let Ok(chain) = context.chain(selected)
    {
        match context.offer_sign_in(&chain, finding) {
            Ok(true) => {
                report = doctor::run(context.world, &*context.store, scope);
                print(&report, as_json)?;
            }
            Ok(false) => {}
            Err(finding) => ui::error(&finding),
        }
    }
    Ok(report.exit_code())
}

fn print(report: &Report, as_json: bool) -> Result<()> {
    if as_json {
        ui::print_json(report.to_json())
    } else {
        ui::print_styled(&report.to_text())
    }
}
