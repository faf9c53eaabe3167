//! What can be told of a key, its secret and its token by their form alone. Pure, and quotes none of them.

use super::Cause;

/// The three parts as they would be sent.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Keys<'a> {
    pub id: &'a str,
    pub secret: &'a str,
    pub token: Option<&'a str>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Part {
    Id,
    Secret,
    Token,
}

impl Part {
    /// Its key in the AWS files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Id => "aws_access_key_id",
            Self::Secret => "aws_secret_access_key",
            Self::Token => "aws_session_token",
        }
    }

    /// Its environment variable.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Id => "AWS_ACCESS_KEY_ID",
            Self::Secret => "AWS_SECRET_ACCESS_KEY",
            Self::Token => "AWS_SESSION_TOKEN",
        }
    }
}

/// Something wrong with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The published id it belongs to.
    pub cause: Cause,
    /// The part at fault.
    pub part: Part,
    /// What is wrong, to follow the part's name.
    pub what: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Whether AWS cannot accept it, whatever it is.
    pub certain: bool,
}

/// Key ids that stand in documentation and in examples, and what emulators take.
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

/// What other ids of IAM begin with: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
const OTHER_IDS: &[&str] = &["AIDA", "AROA", "AGPA", "AIPA", "ANPA", "ANVA", "APKA", "ASCA"];

/// Session tokens are longer in every service that gives them.
const SHORTEST_TOKEN: usize = 100;

fn is_placeholder(id: &str) -> bool {
    let first = id.chars().next();
    PLACEHOLDERS.iter().any(|known| known.eq_ignore_ascii_case(id))
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
    text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
}

fn is_id(text: &str) -> bool {
    text.len() == 20 && has_key_prefix(text) && is_base32(text)
}

fn is_quoted(text: &str) -> bool {
    text.starts_with(['"', '\'', '`', '\u{2018}', '\u{201c}'])
}

/// What the API takes at all: <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
fn is_known_form(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The flaw for which keys are refused before anybody is asked: no request could be made with them. Everything else AWS
/// has to judge.
pub fn refused(keys: Keys<'_>) -> Option<Flaw> {
    flaws(keys).into_iter().find(|flaw| match flaw.cause {
        Cause::KeyIdMalformed | Cause::PlaceholderCredentials => !is_known_form(keys.id),
        Cause::SessionTokenDamaged => keys.token.is_some_and(|token| token.contains(|c: char| c.is_control() || c.is_whitespace())),
        cause => {
            matches!(cause, Cause::ConfigMalformed | Cause::HiddenCharacters | Cause::KeyAndSecretSwapped | Cause::TemporaryKeyWithoutToken)
        }
    })
}

/// Every flaw of form, worst first. Empty for what AWS might accept.
pub fn flaws(keys: Keys<'_>) -> Vec<Flaw> {
    let Keys { id, secret, token } = keys;
    let flaw = |cause, part, what, fix| Flaw { cause, part, what, fix, certain: true };
    let likely = |flaw: Flaw| Flaw { certain: false, ..flaw };
    let mut found = Vec::new();
    if is_id(secret) && !has_key_prefix(id) {
        let what = "holds a secret, and the key id stands in the secret's place";
        return vec![flaw(Cause::KeyAndSecretSwapped, Part::Id, what, "key id and secret are swapped: exchange them")];
    }
    if is_placeholder(id) {
        let what = "is an example, not a key";
        return vec![flaw(Cause::PlaceholderCredentials, Part::Id, what, "put a real key there, or remove the lines")];
    }
    for (part, text) in [(Part::Id, Some(id)), (Part::Secret, Some(secret)), (Part::Token, token)] {
        let Some(text) = text else { continue };
        if is_quoted(text) {
            let fix = "remove the quotes: every AWS tool takes them as part of the value";
            let cause = if text.is_ascii() { Cause::ConfigMalformed } else { Cause::HiddenCharacters };
            found.push(flaw(cause, part, "is in quotes, which are part of its value", fix));
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            let what = match part {
                Part::Token if text.is_ascii() => {
                    found.push(flaw(
                        Cause::SessionTokenDamaged,
                        part,
                        "holds white space or a line break: it was wrapped, or `+` became a space",
                        "copy it again, all of it on one line",
                    ));
                    continue;
                }
                _ => "holds white space or characters that cannot be seen",
            };
            found.push(flaw(Cause::HiddenCharacters, part, what, "type or copy the value again, on one line"));
        }
    }
    if !found.is_empty() {
        return found;
    }
    if has_key_prefix(id) && id.len() != 20 {
        let what = if id.len() < 20 { "is too short: a part of it is missing" } else { "is too long for a key id" };
        found.push(flaw(Cause::KeyIdMalformed, Part::Id, what, "copy the access key id again: it has 20 characters"));
    } else if has_key_prefix(id) && !is_base32(id) {
        let what = "holds characters that no key id has (lower case, 0, 1, 8 or 9)";
        found.push(flaw(Cause::KeyIdMalformed, Part::Id, what, "copy the access key id again"));
    } else if !has_key_prefix(id) && has_key_prefix(&id.to_ascii_uppercase()) {
        found.push(flaw(Cause::KeyIdMalformed, Part::Id, "is in lower case", "copy the access key id again"));
    } else if OTHER_IDS.iter().any(|prefix| id.starts_with(prefix)) && id.len() >= 16 {
        let what = "is the id of a user, role or policy, not of an access key";
        found.push(flaw(Cause::KeyIdMalformed, Part::Id, what, "copy the access key id: it starts with AKIA or ASIA"));
    } else if !is_known_form(id) {
        found.push(flaw(Cause::KeyIdMalformed, Part::Id, "is not an access key id", "copy the access key id again"));
    }
    if secret.contains('%') {
        let what = "holds a `%`, which no secret has: it was escaped for a URL";
        found.push(flaw(Cause::SecretMalformed, Part::Secret, what, "copy the secret again, not out of a URL"));
    } else if secret == id {
        found.push(flaw(Cause::SecretMalformed, Part::Secret, "is the key id once more", "copy the secret itself"));
    } else if has_key_prefix(id) {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'/' || b == b'+';
        if secret.len() != 40 {
            let what = if secret.len() < 40 { "is shorter than every secret AWS gives" } else { "is longer than every secret AWS gives" };
            found.push(likely(flaw(Cause::SecretMalformed, Part::Secret, what, "copy the secret again: it has 40 characters")));
        } else if !secret.bytes().all(fits) {
            let what = "holds characters that no secret has";
            found.push(likely(flaw(Cause::SecretMalformed, Part::Secret, what, "copy the secret again")));
        }
    }
    match token {
        None | Some("") if id.starts_with("ASIA") => {
            let fix = "add the session token that came with it, or name a source that renews itself";
            let what = "is a temporary key, and its session token is missing";
            found.push(flaw(Cause::TemporaryKeyWithoutToken, Part::Id, what, fix));
        }
        Some(text) if !text.is_empty() && id.starts_with("AKIA") => {
            let what = "stands beside a long-term key, to which no token belongs";
            found.push(flaw(Cause::StaleSessionToken, Part::Token, what, "remove the session token"));
        }
        Some(text) if text.contains('%') => {
            let what = "holds a `%`: it was escaped for a URL";
            found.push(flaw(Cause::SessionTokenDamaged, Part::Token, what, "copy it again, not out of a URL"));
        }
        Some(text) if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b)) => {
            let what = "holds characters that no token has";
            found.push(flaw(Cause::SessionTokenDamaged, Part::Token, what, "copy it again"));
        }
        Some(text) if id.starts_with("ASIA") && text.len() < SHORTEST_TOKEN => {
            let what = "is shorter than any session token: a part of it is missing";
            found.push(likely(flaw(Cause::SessionTokenDamaged, Part::Token, what, "copy it again, to its end")));
        }
        _ => {}
    }
    found
}

/// The account that a key id made since 2019 holds. Not documented by AWS: a likely account, never a certain one.
/// <https://awsteele.com/blog/2020/09/26/aws-access-key-format.html>
pub fn account_of(id: &str) -> Option<String> {
    let coded = id.get(4..12).filter(|_| is_id(id))?;
    if !coded.starts_with(|c: char| ('Q'..='Z').contains(&c) || ('2'..='7').contains(&c)) {
        return None; // older keys say nothing
    }
    let digit = |b: u8| if b.is_ascii_uppercase() { b - b'A' } else { b - b'2' + 26 };
    let bits = coded.bytes().fold(0u64, |bits, b| bits << 5 | u64::from(digit(b)));
    // 40 bits of the base32 text; one flag in front, the account in the 40 after it.
    let next = id.as_bytes().get(12).copied().map(digit)?;
    let account = (bits << 1 | u64::from(next >> 4)) & 0xff_ffff_ffff;
    (account <= 999_999_999_999).then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AKIAQBENCHBENCHBENCH";
    const SESSION: &str = "ASIAQBENCHBENCHBENCH";

    fn causes(id: &str, secret: &str, token: Option<&str>) -> Vec<(Cause, bool)> {
        flaws(Keys { id, secret, token }).into_iter().map(|f| (f.cause, f.certain)).collect()
    }

    #[test]
    fn what_aws_might_accept_has_no_flaw() {
        let (secret, token) = ("s".repeat(40), "t".repeat(400));
        assert_eq!(causes(ID, &secret, None), []);
        assert_eq!(causes(SESSION, &secret, Some(&token)), []);
        assert_eq!(causes("0ABCDEFGHIJKLMNOPQRS", "AnOldRootKey", None), [], "keys of before 2011 have other forms");
    }

    #[test]
    fn every_flaw_of_form_is_named() {
        let (secret, token) = ("s".repeat(40), "t".repeat(400));
        let secret = secret.as_str();
        for (id, secret, token, cause, certain) in [
            ("AKIAIOSFODNN7EXAMPLE", secret, None, Cause::PlaceholderCredentials, true),
            ("<your-key>", secret, None, Cause::PlaceholderCredentials, true),
            ("${AWS_KEY}", secret, None, Cause::PlaceholderCredentials, true),
            ("test", "test", None, Cause::PlaceholderCredentials, true),
            (secret, ID, None, Cause::KeyAndSecretSwapped, true),
            ("\"AKIAQBENCHBENCHBENCH\"", secret, None, Cause::ConfigMalformed, true),
            ("\u{201c}AKIAQBENCHBENCHBENCH\u{201d}", secret, None, Cause::HiddenCharacters, true),
            ("AKIAQBENCHBENCHBENCH\u{200b}", secret, None, Cause::HiddenCharacters, true),
            (ID, "with space", None, Cause::HiddenCharacters, true),
            ("AKIAQBENCHBENCHBEN", secret, None, Cause::KeyIdMalformed, true),
            ("AKIAQBENCHBENCHBENCHX", secret, None, Cause::KeyIdMalformed, true),
            ("AKIAQbenchBENCHBENCH", secret, None, Cause::KeyIdMalformed, true),
            ("akiaqbenchbenchbench", secret, None, Cause::KeyIdMalformed, true),
            ("AIDAQBENCHBENCHBENCH", secret, None, Cause::KeyIdMalformed, true),
            ("not:a:key", secret, None, Cause::KeyIdMalformed, true),
            (ID, "abc%2Fdef", None, Cause::SecretMalformed, true),
            (ID, ID, None, Cause::SecretMalformed, true),
            (ID, "short", None, Cause::SecretMalformed, false),
            (SESSION, secret, None, Cause::TemporaryKeyWithoutToken, true),
            (SESSION, secret, Some(""), Cause::TemporaryKeyWithoutToken, true),
            (ID, secret, Some(token.as_str()), Cause::StaleSessionToken, true),
            (SESSION, secret, Some("abc%2Bdef"), Cause::SessionTokenDamaged, true),
            (SESSION, secret, Some("two\nlines"), Cause::SessionTokenDamaged, true),
            (SESSION, secret, Some("too short"), Cause::SessionTokenDamaged, true),
            (SESSION, secret, Some("tooshort"), Cause::SessionTokenDamaged, false),
        ] {
            assert_eq!(causes(id, secret, token).first(), Some(&(cause, certain)), "{id}");
        }
    }

    #[test]
    fn two_flaws_are_both_told() {
        assert_eq!(causes("AKIAQBENCH", "short", None), [(Cause::KeyIdMalformed, true), (Cause::SecretMalformed, false)]);
    }

    #[test]
    fn accounts_are_read_from_key_ids() {
        assert_eq!(account_of("ASIAY34FZKBOKMUTVV7A").as_deref(), Some("609629065308"));
        assert_eq!(account_of("AKIARZPUZDIKGB2VALC4").as_deref(), Some("123456789012"));
        assert_eq!(account_of("ASIAQAAAAAAAGMKEM7X5").as_deref(), Some("000000000000"));
        assert_eq!(account_of("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(account_of("AKIA"), None);
    }
}
