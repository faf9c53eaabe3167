//! `status`: profiles, the source of their credentials, the time left, and the SSO sessions behind
//! them. Contacts no source and changes nothing.
//!
//! `report` and `sessions` collect what is known; `table`, `prometheus` and `short` are its forms; `watch` shows
//! the table again and again.

mod prometheus;
mod report;
mod sessions;
mod short;
mod table;
mod watch;

use std::time::Duration;

use super::Context;
use crate::aws_files::AwsFiles;
use crate::cli::{Status, StatusFormat};
use crate::finding::{Cause, Finding, Result};
use crate::text::listed;
use crate::time::human_duration;
use crate::ui;
use report::{Reader, Report};

/// The exit code where something expires sooner than `--warn-within`: a published contract.
const EXPIRES_SOON: u8 = 10;

/// So many names are in the warning.
const NAMED: usize = 5;

/// Prints the form that is asked for; returns the exit code.
pub(super) fn run(context: &Context<'_>, args: &Status) -> Result<u8> {
    if let Some(template) = args.template() {
        return short::run(context, args, template).map(|()| 0);
    }
    if args.watch {
        return watch::run(context, &args.profile).map(|()| 0);
    }
    let format = args.format();
    let reader = match (&format, args.warn_within) {
        (StatusFormat::Table, None) => Reader::Person,
        _ => Reader::Program,
    };
    let files = AwsFiles::read(context.world);
    let report = Report::new(context, &files, &args.profile, reader)?;
    files.leave_profiles();
    match format {
        StatusFormat::Table => ui::print_styled(&table::table(&report, ui::columns(), None))?,
        StatusFormat::Json => ui::print_json(report.to_json())?,
        StatusFormat::Prometheus => ui::print_text(&prometheus::metrics(&report))?,
    }
    Ok(args.warn_within.map_or(0, |limit| warn(&report, limit)))
}

/// Names what expires within `limit`; returns the exit code.
fn warn(report: &Report, limit: Duration) -> u8 {
    let limit = limit.as_secs().cast_signed();
    let ends = report.ends_within(limit);
    if ends.is_empty() {
        return 0;
    }
    let within = human_duration(limit);
    log::warn!("expires within {within}: {}", listed(ends, NAMED));
    EXPIRES_SOON
}

/// `--watch` where no one could see it, and where nothing would end it.
fn needs_terminal() -> Finding {
    Finding::new(Cause::Usage, "`status --watch` needs a terminal").remedy("awsfresh status --json")
}
