//! Tests that cannot run on this machine.

use std::fmt::Display;
use std::io::Write;

use super::sandbox::Sandbox;

/// Reports that the running test is skipped, past the capture of its output, and in the file that
/// `AWSFRESH_SKIPPED` names, where tests/run counts them. In CI it is a panic.
pub fn skip(why: impl Display) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os("AWSFRESH_SKIPPED") {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

impl Sandbox {
    /// Whether a program is not installed, so that the test is skipped.
    pub fn lacks(&self, program: &str) -> bool {
        let lacks = self.shell(&format!("command -v {program}")).is_empty();
        if lacks {
            skip(format_args!("{program} is not installed"));
        }
        lacks
    }
}
