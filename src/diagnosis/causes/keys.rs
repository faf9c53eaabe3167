//! Keys in the files, as far as their form goes.

use crate::config::{Profile, misspelt};
use crate::diagnosis::facts::Facts;
use crate::diagnosis::keys::{Keys, Part, flaws};
use crate::diagnosis::{Cause, Finding};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    facts.profiles().flat_map(|profile| of_profile(facts, profile)).collect()
}

fn of_profile(facts: &Facts, profile: &Profile) -> Vec<Finding> {
    let (id, secret) = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"));
    let (Some(id), Some(secret)) = (id, secret) else { return Vec::new() }; // half a key is the resolver's matter
    let token = profile.get("aws_session_token").or(profile.get("aws_security_token"));
    let keys = Keys { id: &id.text, secret: &secret.text, token: token.map(|v| v.text.as_str()) };
    let mut found = Vec::new();
    for flaw in flaws(keys) {
        // Emulators take anything.
        if flaw.cause == Cause::PlaceholderCredentials && facts.goes_elsewhere() {
            continue;
        }
        let value = match flaw.part {
            Part::Id => id,
            Part::Secret => secret,
            Part::Token => token.unwrap_or(id),
        };
        let fix = match flaw.cause {
            Cause::StaleSessionToken => format!("remove line {} of {}", value.origin.line, value.origin.file),
            _ => flaw.fix.to_owned(),
        };
        let finding = Finding::new(flaw.cause, format!("{} of profile `{}` {}", flaw.part.key(), profile.name, flaw.what))
            .seen(value.origin.to_string())
            .try_this(fix);
        let finding = match flaw.cause {
            Cause::TemporaryKeyWithoutToken => {
                misspelt(profile).into_iter().filter(|one| one.meant == "aws_session_token").fold(finding, |finding, one| {
                    finding
                        .seen(format!("no tool knows `{}`, at {}", one.key, one.origin))
                        .try_this(format!("write {} at {}", one.meant, one.origin))
                })
            }
            _ => finding,
        };
        found.push(if flaw.certain { finding } else { finding.likely() });
    }
    // Its second line has the `=` of base64 at its end, and so it seems a key of its own.
    let is_rest = |key: &str| key.len() >= 30 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'+');
    if let Some(token) = token
        && let Some((_, rest)) = profile.values().into_iter().find(|(key, value)| is_rest(key) && value.origin.file == token.origin.file)
    {
        found.push(
            Finding::new(Cause::SessionTokenDamaged, format!("aws_session_token of profile `{}` goes on in the next line", profile.name))
                .seen(rest.origin.to_string())
                .try_this(format!("write it on one line: line {} belongs to line {}", rest.origin.line, token.origin.line)),
        );
    }
    if id.origin.file != secret.origin.file || token.is_some_and(|token| token.origin.file != id.origin.file) {
        let places: Vec<String> = [Some(id), Some(secret), token].into_iter().flatten().map(|v| v.origin.to_string()).collect();
        found.push(
            Finding::new(Cause::MixedCredentialParts, format!("the key of profile `{}` is put together from two files", profile.name))
                .seen(places.join(", "))
                .try_this("keep key id, secret and token together in one file")
                .warning(),
        );
    }
    found
}
