use super::*;

const ID: &str = "AKIAQBENCHBENCHBENCH";
const SESSION: &str = "ASIAQBENCHBENCHBENCH";

fn causes(id: &str, secret: &str, token: Option<&str>) -> Vec<(Cause, bool)> {
    flaws(Keys { id, secret, token })
        .into_iter()
        .map(|f| (f.cause, f.certain))
        .collect()
}

#[test]
fn keys_that_aws_might_accept_have_no_flaw() {
    let (secret, token) = ("s".repeat(40), "t".repeat(400));
    assert_eq!(causes(ID, &secret, None), []);
    assert_eq!(causes(SESSION, &secret, Some(&token)), []);
    assert_eq!(
        causes("0ABCDEFGHIJKLMNOPQRS", "AnOldRootKey", None),
        [],
        "keys of before 2011 have other forms"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_flaw_of_form_is_found() {
    // One table: its length is the number of flaws.
    let (secret, token) = ("s".repeat(40), "t".repeat(400));
    let secret = secret.as_str();
    for (id, secret, token, cause, certain) in [
        (
            "AKIAIOSFODNN7EXAMPLE",
            secret,
            None,
            Cause::PlaceholderCredentials,
            true,
        ),
        (
            "<your-key>",
            secret,
            None,
            Cause::PlaceholderCredentials,
            true,
        ),
        (
            "${AWS_KEY}",
            secret,
            None,
            Cause::PlaceholderCredentials,
            true,
        ),
        ("test", "test", None, Cause::PlaceholderCredentials, true),
        (secret, ID, None, Cause::KeyAndSecretSwapped, true),
        (
            "\"AKIAQBENCHBENCHBENCH\"",
            secret,
            None,
            Cause::ConfigMalformed,
            true,
        ),
        (
            "\u{201c}AKIAQBENCHBENCHBENCH\u{201d}",
            secret,
            None,
            Cause::HiddenCharacters,
            true,
        ),
        (
            "AKIAQBENCHBENCHBENCH\u{200b}",
            secret,
            None,
            Cause::HiddenCharacters,
            true,
        ),
        (ID, "with space", None, Cause::HiddenCharacters, true),
        (
            "AKIAQBENCHBENCHBEN",
            secret,
            None,
            Cause::KeyIdMalformed,
            true,
        ),
        (
            "AKIAQBENCHBENCHBENCHX",
            secret,
            None,
            Cause::KeyIdMalformed,
            true,
        ),
        (
            "AKIAQbenchBENCHBENCH",
            secret,
            None,
            Cause::KeyIdMalformed,
            true,
        ),
        (
            "akiaqbenchbenchbench",
            secret,
            None,
            Cause::KeyIdMalformed,
            true,
        ),
        (
            "AIDAQBENCHBENCHBENCH",
            secret,
            None,
            Cause::KeyIdMalformed,
            true,
        ),
        ("not:a:key", secret, None, Cause::KeyIdMalformed, true),
        (ID, "abc%2Fdef", None, Cause::SecretMalformed, true),
        (ID, ID, None, Cause::SecretMalformed, true),
        (ID, "short", None, Cause::SecretMalformed, false),
        (SESSION, secret, None, Cause::TemporaryKeyWithoutToken, true),
        (
            SESSION,
            secret,
            Some(""),
            Cause::TemporaryKeyWithoutToken,
            true,
        ),
        (
            ID,
            secret,
            Some(token.as_str()),
            Cause::StaleSessionToken,
            true,
        ),
        (
            SESSION,
            secret,
            Some("abc%2Bdef"),
            Cause::SessionTokenDamaged,
            true,
        ),
        (
            SESSION,
            secret,
            Some("two\nlines"),
            Cause::SessionTokenDamaged,
            true,
        ),
        (
            SESSION,
            secret,
            Some("too short"),
            Cause::SessionTokenDamaged,
            true,
        ),
        (
            SESSION,
            secret,
            Some("tooshort"),
            Cause::SessionTokenDamaged,
            false,
        ),
    ] {
        assert_eq!(
            causes(id, secret, token).first(),
            Some(&(cause, certain)),
            "{id}"
        );
    }
}

#[test]
fn two_flaws_are_both_found() {
    assert_eq!(
        causes("AKIAQBENCH", "short", None),
        [
            (Cause::KeyIdMalformed, true),
            (Cause::SecretMalformed, false)
        ]
    );
}

#[test]
fn accounts_are_read_from_key_ids() {
    assert_eq!(
        account_of("ASIAY34FZKBOKMUTVV7A").as_deref(),
        Some("609629065308")
    );
    assert_eq!(
        account_of("AKIARZPUZDIKGB2VALC4").as_deref(),
        Some("123456789012")
    );
    assert_eq!(
        account_of("ASIAQAAAAAAAGMKEM7X5").as_deref(),
        Some("000000000000")
    );
    assert_eq!(account_of("AKIAIOSFODNN7EXAMPLE"), None);
    assert_eq!(account_of("AKIA"), None);
}
