//! `why`: the last failures of any call.

use serde_json::json;

use super::{Context, answer};
use crate::diagnosis::journal::Journal;
use crate::diagnosis::{Cause, Finding, Result, finding_json, finding_text};
use crate::shell::quoted_path;
use crate::time::for_people;

/// Prints failures, the newest last.
pub fn run(context: &Context<'_>, as_json: bool, all: bool) -> Result<()> {
    let journal = Journal::new(&context.world.state_dir());
    let records = journal.read().map_err(|e| {
        Finding::new(Cause::FilePermissions, format!("the journal {} cannot be read: {e}", journal.path().display()))
            .try_this(format!("ls -l {}", quoted_path(journal.path())))
    })?;
    let shown = if all { records.len() } else { 5 };
    let records = &records[records.len().saturating_sub(shown)..];
    if as_json {
        let failures: Vec<_> = records
            .iter()
            .map(|record| {
                let mut failure = finding_json(&record.finding);
                failure["at"] = record.at.to_string().into();
                failure["verb"] = record.verb.as_str().into();
                failure["caller"] = record.caller.clone().into();
                failure
            })
            .collect();
        return answer(json!({ "failures": failures }).to_string().as_bytes());
    }
    if records.is_empty() {
        return answer(b"no awsfresh call has failed here");
    }
    let paint = context.paint();
    let told: Vec<String> = records
        .iter()
        .map(|record| {
            let ago = for_people(context.world.now().seconds_from(record.at).max(0));
            let caller = record.caller.as_ref().map(|name| format!(", called by {name}")).unwrap_or_default();
            format!("{} ({ago} ago), {}{caller}\n{}", record.at, record.verb, finding_text(&record.finding, &paint))
        })
        .collect();
    answer(told.join("\n\n").as_bytes())
}
