//! The table for people. At a terminal each line fits: names and sources are cut in the middle,
//! where they differ least; the state and the time left never are.

use anstyle::Style;

use super::report::{Report, Row};
use super::sessions::SessionRow;
use crate::config::FIRST_STEPS;
use crate::text::{Styled, columns, cut, grouped, padded};
use crate::time::{Timestamp, human_duration};

/// The longest name of a state, in characters.
const STATE: usize = 10;
/// The bar, in characters.
const BAR: usize = 8;
/// Names and sources get so much even where a line then does not fit, in characters.
const LEAST: usize = 24;
/// No AWS session is longer, in seconds.
const LONGEST: i64 = 36 * 3600;

/// The table, for a terminal with so many columns and lines; `None` for as many as are needed.
pub(super) fn table(report: &Report, width: Option<usize>, height: Option<usize>) -> Styled {
    let mut text = Styled::default();
    let width = width.unwrap_or(usize::MAX);
    let store = &report.store;
    let head = format!("store: {} ({})", store.name, store.reason);
    text.line(&cut(&head, width));
    if let Err(error) = &store.state {
        text.line(&cut(&format!("       {error}"), width));
    }
    // The store, its problem, both headings, what is left out, an empty line, the cursor.
    let others = report.sessions.len() + 7;
    let shown = height.map_or(usize::MAX, |height| height.saturating_sub(others).max(1));
    let rows = &report.rows[..shown.min(report.rows.len())];
    let profiles: Vec<Cells> = rows.iter().map(|row| of_profile(row, report.now)).collect();
    let sessions = report
        .sessions
        .iter()
        .map(|row| of_session(row, report.now));
    let sessions: Vec<Cells> = sessions.collect();
    if profiles.is_empty() {
        text.line("no profiles");
        for step in FIRST_STEPS {
            text.line(&format!("  try:  {step}"));
        }
    } else {
        push(
            &mut text,
            ["PROFILE", "STATE", "LEFT", "SOURCE"],
            &profiles,
            width,
        );
    }
    let more = report.more + report.rows.len() - rows.len();
    if more > 0 {
        let more = grouped(more);
        text.line(&format!(
            "and {more} more profiles: awsfresh status -p NAME"
        ));
    }
    if !sessions.is_empty() {
        text.line("");
        push(
            &mut text,
            ["SSO SESSION", "STATE", "LEFT", "RENEWAL"],
            &sessions,
            width,
        );
    }
    text
}

/// One line of a table.
struct Cells {
    name: String,
    state: (Style, &'static str),
    left: String,
    last: String,
    /// What is shown where `last` does not fit; `None` for its ends.
    short: Option<String>,
}

fn of_profile(row: &Row, now: Timestamp) -> Cells {
    let left = match (row.obtained, row.expiration) {
        (Some(start), Some(end)) => with_bar(start, end, now),
        _ => "-".to_owned(),
    };
    let problem = row.problem.as_ref();
    let last = problem.map(|(cause, summary)| format!("{summary} [{}]", cause.id()));
    Cells {
        name: row.profile.clone(),
        state: (row.state.style(), row.state.name()),
        left,
        last: last.unwrap_or_else(|| row.source.clone()),
        short: problem.map(|(cause, _)| format!("[{}]", cause.id())),
    }
}

fn of_session(row: &SessionRow, now: Timestamp) -> Cells {
    let left = match row.expiration.map(|end| end.seconds_from(now)) {
        Some(left @ 1..) => human_duration(left),
        _ => "-".to_owned(),
    };
    let renewal = if row.is_refreshable {
        "automatic"
    } else {
        &row.login
    };
    Cells {
        name: row.name.clone(),
        state: (row.state.style(), row.state.name()),
        left,
        last: renewal.to_owned(),
        short: None,
    }
}

/// Adds a table with its headings.
fn push(text: &mut Styled, headings: [&str; 4], rows: &[Cells], width: usize) {
    let longest = |heading: usize, cell: fn(&Cells) -> &str| {
        let cells = rows.iter().map(|row| columns(cell(row)));
        cells.chain([headings[heading].len()]).max().unwrap_or(0)
    };
    let left = longest(2, |row| &row.left);
    let room = width
        .saturating_sub(STATE + left + "  ".len() * 3)
        .max(LEAST);
    let (name, last) = shares(
        room,
        longest(0, |row| &row.name),
        longest(3, |row| &row.last),
    );
    text.push(&padded(headings[0], name));
    text.line(&format!(
        "  {:STATE$}  {:left$}  {}",
        headings[1], headings[2], headings[3]
    ));
    for row in rows {
        let (style, state) = row.state;
        let end = match &row.short {
            Some(short) if columns(&row.last) > last => short,
            _ => &row.last,
        };
        text.push(&padded(&row.name, name))
            .push("  ")
            .paint(style, &format!("{state:STATE$}"))
            .push("  ")
            .push(&padded(&row.left, left))
            .push("  ")
            .line(&cut(end, last));
    }
}

/// How two columns share `room`: the second one gets what the first does not need, and at least two
/// fifths, if it needs so much.
fn shares(room: usize, first: usize, second: usize) -> (usize, usize) {
    let first = first.min(room.saturating_sub(second).max(room / 5 * 3));
    (first, second.min(room - first))
}

/// The time left, and how much that is of the whole.
fn with_bar(start: Timestamp, end: Timestamp, now: Timestamp) -> String {
    let left = end.seconds_from(now);
    if left <= 0 {
        return "-".to_owned();
    }
    let whole = end.seconds_from(start).clamp(1, LONGEST);
    let eighths = left.min(whole).saturating_mul(8).saturating_add(whole - 1) / whole;
    let full = usize::try_from(eighths).unwrap_or(BAR).min(BAR);
    let bar = "█".repeat(full) + &"░".repeat(BAR - full);
    format!("{bar} {}", human_duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_at_the_start_and_never_empty_before_the_end() {
        let at = |now| with_bar(Timestamp(0), Timestamp(3600), Timestamp(now));
        assert_eq!(at(0), "████████ 60 min");
        assert_eq!(at(1800), "████░░░░ 30 min");
        assert_eq!(at(3599), "█░░░░░░░ 1 s");
        assert_eq!(at(3600), "-");
        let nonsense = with_bar(Timestamp(i64::MIN), Timestamp(i64::MAX), Timestamp(0));
        assert!(nonsense.starts_with("████████ "), "{nonsense}");
    }

    #[test]
    fn columns_share_the_room() {
        assert_eq!(shares(40, 10, 20), (10, 20));
        assert_eq!(shares(40, 10, 90), (10, 30));
        assert_eq!(shares(40, 90, 10), (30, 10));
        assert_eq!(shares(40, 90, 90), (24, 16));
    }
}
