//! `status`: profiles, the source of their credentials, the time left. Contacts no source and
//! changes nothing.

use anstyle::Style;
use serde_json::{Value, json};

use super::Context;
use crate::config::{Base, Chain};
use crate::finding::{Cause, Result};
use crate::refresh::{Entry, Freshness, step_keys};
use crate::source::connection::Connections;
use crate::store::{Status, StoreError};
use crate::text::{self, Styled, bounded, grouped};
use crate::time::{Timestamp, human_duration};
use crate::ui;

/// So many profiles are listed, and so much of a source or problem is shown, in bytes.
const MAX_ROWS: usize = 10_000;
const MAX_SOURCE: usize = 1000;

/// The state of a profile's credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Static,
    NotCached,
    Fresh,
    RenewSoon,
    Expired,
    Unusable,
}

impl State {
    /// In words; JSON has dashes in the place of spaces.
    fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::NotCached => "not cached",
            Self::Fresh => "fresh",
            Self::RenewSoon => "renew soon",
            Self::Expired => "expired",
            Self::Unusable => "unusable",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Fresh => text::GREEN,
            Self::RenewSoon => text::YELLOW,
            Self::Expired | Self::Unusable => text::RED,
            Self::Static | Self::NotCached => Style::new(),
        }
    }
}

/// One line of the table.
struct Row {
    profile: String,
    source: String,
    state: State,
    expiration: Option<Timestamp>,
    problem: Option<(Cause, String)>,
}

/// Prints a table for people or one JSON document.
pub(super) fn run(context: &Context<'_>, only: &[String], as_json: bool) -> Result<()> {
    let files = context.files()?;
    let set = files.profiles();
    let all = || set.names().map(str::to_owned).collect();
    let names: Vec<String> = if only.is_empty() {
        all()
    } else {
        only.to_vec()
    };
    let more = names.len().saturating_sub(MAX_ROWS);
    let mut rows = Vec::new();
    for profile in names.into_iter().take(MAX_ROWS) {
        match context.resolve(set, &profile) {
            Ok(chain) => rows.push(row(context, profile, &chain)),
            Err(finding) if !only.is_empty() => return Err(finding),
            Err(finding) => rows.push(Row {
                profile,
                source: "-".into(),
                state: State::Unusable,
                expiration: None,
                problem: Some((finding.cause, bounded(&finding.summary, MAX_SOURCE))),
            }),
        }
    }
    let store = context.store.check();
    let now = context.world.now();
    if as_json {
        let mut document = to_json(&store, &rows, now);
        if more > 0 {
            document["more_profiles"] = more.into();
        }
        ui::print_json(document)
    } else {
        let mut text = to_table(&store, &rows, now);
        if more > 0 {
            let more = grouped(more);
            text.line(&format!("and {more} more profiles: awsfresh status NAME"));
        }
        ui::print_styled(&text)
    }
}

fn row(context: &Context<'_>, profile: String, chain: &Chain) -> Row {
    let connections = Connections::new(context.world, &chain.network);
    let key = step_keys(chain, context.world, &connections)
        .pop()
        .flatten();
    let cached = key.and_then(|key| {
        let bytes = context
            .store
            .get(&key)
            .inspect_err(|e| log::debug!("{e}"))
            .ok()??;
        Entry::from_bytes(&key, &bytes)
    });
    let is_static = matches!(chain.base, Base::Static { .. }) && chain.hops.is_empty();
    let (state, expiration) = match &cached {
        _ if is_static => (State::Static, None),
        None => (State::NotCached, None),
        Some(entry) => {
            let end = entry.expiration();
            let state = match entry.freshness(context.world.now()) {
                Freshness::Fresh => State::Fresh,
                Freshness::RenewSoon(_) => State::RenewSoon,
                Freshness::Expired => State::Expired,
            };
            (state, Some(end))
        }
    };
    Row {
        profile,
        source: bounded(&source(chain), MAX_SOURCE),
        state,
        expiration,
        problem: None,
    }
}

/// The chain in a few words.
fn source(chain: &Chain) -> String {
    let base = match &chain.base {
        Base::Static { .. } => "static keys".to_owned(),
        Base::Environment { .. } => "environment".to_owned(),
        Base::InstanceMetadata { .. } => "instance metadata".to_owned(),
        Base::Container { .. } => "container endpoint".to_owned(),
        Base::WebIdentity { role_arn, .. } => format!("web identity {}", role_arn.text),
        Base::Sso {
            session,
            account_id,
            role_name,
        } => {
            format!("sso {} {account_id} {role_name}", session.label())
        }
        Base::LoginSession { arn, .. } => format!("aws login {}", arn.text),
        Base::Process { .. } => "process".to_owned(),
    };
    let hops = chain.hops.iter().map(|hop| hop.role_arn.text.clone());
    std::iter::once(base)
        .chain(hops)
        .collect::<Vec<_>>()
        .join(" → ")
}

fn to_json(store: &Status, rows: &[Row], now: Timestamp) -> Value {
    let row = |row: &Row| {
        let problem =
            |(cause, summary): &(Cause, String)| json!({"cause": cause.id(), "summary": summary});
        json!({
            "profile": row.profile,
            "source": row.source,
            "state": row.state.name().replace(' ', "-"),
            "expiration": row.expiration.map(|t| t.to_string()),
            "seconds_left": row.expiration.map(|t| t.seconds_from(now).max(0)),
            "problem": row.problem.as_ref().map(problem),
        })
    };
    let warning = store.state.as_ref().err().map(StoreError::detail);
    json!({
        "store": {"name": store.name, "reason": store.reason, "warning": warning},
        "profiles": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn to_table(store: &Status, rows: &[Row], now: Timestamp) -> Styled {
    let mut text = Styled::default();
    text.line(&format!("store: {} ({})", store.name, store.reason));
    if let Err(error) = &store.state {
        text.line(&format!("       {error}"));
    }
    if rows.is_empty() {
        text.line("no profiles");
        return text;
    }
    let width = rows
        .iter()
        .map(|row| row.profile.chars().count())
        .max()
        .unwrap_or(0)
        .max(7);
    text.line(&format!(
        "{:width$}  {:10}  {:12}  SOURCE",
        "PROFILE", "STATE", "LEFT"
    ));
    for row in rows {
        let left = row
            .expiration
            .map(|t| t.seconds_from(now))
            .filter(|seconds| *seconds > 0);
        let left = left.map_or("-".into(), human_duration);
        let source = match &row.problem {
            Some((cause, summary)) => format!("{summary} [{}]", cause.id()),
            None => row.source.clone(),
        };
        text.push(&format!("{:width$}  ", row.profile))
            .paint(row.state.style(), &format!("{:10}", row.state.name()))
            .line(&format!("  {left:12}  {source}"));
    }
    text
}
