//! Single values: what can be judged without asking AWS is judged here, with its place. No message quotes a key,
//! secret or token.

use super::profiles::{Profile, ProfileSet};
use super::reader::Value;
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::keys::{Keys, Part, refused};
use crate::diagnosis::{Cause, Finding, Result};

/// A finding about one value.
pub(super) fn bad(cause: Cause, key: &str, value: &Value, what: &str, fix: &str) -> Finding {
    Finding::new(cause, format!("{key} at {} {what}", value.origin)).seen(value.origin.to_string()).try_this(fix)
}

/// Refuses control characters, which would travel into a request or a terminal.
pub(super) fn clean(key: &str, value: &Value) -> Result<()> {
    if value.text.chars().any(char::is_control) {
        return Err(bad(
            Cause::HiddenCharacters,
            key,
            value,
            "holds a control character or a second line",
            "type the value again on one line",
        ));
    }
    Ok(())
}

/// `low..=high` characters out of `\w` and `extra`. Limits: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) fn word(key: &str, value: &Value, low: usize, high: usize, extra: &str) -> Result<()> {
    clean(key, value)?;
    let length = value.text.chars().count();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c);
    if !(low..=high).contains(&length) || !value.text.chars().all(allowed) {
        if value.text.starts_with(['"', '\'']) {
            return Err(quoted(key, value));
        }
        let rule = format!("{low} to {high} letters, digits or {extra}_");
        return Err(bad(Cause::ConfigMalformed, key, value, "is not what AWS accepts", &format!("it takes {rule}")));
    }
    Ok(())
}

fn quoted(key: &str, value: &Value) -> Finding {
    bad(
        Cause::ConfigMalformed,
        key,
        value,
        "is in quotes, which are part of its value",
        "remove the quotes: every AWS tool takes them as part of the value",
    )
}

/// A session length STS can give.
pub(super) fn duration(value: &Value) -> Result<u32> {
    match value.text.parse() {
        Ok(seconds @ 900..=43_200) => Ok(seconds),
        _ => Err(bad(
            Cause::ConfigMalformed,
            "duration_seconds",
            value,
            "is not a number from 900 to 43200",
            "duration_seconds = 3600, or up to 43200 where the role allows it",
        )),
    }
}

/// Refuses characters that look like others or like none: AWS would only say that there is no such thing.
fn ascii(key: &str, value: &Value) -> Result<()> {
    clean(key, value)?;
    if value.text.is_ascii() {
        return Ok(());
    }
    let fix = "type it again: what was pasted has curly quotes or characters that cannot be seen";
    Err(bad(Cause::HiddenCharacters, key, value, "holds characters that do not belong there", fix))
}

/// Whether these are the twelve digits of an account.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The twelve digits of an account.
pub(super) fn account(key: &str, value: &Value) -> Result<()> {
    ascii(key, value)?;
    if is_account(&value.text) {
        return Ok(());
    }
    let fix = format!("twelve digits without quotes, as in {key} = 012345678901");
    Err(bad(Cause::ConfigMalformed, key, value, "is not an account number", &fix))
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
pub(super) fn role_arn(value: &Value) -> Result<()> {
    ascii("role_arn", value)?;
    let parts: Vec<&str> = value.text.splitn(6, ':').collect();
    let whole = matches!(parts.as_slice(), ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws") && is_account(account)
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace)));
    if whole {
        return Ok(());
    }
    if value.text.starts_with(['"', '\'']) {
        return Err(quoted("role_arn", value));
    }
    if let ["arn", partition, "sts", "", account, session] = parts.as_slice()
        && let Some(name) = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next())
    {
        let fix = format!("role_arn = arn:{partition}:iam::{account}:role/{name}, with the role's path if it has one");
        return Err(bad(Cause::ConfigMalformed, "role_arn", value, "is the ARN of a session, not of a role", &fix));
    }
    Err(bad(Cause::ConfigMalformed, "role_arn", value, "is not the ARN of a role", "role_arn = arn:aws:iam::123456789012:role/NAME"))
}

/// Whether this is of the form of `eu-west-1`.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [area, middle @ .., number]
        if area.len() >= 2 && !middle.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            && middle.iter().chain([area]).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase())))
}

/// What to write instead of something that is no region.
pub fn region_fix(key: &str, text: &str) -> String {
    let bare = text.trim_matches(['"', '\'']);
    match bare.strip_suffix(|c: char| c.is_ascii_lowercase()) {
        Some(zoneless) if zoneless.ends_with(|c: char| c.is_ascii_digit()) => {
            format!("an availability zone is no region: {key} = {zoneless}")
        }
        _ => format!("without quotes and in lower case, as in {key} = eu-west-1"),
    }
}

/// `eu-west-1` and its like.
pub(super) fn region(key: &str, value: &Value) -> Result<()> {
    if is_region(&value.text) {
        return Ok(());
    }
    Err(bad(Cause::RegionInvalid, key, value, "is not a region", &region_fix(key, &value.text)))
}

/// What AWS takes in the keys of a role, beside letters, digits and `_`: lengths and further characters.
pub(super) const WORDS: &[(&str, usize, usize, &str)] =
    &[("external_id", 2, 1224, "+=,.@:/-"), ("mfa_serial", 9, 256, "+=/:,.@-"), ("role_session_name", 2, 64, "+=,.@-")];

/// Every value of a section that cannot be right by its form alone. Resolving a profile stops at the first.
pub fn flaws(set: &ProfileSet, section: &Profile) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        WORDS.iter().filter_map(|(key, low, high, extra)| word(key, section.get(key)?, *low, *high, extra).err()).collect();
    let mut judge = |key: &str, check: &dyn Fn(&Value) -> Result<()>| {
        found.extend(section.get(key).and_then(|value| check(value).err()));
    };
    judge("region", &|value| region("region", value));
    judge("sso_region", &|value| region("sso_region", value));
    judge("sso_account_id", &|value| account("sso_account_id", value));
    judge("role_arn", &role_arn);
    judge("duration_seconds", &|value| duration(value).map(drop));
    judge("source_profile", &|value| match set.profile(&value.text) {
        Some(_) => Ok(()),
        None => Err(Finding::new(Cause::SourceMissing, format!("the source profile `{}` does not exist", value.text))
            .seen(value.origin.to_string())
            .try_this("name a profile that exists: awsfresh status lists them")),
    });
    found
}

/// Static keys. Only what no request could be made with is refused: AWS judges the rest.
pub(super) fn keys(id: &Value, secret: &Value, token: Option<&Value>) -> Result<Credentials> {
    let keys = Keys { id: &id.text, secret: &secret.text, token: token.map(|t| t.text.as_str()) };
    if let Some(flaw) = refused(keys) {
        let value = match flaw.part {
            Part::Secret => secret,
            Part::Token => token.unwrap_or(id),
            Part::Id => id,
        };
        return Err(bad(flaw.cause, flaw.part.key(), value, flaw.what, flaw.fix));
    }
    Ok(Credentials {
        access_key_id: id.text.clone(),
        secret_access_key: Secret::new(secret.text.clone()),
        session_token: token.map(|t| Secret::new(t.text.clone())),
        expiration: None,
        account_id: None,
    })
}
