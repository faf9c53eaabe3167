//! Points in time, as whole seconds since the Unix epoch.

use std::fmt;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Seconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads the forms that AWS tools write: RFC 3339 with `Z`, a fraction or an offset, and the
    /// `…UTC` of very old SSO token files. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let zulu;
        let text = match text.strip_suffix("UTC") {
            Some(bare) => {
                zulu = format!("{bare}Z");
                &zulu
            }
            None => text,
        };
        DateTime::from_str(text, Format::DateTimeWithOffset)
            .ok()
            .map(|t| Self(t.secs()))
    }

    /// Seconds from `now` until this point; negative once it has passed.
    pub(crate) fn seconds_from(self, now: Timestamp) -> i64 {
        self.0.saturating_sub(now.0)
    }

    /// Whether it can be written as RFC 3339, which every caller reads.
    pub(crate) fn is_date(self) -> bool {
        DateTime::from_secs(self.0).fmt(Format::DateTime).is_ok()
    }

    /// This point moved by `seconds`.
    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for Timestamp {
    /// `YYYY-MM-DDTHH:MM:SSZ`: the one form every SDK reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_secs(self.0).fmt(Format::DateTime) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

/// A duration for people: `45 s`, `12 min`, `2 h 05 min`, `3 d`.
pub(crate) fn human_duration(seconds: i64) -> String {
    match seconds.unsigned_abs() {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", s / 60),
        s @ 7200..=172_799 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_the_tools_write() {
        for text in [
            "2026-11-23T20:01:07Z",
            "2026-11-23T20:01:07UTC",
            "2026-11-23T20:01:07.477676Z",
            "2026-11-23T21:01:07+01:00",
        ] {
            assert_eq!(
                Timestamp::parse(text).map(|t| t.to_string()).as_deref(),
                Some("2026-11-23T20:01:07Z"),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2026-11-23",
            "99999-01-01T00:00:00Z",
            "2026-13-40T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn people_read_lengths() {
        assert_eq!(human_duration(45), "45 s");
        assert_eq!(human_duration(-7380), "2 h 03 min");
    }
}
