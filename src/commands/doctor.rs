//! `doctor`: what is wrong with a profile, or that nothing is.

use super::Context;
use crate::finding::Result;
use crate::{doctor, ui};

/// Prints the diagnosis; the exit code is that of the first error.
pub(super) fn run(
    context: &Context<'_>,
    profile: Option<&str>,
    offline: bool,
    as_json: bool,
) -> Result<u8> {
    let report = doctor::run(context.world, &*context.store, profile, offline);
    if as_json {
        ui::print_stdout(report.to_json().to_string().as_bytes())?;
    } else {
        ui::print_styled(&report.to_text())?;
    }
    Ok(report.exit_code())
}
