//! Single values: what can be checked without asking AWS, each with its place. No message quotes a
//! key, secret or token.

use super::parser::Value;
use super::profile::Profile;
use super::profile_set::ProfileSet;
use crate::aws::access_key::{Keys, Part, blocking_flaw};
use crate::aws::names::{is_account, is_region, is_role_arn, region_fix};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Remedy, Result, remedy};

/// A finding about one value.
pub(super) fn invalid(
    cause: Cause,
    key: &str,
    value: &Value,
    what: &str,
    fix: impl Into<Remedy>,
) -> Finding {
    Finding::new(cause, format!("{key} at {} {what}", value.origin))
        .at(&value.origin)
        .remedy(fix)
}

/// Rejects control characters, which would end up in a request or on a terminal.
pub(super) fn no_control_chars(key: &str, value: &Value) -> Result<()> {
    if value.text.chars().any(char::is_control) {
        let what = "contains a control character or a second line";
        let fix = "retype the value on one line";
        return Err(invalid(Cause::HiddenCharacters, key, value, what, fix));
    }
    Ok(())
}

/// What AWS accepts as the value of a key: a length, and characters besides letters, digits and
/// `_`.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) struct Charset {
    pub(super) key: &'static str,
    min: usize,
    max: usize,
    extra: &'static str,
}

/// The keys of a role that have one.
pub(super) const CHARSETS: [Charset; 4] = [
    Charset {
        key: "external_id",
        min: 2,
        max: 1224,
        extra: "+=,.@:/-",
    },
    Charset {
        key: "mfa_serial",
        min: 9,
        max: 256,
        extra: "+=/:,.@-",
    },
    Charset {
        key: "role_session_name",
        min: 2,
        max: 64,
        extra: "+=,.@-",
    },
    Charset {
        key: "awsfresh_source_identity",
        min: 2,
        max: 64,
        extra: "+=,.@-",
    },
];

impl Charset {
    /// Rejects a value with another length or other characters.
    pub(super) fn check(&self, value: &Value) -> Result<()> {
        let Self {
            key,
            min,
            max,
            extra,
        } = *self;
        no_control_chars(key, value)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c);
        let fits = (min..=max).contains(&value.text.chars().count());
        if fits && value.text.chars().all(allowed) {
            return Ok(());
        }
        if is_quoted(value) {
            return Err(quotes(key, value));
        }
        let fix = remedy!("use {} to {} letters, digits or {}_", min, max, extra);
        Err(invalid(
            Cause::ConfigMalformed,
            key,
            value,
            "is not what AWS accepts",
            fix,
        ))
    }
}

fn is_quoted(value: &Value) -> bool {
    value.text.starts_with(['"', '\''])
}

fn quotes(key: &str, value: &Value) -> Finding {
    let what = "has quotes, which are part of the value";
    let fix = "remove the quotes: most AWS tools read them as part of the value";
    invalid(Cause::ConfigMalformed, key, value, what, fix)
}

/// A session duration that STS can grant, in seconds.
pub(super) fn duration(value: &Value) -> Result<u32> {
    match value.text.parse() {
        Ok(seconds @ 900..=43_200) => Ok(seconds),
        _ => {
            let what = "is not a number from 900 to 43200";
            let fix = "duration_seconds = 3600, or up to 43200 if the role allows it";
            Err(invalid(
                Cause::ConfigMalformed,
                "duration_seconds",
                value,
                what,
                fix,
            ))
        }
    }
}

/// Rejects characters that look like others or cannot be seen: AWS would only say that there is no
/// such thing.
fn ascii(key: &str, value: &Value) -> Result<()> {
    no_control_chars(key, value)?;
    if value.text.is_ascii() {
        return Ok(());
    }
    let what = "contains characters that do not belong there";
    let fix = "retype it: pasted text can have curly quotes or invisible characters";
    Err(invalid(Cause::HiddenCharacters, key, value, what, fix))
}

/// The ID of a long-term key.
pub(super) fn stored_key_id(value: &Value) -> Result<()> {
    let key = "awsfresh_aws_access_key_id";
    ascii(key, value)?;
    let is_id = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if (16..=128).contains(&value.text.len()) && is_id(&value.text) {
        return Ok(());
    }
    let fix = "awsfresh keys list shows the keys that are stored";
    let what = "is not the ID of an access key";
    Err(invalid(Cause::KeyIdMalformed, key, value, what, fix))
}

/// An account ID.
pub(super) fn account(key: &str, value: &Value) -> Result<()> {
    ascii(key, value)?;
    if is_account(&value.text) {
        return Ok(());
    }
    let fix = remedy!(
        "write twelve digits without quotes, as in {} = 012345678901",
        key
    );
    Err(invalid(
        Cause::ConfigMalformed,
        key,
        value,
        "is not an account ID",
        fix,
    ))
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
pub(super) fn role_arn(value: &Value) -> Result<()> {
    ascii("role_arn", value)?;
    let parts: Vec<&str> = value.text.splitn(6, ':').collect();
    if is_role_arn(&value.text) {
        return Ok(());
    }
    if is_quoted(value) {
        return Err(quotes("role_arn", value));
    }
    let wrong = |what, fix: Remedy| {
        Err(invalid(
            Cause::ConfigMalformed,
            "role_arn",
            value,
            what,
            fix,
        ))
    };
    if let ["arn", partition, "sts", "", account, session] = parts.as_slice()
        && let Some(rest) = session.strip_prefix("assumed-role/")
        && let Some(name) = rest.split('/').next()
    {
        let fix = remedy!(
            "role_arn = arn:{}:iam::{}:role/{}, with the path of the \
                role if it has one",
            partition,
            account,
            name
        );
        return wrong("is the ARN of a session, not of a role", fix);
    }
    wrong(
        "is not the ARN of a role",
        "role_arn = arn:aws:iam::123456789012:role/NAME".into(),
    )
}

/// A region.
pub(super) fn region(key: &str, value: &Value) -> Result<()> {
    if is_region(&value.text) {
        return Ok(());
    }
    let fix = region_fix(key, &value.text);
    Err(invalid(
        Cause::RegionInvalid,
        key,
        value,
        "is not a region",
        fix,
    ))
}

/// The finding for a `source_profile` that does not exist.
pub(super) fn missing_source(value: &Value) -> Finding {
    let summary = format!("the source profile `{}` does not exist", value.text);
    Finding::new(Cause::SourceMissing, summary).at(&value.origin)
}

/// Every value of a section that is invalid by its form alone. Resolving a profile stops at the
/// first.
pub(crate) fn invalid_values(set: &ProfileSet, section: &Profile) -> Vec<Finding> {
    let of_charset = |charset: &Charset| charset.check(section.get(charset.key)?).err();
    let mut found: Vec<Finding> = CHARSETS.iter().filter_map(of_charset).collect();
    let mut check = |key: &str, check: &dyn Fn(&Value) -> Result<()>| {
        found.extend(section.get(key).and_then(|value| check(value).err()));
    };
    check("region", &|value| region("region", value));
    check("sso_region", &|value| region("sso_region", value));
    check("sso_account_id", &|value| account("sso_account_id", value));
    check("role_arn", &role_arn);
    check("duration_seconds", &|value| duration(value).map(drop));
    check("source_profile", &|value| match set.profile(&value.text) {
        Some(_) => Ok(()),
        None => {
            Err(missing_source(value)
                .remedy("name an existing profile; awsfresh status lists them"))
        }
    });
    found
}

/// Static keys. They are rejected only if no request could be made with them: AWS checks the rest.
pub(super) fn keys(id: &Value, secret: &Value, token: Option<&Value>) -> Result<Credentials> {
    let keys = Keys {
        id: &id.text,
        secret: &secret.text,
        token: token.map(|t| t.text.as_str()),
    };
    if let Some(flaw) = blocking_flaw(keys) {
        let value = match flaw.part {
            Part::Secret => secret,
            Part::Token => token.unwrap_or(id),
            Part::Id => id,
        };
        return Err(invalid(
            flaw.cause,
            flaw.part.key(),
            value,
            flaw.what,
            flaw.fix,
        ));
    }
    Ok(Credentials {
        access_key_id: id.text.clone(),
        secret_access_key: Secret::new(secret.text.clone()),
        session_token: token.map(|t| Secret::new(t.text.clone())),
        expiration: None,
        account_id: None,
    })
}
