//! `setup --sso`: a profile for each role, in a block that can be written again.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::time::Instant;

use support::double::{Double, Fault, SsoSession};
use support::fixtures::{AWSFRESH, START, home, signed_in};
use support::sandbox::{Run, Sandbox, moments, time_of};
use support::terminal::Terminal;

const DEV: &str = "111111111111";
const PROD: &str = "222222222222";
/// A config file with a session, and things that must stay.
const CONFIG: &str = "# mine\n[default]\nregion = eu-west-1\n\n[sso-session corp]\n\
    sso_start_url = https://d-1234567890.awsapps.com/start\nsso_region = eu-west-1\n\
    sso_registration_scopes = sso:account:access\n\n[profile own]\noutput = json\n";

fn read(home: &Sandbox) -> String {
    std::fs::read_to_string(home.home().join(".aws/config")).unwrap()
}

fn portal() -> (Double, Sandbox) {
    let (aws, home, _) = signed_in(3600);
    aws.name_account(DEV, "Dev Team");
    aws.name_account(PROD, "Prod; #1");
    aws.assign(START, &[(DEV, "Admin"), (DEV, "Reader"), (PROD, "Admin")]);
    home.config(CONFIG);
    (aws, home)
}

#[track_caller]
fn setup(home: &Sandbox, more: &[&str]) -> Run {
    let run = home.wrap(&[&["setup", "--sso", "corp", "--yes"], more].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

fn profiles(config: &str) -> Vec<&str> {
    let headers = config
        .lines()
        .filter_map(|line| line.strip_prefix("[profile "));
    headers.map(|rest| rest.trim_end_matches(']')).collect()
}

#[test]
fn each_role_has_a_profile_afterwards_and_undo_restores_the_same_bytes() {
    for text in [
        CONFIG.to_owned(),
        CONFIG.trim_end().to_owned(),
        CONFIG.replace('\n', "\r\n"),
    ] {
        let (_aws, home) = portal();
        home.config(&text);
        let run = setup(
            &home,
            &["--region", "eu-west-1", "--region", "prod*=us-east-1"],
        );
        assert!(run.stderr.contains("3 profiles added"), "{}", run.stderr);
        let config = read(&home);
        assert!(config.starts_with(&text), "{config}");
        assert_eq!(
            profiles(&config.replace('\r', "")),
            ["own", "Dev-Team/Admin", "Dev-Team/Reader", "Prod-1/Admin"]
        );
        assert_eq!(config.matches("region = us-east-1").count(), 1);
        let is_crlf = text.contains('\r');
        assert_eq!(
            config.matches('\r').count(),
            if is_crlf { config.lines().count() } else { 0 }
        );
        for name in ["Dev-Team/Admin", "Prod-1/Admin"] {
            assert!(home.credentials_of(name).answer()["SessionToken"].is_string());
        }
        let again = home.wrap(&["setup", "--sso", "corp", "--yes"]);
        assert!(
            again.stderr.contains("nothing to change") && again.code == Some(0),
            "{again:?}"
        );
        assert_eq!(read(&home), config);
        let run = home.wrap(&["setup", "--sso", "corp", "--undo", "--yes"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(read(&home), text);
    }
}

#[test]
fn the_block_remembers_its_arguments_and_keeps_what_a_person_changes() {
    let (aws, home) = portal();
    setup(
        &home,
        &[
            "--filter",
            "*/Admin",
            "--region",
            "eu-west-1",
            "--name-template",
            "{role}@{account}",
        ],
    );
    let edited = read(&home)
        .replace("[profile Admin@Dev-Team]", "[profile dev]")
        .replace("--profile Admin@Dev-Team", "--profile dev")
        .replace("awsfresh_sso_role_name = Admin\nregion = eu-west-1\n\n# END", "awsfresh_sso_role_name = Admin\nregion = us-west-2\noutput = text\n; why\ns3 =\n  region = x\n\n# END");
    assert!(
        edited.contains("us-west-2") && edited.contains("[profile dev]"),
        "{edited}"
    );
    home.config(&edited);
    aws.assign(
        START,
        &[
            (DEV, "Admin"),
            (DEV, "Reader"),
            (PROD, "Admin"),
            (PROD, "Other"),
            ("333333333333", "Admin"),
        ],
    );
    let run = setup(&home, &[]);
    let config = read(&home);
    assert_eq!(
        profiles(&config),
        ["own", "dev", "Admin@Prod-1", "Admin@account-333333333333"]
    );
    assert!(
        config.contains("region = us-west-2\noutput = text\n; why\ns3 =\n  region = x\n"),
        "{config}"
    );
    assert!(run.stderr.contains("1 profile added in"), "{}", run.stderr);
    // Other rules, and a role that is gone.
    aws.assign(START, &[(DEV, "Admin"), (PROD, "Admin")]);
    let run = setup(&home, &["--region", "eu-central-1"]);
    let config = read(&home);
    assert_eq!(profiles(&config), ["own", "dev", "Admin@Prod-1"]);
    assert!(
        config.contains("us-west-2") && config.matches("eu-central-1").count() == 2,
        "{config}"
    );
    assert!(
        run.stderr.contains("1 profile changed, 1 profile removed"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("-[profile Admin@account-333333333333]"),
        "{}",
        run.stdout
    );
    // Nothing outside of the block has changed.
    assert!(config.starts_with(CONFIG));
    assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
    assert_eq!(read(&home), CONFIG);
}

#[test]
fn a_new_session_is_written_with_its_profiles() {
    let aws = Double::start();
    aws.add_sso(SsoSession {
        start_url: START.into(),
        ..SsoSession::default()
    });
    aws.approve_every_device();
    let home = home(&aws);
    home.config("");
    std::fs::remove_file(home.home().join(".aws/config")).unwrap();
    let missing = home.wrap(&["setup", "--sso", "corp", "--yes"]);
    missing.failed(3, "source-missing");
    assert!(
        missing
            .stderr
            .contains("--start-url URL --sso-region REGION"),
        "{}",
        missing.stderr
    );
    let start = format!("{START}/#/");
    let args = [
        "setup",
        "--sso",
        "corp",
        "--start-url",
        &start,
        "--sso-region",
        "eu-west-1",
    ];
    // Nobody is there who could sign in.
    home.wrap(&[&args[..], &["--yes"]].concat())
        .failed(4, "sso-session-missing");
    let mut terminal = Terminal::run(
        &home,
        &format!(
            "{AWSFRESH} {}",
            args.map(|arg| format!("'{arg}'")).join(" ")
        ),
    );
    terminal.wait_for("Sign in to `corp` now?");
    terminal.type_line("y");
    terminal.wait_for("Change ");
    terminal.type_line("y");
    let (_, output) = terminal.end();
    assert!(output.contains("added"), "{output}");
    let config = read(&home);
    assert!(
        config.contains(
            "[sso-session corp]\nsso_start_url = https://d-1234567890.awsapps.com/start\n"
        ),
        "{config}"
    );
    assert!(
        home.credentials_of("account-111111111111/Developer")
            .answer()["SessionToken"]
            .is_string()
    );
    // The command in the block is enough.
    let again = home.wrap(&["setup", "--sso", "corp", "--yes"]);
    assert!(
        again.stderr.contains("nothing to change"),
        "{}",
        again.stderr
    );
    let other = home.wrap(&[
        "setup",
        "--sso",
        "corp",
        "--start-url",
        "https://other.awsapps.com/start",
        "--sso-region",
        "eu-west-1",
        "--yes",
    ]);
    other.failed(4, "sso-session-missing");
    assert_eq!(read(&home), config);
}

#[test]
fn throttling_and_lost_connections_end_complete() {
    let (aws, home) = portal();
    let ids: Vec<String> = (0..130).map(|n| format!("{n:012}")).collect();
    let assignments: Vec<(&str, &str)> = ids
        .iter()
        .take(12)
        .map(|id| (id.as_str(), "Admin"))
        .collect();
    aws.assign(START, &assignments);
    let throttled = || Fault::Raw {
        status: 429,
        headers: vec![
            ("Retry-After", "0".into()),
            ("x-amzn-ErrorType", "TooManyRequestsException".into()),
        ],
        body: r#"{"message":"HTTP 429 Unknown Code"}"#.into(),
    };
    for fault in [
        throttled(),
        Fault::Drop,
        throttled(),
        throttled(),
        Fault::Truncated,
        throttled(),
    ] {
        aws.fault_once(fault);
    }
    let began = Instant::now();
    let run = setup(&home, &[]);
    assert!(run.stderr.contains("12 profiles added"), "{}", run.stderr);
    // 19 requests, at most 15 a second.
    assert_eq!(
        aws.count("ListAccounts") + aws.count("ListAccountRoles"),
        19
    );
    assert!(began.elapsed().as_millis() > 18 * 66);
}

#[test]
fn a_partial_list_says_what_is_missing_and_removes_nothing() {
    let (aws, home) = portal();
    setup(&home, &[]);
    let before = read(&home);
    aws.name_account("333333333333", "new");
    aws.assign(
        START,
        &[(PROD, "Admin"), (DEV, "Other"), ("333333333333", "Admin")],
    );
    aws.fault_on(&format!("ListAccountRoles@{DEV}"), Fault::Drop);
    let run = home.wrap(&["setup", "--sso", "corp", "--yes"]);
    run.failed(7, "captive-portal");
    assert!(
        run.stderr.contains("Dev Team (111111111111)")
            && run.stderr.contains("no profile was removed"),
        "{}",
        run.stderr
    );
    let config = read(&home);
    assert_eq!(
        profiles(&config),
        [profiles(&before), vec!["new/Admin"]].concat()
    );
    aws.heal();
    setup(&home, &[]);
    assert_eq!(
        profiles(&read(&home)),
        ["own", "Prod-1/Admin", "new/Admin", "Dev-Team/Other"]
    );
}

#[test]
fn other_peoples_sections_and_bad_answers_are_left_alone() {
    let (aws, home) = portal();
    let own = format!("{CONFIG}[profile Dev-Team/Admin]\nregion = x-y-1\n");
    home.config(&own);
    let run = setup(&home, &[]);
    assert!(
        run.stderr.contains("not written") && run.stderr.contains("Dev-Team/Admin"),
        "{}",
        run.stderr
    );
    assert!(read(&home).starts_with(&own));
    assert_eq!(read(&home).matches("[profile Dev-Team/Admin]").count(), 1);
    let before = read(&home);
    // An answer that would write into the file.
    aws.assign(START, &[(DEV, "Admin\n[default]\ncredential_process = x")]);
    home.wrap(&["setup", "--sso", "corp", "--yes"])
        .failed(7, "aws-unavailable");
    assert_eq!(read(&home), before);
    aws.name_account(
        DEV,
        "x]\n[default]\naws_access_key_id = AKIA \u{1b}[2J\u{202e}",
    );
    aws.assign(START, &[(DEV, "Admin")]);
    setup(&home, &[]);
    let config = read(&home);
    assert!(
        !config.contains("\n[default]\naws_") && !config.contains('\u{1b}'),
        "{config}"
    );
    // A block whose end was deleted.
    let broken = before.replace("# END awsfresh", "# awsfresh");
    home.config(&broken);
    home.wrap(&["setup", "--sso", "corp", "--yes"])
        .failed(3, "config-malformed");
    let edited = before.replace("--sso corp\n", "--sso corp --nonsense\n");
    home.config(&edited);
    home.wrap(&["setup", "--sso", "corp", "--yes"])
        .failed(3, "config-malformed");
    assert_eq!(read(&home), edited);
}

#[test]
fn what_a_person_adds_as_a_section_stays() {
    let (aws, home) = portal();
    setup(&home, &["--filter=-*", "--filter", "*"]);
    let own = "[profile mine]\nregion = x-y-1\n\n[profile us]\nawsfresh_sso_session = corp\n\
        awsfresh_sso_account_id = 111111111111\nawsfresh_sso_role_name = Admin\nregion = us-east-1\n\n";
    home.config(read(&home).replace("# END awsfresh", &format!("{own}# END awsfresh")));
    let expected = [
        "own",
        "Dev-Team/Admin",
        "Dev-Team/Reader",
        "Prod-1/Admin",
        "mine",
        "us",
    ];
    assert_eq!(profiles(&read(&home)), expected);
    setup(&home, &[]);
    assert_eq!(profiles(&read(&home)), expected);
    // The name of a new role is taken by a section of the person.
    aws.name_account("333333333333", "mine");
    aws.assign(START, &[(DEV, "Admin"), ("333333333333", "Admin")]);
    let run = setup(&home, &["--name-template", "{account}"]);
    assert!(run.stderr.contains("not written"), "{}", run.stderr);
    assert_eq!(read(&home).matches("[profile mine]").count(), 1);
    home.wrap(&["setup", "--undo", "--yes"]);
    assert!(
        read(&home).starts_with(CONFIG.trim_end()) && read(&home).ends_with(own),
        "{}",
        read(&home)
    );
}

#[test]
fn a_filter_that_matches_nothing_removes_nothing() {
    let (_aws, home) = portal();
    setup(&home, &[]);
    let before = read(&home);
    home.wrap(&["setup", "--sso", "corp", "--filter", "typo", "--yes"])
        .failed(2, "usage");
    assert_eq!(read(&home), before);
    // A secret in the block is not in the diff.
    home.config(before.replace("# END", "aws_secret_access_key = canarySecretcanary\n# END"));
    let run = home.wrap(&["setup", "--sso", "corp", "--undo", "--yes"]);
    assert!(
        run.code == Some(0) && !run.stdout.contains("canarySecret"),
        "{run:?}"
    );
}

#[test]
fn one_account_that_aws_refuses_does_not_stop_the_others() {
    let (aws, home) = portal();
    let denied = |code: &str| Fault::Error {
        status: 403,
        code: code.into(),
        message: "No access".into(),
    };
    aws.fault_on(
        &format!("ListAccountRoles@{DEV}"),
        denied("ForbiddenException"),
    );
    let run = home.wrap(&["setup", "--sso", "corp", "--yes"]);
    assert!(
        run.code != Some(0)
            && run.stderr.contains("1 profile added")
            && run.stderr.contains("Dev Team"),
        "{run:?}"
    );
    assert_eq!(profiles(&read(&home)), ["own", "Prod-1/Admin"]);
}

#[test]
fn a_killed_run_leaves_the_old_or_the_new_file() {
    let (aws, home) = portal();
    aws.assign(START, &[(DEV, "Admin")]);
    let undisturbed = time_of(|| setup(&home, &[]));
    let after = read(&home);
    home.wrap(&["setup", "--undo", "--yes"]);
    let (mut old, mut new) = (0, 0);
    for moment in moments(undisturbed) {
        let mut child = home.start(&["setup", "--sso", "corp", "--yes"]);
        std::thread::sleep(moment);
        let _ = child.kill();
        child.wait().unwrap();
        let now = read(&home);
        assert!(now == CONFIG || now == after, "a torn file");
        if now == after {
            new += 1;
            home.config(CONFIG);
        } else {
            old += 1;
        }
    }
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}
