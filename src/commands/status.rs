//! `status`: profiles, where their credentials come from, the time left. Asks no source and changes nothing.

use serde_json::json;

use super::{Context, answer};
use crate::config::{Base, Chain};
use crate::diagnosis::{Result, printable};
use crate::refresh::{Entry, Freshness, Tell, freshness, keys};
use crate::time::{Timestamp, for_people};

/// One line of the table.
struct Row {
    profile: String,
    source: String,
    state: &'static str,
    expiration: Option<Timestamp>,
    problem: Option<(&'static str, String)>,
}

/// Prints a table for people or one JSON document.
pub fn run(context: &Context<'_>, only: &[String], as_json: bool) -> Result<()> {
    let set = context.profiles()?;
    let names: Vec<String> = if only.is_empty() { set.names().map(str::to_owned).collect() } else { only.to_vec() };
    let mut rows = Vec::new();
    for profile in names {
        match context.resolve(&set, &profile) {
            Ok(chain) => rows.push(row(context, profile, &chain)),
            Err(finding) if !only.is_empty() => return Err(finding),
            Err(finding) => rows.push(Row {
                profile,
                source: "-".into(),
                state: "unusable",
                expiration: None,
                problem: Some((finding.cause.id(), finding.summary)),
            }),
        }
    }
    if as_json { print_json(context, &rows) } else { print_table(context, &rows) }
}

fn row(context: &Context<'_>, profile: String, chain: &Chain) -> Row {
    let key = keys(chain, context.world).pop().flatten();
    let cached = key.and_then(|key| {
        let bytes = context.store.get(&key).inspect_err(|e| context.talk.trace(&e.to_string())).ok()??;
        Entry::from_bytes(&key, &bytes)
    });
    let (state, expiration) = match &cached {
        _ if matches!(chain.base, Base::Static { .. }) && chain.hops.is_empty() => ("static", None),
        None => ("not cached", None),
        Some(entry) => {
            let state = match freshness(entry.obtained, entry.expiration(), context.world.now()) {
                Freshness::Fresh => "fresh",
                Freshness::RenewSoon => "renew soon",
                Freshness::Expired => "expired",
            };
            (state, Some(entry.expiration()))
        }
    };
    Row { profile, source: source(chain), state, expiration, problem: None }
}

/// The chain in a few words.
fn source(chain: &Chain) -> String {
    let base = match &chain.base {
        Base::Static { .. } => "static keys".to_owned(),
        Base::Environment { .. } => "environment".to_owned(),
        Base::InstanceMetadata { .. } => "instance metadata".to_owned(),
        Base::Container { .. } => "container endpoint".to_owned(),
        Base::WebIdentity { role_arn, .. } => format!("web identity {}", role_arn.text),
        Base::Sso { session, start_url, account_id, role_name, .. } => {
            format!("sso {} {account_id} {role_name}", session.as_ref().unwrap_or(start_url))
        }
        Base::LoginSession { arn, .. } => format!("aws login {}", arn.text),
        Base::Process { .. } => "process".to_owned(),
    };
    let hops = chain.hops.iter().map(|hop| hop.role_arn.text.clone());
    std::iter::once(base).chain(hops).collect::<Vec<_>>().join(" → ")
}

fn print_json(context: &Context<'_>, rows: &[Row]) -> Result<()> {
    let profiles: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "profile": row.profile,
                "source": row.source,
                "state": row.state.replace(' ', "-"),
                "expiration": row.expiration.map(|t| t.to_string()),
                "seconds_left": row.expiration.map(|t| t.seconds_from(context.world.now()).max(0)),
                "problem": row.problem.as_ref().map(|(cause, summary)| json!({"cause": cause, "summary": summary})),
            })
        })
        .collect();
    let store = context.store.check();
    answer(
        json!({"store": {"name": store.name, "reason": store.reason, "warning": store.warning}, "profiles": profiles})
            .to_string()
            .as_bytes(),
    )
}

fn print_table(context: &Context<'_>, rows: &[Row]) -> Result<()> {
    let store = context.store.check();
    let mut text = format!("store: {} ({})\n", store.name, store.reason);
    if let Some(warning) = store.warning {
        text.push_str(&format!("       {warning}\n"));
    }
    if rows.is_empty() {
        text.push_str("no profiles");
        return answer(text.as_bytes());
    }
    let width = rows.iter().map(|row| row.profile.chars().count()).max().unwrap_or(0).max(7);
    text.push_str(&format!("{:width$}  {:10}  {:12}  SOURCE", "PROFILE", "STATE", "LEFT"));
    let paint = context.paint();
    for row in rows {
        let left = row.expiration.map(|t| t.seconds_from(context.world.now())).filter(|s| *s > 0).map_or("-".into(), for_people);
        let source = row.problem.as_ref().map_or(row.source.clone(), |(cause, summary)| format!("{summary} [{cause}]"));
        let (profile, source) = (printable(&row.profile), printable(&source));
        let state = format!("{:10}", row.state);
        let state = match row.state {
            "fresh" => paint("32", &state),
            "unusable" | "expired" => paint("31", &state),
            "renew soon" => paint("33", &state),
            _ => state,
        };
        text.push_str(&format!("\n{:width$}  {state}  {left:12}  {source}", profile));
    }
    answer(text.as_bytes())
}
