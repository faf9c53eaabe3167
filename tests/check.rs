//! `check`: will the credentials last, without a person?
#![allow(clippy::unwrap_used)]

mod support;

use support::fixtures::{ROLE, USER, role_on_keys, signed_in};
use support::sandbox::Sandbox;

fn check(home: &Sandbox, profile: &str, time: &str) -> support::sandbox::Run {
    home.run(&["check", "-p", profile, "--for", time])
}

#[test]
fn roles_on_keys_last_and_are_renewed() {
    let (aws, home) = role_on_keys(None);
    let run = check(&home, "deploy", "8h");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout
            .contains("for 8 h 00 min: they are renewed without a person"),
        "{}",
        run.stdout
    );
    let run = check(&home, "deploy", "30m");
    assert!(
        run.stdout.contains("the present ones last"),
        "{}",
        run.stdout
    );
    assert!(
        check(&home, "base", "8h")
            .stdout
            .contains("they do not expire")
    );
    assert_eq!(aws.count("AssumeRole"), 1);
    aws.remove_role(ROLE);
    home.run(&["forget", "--all"]);
    check(&home, "deploy", "1h").failed(6, "assume-role-denied");
}

#[test]
fn a_sign_in_that_ends_needs_a_person() {
    let (_aws, home, file) = signed_in(2 * 3600);
    let run = check(&home, "admin", "8h");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("not known: how long an administrator"),
        "{}",
        run.stdout
    );
    let path = home.home().join(file);
    let mut token: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    token.as_object_mut().unwrap().remove("refreshToken");
    std::fs::write(&path, token.to_string()).unwrap();
    check(&home, "admin", "8h").failed(4, "sso-session-expired");
    assert_eq!(check(&home, "admin", "1h").code, Some(0));
}

#[test]
fn an_mfa_session_that_ends_needs_a_person() {
    let (aws, home) = role_on_keys(None);
    let serial = "arn:aws:iam::111111111111:mfa/ann";
    aws.add_mfa(USER, serial, "123456");
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = {serial}\n\
         region = eu-west-1\n"
    ));
    check(&home, "deploy", "8h").failed(4, "mfa-needed");
    home.run(&["login", "-p", "deploy", "--mfa-code", "123456"]);
    assert_eq!(check(&home, "deploy", "8h").code, Some(0));
    let run = check(&home, "deploy", "20h");
    run.failed(4, "mfa-needed");
    assert!(
        run.stderr.contains("and then a person is needed"),
        "{}",
        run.stderr
    );
}

/// A cron job has neither the variables of the shell nor its settings.
#[test]
#[cfg(unix)]
fn as_cron_has_the_environment_of_cron() {
    let (aws, home) = role_on_keys(None);
    home.env("AWS_PROFILE", "deploy")
        .env("AWS_ACCESS_KEY_ID", "AKIAQWRONGWRONGWRONG");
    // The double is known from the config file alone.
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n\
         endpoint_url = {}\n",
        aws.url()
    ));
    home.file(
        ".config/awsfresh/config.toml",
        "store = 'sealed'\nkey_file = '~/key'\n",
    );
    let run = home.run(&["check", "--for", "1h", "--as-cron"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("as cron: profile `deploy` has credentials"),
        "{}",
        run.stdout
    );
    home.config("");
    home.run(&["check", "--for", "1h", "--as-cron"])
        .failed(3, "profile-not-found");
}
