//! The table, shown again each second until Ctrl-C.

use std::thread;
use std::time::{Duration, Instant};

use super::report::{Reader, Report};
use super::{needs_terminal, table};
use crate::aws_files::AwsFiles;
use crate::commands::Context;
use crate::finding::Result;
use crate::text::Styled;
use crate::ui::{self, Screen};

/// The time between two tables.
const PAUSE: Duration = Duration::from_secs(1);
/// A table that takes long is made less often: making it takes at most this part of the time.
const PART: u32 = 10;

/// Shows the table until a signal ends the process. An AWS file that is just being written is shown
/// as what is wrong with it, and read again.
pub(super) fn run(context: &Context<'_>, only: &[String]) -> Result<()> {
    let screen = Screen::open().ok_or_else(needs_terminal)?;
    let report = || {
        let files = AwsFiles::read(context.world);
        Report::new(context, &files, only, Reader::Person)
    };
    report()?;
    ui::init(false, true);
    loop {
        let began = Instant::now();
        let text = match report() {
            Ok(report) => table::table(&report, ui::columns(), ui::lines()),
            Err(finding) => {
                let mut text = Styled::default();
                finding.to_string().lines().for_each(|line| text.line(line));
                text
            }
        };
        screen.show(&text)?;
        thread::sleep(PAUSE.max(began.elapsed() * PART));
    }
}
