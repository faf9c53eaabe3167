//! What went wrong, as a fact and a next step. A [`Finding`] is the error type of the whole crate: its cause has a
//! published id and decides the exit code.

pub mod answer;
pub mod aws_cli;
mod cause;
pub mod causes;
pub mod facts;
pub mod journal;
pub mod keys;
pub mod probes;
mod report;
pub mod sightings;
pub mod surroundings;

use std::fmt;

pub use cause::Cause;
pub use report::{Report, Step, finding_json, finding_text};

/// The outcome of anything that can fail for a reason a person can act on.
pub type Result<T, E = Finding> = std::result::Result<T, E>;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work.
    #[default]
    Error,
    /// Something does not work with some tools, or will stop working.
    Warning,
    /// Worth knowing.
    Info,
}

/// How far the evidence goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The evidence leaves no other cause.
    #[default]
    Certain,
    /// Others are conceivable.
    Likely,
    /// One of several that fit.
    Possible,
}

impl Severity {
    /// As it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Certainty {
    /// As it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// One diagnosed failure.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// The published id.
    pub cause: Cause,
    /// One line that stands alone; names the profile, session or file it is about.
    pub summary: String,
    /// What was seen, each with its place.
    pub evidence: Vec<String>,
    /// What to do next: exact commands or file:line.
    pub remedy: Vec<String>,
    /// How much it matters.
    #[serde(default)]
    pub severity: Severity,
    /// How sure it is.
    #[serde(default)]
    pub certainty: Certainty,
}

impl Finding {
    /// A finding with nothing but its summary.
    pub fn new(cause: Cause, summary: impl Into<String>) -> Self {
        let (evidence, remedy) = Default::default();
        Self { cause, summary: summary.into(), evidence, remedy, severity: Severity::Error, certainty: Certainty::Certain }
    }

    /// The same as a warning.
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same as something worth knowing.
    pub fn info(mut self) -> Self {
        self.severity = Severity::Info;
        self
    }

    /// The same where other causes are conceivable.
    pub fn likely(mut self) -> Self {
        self.certainty = Certainty::Likely;
        self
    }

    /// The same as one of several causes that fit.
    pub fn possible(mut self) -> Self {
        self.certainty = Certainty::Possible;
        self
    }

    /// Adds something that was seen.
    pub fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Adds something to do.
    pub fn try_this(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.push(remedy.into());
        self
    }

    /// Puts the profile a caller asked for in front, where the summary does not name it yet.
    pub fn for_profile(mut self, profile: &str) -> Self {
        if !self.summary.contains(&format!("profile `{profile}`")) {
            self.summary = format!("profile `{profile}`: {}", self.summary);
        }
        self
    }

    /// The exit code of its cause's class.
    pub fn exit_code(&self) -> u8 {
        self.cause.exit_code()
    }
}

/// Control characters, which could rewrite a terminal or break the line form, and characters that cannot be seen or turn
/// the text around, shown as `?`.
pub fn printable(text: &str) -> String {
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    text.chars().map(|c| if c.is_control() || unseen(c) { '?' } else { c }).collect()
}

/// At most `limit` bytes of `text`, in whole characters.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().find(|(at, c)| at + c.len_utf8() > limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Finding {
    /// `SUMMARY [CAUSE]`, then `seen:` and `try:` lines; under 4 KB, because SDKs quote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "awsfresh: {} [{}]", cut(&printable(&self.summary), 600), self.cause.id())?;
        for line in self.evidence.iter().take(4) {
            write!(f, "\n  seen: {}", cut(&printable(line), 400))?;
        }
        for line in self.remedy.iter().take(3) {
            write!(f, "\n  try:  {}", cut(&printable(line), 400))?;
        }
        Ok(())
    }
}

impl std::error::Error for Finding {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_three_lines() {
        let finding = Finding::new(Cause::SsoSessionExpired, "the SSO session `corp` ended 2 h ago")
            .seen("token in the OS keyring")
            .try_this("aws sso login --sso-session corp")
            .for_profile("prod");
        assert_eq!(
            finding.to_string(),
            "awsfresh: profile `prod`: the SSO session `corp` ended 2 h ago [sso-session-expired]\n  seen: token in the OS keyring\n  try:  aws sso login --sso-session corp"
        );
        assert_eq!(finding.exit_code(), 4);
    }

    #[test]
    fn stays_short_and_on_its_lines() {
        let long = "Ω\n\u{1b}[31m\u{202e}\u{200b}".repeat(5000);
        let mut finding = Finding::new(Cause::Unexpected, long.clone());
        for _ in 0..50 {
            finding = finding.seen(long.clone()).try_this(long.clone());
        }
        let text = finding.to_string();
        assert!(text.len() < 4096 && text.lines().count() == 8 && !text.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{}", text.len());
    }
}
