//! `why`: the last failures of any call.

use serde_json::{Value, json};

use super::Context;
use crate::finding::{Cause, Finding, Result, finding_json, push_finding, remedy};
use crate::journal::{Journal, Record};
use crate::text::Styled;
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
        .remedy(remedy!("ls -l {}", path))
    })?;
    let shown = if all { records.len() } else { SHOWN };
    let records = &records[records.len().saturating_sub(shown)..];
    if as_json {
        let failures: Vec<Value> = records.iter().map(json_of).collect();
        return ui::print_json(json!({ "failures": failures }));
    }
    if records.is_empty() {
        return ui::print_line("no awsfresh call has failed");
    }
    let mut text = Styled::default();
    for record in records {
        push_record(&mut text, context, record);
    }
    ui::print_styled(&text)
}

fn json_of(record: &Record) -> Value {
    let mut failure = finding_json(&record.finding);
    failure["at"] = record.at.to_string().into();
    failure["verb"] = record.subcommand.as_str().into();
    failure["caller"] = record.caller.clone().into();
    failure
}

fn push_record(text: &mut Styled, context: &Context<'_>, record: &Record) {
    let ago = human_duration(context.world.now().seconds_from(record.at).max(0));
    let caller = record
        .caller
        .as_ref()
        .map(|name| format!(", called by {name}"));
    let (at, subcommand, caller) = (record.at, &record.subcommand, caller.unwrap_or_default());
    text.line(&format!("{at} ({ago} ago), {subcommand}{caller}"));
    push_finding(text, &record.finding);
    text.line("");
}
