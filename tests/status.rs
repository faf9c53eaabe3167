//! `status`: its widths, states and forms.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::double::clock;
use support::fixtures::{
    AWSFRESH, KEY, ROLE, SECRET, START, keys_of, offline_home, role_on_keys, signed_in, sso_cache,
};
use support::sandbox::Sandbox;
use support::terminal::Terminal;

/// Whoever writes such names finds them again.
const NAMES: [&str; 6] = [
    "a b",
    "it's \"q\"",
    "back\\slash",
    "日本語のとても長い名前のプロファイル",
    "ünï",
    "{x}",
];

fn json_of(home: &Sandbox, args: &[&str]) -> Value {
    let run = home.run(&[&["status", "--json"], args].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&run.stdout).unwrap()
}

fn state(home: &Sandbox, profile: &str) -> String {
    let document = json_of(home, &["-p", profile]);
    document["profiles"][0]["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// How many columns a line takes, as far as the names here show.
fn columns(line: &str) -> usize {
    line.chars()
        .map(|c| {
            if ('\u{2e80}'..'\u{a4cf}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}

/// What a terminal of 80 columns shows, without styles.
fn shown(home: &Sandbox) -> Vec<String> {
    let line = format!("stty cols 80 rows 24; {AWSFRESH} status; echo done");
    let mut terminal = Terminal::run(home, &line);
    terminal.wait_for("done\r\n");
    let (_, screen) = terminal.end();
    let mut text = String::new();
    for part in screen.split('\u{1b}') {
        text.push_str(
            part.strip_prefix('[')
                .and_then(|part| part.split_once('m'))
                .map_or(part, |(_, text)| text),
        );
    }
    let lines = text.lines().filter(|line| *line != "done");
    lines
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

#[test]
fn every_line_fits_a_terminal_and_the_state_is_never_cut() {
    let role = format!("arn:aws:iam::222222222222:role/{}", "path/".repeat(20));
    for count in [3, 30, 300] {
        let home = offline_home();
        let name = |n: usize| match NAMES.get(n / 2) {
            Some(name) if n.is_multiple_of(2) => (*name).to_owned(),
            _ => format!("account-{n:03}-of-a-very-large-organization/AdministratorAccess-{n:03}"),
        };
        let profiles: String = (0..count)
            .map(|n| {
                format!(
                    "[profile {}]\nrole_arn = {role}deploy\nsource_profile = base\n",
                    name(n)
                )
            })
            .collect();
        let session = format!(
            "[sso-session {}]\nsso_start_url = {START}\nsso_region = eu-west-1\n",
            "s".repeat(90)
        );
        home.config(format!("{profiles}{session}[profile broken]\n"));
        home.credentials(keys_of("base", KEY, SECRET));
        let lines = shown(&home);
        assert!(lines.len() > count + 5, "{lines:#?}");
        for line in &lines {
            assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
        }
        let cached = lines
            .iter()
            .filter(|line| line.contains("  not cached  "))
            .count();
        assert_eq!(cached, count, "{lines:#?}");
        for words in [
            "  static      ",
            "  unusable    ",
            "  signed out  ",
            "[source-missing]",
        ] {
            assert!(
                lines.iter().any(|line| line.contains(words)),
                "{words}: {lines:#?}"
            );
        }
        // Both ends of a long name distinguish it.
        assert!(
            lines.iter().any(|line| line.starts_with("account-")
                && line.contains("…")
                && line.contains("-001  ")),
            "{lines:#?}"
        );
        // For a program, nothing is cut.
        let piped = home.run(&["status"]).stdout;
        assert!(piped.contains("account-001-of-a-very-large-organization/AdministratorAccess-001"));
        assert!(!piped.contains('…'), "{piped}");
    }
}

#[test]
fn each_state_is_reported() {
    let home = offline_home();
    home.credentials(keys_of("base", KEY, SECRET));
    home.config("[profile p]\ncredential_process = cat answer\n[profile broken]\n");
    let end = clock::now() + 30;
    let answer = json!({
        "Version": 1, "AccessKeyId": "ASIAQTESTTESTTESTTES", "SecretAccessKey": SECRET, "SessionToken": "token",
        "Expiration": awsfresh::time::Timestamp(end).to_string(),
    });
    home.file("answer", answer.to_string());
    assert_eq!(state(&home, "base"), "static");
    assert_eq!(state(&home, "p"), "not-cached");
    home.credentials_of("p").answer();
    let mut states = Vec::new();
    let began = Instant::now();
    while states.last().is_none_or(|state| state != "expired") {
        assert!(began.elapsed() < Duration::from_secs(60), "{states:?}");
        let state = state(&home, "p");
        if states.last() != Some(&state) {
            states.push(state);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(states, ["fresh", "renew-soon", "expired"]);
    assert_eq!(
        home.run(&["status", "--short", "-p", "p"]).stdout,
        "p expired\n"
    );
    let all = json_of(&home, &[]);
    let broken = all["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["profile"] == "broken")
        .unwrap();
    assert_eq!(
        (
            broken["state"].as_str(),
            broken["problem"]["cause"].as_str()
        ),
        (Some("unusable"), Some("source-missing"))
    );
}

/// A store that cannot be used fails nothing; what it may contain is unknown.
#[test]
fn a_store_that_cannot_be_used_is_reported() {
    let (_aws, home, _) = signed_in(3600);
    home.credentials_of("admin").answer();
    for form in [
        &["--json"][..],
        &[],
        &["--format", "prometheus"],
        &["--short", "-p", "admin"],
    ] {
        let run = home.run(&[&["--store", "keyring", "status"], form].concat());
        assert_eq!(run.code, Some(0), "{form:?}: {}", run.stderr);
    }
    let run = home.run(&["--store", "keyring", "status", "--json", "-p", "admin"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["profiles"][0]["state"], "unknown");
    assert!(document["store"]["warning"].is_string(), "{document}");
    let run = home.run(&["--store", "keyring", "status", "--short", "-p", "admin"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn a_session_and_the_credentials_from_it_are_told_apart() {
    let session = |home: &Sandbox| json_of(home, &["-p", "admin"])["sso_sessions"][0].clone();
    let (aws, home, file) = signed_in(3600);
    home.credentials_of("admin").answer();
    let before = aws.calls().len();
    let document = json_of(&home, &["-p", "admin"]);
    assert_eq!(document["profiles"][0]["sso_session"], "corp");
    let credentials = document["profiles"][0]["seconds_left"].as_i64().unwrap();
    assert!((3000..=3600).contains(&credentials), "{document}");
    let found = session(&home);
    assert_eq!(
        (found["name"].as_str(), found["state"].as_str()),
        (Some("corp"), Some("signed-in"))
    );
    assert_eq!(found["refreshable"], true);
    let text = home.run(&["status"]).stdout;
    assert!(
        text.contains("SSO SESSION") && text.contains("automatic"),
        "{text}"
    );

    // Its access token has expired, but can be refreshed: no person is needed.
    let path = home.home().join(&file);
    let mut token: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    token["expiresAt"] = "2020-01-01T00:00:00Z".into();
    home.file(&file, token.to_string());
    let found = session(&home);
    assert_eq!(
        (found["state"].as_str(), &found["refreshable"]),
        (Some("signed-in"), &json!(true))
    );
    assert_eq!(
        home.run(&["status", "-p", "admin", "--warn-within", "5m"])
            .code,
        Some(0)
    );

    token.as_object_mut().unwrap().remove("refreshToken");
    home.file(&file, token.to_string());
    assert_eq!(session(&home)["state"], "expired");
    assert!(home.run(&["status"]).stdout.contains("awsfresh login corp"));
    let run = home.wrap(&["status", "-p", "admin", "--warn-within", "5m"]);
    assert_eq!(run.code, Some(10));
    assert!(
        run.stderr
            .contains("expires within 5 min: SSO session `corp`"),
        "{}",
        run.stderr
    );

    std::fs::remove_file(&path).unwrap();
    assert_eq!(session(&home)["state"], "signed-out");
    assert_eq!(aws.calls().len(), before, "status contacts AWS");
}

#[test]
fn what_expires_sooner_decides_about_the_exit_code() {
    let (_aws, home) = role_on_keys(Some(3600));
    let code = |args: &[&str]| home.wrap(&[&["status"], args].concat()).code;
    assert_eq!(
        code(&["--warn-within", "30m"]),
        Some(0),
        "nothing is cached"
    );
    home.credentials_of("deploy").answer();
    assert_eq!(code(&["--warn-within", "30m"]), Some(0));
    assert_eq!(code(&["--warn-within", "2h"]), Some(10));
    assert_eq!(
        code(&["--json", "--warn-within", "2h", "-p", "deploy"]),
        Some(10)
    );
    assert_eq!(code(&["--warn-within", "2h", "-p", "base"]), Some(0));
    assert_eq!(code(&["--warn-within", "never"]), Some(2));
}

#[test]
fn a_prompt_gets_one_line_or_nothing() {
    // Within a minute, not at the end of one: two calls show the same.
    let (_aws, home) = role_on_keys(Some(3590));
    let short = |args: &[&str]| {
        let run = home.run(&[&["status"], args].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{args:?}");
        run.stdout
    };
    assert_eq!(short(&["--short", "-p", "deploy"]), "");
    home.credentials_of("deploy").answer();
    let line = short(&["--short", "-p", "deploy"]);
    assert!(
        line.starts_with("deploy ") && line.ends_with(" min\n"),
        "{line:?}"
    );
    home.env("AWS_PROFILE", "deploy");
    assert_eq!(short(&["--short"]), line);
    let line = short(&["--template", "[{profile}|{state}|{seconds}]"]);
    let seconds = line
        .trim_start_matches("[deploy|fresh|")
        .trim_end_matches("]\n");
    assert!(
        (3000..=3600).contains(&seconds.parse::<i64>().unwrap()),
        "{line:?}"
    );
    assert_eq!(
        short(&["--short", "-p", "base"]),
        "",
        "static keys are not cached"
    );
    assert_eq!(short(&["--short", "-p", "no-such-profile"]), "");
    home.config("garbage\n");
    assert_eq!(short(&["--short"]), "");
    for args in [
        ["--short", "--json"],
        ["--watch", "--short"],
        ["--json", "--format=table"],
    ] {
        home.run(&[&["status"], &args[..]].concat())
            .failed(2, "usage");
    }
}

/// The snippet of the documentation, in the prompt of a real bash.
#[test]
fn the_prompt_of_the_documentation_works() {
    let (_aws, home) = role_on_keys(Some(3600));
    let text = std::fs::read_to_string(format!("{}/docs/status.md", env!("CARGO_MANIFEST_DIR")));
    let text = text.unwrap();
    let (_, snippet) = text.split_once("```bash\n").unwrap();
    let (snippet, _) = snippet.split_once("```").unwrap();
    home.file(
        "rc",
        format!("PS1='> '\n{snippet}printf '%s' \"${{PS1@P}}\""),
    );
    std::os::unix::fs::symlink(AWSFRESH, home.home().join("awsfresh")).unwrap();
    home.env("PATH", &format!("{}:/usr/bin:/bin", home.home().display()))
        .env("AWS_PROFILE", "deploy");
    assert_eq!(home.shell("bash rc"), "> ");
    home.credentials_of("deploy").answer();
    let prompt = home.shell("bash rc");
    assert!(
        prompt.starts_with("[deploy ") && prompt.ends_with(" min] > "),
        "{prompt:?}"
    );
}

/// A sample: its name, its labels and its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text format of Prometheus as strictly as its grammar; panics at the first flaw.
fn parse_metrics(text: &str) -> Vec<Sample> {
    let is_name = |name: &str| {
        let first = name.chars().next().unwrap();
        (first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    assert!(text.ends_with('\n'));
    let (mut samples, mut metric) = (Vec::new(), String::new());
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, _) = help.split_once(' ').unwrap();
            assert!(is_name(name) && seen.insert(name.to_owned()), "{line}");
            metric = name.to_owned();
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{metric} gauge"));
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        assert_eq!(name, metric, "{line}");
        let mut labels = BTreeMap::new();
        let mut chars = rest.chars();
        loop {
            let label: String = chars.by_ref().take_while(|c| *c != '=').collect();
            assert!(is_name(&label), "{line}");
            assert_eq!(chars.next(), Some('"'), "{line}");
            let mut value = String::new();
            loop {
                match chars.next().unwrap() {
                    '"' => break,
                    '\\' => value.push(match chars.next().unwrap() {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        other => panic!("\\{other}: {line}"),
                    }),
                    c => value.push(c),
                }
            }
            assert!(labels.insert(label, value).is_none(), "{line}");
            match chars.next() {
                Some(',') => {}
                Some('}') => break,
                other => panic!("{other:?}: {line}"),
            }
        }
        let value = chars.as_str().strip_prefix(' ').unwrap().parse().unwrap();
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

#[test]
fn the_metrics_follow_the_grammar_and_keep_every_name() {
    let (_aws, home, _) = signed_in(3600);
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    let roles: String = NAMES
        .iter()
        .map(|name| format!("[profile {name}]\nrole_arn = {ROLE}\nsource_profile = admin\n"))
        .collect();
    home.config(format!("{config}{roles}[profile broken]\n"));
    home.credentials_of("admin").answer();
    let run = home.run(&["status", "--format", "prometheus"]);
    let samples = parse_metrics(&run.stdout);
    let value = |metric: &str, labels: &[(&str, &str)]| {
        let is_wanted = |sample: &&Sample| {
            sample.0 == metric
                && labels
                    .iter()
                    .all(|(name, value)| sample.1.get(*name).is_some_and(|v| v == value))
        };
        let found: Vec<f64> = samples
            .iter()
            .filter(is_wanted)
            .map(|sample| sample.2)
            .collect();
        assert!(found.len() <= 1, "{metric} {labels:?}");
        found.first().copied()
    };
    let end = value(
        "awsfresh_credentials_expiry_timestamp_seconds",
        &[("profile", "admin")],
    )
    .unwrap();
    let now = clock::now() as f64;
    assert!((now + 3000.0..now + 3700.0).contains(&end), "{end}");
    assert_eq!(
        value(
            "awsfresh_credentials_expiry_timestamp_seconds",
            &[("profile", "reader")]
        ),
        None
    );
    for (profile, state) in NAMES
        .map(|name| (name, "not-cached"))
        .into_iter()
        .chain([("admin", "fresh"), ("broken", "unusable")])
    {
        for other in [
            "fresh",
            "not-cached",
            "unusable",
            "static",
            "expired",
            "renew-soon",
            "unknown",
        ] {
            let wanted = if other == state { 1.0 } else { 0.0 };
            let labels = [("profile", profile), ("state", other)];
            assert_eq!(
                value("awsfresh_credentials_state", &labels),
                Some(wanted),
                "{labels:?}"
            );
        }
    }
    let corp = [("session", "corp")];
    assert!(value("awsfresh_sso_session_expiry_timestamp_seconds", &corp).unwrap() > now);
    assert_eq!(value("awsfresh_sso_session_refreshable", &corp), Some(1.0));
    assert_eq!(value("awsfresh_sso_session_signed_in", &corp), Some(1.0));
    assert_eq!(
        value("awsfresh_store_usable", &[("store", "sealed")]),
        Some(1.0)
    );
}

#[test]
fn watching_shows_what_changes_until_ctrl_c() {
    let (_aws, home) = role_on_keys(None);
    home.run(&["status", "--watch"]).failed(2, "usage");
    let mut terminal = Terminal::run(
        &home,
        &format!("stty cols 80 rows 24; exec {AWSFRESH} status --watch"),
    );
    terminal.wait_for("not cached");
    home.credentials_of("deploy").answer();
    terminal.wait_for("fresh     ");
    home.config("garbage\n");
    terminal.wait_for("[config-malformed]");
    terminal.type_line("\u{3}");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
}

/// The files of a home, with their times.
fn files(home: &Sandbox) -> String {
    home.shell("find . -printf '%p %s %T@ %C@\\n' | sort")
}

#[test]
fn status_changes_no_file() {
    let (_aws, home, _) = signed_in(3600);
    home.credentials_of("admin").answer();
    let before = files(&home);
    for form in [
        &["--json"][..],
        &[],
        &["--format", "prometheus"],
        &["--short"],
        &["--warn-within", "9h"],
    ] {
        home.wrap(&[&["status"], form].concat());
        assert_eq!(files(&home), before, "{form:?}");
    }
    assert!(home.home().join(sso_cache("corp")).exists());
}

#[test]
fn what_is_cached_is_known_among_many_profiles_too() {
    let (_aws, home) = role_on_keys(None);
    let role = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    let others: String = (0..300)
        .map(|n| format!("[profile p{n}]\nrole_arn = {ROLE}{n}\nsource_profile = base\n"))
        .collect();
    home.config(format!("{role}{others}[profile broken]\nrole_arn = x\n"));
    home.credentials_of("deploy");
    let report = json_of(&home, &[]);
    let profiles = report["profiles"].as_array().unwrap();
    let in_state = |state: &str| profiles.iter().filter(|one| one["state"] == state).count();
    assert_eq!(profiles.len(), 303);
    let names = profiles.iter().map(|one| one["profile"].as_str().unwrap());
    assert!(names.is_sorted());
    let deploy = profiles
        .iter()
        .find(|one| one["profile"] == "deploy")
        .unwrap();
    assert_eq!(deploy["state"], "fresh");
    assert_eq!(
        (
            in_state("not-cached"),
            in_state("static"),
            in_state("unusable")
        ),
        (300, 1, 1)
    );
}
