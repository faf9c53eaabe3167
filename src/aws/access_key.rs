//! What the form of an access key shows: the key ID, its secret and its session token. Pure, and
//! quotes none of them.

use super::key_text::{
    REMOVE_SHELL_MARK, SHELL_MARK, enclosed, escaped, flaw_of_characters, is_shell_mark,
};
use crate::credentials::{Credentials, Secret};
use crate::finding::Cause;

/// The three parts as they would be sent.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) token: Option<&'a str>,
}

impl<'a> From<&'a Credentials> for Keys<'a> {
    fn from(credentials: &'a Credentials) -> Self {
        Self {
            id: &credentials.access_key_id,
            secret: credentials.secret_access_key.expose(),
            token: credentials.session_token.as_ref().map(Secret::expose),
        }
    }
}

/// One of the three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Id,
    Secret,
    Token,
}

impl Part {
    /// Its key in the AWS files.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Id => "aws_access_key_id",
            Self::Secret => "aws_secret_access_key",
            Self::Token => "aws_session_token",
        }
    }

    /// The cause of a part that is not of the form of such a part.
    pub(super) fn malformed(self) -> Cause {
        match self {
            Self::Id => Cause::KeyIdMalformed,
            Self::Secret => Cause::SecretMalformed,
            Self::Token => Cause::SessionTokenDamaged,
        }
    }

    /// What it is, in a sentence.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Id => "an access key ID",
            Self::Secret => "a secret access key",
            Self::Token => "a session token",
        }
    }

    /// Its environment variable.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Id => "AWS_ACCESS_KEY_ID",
            Self::Secret => "AWS_SECRET_ACCESS_KEY",
            Self::Token => "AWS_SESSION_TOKEN",
        }
    }
}

/// Something wrong with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The published cause.
    pub(crate) cause: Cause,
    /// The part that is wrong.
    pub(crate) part: Part,
    /// What is wrong, as the words that follow the name of the part.
    pub(crate) what: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
    /// Whether AWS rejects it in any case.
    pub(crate) certain: bool,
}

impl Flaw {
    pub(super) fn new(cause: Cause, part: Part, what: &'static str, fix: &'static str) -> Self {
        Self {
            cause,
            part,
            what,
            fix,
            certain: true,
        }
    }

    fn likely(self) -> Self {
        Self {
            certain: false,
            ..self
        }
    }
}

/// Key IDs of documentation and examples, and those that emulators accept.
const PLACEHOLDERS: &[&str] = &[
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "AKIAI44QH8DHBEXAMPLE",
    "AKIA111111111EXAMPLE",
    "AKIDEXAMPLE",
    "LKIAQAAAAAAAAAAAAAAA",
    "minioadmin",
    "no-value-here",
    "test",
    "testing",
    "foobar",
    "foo",
    "fake",
    "dummy",
    "mock",
    "local",
    "changeme",
    "none",
    "null",
    "undefined",
];

/// The prefixes of other IDs of IAM:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
const OTHER_IDS: &[&str] = &[
    "AIDA", "AROA", "AGPA", "AIPA", "ANPA", "ANVA", "APKA", "ASCA",
];

/// The length of every key ID that begins with AKIA or ASIA, in characters.
const ID_LENGTH: usize = 20;
/// The length of every secret that AWS has issued so far.
const SECRET_LENGTH: usize = 40;
/// Session tokens are longer in every service that issues them.
const MIN_TOKEN_LENGTH: usize = 100;

fn is_placeholder(id: &str) -> bool {
    let first = id.chars().next();
    PLACEHOLDERS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(id))
        || (id.starts_with('<') && id.ends_with('>'))
        || id.starts_with("${")
        || id.starts_with("{{")
        || id.to_ascii_lowercase().starts_with("your")
        || (id.len() > 3 && id.chars().all(|c| Some(c) == first))
}

fn has_key_prefix(text: &str) -> bool {
    text.starts_with("AKIA") || text.starts_with("ASIA")
}

fn is_base32(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && has_key_prefix(text) && is_base32(text)
}

/// The part of a key that a text is by its form, if only one fits.
pub(crate) fn part_of_form(text: &str) -> Option<Part> {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'/' || b == b'+' || b == b'=';
    if is_id(text) {
        Some(Part::Id)
    } else if !text.bytes().all(is_base64) {
        None
    } else if text.len() == SECRET_LENGTH && !text.contains('=') {
        Some(Part::Secret)
    } else {
        (text.len() >= MIN_TOKEN_LENGTH).then_some(Part::Token)
    }
}

/// What the API accepts at all:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
fn is_known_form(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The flaw for which keys are rejected before AWS is asked: no request could be made with them.
/// AWS checks everything else.
pub(crate) fn blocking_flaw(keys: Keys<'_>) -> Option<Flaw> {
    let breaks_header = |c: char| c.is_control() || c.is_whitespace();
    flaws(keys).into_iter().find(|flaw| match flaw.cause {
        Cause::KeyIdMalformed | Cause::PlaceholderCredentials => !is_known_form(keys.id),
        Cause::SessionTokenDamaged => keys
            .token
            .is_some_and(|token| token.contains(breaks_header)),
        Cause::ConfigMalformed
        | Cause::HiddenCharacters
        | Cause::KeyAndSecretSwapped
        | Cause::TemporaryKeyWithoutToken => true,
        _ => false,
    })
}

/// Every flaw of form, worst first. Empty for keys that AWS might accept.
pub(crate) fn flaws(keys: Keys<'_>) -> Vec<Flaw> {
    let Keys { id, secret, token } = keys;
    if is_id(secret) && !has_key_prefix(id) {
        let what = "and the secret are swapped";
        let fix = "exchange the key ID and the secret";
        return vec![Flaw::new(Cause::KeyAndSecretSwapped, Part::Id, what, fix)];
    }
    if is_placeholder(id) && enclosed(Part::Id, id).is_none() {
        let (what, fix) = (
            "is an example, not a key",
            "replace it with a real key, or put # in front of the lines",
        );
        return vec![Flaw::new(
            Cause::PlaceholderCredentials,
            Part::Id,
            what,
            fix,
        )];
    }
    let parts = [
        (Part::Id, Some(id)),
        (Part::Secret, Some(secret)),
        (Part::Token, token),
    ];
    let unprintable: Vec<Flaw> = parts
        .into_iter()
        .filter_map(|(part, text)| flaw_of_characters(part, text?))
        .collect();
    if !unprintable.is_empty() {
        return unprintable;
    }
    [
        flaw_of_id(id),
        flaw_of_secret(id, secret),
        flaw_of_token(id, token),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn flaw_of_id(id: &str) -> Option<Flaw> {
    let again = "copy the access key ID again";
    let (what, fix) = if has_key_prefix(id) && id.len() != ID_LENGTH {
        let short = id.len() < ID_LENGTH;
        let what = if short {
            "is too short: a part of it is missing"
        } else {
            "is too long for a key ID"
        };
        (what, "copy the access key ID again: it has 20 characters")
    } else if has_key_prefix(id) && !is_base32(id) {
        (
            "contains characters that no key ID has",
            "copy the access key ID again: it has only the characters A-Z and 2-7",
        )
    } else if !has_key_prefix(id) && has_key_prefix(&id.to_ascii_uppercase()) {
        ("is in lower case", again)
    } else if OTHER_IDS.iter().any(|prefix| id.starts_with(prefix)) && id.len() >= 16 {
        let what = "is the ID of a user, role or policy";
        (what, "copy the access key ID: it begins with AKIA or ASIA")
    } else if !is_known_form(id) {
        ("is not an access key ID", again)
    } else {
        return None;
    };
    Some(Flaw::new(Cause::KeyIdMalformed, Part::Id, what, fix))
}

fn flaw_of_secret(id: &str, secret: &str) -> Option<Flaw> {
    let flaw = |what, fix| Some(Flaw::new(Cause::SecretMalformed, Part::Secret, what, fix));
    if is_shell_mark(secret) {
        return flaw(SHELL_MARK, REMOVE_SHELL_MARK);
    }
    if secret.contains('%') {
        let (what, fix) = escaped(secret, "copy the secret again, not from a URL");
        return flaw(what, fix);
    }
    if secret == id {
        return flaw("repeats the key ID", "copy the secret itself");
    }
    if !has_key_prefix(id) {
        return None;
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'/' || b == b'+';
    let wrong_length = "copy the secret again: it has 40 characters";
    let flaw = match secret.len() {
        0..SECRET_LENGTH => flaw("is shorter than every secret that AWS issues", wrong_length),
        SECRET_LENGTH if secret.bytes().all(fits) => None,
        SECRET_LENGTH => flaw(
            "contains characters that no secret has",
            "copy the secret again",
        ),
        _ => flaw("is longer than every secret that AWS issues", wrong_length),
    };
    flaw.map(Flaw::likely)
}

fn flaw_of_token(id: &str, token: Option<&str>) -> Option<Flaw> {
    let token = token.unwrap_or_default();
    let damaged = |what, fix| {
        Some(Flaw::new(
            Cause::SessionTokenDamaged,
            Part::Token,
            what,
            fix,
        ))
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
    if token.is_empty() {
        let what = "is a temporary key without a session token";
        let fix = "add the session token that belongs to it, or use a source that renews itself";
        let flaw = Flaw::new(Cause::TemporaryKeyWithoutToken, Part::Id, what, fix);
        return id.starts_with("ASIA").then_some(flaw);
    }
    if id.starts_with("AKIA") {
        let what = "is set although a long-term key never has one";
        return Some(Flaw::new(
            Cause::StaleSessionToken,
            Part::Token,
            what,
            "put # in front of the session token",
        ));
    }
    if is_shell_mark(token) {
        return damaged(SHELL_MARK, REMOVE_SHELL_MARK);
    }
    if token.contains('%') {
        let (what, fix) = escaped(token, "copy it again, not from a URL");
        return damaged(what, fix);
    }
    if !token.bytes().all(fits) {
        return damaged("contains characters that no token has", "copy it again");
    }
    if id.starts_with("ASIA") && token.len() < MIN_TOKEN_LENGTH {
        let what = "is too short: a part of it is missing";
        return damaged(what, "copy it again, to its end").map(Flaw::likely);
    }
    None
}

/// The account in a key ID that was issued since 2019. AWS does not document it: a likely account,
/// never a certain one.
/// <https://awsteele.com/blog/2020/09/26/aws-access-key-format.html>
pub(crate) fn account_of(id: &str) -> Option<String> {
    let coded = id.get(4..12).filter(|_| is_id(id))?;
    if !coded.starts_with(|c: char| ('Q'..='Z').contains(&c) || ('2'..='7').contains(&c)) {
        return None; // older keys do not contain it
    }
    let digit = |b: u8| {
        if b.is_ascii_uppercase() {
            b - b'A'
        } else {
            b - b'2' + 26
        }
    };
    let bits = coded
        .bytes()
        .fold(0u64, |bits, b| bits << 5 | u64::from(digit(b)));
    // One flag bit, then the 40 bits of the account.
    let next = id.as_bytes().get(12).copied().map(digit)?;
    let account = (bits << 1 | u64::from(next >> 4)) & 0xff_ffff_ffff;
    (account <= 999_999_999_999).then(|| format!("{account:012}"))
}

#[cfg(test)]
#[path = "access_key_tests.rs"]
mod tests;
