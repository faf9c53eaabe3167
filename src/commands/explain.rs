//! `explain`: the AWS errors in a log, and what they mean on this machine.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Value, json};

use super::Context;
use crate::explain::{LoggedError, Selected, merge, scan};
use crate::finding::{Cause, Finding, Result, finding_json, push_finding};
use crate::text::Styled;
use crate::{doctor, ui};

/// Of a longer log the end is read, in bytes: the error is there.
const LIMIT: u64 = 32 * 1024 * 1024;
/// So many errors are shown to people.
const SHOWN: usize = 20;

/// Prints what is known about the errors in a file or on stdin. Exit code 1 if there are none.
pub(super) fn run(
    context: &Context<'_>,
    file: Option<&Path>,
    profile: Option<&str>,
    as_json: bool,
) -> Result<u8> {
    let text = decode(&read(file)?);
    let errors = scan(&text);
    let local = doctor::local(context.world, &*context.store, profile);
    let selected = local.profile.map(|name| Selected {
        name,
        login_session: local.login_session,
    });
    let findings = merge(&errors, &local.errors, selected.as_ref());
    if as_json {
        ui::print_json(to_json(&errors, &findings))?;
    } else if errors.is_empty() {
        let hint = "awsfresh doctor checks the profile itself";
        ui::print_line(&format!("no AWS error is recognised in this text; {hint}"))?;
    } else {
        ui::print_styled(&to_text(&errors, &findings))?;
    }
    Ok(u8::from(errors.is_empty()))
}

fn to_json(errors: &[LoggedError], findings: &[Finding]) -> Value {
    let error = |one: &LoggedError| {
        json!({"code": one.code, "message": one.message, "service": one.service,
            "operation": one.operation, "request_id": one.request_id, "count": one.count})
    };
    let errors: Vec<Value> = errors.iter().map(error).collect();
    let findings: Vec<Value> = findings.iter().map(finding_json).collect();
    json!({ "errors": errors, "findings": findings })
}

fn to_text(errors: &[LoggedError], findings: &[Finding]) -> Styled {
    let mut text = Styled::default();
    // The evidence has the message of an error without a code.
    let lines: Vec<String> = errors.iter().filter_map(line_of).collect();
    for line in lines.iter().take(SHOWN) {
        text.line(line);
    }
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        text.line(&format!("and {more} more: --json has them"));
    }
    for (n, finding) in findings.iter().enumerate() {
        if n > 0 || !lines.is_empty() {
            text.line("");
        }
        push_finding(&mut text, finding);
    }
    text
}

/// An error with a code of AWS; `None` for others.
fn line_of(error: &LoggedError) -> Option<String> {
    let code = error.code.as_ref()?;
    let from: Vec<&str> = [&error.service, &error.operation]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(" from {}", from.join(" "))
    };
    let request = error
        .request_id
        .as_ref()
        .map(|id| format!(", request {id}"))
        .unwrap_or_default();
    let count = if error.count > 1 {
        format!(", {} times", error.count)
    } else {
        String::new()
    };
    Some(format!("found: {code}{from}{request}{count}"))
}

/// Reads the file or stdin, or the end of a very long one.
fn read(file: Option<&Path>) -> Result<Vec<u8>> {
    let unreadable = |name: String, e: io::Error| {
        Finding::new(Cause::Usage, format!("cannot read {name}: {e}"))
            .remedy("awsfresh explain FILE, or COMMAND 2>&1 | awsfresh explain")
    };
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        return read_file(path).map_err(|e| unreadable(path.display().to_string(), e));
    }
    if io::stdin().is_terminal() {
        log::info!("paste the text, then press Ctrl-D");
    }
    let mut bytes = Vec::new();
    read_end(io::stdin().lock(), &mut bytes, LIMIT).map_err(|e| unreadable("stdin".into(), e))?;
    Ok(bytes)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe is waited for, as stdin is: `awsfresh explain <(COMMAND)`.
    let mut file = std::fs::File::open(path)?;
    let about = file.metadata()?;
    if about.is_file() && about.len() > LIMIT {
        file.seek(SeekFrom::Start(about.len() - LIMIT))?;
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads to the end, or up to 64 times `limit`, and keeps the last `limit` bytes.
fn read_end(mut source: impl Read, kept: &mut Vec<u8>, limit: u64) -> io::Result<()> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for _ in 0..64 {
        if source.by_ref().take(limit).read_to_end(kept)? == 0 {
            break;
        }
        kept.drain(..kept.len().saturating_sub(most));
    }
    Ok(())
}

/// UTF-8, or UTF-16, which Windows shells redirect.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    String::from_utf16_lossy(&units.collect::<Vec<u16>>())
}

#[cfg(test)]
mod tests {
    use super::read_end;

    #[test]
    fn of_a_long_text_the_end_is_read() {
        let mut kept = Vec::new();
        read_end(&b"0123456789"[..], &mut kept, 4).unwrap();
        assert_eq!(kept, b"6789");
        kept.clear();
        read_end(std::io::repeat(b'x'), &mut kept, 4).unwrap();
        assert_eq!(kept, b"xxxx", "an endless text ends");
    }
}
