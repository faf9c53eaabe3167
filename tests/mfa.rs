//! MFA codes: by a flag, by a process, and by a person at a terminal; one session for every role
//! behind a device.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::double::{Double, Role};
use support::fixtures::{self, KEY, SECRET, USER, keys_of};
use support::sandbox::{Run, Sandbox};

const SERIAL: &str = "arn:aws:iam::111111111111:mfa/ann";
const CODE: &str = "123456";

/// AWS with three roles that require MFA, and a home with a profile for each; `more` are further
/// keys of the profile `deploy`.
fn setup(more: &str) -> (Double, Sandbox) {
    let aws = Double::start();
    aws.add_user(KEY, SECRET, USER);
    aws.add_mfa(USER, SERIAL, CODE);
    let mut config = Vec::new();
    for name in ["deploy", "audit", "long"] {
        let arn = format!("arn:aws:iam::222222222222:role/{name}");
        aws.add_role(Role {
            mfa: true,
            max_session: 43_200,
            ..fixtures::open_role(&arn, None)
        });
        let duration = if name == "long" {
            "duration_seconds = 28800\n"
        } else {
            ""
        };
        let more = if name == "deploy" { more } else { "" };
        config.push(format!(
            "[profile {name}]\nrole_arn = {arn}\nsource_profile = base\nregion = eu-west-1\n\
             mfa_serial = {SERIAL}\n{duration}{more}"
        ));
    }
    let home = fixtures::home(&aws);
    home.secret(SECRET)
        .credentials(keys_of("base", KEY, SECRET));
    home.config(config.concat());
    (aws, home)
}

#[track_caller]
fn succeeded(run: &Run) {
    assert_eq!(run.code, Some(0), "{run:#?}");
}

#[test]
fn a_code_makes_a_session_that_every_role_behind_the_device_shares() {
    let (aws, home) = setup("");
    let run = home.credentials_of("deploy");
    run.failed(4, "mfa-needed");
    assert!(
        run.stderr.contains("try:  awsfresh login -p deploy\n"),
        "{}",
        run.stderr
    );
    let run = home.wrap(&["login", "-p", "deploy", "--mfa-code", CODE, "--json"]);
    succeeded(&run);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["sessions"][0]["session"], SERIAL);
    assert!(
        run.stderr.contains("(12 h 00 min)") || run.stderr.contains("(11 h 59 min)"),
        "{}",
        run.stderr
    );
    home.credentials_of("deploy").answer();
    home.credentials_of("audit").answer();
    assert_eq!(
        (aws.count("GetSessionToken"), aws.count("AssumeRole")),
        (1, 2)
    );
    assert_eq!(aws.calls()[0].params["DurationSeconds"], "43200");
    assert!(!run.stderr.contains(CODE));
    // Again: nothing to do, and no code is needed.
    let run = home.wrap(&["login", "-p", "audit"]);
    succeeded(&run);
    assert!(run.stderr.contains("already valid"), "{}", run.stderr);
    assert_eq!(aws.count("GetSessionToken"), 1);
    home.wrap(&["doctor", "-p", "audit"]).code.unwrap();
    home.assert_no_secret_on_disk();
    // AWS ends the session: the cached one is not served again.
    aws.forget_sessions();
    home.run(&["refresh", "-p", "deploy"])
        .failed(4, "mfa-needed");
    let long = [
        "login",
        "-p",
        "deploy",
        "--mfa-code",
        CODE,
        "--force",
        "--duration",
        "36h",
    ];
    succeeded(&home.wrap(&long));
    assert_eq!(
        aws.calls()
            .iter()
            .rfind(|call| call.action == "GetSessionToken")
            .unwrap()
            .params["DurationSeconds"],
        "129600"
    );
}

#[test]
fn logout_ends_an_mfa_session() {
    for logout in [&["logout", "-p", "deploy"][..], &["logout", "--all"]] {
        let (_aws, home) = setup("");
        succeeded(&home.wrap(&["login", "-p", "deploy", "--mfa-code", CODE]));
        succeeded(&home.wrap(logout));
        home.credentials_of("deploy").failed(4, "mfa-needed");
        home.credentials_of("audit").failed(4, "mfa-needed");
    }
}

#[test]
fn a_role_that_lasts_longer_than_an_hour_gets_the_code_itself() {
    let (aws, home) = setup("");
    succeeded(&home.wrap(&["login", "-p", "long", "--mfa-code", CODE]));
    assert_eq!(
        (aws.count("GetSessionToken"), aws.count("AssumeRole")),
        (0, 1)
    );
    let call = &aws.calls()[0];
    assert_eq!(
        (
            call.params["DurationSeconds"].as_str(),
            call.params["TokenCode"].as_str()
        ),
        ("28800", CODE)
    );
    home.credentials_of("long").answer();
    home.credentials_of("deploy").failed(4, "mfa-needed");
}

#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn a_process_prints_the_code_unattended() {
    for key in ["mfa_process", "awsfresh_mfa_process"] {
        let (aws, home) = setup(&format!("{key} = echo 123 456\n"));
        home.credentials_of("deploy").answer();
        // Its session serves the roles without a process, too.
        home.credentials_of("audit").answer();
        assert_eq!(aws.count("GetSessionToken"), 1);
        assert_eq!(home.wrap(&["doctor", "-p", "deploy"]).code, Some(0));
    }
    for (process, code, cause) in [
        ("echo 12345", 4, "mfa-code-rejected"),
        ("echo 654321", 4, "mfa-code-rejected"),
        ("true", 4, "mfa-code-rejected"),
        ("echo 123456; exit 3", 3, "process-failed"),
        ("/no/such/program", 3, "process-failed"),
        ("sleep 60", 3, "process-failed"),
        ("yes", 4, "mfa-code-rejected"),
    ] {
        let (aws, home) = setup(&format!("mfa_process = {process}\n"));
        home.env("AWSFRESH_TIMEOUT", "2");
        let run = home.credentials_of("deploy");
        run.failed(code, cause);
        assert!(!run.stderr.contains("654321"), "{}", run.stderr);
        assert!(
            aws.count("AssumeRole") == 0 && aws.count("GetSessionToken") <= 1,
            "{process}"
        );
    }
}

#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn a_wrong_code_says_when_the_next_one_is_due() {
    let (aws, home) = setup("");
    let run = home.wrap(&["login", "-p", "deploy", "--mfa-code", "000000"]);
    run.failed(4, "mfa-code-rejected");
    assert!(
        run.stderr.contains("most devices show the next one in"),
        "{}",
        run.stderr
    );
    assert_eq!(
        aws.count("GetSessionToken"),
        1,
        "AWS locks a device after many wrong codes"
    );
    let journal = home.shell("cat .local/state/awsfresh/*.jsonl .local/state/awsfresh/locks/*");
    assert!(
        journal.contains("mfa-code-rejected") && !journal.contains("000000"),
        "{journal}"
    );
    home.wrap(&["login", "-p", "deploy", "--mfa-code", "12 34"])
        .failed(2, "usage");
    home.wrap(&["--mfa-code", CODE, "-p", "deploy", "--", "true"])
        .code
        .unwrap();
}

#[test]
fn a_security_key_cannot_be_used_with_sts() {
    let (aws, home) = setup("");
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(config.replace(":mfa/ann", ":u2f/user/ann/key-ABCDEFG"));
    let run = home.wrap(&["login", "-p", "deploy", "--mfa-code", CODE]);
    run.failed(4, "mfa-needed");
    assert!(run.stderr.contains("FIDO2 security key"), "{}", run.stderr);
    assert!(aws.calls().is_empty());
}

#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn without_a_store_a_code_is_used_once() {
    let (aws, home) = setup("");
    home.env("AWSFRESH_STORE", "none");
    let run = home.wrap(&["--mfa-code", CODE, "-p", "deploy", "--", "echo", "ran"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "ran\n"),
        "{run:#?}"
    );
    succeeded(&home.wrap(&["refresh", "-p", "deploy", "--mfa-code", CODE]));
    assert_eq!(aws.count("GetSessionToken"), 2);
    let run = home.wrap(&["login", "-p", "deploy", "--mfa-code", CODE]);
    run.failed(8, "store-unavailable");
    assert_eq!(aws.count("GetSessionToken"), 2);
}

#[test]
fn a_given_code_is_tried_although_others_have_none() {
    let (_aws, home) = setup("");
    let others: Vec<_> = (0..40)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    succeeded(&home.wrap(&["login", "-p", "deploy", "--mfa-code", CODE]));
    for mut other in others {
        other.wait().unwrap();
    }
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use std::time::{Duration, Instant};

    use super::*;
    use support::terminal::Terminal;

    const ASKS: &str = "MFA code of arn:aws:iam::111111111111:mfa/ann";

    #[test]
    fn a_person_is_asked_until_the_code_is_right() {
        let (aws, home) = setup("");
        let mut terminal = Terminal::run(
            &home,
            &format!(
                "{} -p deploy -- sh -c 'echo ran as $AWS_PROFILE'",
                fixtures::AWSFRESH
            ),
        );
        terminal.wait_for(ASKS);
        terminal.type_line("12345");
        terminal.wait_for("an MFA code has six digits");
        terminal.wait_for(ASKS);
        terminal.type_line("654321");
        terminal.wait_for("AWS rejected the MFA code");
        terminal.wait_for("the next one in");
        terminal.wait_for(ASKS);
        terminal.type_line("123 456");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("ran as deploy"), "{screen}");
        assert_eq!(aws.count("GetSessionToken"), 2);
        home.credentials_of("audit").answer();
    }

    #[test]
    fn a_process_reads_from_the_terminal_and_not_the_input_of_the_command() {
        let (_aws, home) = setup("mfa_process = head -c 3 >/dev/null; echo 123456\n");
        let line = format!("printf 'hello' | {} -p deploy -- cat", fixtures::AWSFRESH);
        let mut terminal = Terminal::run(&home, &line);
        terminal.type_line("typed");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("hello"), "{screen}");
    }

    #[test]
    fn no_code_is_an_answer() {
        let (aws, home) = setup("");
        let mut terminal =
            Terminal::run(&home, &format!("{} refresh -p deploy", fixtures::AWSFRESH));
        terminal.wait_for(ASKS);
        terminal.type_line("");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(4), "{screen}");
        assert!(screen.contains("[mfa-needed]"), "{screen}");
        for line in [
            "refresh -p deploy --no-login",
            "--no-login -p deploy -- true",
            "credential-process -p deploy",
        ] {
            let (code, screen) =
                Terminal::run(&home, &format!("{} {line}", fixtures::AWSFRESH)).end();
            assert!(
                matches!(code, Some(4 | 125)) && !screen.contains(ASKS),
                "{line}: {screen}"
            );
        }
        assert!(aws.calls().is_empty());
    }

    /// Each of them holds the lock of its role and waits for the one that asks.
    #[test]
    fn two_prompts_at_once_never_happen() {
        let (aws, home) = setup("");
        let line = |profile: &str| format!("{} -p {profile} -- echo done", fixtures::AWSFRESH);
        let mut first = Terminal::run(&home, &line("deploy"));
        first.wait_for(ASKS);
        let mut others: Vec<_> = (0..9)
            .map(|i| Terminal::run(&home, &line(["deploy", "audit"][i % 2])))
            .collect();
        for other in &mut others {
            other.wait_for("waiting for another process");
        }
        std::thread::sleep(Duration::from_millis(100));
        assert!(others.iter().all(|other| !other.screen().contains(ASKS)));
        first.type_line(CODE);
        let began = Instant::now();
        for run in std::iter::once(first).chain(others) {
            let (code, screen) = run.end();
            assert_eq!(code, Some(0), "{screen}");
            assert!(screen.contains("done"), "{screen}");
        }
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(
            (aws.count("GetSessionToken"), aws.count("AssumeRole")),
            (1, 2)
        );
    }
}
