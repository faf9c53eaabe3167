//! The command line: parser errors and their hints, the help, and unreadable variables.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use support::fixtures::{KEY, SYMBOL_SECRET, keys_of, offline_home};
use support::sandbox::Sandbox;

fn home() -> Sandbox {
    let home = offline_home();
    home.secret("canary").credentials(
        ["default", "deploy"]
            .map(|profile| keys_of(profile, KEY, SYMBOL_SECRET))
            .concat(),
    );
    home
}

/// A variable that affects which credentials are returned is never ignored, even if unreadable.
#[test]
fn a_variable_that_is_not_utf8_is_an_error_with_its_name() {
    let home = home();
    for name in [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWSFRESH_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ROLE_ARN",
        "AWS_CA_BUNDLE",
        "AWSFRESH_STORE",
        "HTTPS_PROXY",
        "no_proxy",
    ] {
        for args in [
            &["credential-process"][..],
            &["doctor", "--offline"],
            &["status"],
            &["--", "true"],
        ] {
            let output = home
                .command(args)
                .env(name, OsStr::from_bytes(b"dep\xffloy"))
                .output()
                .unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            let code = if args[0] == "--" { 125 } else { 2 };
            assert_eq!(
                output.status.code(),
                Some(code),
                "{name} {args:?}: {stderr}"
            );
            assert!(
                output.stdout.is_empty(),
                "{name} {args:?}: output on stdout"
            );
            let first = stderr.lines().next().unwrap();
            assert!(
                first.contains(name) && first.ends_with("[usage]"),
                "{name} {args:?}: {stderr}"
            );
        }
    }
    // Variables that no AWS tool reads may contain any bytes.
    let output = home
        .command(&["credential-process"])
        .env("LS_COLORS", OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn doctor_shows_which_variable_names_the_profile() {
    let home = home();
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWSFRESH_PROFILE"] {
        home.env(name, "deploy");
        let stdout = home.wrap(&["doctor", "--offline"]).stdout;
        assert!(stdout.contains(&format!("`deploy`, by {name}")), "{stdout}");
        home.unset(name);
    }
}

#[test]
fn a_command_without_dashes_gets_a_suggestion() {
    let home = home();
    let failed = |args: &[&str], remedy: &str| {
        let run = home.run(args);
        run.failed(2, "usage");
        assert!(
            run.stderr.contains(&format!("\n  try:  {remedy}\n")),
            "{args:?}: {}",
            run.stderr
        );
        assert!(
            !run.stderr.contains("OPTIONS"),
            "the usage text is in the evidence: {}",
            run.stderr
        );
    };
    failed(
        &["terraform", "apply", "-auto-approve"],
        "awsfresh -- terraform apply -auto-approve",
    );
    failed(
        &["-p", "deploy", "terraform", "plan", "-out=a b"],
        "awsfresh -p deploy -- terraform plan \"-out=a b\"",
    );
    failed(&["doctr"], "awsfresh doctor");
    failed(
        &["credential_process", "-p", "deploy"],
        "awsfresh credential-process -p deploy",
    );
}

#[test]
fn a_usage_error_exits_with_2_and_before_a_command_with_125() {
    let home = home();
    for (args, code) in [
        (&["explain", "--bogus", "--", "x"][..], 2),
        (&["doctor", "--offline", "--", "x"], 2),
        (&["status", "--bogus"], 2),
        (&["-p", "deploy", "status"], 2),
        (&["--bogus", "--", "true"], 125),
        (&["--min-ttl", "never", "--", "true"], 125),
        (&["-p", "deploy", "--"], 125),
    ] {
        home.run(args).failed(code, "usage");
    }
}

#[test]
fn the_help_lists_every_option_in_its_section() {
    let home = home();
    let status = home.wrap(&["status", "-h"]).stdout;
    assert!(
        status.contains("--verbose") && !status.contains("Running a command"),
        "{status}"
    );
    let own = home.wrap(&["-h"]).stdout;
    assert!(own.starts_with("AWS credentials that stay fresh"), "{own}");
    assert!(
        own.lines().all(|line| line.chars().count() <= 100),
        "a line is too wide for a terminal: {own}"
    );
    let (_, running) = own.split_once("Running a command:").unwrap();
    let running = running.split("\n\n").next().unwrap();
    assert!(
        running.contains("--min-ttl") && !running.contains("--verbose"),
        "{own}"
    );
}
