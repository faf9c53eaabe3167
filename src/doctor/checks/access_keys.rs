//! Keys in the files, as far as their form shows something.

use crate::aws::access_key::{Flaw, Keys, Part, flaws};
use crate::config::{Profile, SessionEnd, Value, key_typos};
use crate::doctor::facts::Facts;
use crate::finding::{Cause, Finding, remedy};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    facts
        .profiles()
        .flat_map(|profile| of_profile(facts, profile))
        .collect()
}

/// The three parts of a key, each with its place.
struct Parts<'a> {
    id: &'a Value,
    secret: &'a Value,
    token: Option<&'a Value>,
}

impl<'a> Parts<'a> {
    /// `None` for half a key, which the resolver reports.
    fn of(profile: &'a Profile) -> Option<Self> {
        let id = profile.get("aws_access_key_id")?;
        let secret = profile.get("aws_secret_access_key")?;
        let token = profile
            .get("aws_session_token")
            .or(profile.get("aws_security_token"));
        Some(Self { id, secret, token })
    }

    fn keys(&self) -> Keys<'a> {
        let token = self.token.map(|value| value.text.as_str());
        Keys {
            id: &self.id.text,
            secret: &self.secret.text,
            token,
        }
    }

    fn value(&self, part: Part) -> &'a Value {
        match part {
            Part::Id => self.id,
            Part::Secret => self.secret,
            Part::Token => self.token.unwrap_or(self.id),
        }
    }
}

fn of_profile(facts: &Facts, profile: &Profile) -> Vec<Finding> {
    let end = SessionEnd::of(profile);
    let expired = end.and_then(|end| end.expired(facts.now));
    let Some(parts) = Parts::of(profile) else {
        return expired.into_iter().collect();
    };
    // Emulators accept any key.
    let counts =
        |flaw: &Flaw| flaw.cause != Cause::PlaceholderCredentials || !facts.is_overridden();
    let flaws = flaws(parts.keys()).into_iter().filter(counts);
    let mut found: Vec<Finding> = flaws.map(|flaw| of_flaw(profile, &parts, flaw)).collect();
    found.extend(expired);
    found.extend(wrapped_token(profile, &parts));
    found.extend(two_files(profile, &parts));
    found
}

fn of_flaw(profile: &Profile, parts: &Parts<'_>, flaw: Flaw) -> Finding {
    let origin = &parts.value(flaw.part).origin;
    let fix = match flaw.cause {
        Cause::StaleSessionToken => {
            remedy!("put # in front of line {} of {}", origin.line, origin.file)
        }
        _ => flaw.fix.into(),
    };
    let summary = format!(
        "{} of profile `{}` {}",
        flaw.part.key(),
        profile.name,
        flaw.what
    );
    let finding = Finding::new(flaw.cause, summary)
        .about_profile(&profile.name)
        .at(origin)
        .remedy(fix);
    let finding = finding.likely_if(!flaw.certain);
    if flaw.cause != Cause::TemporaryKeyWithoutToken {
        return finding;
    }
    let typos = key_typos(profile)
        .into_iter()
        .filter(|typo| typo.intended == "aws_session_token");
    typos.fold(finding, |finding, typo| typo.explain(finding))
}

/// A token that continues in the next line: that ends with the `=` of base64, and so looks like a
/// key of its own.
fn wrapped_token(profile: &Profile, parts: &Parts<'_>) -> Option<Finding> {
    let token = &parts.token?.origin;
    let is_base64 = |key: &str| {
        key.len() >= 30
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'+')
    };
    let mut values = profile.values().into_iter();
    let is_rest = |key: &str, value: &Value| is_base64(key) && value.origin.file == token.file;
    let (_, rest) = values.find(|(key, value)| is_rest(key, value))?;
    let rest = &rest.origin;
    let summary = format!(
        "aws_session_token of profile `{}` continues in the next line",
        profile.name
    );
    let finding = Finding::new(Cause::SessionTokenDamaged, summary).about_profile(&profile.name);
    let remedy = remedy!(
        "write it on one line: line {} belongs to line {}",
        rest.line,
        token.line
    );
    Some(finding.at(rest).remedy(remedy))
}

/// Parts of one key in different files.
fn two_files(profile: &Profile, parts: &Parts<'_>) -> Option<Finding> {
    let values = [Some(parts.id), Some(parts.secret), parts.token]
        .into_iter()
        .flatten();
    let origins: Vec<_> = values.map(|value| &value.origin).collect();
    if origins
        .iter()
        .all(|origin| origin.file == parts.id.origin.file)
    {
        return None;
    }
    let places: Vec<String> = origins.iter().map(ToString::to_string).collect();
    let summary = format!(
        "the key of profile `{}` is combined from two files",
        profile.name
    );
    let finding = Finding::new(Cause::MixedCredentialParts, summary).about_profile(&profile.name);
    let remedy = "put key ID, secret and token together into one file";
    Some(finding.evidence(places.join(", ")).remedy(remedy).warning())
}
