//! Input of any size: the time and the output stay bounded, and what is left out is counted.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use serde_json::Value;
use support::double::{Double, Fault};
use support::fixtures::{KEY, ROLE, SECRET, home, keys_of, offline_home, open_role, role_on_keys};
use support::sandbox::Sandbox;

/// No report is longer, in bytes.
const REPORT: usize = 64 * 1024;

/// Runs `args`, and returns what it printed.
#[track_caller]
fn report(home: &Sandbox, args: &[&str]) -> String {
    let run = home.wrap(args);
    assert!(
        run.stderr.len() < REPORT,
        "{} bytes on stderr",
        run.stderr.len()
    );
    run.stdout
}

/// Both forms of the diagnosis of `p` are short and count what they leave out.
#[track_caller]
fn diagnosis(home: &Sandbox, left_out: &str) {
    for form in [
        &["doctor", "--offline", "-p", "p"][..],
        &["doctor", "--offline", "--json", "-p", "p"],
    ] {
        let text = report(home, form);
        assert!(text.len() < REPORT, "{} bytes: {form:?}", text.len());
        assert!(text.contains(left_out), "{left_out} is missing: {text}");
    }
}

/// A profile with `count` lines.
fn lines(head: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    let lines: String = (0..count).map(line).collect();
    format!("[profile p]\nregion = eu-west-1\n{head}{lines}")
}

#[test]
fn a_key_that_is_defined_very_often_is_one_short_finding() {
    let home = offline_home();
    home.config(lines("", 100_000, |_| "output = json\n".to_owned()));
    diagnosis(&home, "99,949 more");
    home.config(lines("", 100_000, |_| "[profile p]\n".to_owned()));
    diagnosis(&home, "99,950 more");
}

#[test]
fn many_findings_of_one_kind_are_some_and_their_number() {
    let home = offline_home();
    let twice = |n| format!("k{n} = x\nk{n} = y\n");
    home.config(lines("", 20_000, twice));
    diagnosis(&home, "and 19,995 more like this");
    home.config(lines("", 20_000, |n| format!("k{n} = x # comment\n")));
    diagnosis(&home, "and 19,995 more like this");
    home.config(lines("[q]\n", 20_000, |n| format!("[q{n}]\n")));
    diagnosis(&home, "and 19,996 more like this");
    home.config(lines("[profile q]\n", 20_000, |_| "junk\n".to_owned()));
    diagnosis(&home, "and 19,995 more like this");
    home.config(lines("", 20_000, |_| "junk\n".to_owned()));
    diagnosis(&home, "and 19,996 more like this");
    home.config(lines("", 20_000, |n| format!("[profile !{n}]\n")));
    let run = home.wrap(&["doctor", "--offline", "--json", "-p", "p"]);
    assert!(run.stdout.len() < REPORT, "{}", run.stdout.len());
}

#[test]
fn the_list_of_very_many_profiles_ends_with_their_number() {
    let home = offline_home();
    home.config(lines("", 12_000, |n| {
        format!("[profile p{n}]\nregion = x\n")
    }));
    let text = report(&home, &["status"]);
    assert!(
        text.ends_with("and 11,001 more profiles: awsfresh status -p NAME\n"),
        "{}",
        text.len()
    );
    let text = report(&home, &["status", "--json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["profiles"].as_array().unwrap().len(), 10_000);
    assert_eq!(document["more_profiles"], 2001);
}

#[test]
fn a_message_of_a_megabyte_is_cut_everywhere() {
    let (aws, home) = role_on_keys(None);
    let error = Fault::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not today ".repeat(90_000),
    };
    for action in ["AssumeRole", "GetCallerIdentity"] {
        aws.fault_on(action, error.clone());
    }
    home.credentials_of("deploy")
        .failed(6, "assume-role-denied");
    for args in [
        &["-v", "credential-process", "-p", "deploy"][..],
        &["doctor", "-p", "deploy"],
        &["doctor", "--json", "-p", "deploy"],
        &["why", "--all"],
        &["why", "--all", "--json"],
    ] {
        let text = report(&home, args);
        assert!(text.len() < REPORT, "{} bytes: {args:?}", text.len());
    }
    let state = home.home().join(".local/state/awsfresh");
    let journal = std::fs::read(state.join("journal.jsonl")).unwrap();
    assert!(
        journal.len() < REPORT,
        "{} bytes in the journal",
        journal.len()
    );
    for lock in std::fs::read_dir(state.join("locks")).unwrap() {
        let length = lock.unwrap().metadata().unwrap().len();
        assert!(length < 16 * 1024, "{length} bytes in a lock file");
    }
    assert!(report(&home, &["why", "--json"]).contains(" more bytes)"));
}

#[test]
fn a_program_may_write_any_amount_on_stderr() {
    let aws = Double::start();
    aws.add_role(open_role(ROLE, None));
    let home = home(&aws);
    home.credentials(keys_of("base", KEY, SECRET));
    home.config("[profile p]\ncredential_process = sh script\n");
    home.file("script", "head -c 100000000 /dev/zero >&2; exit 1");
    home.credentials_of("p").failed(3, "process-failed");
    home.file(
        "script",
        "yes word | head -c 100000000 | tr -d '\\n' >&2; exit 1",
    );
    home.credentials_of("p").failed(3, "process-failed");
    assert!(report(&home, &["why", "--all", "--json"]).len() < REPORT);
}

/// The time grows with the length of the file, not with its square: this test ends.
#[test]
fn many_spellings_of_one_header_and_many_sections_are_read_at_once() {
    let home = offline_home();
    let blank = |n: usize, bit: usize| if n >> bit & 1 == 1 { '\t' } else { ' ' };
    let header = |n: usize| {
        let blanks: String = (0..18).map(|bit| blank(n, bit)).collect();
        format!("[profile {blanks}p]\n")
    };
    home.config(lines("", 200_000, header));
    home.wrap(&["credential-process", "-p", "p"])
        .failed(3, "source-missing");
    home.config(lines("", 250_000, |n| format!("[{n}]\n")));
    home.wrap(&["credential-process", "-p", "p"])
        .failed(3, "config-malformed");
}

#[test]
fn a_name_of_any_length_is_listed() {
    let home = offline_home();
    let long = "a".repeat(70_000);
    home.config(format!(
        "[profile {long}]\nregion = x\n[sso-session {long}]\nsso_start_url = https://x\nsso_region = eu-west-1\n"
    ));
    let status = home.wrap(&["status"]);
    assert!(
        status.stdout.matches(&long).count() >= 2,
        "{}",
        status.stderr
    );
    assert_eq!(status.code, Some(0));
}

/// A large file is parsed in parts, side by side: what is written in it twice is still found, and
/// every line has its number.
#[test]
fn a_large_file_is_read_as_a_small_one_is() {
    let home = offline_home();
    let others = |from: usize| -> String {
        let section = |n| format!("[profile x{n}]\ncredential_process = cat answer\n");
        (from..from + 3000).map(section).collect()
    };
    let (head, tail) = (others(0), others(3000));
    let p = "[profile p]\ncredential_process = cat a\n";
    let twice = "[profile p]\ncredential_process = cat b\n";
    home.config(format!("{p}{head}{tail}{twice}"));
    let told = report(&home, &["doctor", "--offline", "-p", "p"]);
    assert!(told.contains("[config-duplicate]"), "{told}");
    assert!(told.contains("config:12003, and before at"), "{told}");

    home.config(format!("{p}{head}[profile bad]\nregion\n{tail}"));
    let status: Value =
        serde_json::from_str(&report(&home, &["status", "--json"])).expect("one document");
    let rows = status["profiles"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["profile"].as_str().unwrap())
        .collect();
    assert!(rows.len() == 6002 && names.is_sorted(), "{}", rows.len());
    let bad = &rows[0];
    assert_eq!(
        (&bad["profile"], &bad["state"]),
        (&"bad".into(), &"unusable".into())
    );
    let told = report(&home, &["doctor", "--offline", "-p", "bad"]);
    assert!(told.contains("config:6004"), "{told}");

    home.config(format!("{p}{head}[open\n{tail}"));
    let told = report(&home, &["doctor", "--offline", "-p", "p"]);
    assert!(told.contains("config:6003"), "{told}");
}
