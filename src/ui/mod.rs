//! The console: the only code that names stdout, stderr and the terminal. Data goes to stdout,
//! everything else to stderr. Whatever is printed passes one of the functions here, which remove
//! secrets and every character that a terminal would not show as it is.
//!
//! Below `commands`, code reports what it does through the `log` facade: `debug` for decisions and
//! their reasons (`-v`), `info` and `warn` for what a person should know. Only lines of this crate
//! are printed; those of the SDK may contain secrets.

mod progress;
mod screen;
mod terminal;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use log::{Level, LevelFilter, Log, Metadata, Record};
use serde_json::Value;

use crate::finding::{Cause, Finding, Result};
use crate::known_secrets::hide;
use crate::text::{Styled, bounded, json_line, printable_columns, printable_lines, wrapped};
pub(crate) use progress::Progress;
pub(crate) use screen::{Screen, columns, lines};
pub(crate) use terminal::{Countdown, Terminal, ask_secret};

/// No text on stderr is longer, in bytes: a URL or a path fits.
const TEXT_LIMIT: usize = 16 * 1024;

/// Lines of the log go to stderr, in the form `awsfresh: TEXT`.
struct StderrLog;

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let kind = if record.level() == Level::Warn {
                "warning: "
            } else {
                ""
            };
            print_stderr(&format!("awsfresh: {kind}{}", record.args()));
        }
    }

    fn flush(&self) {}
}

/// Sends log lines to stderr: with `verbose` all of them, with `quiet` none. May be called again to
/// change that.
pub(crate) fn init(verbose: bool, quiet: bool) {
    let _ = log::set_logger(&StderrLog); // it is set already
    log::set_max_level(match (verbose, quiet) {
        (true, _) => LevelFilter::Debug,
        (false, true) => LevelFilter::Off,
        (false, false) => LevelFilter::Info,
    });
}

/// Whether a person can see what is written to stderr.
pub(crate) fn is_attended() -> bool {
    io::stderr().is_terminal()
}

/// Whether stdout is shown on a terminal.
pub(crate) fn shows_stdout() -> bool {
    io::stdout().is_terminal()
}

/// Prints a failure. Several SDKs discard stderr: the first line goes to the terminal too, if there
/// is one.
pub(crate) fn error(finding: &Finding) {
    let text = finding.to_string();
    print_stderr(&text);
    #[cfg(unix)]
    if log::max_level() > LevelFilter::Off
        && let Some(first) = text.lines().next()
    {
        print_to_terminal(first);
    }
}

/// A text as it may leave the process, with our own line ends.
fn shown(text: &str) -> String {
    printable_lines(&bounded(&hide(text), TEXT_LIMIT))
}

fn print_stderr(text: &str) {
    terminal::erase_status();
    // If stderr is closed there is nowhere to report that.
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}

/// Prints what a person has to see, however quiet the run is meant to be.
pub(crate) fn say(text: &str) {
    print_stderr(text);
}

/// Writes to the terminal where stderr is redirected. Only from its foreground: a background job
/// that writes may be stopped for it.
#[cfg(unix)]
fn print_to_terminal(text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    if io::stderr().is_terminal() {
        return;
    }
    let flags = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
    if let Ok(mut terminal) = std::fs::File::options()
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(terminal::DEVICE)
        && terminal::is_foreground(&terminal)
    {
        let _ = writeln!(terminal, "{}", shown(text));
    }
}

/// Prints credentials or a URL that signs in, the only texts that contain secrets, and a line end:
/// all of it, or an error. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print_credentials(text: &[u8]) -> Result<()> {
    written(io::stdout().lock(), text)
}

/// Prints a document.
pub(crate) fn print_json(mut document: Value) -> Result<()> {
    hide_in(&mut document);
    let line = json_line(&document).unwrap_or_default(); // a document in memory can be written
    written(io::stdout().lock(), line.as_bytes())
}

/// Hides secrets in every string of a document.
fn hide_in(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = hide(text) {
                *text = hidden;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide_in),
        Value::Object(fields) => fields.values_mut().for_each(hide_in),
        _ => {}
    }
}

/// Prints styled text, within the width of a terminal. The styles are removed where stdout is not a
/// terminal, or `NO_COLOR` is set.
pub(crate) fn print_styled(text: &Styled) -> Result<()> {
    let text = hide(text.as_str());
    let text = match columns() {
        Some(columns) => wrapped(&text, columns).into(),
        None => text,
    };
    written(anstream::stdout().lock(), text.as_bytes())
}

/// Prints lines for a program, which may have columns with a tab between them.
pub(crate) fn print_text(text: &str) -> Result<()> {
    written(
        io::stdout().lock(),
        printable_columns(&hide(text)).trim_end().as_bytes(),
    )
}

/// Prints one line on stdout.
pub(crate) fn print_line(line: &str) -> Result<()> {
    let mut text = Styled::default();
    text.line(line);
    print_styled(&text)
}

fn written(mut out: impl Write, data: &[u8]) -> Result<()> {
    out.write_all(data)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .or_else(|e| {
            if e.kind() == io::ErrorKind::BrokenPipe {
                Ok(())
            } else {
                Err(e)
            }
        })
        .map_err(|e| Finding::new(Cause::Unexpected, format!("cannot write to stdout: {e}")))
}
