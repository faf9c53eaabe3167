//! Characters that control a terminal, that cannot be seen, or that change the direction of a text:
//! none of them is printed, whichever input they are in. JSON has them escaped.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::os::unix::process::CommandExt;

use serde_json::Value;
use support::double::{Double, Fault, SsoSession};
use support::fixtures::{self, ACCOUNT, KEY, ROLE, SECRET, START, USER, keys_of, open_role};
use support::sandbox::Sandbox;

/// A value with one character of every kind, without those that end a line of a file.
const HOSTILE: &str = "a\u{1b}[31m\u{7}\u{8}\u{7f}\u{9b}2J\u{61c}\u{200e}\u{202e}\u{2066}\u{200b}\
                       \u{2028}\u{180e}\u{feff}\u{ad}\u{e0041}z";

fn is_hostile(c: char) -> bool {
    c != '\n' && (c.is_control() || HOSTILE.contains(c) && !c.is_ascii())
}

/// Fails if a run has printed one of the characters.
#[track_caller]
fn check(home: &Sandbox, args: &[&str]) {
    let run = home.wrap(args);
    for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        assert!(
            !text.chars().any(is_hostile),
            "awsfresh {args:?} on {name}: {text:?}"
        );
    }
    if args.contains(&"--json") && !run.stdout.is_empty() {
        serde_json::from_str::<Value>(&run.stdout).unwrap();
    }
}

/// Every subcommand, with the value in its arguments, too.
fn check_all(home: &Sandbox) {
    let commands: [&[&str]; 39] = [
        &["-v", "credential-process"],
        &["-v", "credential-process", "-p", HOSTILE],
        &["-v", "credential-process", "-p", "p"],
        &["status"],
        &["status", "--json"],
        &["status", HOSTILE],
        &["status", "--format", "prometheus"],
        &["status", "--short", "-p", HOSTILE],
        &["status", "--template", HOSTILE, "-p", "p"],
        &["complete-words", "zsh", "--", "status", "-p"],
        &[
            "complete-words",
            "bash",
            "--line",
            HOSTILE,
            "--word",
            HOSTILE,
        ],
        &["man", HOSTILE],
        &["-v", "doctor"],
        &["doctor", "--json"],
        &["doctor", "-p", "p"],
        &["doctor", "--json", "-p", "p"],
        &["doctor", "-p", HOSTILE],
        &["doctor", "--offline", "--json", "-p", HOSTILE],
        &["explain", "log"],
        &["explain", "--json", "log"],
        &["explain", HOSTILE],
        &["-v", "refresh", "--all"],
        &["-v", "refresh", HOSTILE],
        &["-v", "forget", "--all"],
        &["-v", "forget", HOSTILE],
        &["-v", "login", "--device", "--wait", "1s", HOSTILE],
        &["-v", "login", "--no-browser", "--wait", "1s", HOSTILE],
        &["-v", "login", "-p", HOSTILE],
        &["-v", "logout", HOSTILE],
        &["-v", "logout", "--all"],
        &["-v", "--", HOSTILE],
        &["-v", "-p", HOSTILE, "--", "true"],
        &["-v", "-p", "p", "--", "false"],
        &["-v", "-p", "p", "--drill", "1s", "--", "true"],
        &[HOSTILE],
        &["--store", HOSTILE, "status"],
        &["status", &["--", HOSTILE].concat()],
        &["why", "--all"],
        &["why", "--all", "--json"],
    ];
    commands.iter().for_each(|args| check(home, args));
}

fn stage() -> (Double, Sandbox) {
    let aws = Double::start();
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    aws.add_sso(SsoSession::default());
    let home = fixtures::home(&aws);
    home.credentials(keys_of("base", KEY, SECRET));
    home.config(format!(
        "[profile p]\nrole_arn = {ROLE}\nsource_profile = base\n\
         [profile {HOSTILE}]\nsso_session = {HOSTILE}\nsso_account_id = {ACCOUNT}\n\
         sso_role_name = {HOSTILE}\n\
         [sso-session {HOSTILE}]\nsso_start_url = {START}\nsso_region = eu-west-1\n"
    ));
    let log = format!(
        "An error occurred (ExpiredToken) when calling the {HOSTILE} operation: {HOSTILE}\nawsfresh: {HOSTILE} [usage]\n"
    );
    home.file("log", log);
    (aws, home)
}

#[test]
fn names_and_arguments_are_printed_without_control_characters() {
    let (_aws, home) = stage();
    check_all(&home);
    home.env("AWS_PROFILE", HOSTILE);
    check_all(&home);
}

#[test]
fn values_of_profiles_are_printed_without_control_characters() {
    for key in [
        "role_arn",
        "source_profile",
        "credential_source",
        "credential_process",
        "region",
        "external_id",
        "mfa_serial",
        "duration_seconds",
        "web_identity_token_file",
        "endpoint_url",
        "services",
        "ca_bundle",
        "login_session",
    ] {
        let (_aws, home) = stage();
        let role = if key == "role_arn" {
            String::new()
        } else {
            format!("role_arn = {ROLE}\n")
        };
        home.config(format!("[profile p]\n{role}{key} = {HOSTILE}\n"));
        for args in [
            &["-v", "credential-process", "-p", "p"][..],
            &["status"],
            &["status", "--json"],
            &["doctor", "--offline", "-p", "p"],
            &["doctor", "--offline", "--json", "-p", "p"],
            &["why", "--all"],
        ] {
            check(&home, args);
        }
    }
}

#[test]
fn variables_are_printed_without_control_characters() {
    for name in [
        "AWSFRESH_KEY_FILE",
        "AWSFRESH_KEY_COMMAND",
        "AWSFRESH_STORE",
        "AWSFRESH_TIMEOUT",
        "AWSFRESH_PROFILE_CHAIN",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
        "AWS_ACCESS_KEY_ID",
        "http_proxy",
        "BROWSER",
        "HOME",
        "XDG_STATE_HOME",
    ] {
        let (_aws, home) = stage();
        if name == "AWSFRESH_KEY_COMMAND" {
            home.unset("AWSFRESH_KEY_FILE");
        }
        home.env(name, HOSTILE);
        for args in [
            &["-v", "credential-process", "-p", "p"][..],
            &["-v", "-p", "p", "--", "true"],
            &["status"],
            &["status", "--json"],
            &["doctor", "--offline", "-p", "p"],
            &["doctor", "--offline", "--json", "-p", "p"],
            &["forget", "--all"],
            &["why"],
        ] {
            check(&home, args);
        }
    }
}

#[test]
fn what_services_and_programs_say_is_printed_without_control_characters() {
    let (aws, home) = stage();
    for action in [
        "AssumeRole",
        "GetCallerIdentity",
        "RegisterClient",
        "GetRoleCredentials",
    ] {
        let error = Fault::Error {
            status: 403,
            code: "AccessDenied".into(),
            message: HOSTILE.replace(['\u{1b}', '\u{7}', '\u{8}'], "\u{85}"), // not in XML
        };
        aws.fault_on(action, error);
    }
    check_all(&home);
    let identity = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>arn:aws:sts::1:{0}</Arn><UserId>{0}</UserId>\
         <Account>{0}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        HOSTILE.replace(['\u{1b}', '\u{7}', '\u{8}'], "\u{85}")
    );
    let raw = Fault::Raw {
        status: 200,
        headers: vec![("Content-Type", "text/xml".into())],
        body: identity,
    };
    aws.fault_on("GetCallerIdentity", raw);
    check(&home, &["doctor", "-p", "base"]);
    check(&home, &["doctor", "--json", "-p", "base"]);
    check(&home, &["-v", "--verify", "-p", "base", "--", "true"]);
    home.config("[profile p]\ncredential_process = cat said >&2; exit 1\n");
    home.file("said", HOSTILE);
    check(&home, &["-v", "credential-process", "-p", "p"]);
    let answer = serde_json::json!({
        "Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET, "AccountId": HOSTILE,
    });
    home.config("[profile p]\ncredential_process = cat said\n");
    home.file("said", answer.to_string());
    check(&home, &["-v", "credential-process", "-p", "p"]);
    check(&home, &["why", "--all"]);
    let journal = home.home().join(".local/state/awsfresh/journal.jsonl");
    let journal = std::fs::read_to_string(journal).unwrap();
    assert!(!journal.chars().any(is_hostile), "{journal:?}");
}

#[test]
fn the_name_of_the_program_is_not_printed() {
    let (_aws, home) = stage();
    for args in [
        &["--help"][..],
        &["status", "--help"],
        &["-h"],
        &["status", "--x"],
        &[],
    ] {
        let output = home.command(args).arg0(HOSTILE).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.chars().any(is_hostile), "{text:?}");
    }
}

/// Programs get the value as it is.
#[test]
fn json_has_the_characters_escaped() {
    let (_aws, home) = stage();
    let run = home.wrap(&["status", "--json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let profiles = document["profiles"].as_array().unwrap();
    assert!(
        profiles.iter().any(|one| one["profile"] == HOSTILE),
        "{run:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_no_escape_code_but_our_styles() {
    use support::terminal::Terminal;
    let (aws, home) = stage();
    let other = SsoSession {
        start_url: format!("{START}2"),
        ..SsoSession::default()
    };
    aws.add_sso(other);
    home.config(format!(
        "[profile {HOSTILE}]\nrole_arn = {ROLE}\nsource_profile = base\n\
         [profile p]\nsource_profile = {HOSTILE}\n\
         [sso-session {HOSTILE}]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         [sso-session other]\nsso_start_url = {START}2\nsso_region = eu-west-1\n"
    ));
    let awsfresh = support::fixtures::AWSFRESH;
    let line = format!(
        "{awsfresh} status; {awsfresh} doctor --offline -p p; {awsfresh} why; {awsfresh} login; \
         echo done"
    );
    let mut terminal = Terminal::run(&home, &line);
    terminal.wait_for("(1-2");
    terminal.type_line("");
    terminal.wait_for("done");
    let mut screen = terminal.screen();
    assert!(screen.contains("\u{1b}[31m"), "no colours: {screen:?}");
    for ours in [
        "\u{1b}[0m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
        "\u{1b}[36m",
        "\r",
    ] {
        screen = screen.replace(ours, "");
    }
    assert!(!screen.chars().any(is_hostile), "{screen:?}");
}
