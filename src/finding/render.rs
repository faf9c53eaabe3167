//! The two published forms of a finding: text on stderr and JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{Certainty, Finding, Severity};
use crate::known_secrets::hide;
use crate::text::{self, Styled, printable, truncate};

/// Lines of evidence and of remedies in the text form, and bytes per line: SDKs quote the text and
/// cut it at a few KB.
const EVIDENCE_LINES: usize = 4;
const REMEDY_LINES: usize = 3;
const SUMMARY_BYTES: usize = 600;
const LINE_BYTES: usize = 400;

impl fmt::Display for Finding {
    /// `awsfresh: SUMMARY [CAUSE]`, then `seen:` and `try:` lines; under 4 KB.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |line: &str, limit| truncate(&printable(&hide(line)), limit);
        let summary = shown(&self.summary, SUMMARY_BYTES);
        write!(f, "awsfresh: {summary} [{}]", self.cause.id())?;
        for line in self.evidence.iter().take(EVIDENCE_LINES) {
            write!(f, "\n  seen: {}", shown(line, LINE_BYTES))?;
        }
        for line in self.remedy.iter().take(REMEDY_LINES) {
            write!(f, "\n  try:  {}", shown(line, LINE_BYTES))?;
        }
        Ok(())
    }
}

/// One finding in the published JSON form.
pub(crate) fn finding_json(finding: &Finding) -> Value {
    let finding = finding.for_output();
    let mut json = json!({
        "cause": finding.cause.id(),
        "severity": finding.severity.name(),
        "summary": finding.summary,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "certainty": finding.certainty.name(),
    });
    if !finding.tools.is_empty() {
        json["tools"] = finding.tools.iter().map(super::Tool::id).collect();
    }
    json
}

/// Adds one finding with all of its lines.
pub(crate) fn push_finding(text: &mut Styled, finding: &Finding) {
    let finding = finding.for_output();
    let style = match finding.severity {
        Severity::Error => text::RED,
        Severity::Warning => text::YELLOW,
        Severity::Info => text::CYAN,
    };
    let certainty = match finding.certainty {
        Certainty::Certain => String::new(),
        other => format!(" ({})", other.name()),
    };
    let (summary, cause) = (&finding.summary, finding.cause.id());
    text.paint(style, finding.severity.name())
        .line(&format!(": {summary} [{cause}]{certainty}"));
    for line in finding.evidence.iter().filter(|line| !line.is_empty()) {
        text.line(&format!("  seen: {line}"));
    }
    for line in &finding.remedy {
        text.line(&format!("  try:  {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Cause, Remedy};

    #[test]
    fn a_finding_is_three_lines_of_text() {
        let finding = Finding::new(
            Cause::SsoSessionExpired,
            "the SSO session `corp` expired 2 h ago",
        )
        .evidence("token in the OS keyring")
        .remedy("awsfresh login corp")
        .for_profile("prod");
        assert_eq!(
            finding.to_string(),
            "awsfresh: profile `prod`: the SSO session `corp` expired 2 h ago \
                [sso-session-expired]\n  seen: token in the OS keyring\n  try:  awsfresh login corp"
        );
        assert_eq!(finding.exit_code(), 4);
        assert_eq!(
            finding.clone().for_profile("prod"),
            finding,
            "the profile is named once"
        );
    }

    #[test]
    fn the_text_is_bounded_and_each_line_stays_one_line() {
        let long = "Ω\n\u{1b}[31m\u{202e}\u{200b}".repeat(5000);
        let mut finding = Finding::new(Cause::Unexpected, long.clone());
        for _ in 0..50 {
            finding = finding
                .evidence(long.clone())
                .remedy(Remedy::of_words([&long]));
        }
        let text = finding.to_string();
        assert!(
            text.len() < 4096 && text.lines().count() == 8,
            "{}",
            text.len()
        );
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}']));
    }
}
