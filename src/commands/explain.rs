//! `explain`: the AWS errors in a log, and what they mean here.

use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::json;

use super::{Context, answer, doctor};
use crate::diagnosis::answer::Condition;
use crate::diagnosis::sightings::{self, Sighting};
use crate::diagnosis::{Cause, Certainty, Finding, Result, Severity, causes, finding_json, finding_text, printable};

/// Of a longer text the end is read: what went wrong stands there.
const LIMIT: u64 = 32 * 1024 * 1024;

/// Errors that are shown to people.
const SHOWN: usize = 20;

/// Prints what is known of the errors in a file or on stdin. Exit code 1 where there is none.
pub fn run(context: &Context<'_>, file: Option<&Path>, profile: Option<&str>, as_json: bool) -> Result<u8> {
    let text = text(context, file)?;
    let found = sightings::find(&text);
    let facts = doctor::facts(context, profile, false);
    let local: Vec<Finding> = causes::all(&facts).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    let findings = combined(&found, local);
    if as_json {
        let errors: Vec<_> = found
            .iter()
            .map(|one| {
                json!({"code": one.code, "message": one.message, "service": one.service, "operation": one.operation,
                    "request_id": one.request_id, "count": one.count})
            })
            .collect();
        let findings: Vec<_> = findings.iter().map(finding_json).collect();
        answer(json!({"errors": errors, "findings": findings}).to_string().as_bytes())?;
    } else if found.is_empty() {
        let hint = "awsfresh doctor looks at the profile itself";
        answer(format!("no AWS error is recognised in this text: {hint}").as_bytes())?;
    } else {
        let paint = context.paint();
        let mut lines: Vec<String> = found.iter().take(SHOWN).map(told).collect();
        if found.len() > SHOWN {
            lines.push(format!("and {} more: --json has them", found.len() - SHOWN));
        }
        for finding in &findings {
            lines.push(String::new());
            lines.push(finding_text(finding, &paint));
        }
        answer(lines.join("\n").as_bytes())?;
    }
    Ok(u8::from(found.is_empty()))
}

/// Reads the whole text, or the end of a very long one.
fn text(context: &Context<'_>, file: Option<&Path>) -> Result<String> {
    let unreadable = |name: String, e: std::io::Error| {
        Finding::new(Cause::Usage, format!("{name} cannot be read: {e}"))
            .try_this("awsfresh explain FILE, or COMMAND 2>&1 | awsfresh explain")
    };
    let bytes = match file.filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let open = || {
                // A pipe is waited for, as stdin is: `awsfresh explain <(COMMAND)`.
                let mut file = std::fs::File::open(path)?;
                let about = file.metadata()?;
                if about.is_file() && about.len() > LIMIT {
                    file.seek(SeekFrom::Start(about.len() - LIMIT))?;
                }
                let mut bytes = Vec::new();
                file.take(LIMIT).read_to_end(&mut bytes).map(|_| bytes)
            };
            open().map_err(|e| unreadable(path.display().to_string(), e))?
        }
        None => {
            if std::io::stdin().is_terminal() {
                context.talk.note("paste the text, then press Ctrl-D");
            }
            let mut bytes = Vec::new();
            read_the_end(std::io::stdin().lock(), &mut bytes, LIMIT).map_err(|e| unreadable("stdin".into(), e))?;
            bytes
        }
    };
    Ok(match bytes.as_slice() {
        // Windows shells redirect as UTF-16.
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// Reads all there is, up to 64 times `limit`, and keeps the last of it.
fn read_the_end(mut source: impl Read, kept: &mut Vec<u8>, limit: u64) -> std::io::Result<()> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for _ in 0..64 {
        if source.by_ref().take(limit).read_to_end(kept)? == 0 {
            break;
        }
        kept.drain(..kept.len().saturating_sub(most));
    }
    Ok(())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// One line about one error.
fn told(one: &Sighting) -> String {
    let code = one.code.clone().unwrap_or_else(|| one.message.chars().take(80).collect());
    let from = match (&one.service, &one.operation) {
        (Some(service), Some(operation)) => format!(" from {service} {operation}"),
        (None, Some(operation)) => format!(" from {operation}"),
        (Some(service), None) => format!(" from {service}"),
        (None, None) => String::new(),
    };
    let request = one.request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
    let often = if one.count > 1 { format!(", {} times", one.count) } else { String::new() };
    printable(&format!("found: {code}{from}{request}{often}"))
}

/// What the text says, and what is wrong here: where that explains the text, it comes first.
fn combined(found: &[Sighting], local: Vec<Finding>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for one in found {
        let explaining = |finding: &&Finding| {
            one.condition.is_some_and(|condition| explains(finding.cause, condition)) || finding.cause == one.finding.cause
        };
        let here: Vec<&Finding> = local.iter().filter(explaining).collect();
        for finding in &here {
            // The text may come from another machine.
            let finding = Finding { certainty: finding.certainty.max(Certainty::Likely), ..(*finding).clone() };
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        let said = match here.is_empty() {
            true => one.finding.clone(),
            // Still what AWS said, no longer the end of the matter.
            false => one.finding.clone().possible(),
        };
        if findings.iter().all(|known| known.cause != said.cause) {
            findings.push(said);
        }
    }
    findings
}

/// Whether a fault found here leads to what AWS said.
fn explains(cause: Cause, condition: Condition) -> bool {
    use Cause::*;
    match condition {
        Condition::KeyUnknown | Condition::AnyOfThem | Condition::TokenDamaged => matches!(
            cause,
            KeyIdMalformed
                | PlaceholderCredentials
                | TemporaryKeyWithoutToken
                | StaleSessionToken
                | SessionTokenDamaged
                | MixedCredentialParts
                | SecurityTokenShadows
                | EnvShadowsProfile
                | CredentialsFileShadows
                | DefaultProfileShadows
                | WrongPartition
                | OptInRegionToken
                | EndpointOverridden
        ),
        Condition::Expired => matches!(cause, EnvShadowsProfile | SsoSessionExpired | CredentialsFileShadows | DefaultProfileShadows),
        Condition::SecretWrong => {
            matches!(
                cause,
                SecretMalformed | HiddenCharacters | InlineCommentInValue | MixedCredentialParts | ConfigMalformed | EnvShadowsProfile
            )
        }
        Condition::Swapped => matches!(cause, KeyAndSecretSwapped),
        Condition::SpaceInKeyId => matches!(cause, HiddenCharacters | InlineCommentInValue | KeyIdMalformed | ConfigMalformed),
        Condition::Unsigned => matches!(cause, CredentialsMissing | MixedCredentialParts),
        Condition::ScopeMismatch => matches!(cause, EndpointOverridden | RegionInvalid),
        Condition::AssumeRoleDenied | Condition::Denied => matches!(cause, EnvShadowsProfile | CredentialsFileShadows),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::read_the_end;

    #[test]
    fn of_a_long_text_the_end_is_read() {
        let mut kept = Vec::new();
        read_the_end(&b"0123456789"[..], &mut kept, 4).unwrap();
        assert_eq!(kept, b"6789");
        kept.clear();
        read_the_end(std::io::repeat(b'x'), &mut kept, 4).unwrap();
        assert_eq!(kept, b"xxxx", "and an endless one ends");
    }
}
