use super::*;
use crate::source::web_identity::Claims;

#[test]
fn a_missing_profile_or_source_is_an_error() {
    error(facts("", &base()), Cause::ProfileNotFound);
    let nothing = facts_of("default", "", "").with(|facts| facts.selected_by = SelectedBy::Nothing);
    error(nothing, Cause::CredentialsMissing);
    error(
        facts(&prod().replace("= base", "= bas"), &base()),
        Cause::SourceMissing,
    );
}

#[test]
fn a_profile_has_exactly_one_source_and_no_cycle() {
    error(
        facts(&(prod() + "credential_source = Environment\n"), &base()),
        Cause::SourceConflict,
    );
    let cycle = format!(
        "[profile prod]\nrole_arn = {ROLE}\nsource_profile = b\n\
         [profile b]\nrole_arn = {ROLE}\nsource_profile = prod\n"
    );
    error(facts(&cycle, ""), Cause::ProfileCycle);
}

#[test]
fn a_credential_process_is_checked() {
    let process = |command: &str| format!("[profile prod]\ncredential_process = {command}\n");
    error(
        facts(&process("awsfresh credential-process -p prod"), ""),
        Cause::ProcessSelfRecursion,
    );
    error(
        facts(&process("/bin/x"), &base().replace("base", "prod")),
        Cause::CredentialsFileShadows,
    );
    let missing = facts(&process("/bin/missing"), "").with(|facts| {
        facts.program_missing =
            Some(Finding::new(Cause::ProcessFailed, "/bin/missing").remedy("install it"))
    });
    error(missing, Cause::ProcessFailed);
}

#[test]
fn an_mfa_role_needs_a_code_unless_a_session_is_cached() {
    let mfa = || facts(&(prod() + "mfa_serial = arn:aws:iam::1:mfa/ann\n"), &base());
    error(mfa(), Cause::MfaNeeded);
    assert_eq!(all(&mfa().with(|facts| facts.cached = true)), []);
    assert_eq!(all(&mfa().with(|facts| facts.mfa_cached = vec![0])), []);
}

#[test]
fn a_chained_role_lasts_at_most_one_hour() {
    let next = format!(
        "{}[profile next]\nrole_arn = {ROLE}2\nsource_profile = prod\nduration_seconds = 7200\n",
        prod()
    );
    warning(facts_of("next", &next, &base()), Cause::RoleChainingLimit);
}

#[test]
fn an_expired_web_identity_token_is_an_error() {
    let config = format!("[profile prod]\nrole_arn = {ROLE}\nweb_identity_token_file = /t\n");
    let claims = Claims {
        place: "/t".into(),
        expires: Some(NOW.plus(-60)),
        issuer: "i".into(),
        subject: "s".into(),
        audience: "a".into(),
    };
    error(
        facts(&config, "").with(|facts| facts.web_identity = Some(Ok(claims))),
        Cause::WebIdentityExpired,
    );
}
