//! MFA codes from the command line and from the person at the terminal.

use std::fs::File;
use std::sync::Mutex;

use crate::config::Hop;
use crate::finding::{Finding, Result};
use crate::refresh::CodeSource;
use crate::source::mfa::checked_code;
use crate::sync::lock;
use crate::ui::{self, Terminal};

/// Codes of one run.
pub(crate) struct Codes {
    given: Mutex<Option<String>>,
    may_ask: bool,
}

impl Codes {
    /// `given` is the code on the command line; a person is asked where `may_ask` allows it and there
    /// is one.
    pub(crate) fn new(given: Option<String>, may_ask: bool) -> Self {
        Self {
            given: Mutex::new(given),
            may_ask,
        }
    }
}

impl CodeSource for Codes {
    fn given(&self) -> Option<String> {
        lock(&self.given).take()
    }

    fn may_have_one(&self) -> bool {
        lock(&self.given).is_some() || (self.may_ask && ui::is_attended())
    }

    fn terminal(&self) -> Option<File> {
        let is_asked = self.may_ask && ui::is_attended();
        is_asked
            .then(Terminal::open)
            .flatten()
            .map(Terminal::into_input)
    }

    fn ask(&self, hop: &Hop, serial: &str, rejected: Option<&Finding>) -> Option<Result<String>> {
        if !self.may_ask || !ui::is_attended() {
            return None;
        }
        let mut terminal = Terminal::open()?;
        if let Some(rejected) = rejected {
            for line in std::iter::once(&rejected.summary).chain(rejected.evidence.last()) {
                ui::say(&format!("awsfresh: {line}"));
            }
        }
        loop {
            let question = format!("MFA code of {serial} for profile `{}`: ", hop.profile);
            let line = terminal.ask(&question).filter(|line| !line.is_empty());
            let Some(line) = line else {
                return Some(Err(hop.mfa_needed(serial)));
            };
            match checked_code(&line, "this") {
                Ok(code) => return Some(Ok(code)),
                Err(_) => ui::say("awsfresh: an MFA code has six digits"),
            }
        }
    }
}
