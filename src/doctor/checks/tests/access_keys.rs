use super::*;

/// The facts with a replacement in the section of `base`.
fn with(from: &str, to: &str) -> Facts {
    facts(&prod(), &base().replace(from, to))
}

#[test]
fn a_malformed_key_is_an_error() {
    assert_eq!(
        error(with(KEY, "AKIAQCANARY"), Cause::KeyIdMalformed).evidence,
        ["credentials:2"]
    );
    holds(
        with(SECRET, "cut"),
        Cause::SecretMalformed,
        Severity::Error,
        Certainty::Likely,
    );
    error(with(KEY, SESSION), Cause::TemporaryKeyWithoutToken);
    error(
        facts(&prod(), &(base() + "aws_session_token = old\n")),
        Cause::StaleSessionToken,
    );
}

#[test]
fn a_placeholder_key_is_an_error_unless_requests_go_to_an_emulator() {
    let placeholder = || with(KEY, "AKIAIOSFODNN7EXAMPLE");
    error(placeholder(), Cause::PlaceholderCredentials);
    let on_emulator = placeholder().with(|facts| facts.overrides = emulator());
    assert!(!causes(&on_emulator).contains(&Cause::PlaceholderCredentials));
}

#[test]
fn an_id_and_a_secret_from_two_files_are_a_warning() {
    let two_files = facts_of(
        "base",
        &format!("[profile base]\naws_access_key_id = {KEY}\n"),
        &format!("[base]\naws_secret_access_key = {SECRET}\n"),
    );
    warning(two_files, Cause::MixedCredentialParts);
}

#[test]
fn the_account_in_a_key_id_counts_only_until_aws_names_the_account() {
    let keys = format!(
        "[prod]\naws_access_key_id = AKIARZPUZDIKGB2VALC4\naws_secret_access_key = {SECRET}\n"
    );
    let facts = || facts("[profile prod]\naws_account_id = 111111111111\n", &keys);
    holds(
        facts(),
        Cause::IdentityUnexpected,
        Severity::Error,
        Certainty::Likely,
    );
    let step = works(Step::Base, "arn:aws:iam::111111111111:user/ann");
    let found = causes(&facts().probed(vec![step]));
    assert!(!found.contains(&Cause::IdentityUnexpected), "{found:?}");
}
