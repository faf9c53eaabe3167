//! Systems without signals: a console informs the whole process group by itself.

use std::io;
use std::process::{Child, Command, ExitStatus};

/// There are no signals here.
pub(crate) fn signal_number(_name: &str) -> Option<i32> {
    None
}

/// Starts commands.
pub(in crate::wrap) struct Spawner;

impl Spawner {
    /// Nothing to set up.
    pub(in crate::wrap) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Starts the command.
    pub(in crate::wrap) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    /// Waits for its end.
    pub(in crate::wrap) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        child.wait()
    }

    /// Does nothing: `--on-renew` is rejected here.
    pub(in crate::wrap) fn signal(&self, _signal: i32) {}

    /// Not possible here.
    pub(in crate::wrap) fn restart(&self) -> bool {
        false
    }

    /// Not possible here.
    pub(in crate::wrap) fn is_restarting(&self) -> bool {
        false
    }

    /// Does nothing.
    pub(in crate::wrap) fn kill(&self) {}

    /// Not known here.
    pub(in crate::wrap) fn running(&self) -> Option<i32> {
        None
    }
}
