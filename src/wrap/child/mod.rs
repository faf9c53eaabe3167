//! The command itself: same terminal, same process group, no pipes. A signal from the terminal
//! reaches it without us; one that another process sent to us alone is forwarded.

#[cfg(not(unix))]
#[path = "other.rs"]
mod imp;
#[cfg(unix)]
#[path = "unix.rs"]
mod imp;

use std::io;
use std::process::{Command, ExitStatus};

use crate::finding::{Cause, Finding};
use crate::limits;

pub(super) use imp::Spawner;
pub(crate) use imp::signal_number;

/// Why a command was not started, and the exit code that shells use for it: 127 not found, 126 not
/// executable, 125 for what is not its fault.
pub(super) fn start_error(command: &Command, error: &io::Error) -> (u8, Finding) {
    let name = command.get_program().to_string_lossy().into_owned();
    if error.kind() == io::ErrorKind::NotFound {
        let summary = format!("the command `{name}` is not found, or its interpreter is not");
        return (
            127,
            Finding::new(Cause::Usage, summary).remedy("check the spelling and PATH"),
        );
    }
    if let Some(finding) = limits::known(&format!("run the command `{name}`"), error) {
        return (125, finding);
    }
    let summary = format!("the command `{name}` cannot be run: {error}");
    (
        126,
        Finding::new(Cause::Usage, summary).remedy("name an executable file"),
    )
}

/// The exit code that a shell would return.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128u8.saturating_add(u8::try_from(signal).unwrap_or(127));
    }
    status.code().map_or(1, |code| (code & 0xff) as u8)
}
