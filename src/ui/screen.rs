//! A terminal on stdout: its size, and text that replaces what it shows.

use std::io::{self, IsTerminal, Write};

use super::written;
use crate::finding::Result;
use crate::known_secrets::hide;
use crate::text::Styled;

/// Where the size is not known.
const SIZE: (usize, usize) = (80, 24);

/// How many columns the terminal has; `None` where stdout is no terminal.
pub(crate) fn columns() -> Option<usize> {
    size().map(|(columns, _)| columns)
}

/// How many lines it has.
pub(crate) fn lines() -> Option<usize> {
    size().map(|(_, lines)| lines)
}

fn size() -> Option<(usize, usize)> {
    io::stdout().is_terminal().then(|| {
        #[cfg(unix)]
        if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
            && size.ws_col > 0
            && size.ws_row > 0
        {
            return (size.ws_col.into(), size.ws_row.into());
        }
        SIZE
    })
}

/// A terminal whose content is replaced again and again.
pub(crate) struct Screen;

impl Screen {
    /// `None` where stdout is no terminal.
    pub(crate) fn open() -> Option<Self> {
        io::stdout().is_terminal().then(|| {
            // Scrolls what was there out of sight. If that fails, the first text fails, too.
            let _ = write!(io::stdout(), "{}", "\n".repeat(lines().unwrap_or_default()));
            Self
        })
    }

    /// Shows a text from the first line on, without a moment at which there is none.
    #[expect(
        clippy::unused_self,
        reason = "only a terminal can be written to in this way"
    )]
    pub(crate) fn show(&self, text: &Styled) -> Result<()> {
        let text = hide(text.as_str()).replace('\n', "\x1b[K\n");
        written(
            anstream::stdout().lock(),
            format!("\x1b[H{text}\x1b[K\n\x1b[J").as_bytes(),
        )
    }
}
