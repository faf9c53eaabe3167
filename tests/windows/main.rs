//! What only Windows has: the data key in the Credential Manager, locks that keep others from
//! writing, its home directory and its variables. `tests/windows/run` runs it under Wine.
#![cfg(windows)]
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

use std::os::windows::ffi::OsStringExt;

use serde_json::json;
use support::fixtures::role_on_keys;
use support::sandbox::Sandbox;

/// From here on, the data key is in the Credential Manager.
fn with_credential_manager(home: &Sandbox) {
    home.unset("AWSFRESH_KEY_FILE").unset("AWSFRESH_STORE");
}

/// A process whose answer is larger than an item of the Credential Manager.
fn large_answer(home: &Sandbox, key_id: &str) {
    let answer = json!({
        "Version": 1,
        "AccessKeyId": key_id,
        "SecretAccessKey": "secretsecretsecretsecretsecretsecretsecr",
        "SessionToken": "t".repeat(5000),
        "Expiration": "2099-01-01T00:00:00Z",
    });
    home.file("answer.json", answer.to_string());
    home.config("[profile p]\ncredential_process = type answer.json\nregion = eu-west-1\n");
}

#[test]
fn one_item_of_the_credential_manager_serves_entries_of_any_size() {
    let (_aws, home) = role_on_keys(None);
    with_credential_manager(&home);
    large_answer(&home, "ASIAQQQQQQQQQQQQQQQQ");
    let first = home.credentials_of("p").answer();
    large_answer(&home, "ASIARRRRRRRRRRRRRRRR");
    for kind in ["auto", "keyring", "sealed"] {
        home.env("AWSFRESH_STORE", kind);
        assert_eq!(home.credentials_of("p").answer(), first, "{kind}");
    }
    let doctor = home.wrap(&["doctor", "-p", "p"]);
    assert!(
        doctor.stdout.contains("Windows Credential Manager"),
        "{doctor:#?}"
    );
    assert_eq!(home.run(&["forget", "--all"]).code, Some(0));
    let second = home.credentials_of("p").answer();
    assert_eq!(second["AccessKeyId"], "ASIARRRRRRRRRRRRRRRR");
}

#[test]
fn thirty_cold_processes_make_one_request() {
    let (aws, home) = role_on_keys(None);
    with_credential_manager(&home);
    let children: Vec<_> = (0..30)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
    }
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
fn a_command_gets_credentials_and_its_exit_code_comes_back() {
    let (_aws, home) = role_on_keys(None);
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--",
        "cmd.exe",
        "/C",
        "echo %AWS_PROFILE%& exit 7",
    ]);
    assert_eq!(run.code, Some(7), "{run:#?}");
    let by_variables = home.wrap(&[
        "--deliver",
        "env",
        "-p",
        "deploy",
        "--",
        "cmd.exe",
        "/C",
        "echo %AWS_ACCESS_KEY_ID%",
    ]);
    assert!(by_variables.stdout.starts_with("ASIA"), "{by_variables:#?}");
}

#[test]
fn nothing_of_a_run_stays_behind() {
    let (_aws, home) = role_on_keys(None);
    home.wrap(&["-p", "deploy", "--", "cmd.exe", "/C", "exit 0"]);
    let mut dirs = vec![home.home().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            assert!(!name.starts_with("run-"), "{}", entry.path().display());
            if entry.path().is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    home.assert_no_secret_on_disk();
}

#[test]
fn variables_count_in_any_case_and_only_as_unicode() {
    let (_aws, home) = role_on_keys(None);
    home.env("aws_profile", "deploy");
    home.run(&["credential-process"]).answer();
    let mut command = home.command(&["credential-process"]);
    let half_a_pair = std::ffi::OsString::from_wide(&[0xd800]);
    let output = command.env("AWS_PROFILE", half_a_pair).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("AWS_PROFILE is not valid"), "{stderr}");
}

#[test]
fn a_process_is_run_by_cmd() {
    let (aws, home) = role_on_keys(None);
    let json = r#"{"Version": 1, "AccessKeyId": "AKIAQQQQQQQQQQQQQQQQ", "SecretAccessKey": "secretsecretsecretsecretsecretsecretsecr"}"#;
    home.file("answer.json", json);
    home.config("[profile p]\ncredential_process = type answer.json\nregion = eu-west-1\n");
    let answer = home.credentials_of("p").answer();
    assert_eq!(answer["AccessKeyId"], "AKIAQQQQQQQQQQQQQQQQ");
    assert!(aws.calls().is_empty());
}
