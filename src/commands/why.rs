//! `why`: the last failures of any call.

use serde_json::{Value, json};

use super::Context;
use crate::finding::{Cause, Finding, Result, finding_json, finding_text};
use crate::journal::{Journal, Record};
use crate::shell::quoted_path;
use crate::time::human_duration;
use crate::ui;

/// So many failures are shown without `--all`.
const SHOWN: usize = 5;

/// Prints failures, the newest last.
pub(super) fn run(context: &Context<'_>, as_json: bool, all: bool) -> Result<()> {
    let journal = Journal::new(&context.world.state.main, &context.world.state.spare);
    let records = journal.read().map_err(|e| {
        let path = journal.path();
        Finding::new(
            Cause::FilePermissions,
            format!("cannot read the journal {}: {e}", path.display()),
        )
        .remedy(format!("ls -l {}", quoted_path(path)))
    })?;
    let shown = if all { records.len() } else { SHOWN };
    let records = &records[records.len().saturating_sub(shown)..];
    if as_json {
        let failures: Vec<Value> = records.iter().map(json_of).collect();
        return ui::print_json(json!({ "failures": failures }));
    }
    if records.is_empty() {
        return ui::print_styled("no awsfresh call has failed");
    }
    let texts: Vec<String> = records
        .iter()
        .map(|record| text_of(context, record))
        .collect();
    ui::print_styled(&texts.join("\n\n"))
}

fn json_of(record: &Record) -> Value {
    let mut failure = finding_json(&record.finding);
    failure["at"] = record.at.to_string().into();
    failure["verb"] = record.subcommand.as_str().into();
    failure["caller"] = record.caller.clone().into();
    failure
}

fn text_of(context: &Context<'_>, record: &Record) -> String {
    let ago = human_duration(context.world.now().seconds_from(record.at).max(0));
    let caller = record
        .caller
        .as_ref()
        .map(|name| format!(", called by {name}"));
    let (at, subcommand, caller) = (record.at, &record.subcommand, caller.unwrap_or_default());
    format!(
        "{at} ({ago} ago), {subcommand}{caller}\n{}",
        finding_text(&record.finding)
    )
}
