//! A bar for work that takes a while.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::terminal;

/// The width of the bar, in characters.
const WIDTH: usize = 30;

/// How much of the work is done, as a line on stderr; nothing where stderr is no terminal. It is
/// erased when dropped.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    is_shown: bool,
}

impl Progress {
    /// Shows `what [####    ] 0/TOTAL`.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let progress = Self {
            what,
            total,
            done: AtomicUsize::new(0),
            is_shown: total > 1 && io::stderr().is_terminal(),
        };
        progress.show(0);
        progress
    }

    /// One more is done. Several threads may call it.
    pub(crate) fn advance(&self) {
        self.show(self.done.fetch_add(1, Ordering::Relaxed) + 1);
    }

    fn show(&self, done: usize) {
        if self.is_shown {
            let full = done * WIDTH / self.total;
            let bar = "#".repeat(full) + &" ".repeat(WIDTH.saturating_sub(full));
            let Self { what, total, .. } = self;
            terminal::show_status(&format!("awsfresh: {what} [{bar}] {done}/{total}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        terminal::erase_status();
    }
}
