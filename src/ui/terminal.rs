//! The terminal device: questions to a person, and a line that counts down.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::known_secrets::hide;
use crate::text::printable;
use crate::time::human_duration;

/// The terminal of this process, wherever its streams go.
#[cfg(unix)]
pub(super) const DEVICE: &str = "/dev/tty";
/// No line that a person types or pastes is longer, in bytes.
const LINE_LIMIT: usize = 16 * 1024;
/// How soon a wait for a line notices that it is to end.
#[cfg(unix)]
const POLL: Duration = Duration::from_millis(100);

/// A terminal at which a person can be asked.
pub(crate) struct Terminal {
    input: File,
    output: File,
}

impl Terminal {
    /// `None` where there is no terminal, or this process is in its background: to read would stop
    /// it.
    #[cfg(unix)]
    pub(crate) fn open() -> Option<Self> {
        let input = File::options().read(true).write(true).open(DEVICE).ok()?;
        let output = input.try_clone().ok()?;
        is_foreground(&input).then_some(Self { input, output })
    }

    /// `None` where there is no console.
    #[cfg(windows)]
    pub(crate) fn open() -> Option<Self> {
        let open = |name: &str| File::options().read(true).write(true).open(name).ok();
        let (input, output) = (open("CONIN$")?, open("CONOUT$")?);
        Some(Self { input, output })
    }

    #[cfg(not(any(unix, windows)))]
    pub(crate) fn open() -> Option<Self> {
        None
    }

    /// The device, for another program to read from.
    pub(crate) fn into_input(self) -> File {
        self.input
    }

    /// Asks for one line; `None` at the end of the input. What was typed before is no answer.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        #[cfg(unix)]
        let _ = rustix::termios::tcflush(&self.input, rustix::termios::QueueSelector::IFlush);
        write!(self.output, "{}", printable(&hide(question))).ok()?;
        self.output.flush().ok()?;
        self.read_line()
    }

    /// Asks a question that Enter answers with yes.
    pub(crate) fn confirm(&mut self, question: &str) -> bool {
        let answer = self.ask(&format!("{question} [Y/n] "));
        answer.is_some_and(|answer| {
            let answer = answer.trim().to_lowercase();
            answer.is_empty() || answer == "y" || answer == "yes"
        })
    }

    /// The next line that a person types, unless `stop` is set before. Never leaves a read behind
    /// that would take a line from another program. The terminal itself passes on lines of up to
    /// 4,095 bytes, under macOS of 1,024.
    #[cfg(unix)]
    pub(crate) fn line(&mut self, stop: &AtomicBool) -> Option<String> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let pause = Timespec::try_from(POLL).ok();
        let mut line = Vec::new();
        while !stop.load(Ordering::Relaxed) && line.len() < LINE_LIMIT {
            let mut fds = [PollFd::new(&self.input, PollFlags::IN)];
            match poll(&mut fds, pause.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return None,
            }
            // In the background, a read would stop this process.
            if !is_foreground(&self.input) {
                std::thread::sleep(POLL);
                continue;
            }
            let mut byte = [0];
            match self.input.read(&mut byte) {
                Ok(0) | Err(_) => return None,
                Ok(_) if byte == *b"\n" => {
                    return Some(String::from_utf8_lossy(&line).trim().to_owned());
                }
                Ok(_) => line.extend(byte),
            }
        }
        None
    }

    /// Consoles cannot be waited for in this way: a pasted line is not read while a browser is
    /// waited for.
    #[cfg(not(unix))]
    pub(crate) fn line(&mut self, _: &AtomicBool) -> Option<String> {
        None
    }

    fn read_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < LINE_LIMIT {
            match self.input.read(&mut byte) {
                Ok(0) if line.is_empty() => return None,
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) => line.extend(byte),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(String::from_utf8_lossy(&line).trim().to_owned())
    }
}

/// Asks at the terminal for one line that is not shown while it is typed.
pub(crate) fn ask_secret(question: &str) -> Option<String> {
    rpassword::prompt_password(printable(&hide(question))).ok()
}

/// Whether this process is in the foreground of a terminal: a background process that reads or
/// writes may be stopped for it.
#[cfg(unix)]
pub(super) fn is_foreground(terminal: &File) -> bool {
    rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Whether the last line of the terminal is a status, which the next text replaces.
static HAS_STATUS: AtomicBool = AtomicBool::new(false);

/// Whether a line on stderr would not disturb the program in the foreground.
#[cfg(unix)]
fn stderr_is_ours() -> bool {
    rustix::termios::tcgetpgrp(io::stderr()).is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn stderr_is_ours() -> bool {
    true
}

/// A line on stderr that shows the time left; nothing where stderr is no terminal. It is erased when
/// dropped.
pub(crate) struct Countdown {
    text: &'static str,
    hint: &'static str,
    end: Instant,
    is_shown: bool,
    last: String,
}

impl Countdown {
    /// Counts down `left` from now, in the form `TEXT, 9 min left HINT`.
    pub(crate) fn new(text: &'static str, hint: &'static str, left: Duration) -> Self {
        Self {
            text,
            hint,
            end: Instant::now() + left,
            is_shown: io::stderr().is_terminal(),
            last: String::new(),
        }
    }

    /// Shows the time left, where that has changed or other text came between.
    pub(crate) fn show(&mut self) {
        if !self.is_shown {
            return;
        }
        let left = self.end.saturating_duration_since(Instant::now());
        let left = human_duration(left.as_secs().cast_signed());
        let line = format!("awsfresh: {}, {left} left{}", self.text, self.hint);
        if line != self.last || !HAS_STATUS.load(Ordering::Relaxed) {
            show_status(&line);
            self.last = line;
        }
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        erase_status();
    }
}

/// Shows a line that the next text replaces, unless another program is in the foreground.
pub(super) fn show_status(line: &str) {
    if stderr_is_ours() {
        HAS_STATUS.store(true, Ordering::Relaxed);
        replace_line(line);
    }
}

/// Makes room for other text in the place of a status.
pub(super) fn erase_status() {
    if HAS_STATUS.swap(false, Ordering::Relaxed) {
        replace_line("");
    }
}

fn replace_line(text: &str) {
    let mut stderr = io::stderr().lock();
    // If stderr is closed there is nowhere to report that.
    let _ = write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush());
}
