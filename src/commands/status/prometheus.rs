//! The text format of Prometheus, for instance for the textfile collector of node_exporter.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::{Display, Write};

use super::report::{Report, Row, State};
use super::sessions::{SessionRow, SignIn};

/// Every metric, with its help and type.
pub(super) fn metrics(report: &Report) -> String {
    let mut text = String::new();
    let (rows, sessions) = (&report.rows, &report.sessions);
    push(
        &mut text,
        "awsfresh_credentials_expiry_timestamp_seconds",
        "When the cached credentials of a profile expire.",
        rows.iter()
            .filter_map(|row| Some((of_profile(row), row.expiration?.0))),
    );
    push(
        &mut text,
        "awsfresh_credentials_state",
        "1 for the state of the credentials of a profile, 0 for every other state.",
        rows.iter().flat_map(|row| {
            State::ALL.map(|state| {
                let labels = format!("{},{}", of_profile(row), label("state", &state.id()));
                (labels, i64::from(state == row.state))
            })
        }),
    );
    push(
        &mut text,
        "awsfresh_sso_session_expiry_timestamp_seconds",
        "When the access token of an SSO session expires.",
        sessions
            .iter()
            .filter_map(|row| Some((of_session(row), row.expiration?.0))),
    );
    push(
        &mut text,
        "awsfresh_sso_session_refreshable",
        "Whether the access token of an SSO session is renewed without a person.",
        sessions
            .iter()
            .map(|row| (of_session(row), i64::from(row.is_refreshable))),
    );
    push(
        &mut text,
        "awsfresh_sso_session_signed_in",
        "Whether an SSO session needs no sign-in now.",
        sessions
            .iter()
            .map(|row| (of_session(row), i64::from(row.state == SignIn::SignedIn))),
    );
    push(
        &mut text,
        "awsfresh_store_usable",
        "Whether the credential store can be used.",
        [(
            label("store", report.store.name),
            i64::from(report.store.state.is_ok()),
        )],
    );
    text
}

/// Adds a gauge with its samples.
fn push(
    text: &mut String,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, impl Display)>,
) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge"); // memory cannot fail
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

fn of_profile(row: &Row) -> String {
    label("profile", &row.profile)
}

fn of_session(row: &SessionRow) -> String {
    label("session", &row.name)
}

/// A label; its value may have any characters.
fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}
