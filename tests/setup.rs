//! `setup`: a diff, a question, one changed file, and the same bytes after `--undo`.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use support::double::Double;
use support::fixtures::{AWSFRESH, KEY, ROLE, SECRET, keys_of, role_on_keys, signed_in};
use support::sandbox::{ASK, Sandbox, moments};
use support::terminal::Terminal;

fn config(home: &Sandbox) -> String {
    std::fs::read_to_string(home.home().join(".aws/config")).unwrap()
}

/// What a tool gets for a profile, by its `credential_process` alone.
fn as_tool(home: &Sandbox, profile: &str) -> serde_json::Value {
    home.env("AWS_PROFILE", profile);
    home.env(
        "AWS_CONFIG_FILE",
        home.home().join(".aws/config").to_str().unwrap(),
    );
    let answer = home.shell(&ASK.replace(
        r#""$AWS_CONFIG_FILE")"#,
        r#""$AWS_CONFIG_FILE" | tr -d '\r')"#,
    ));
    home.unset("AWS_PROFILE");
    serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{profile}: {answer}"))
}

/// A config as people have one, with every kind of profile.
fn config_of_everything(end: &str) -> String {
    let text = format!(
        "# my profiles\n[default]\nregion = eu-west-1\noutput = json\n\n\
         [profile deploy]\n; the role\nrole_arn = {ROLE} # prod\nsource_profile = base\n\
         region = eu-west-1\ns3 =\n  max_concurrent_requests = 20\n  role_arn = not this one\n\n\
         [services local]\nsts =\n  endpoint_url = http://127.0.0.1:9\n\n\
         [profile admin]\nsso_session = corp\nsso_account_id = 444444444444\n\
         sso_role_name = Admin\nregion=eu-west-1\n\n\
         [profile two words]\nROLE_ARN={ROLE}\nsource_profile=base\nduration_seconds = 1800\n\n\
         [profile other]\ncredential_process = cat keys.json\n\n\
         [sso-session corp]\nsso_start_url = https://d-1234567890.awsapps.com/start\n\
         sso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n"
    );
    text.replace('\n', end)
}

fn home_of_everything(end: &str) -> (Double, Sandbox) {
    let (aws, home, _) = signed_in(3600);
    aws.add_user(KEY, SECRET, support::fixtures::USER);
    aws.add_role(support::fixtures::open_role(ROLE, None));
    home.secret(SECRET);
    home.credentials(keys_of("base", KEY, SECRET));
    home.file(
        "keys.json",
        format!(r#"{{"Version":1,"AccessKeyId":"{KEY}","SecretAccessKey":"{SECRET}"}}"#),
    );
    home.config(config_of_everything(end));
    (aws, home)
}

#[test]
fn profiles_are_served_afterwards_and_undo_restores_the_same_bytes() {
    for end in ["\n", "\r\n"] {
        let (aws, home) = home_of_everything(end);
        let before = config(&home);
        let run = home.wrap(&["setup", "--yes"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            run.stdout.contains("-role_arn = ") && run.stdout.contains("+awsfresh_role_arn = ")
        );
        let after = config(&home);
        assert!(after.contains("\n  role_arn = not this one") && after.contains("# prod"));
        assert_eq!(
            after.matches("\r\n").count(),
            if end == "\n" {
                0
            } else {
                after.lines().count()
            }
        );
        let role = as_tool(&home, "deploy");
        assert!(role["SessionToken"].is_string());
        assert!(as_tool(&home, "admin")["SessionToken"].is_string());
        assert!(as_tool(&home, "two words")["SessionToken"].is_string());
        assert_eq!(as_tool(&home, "other")["AccessKeyId"], KEY);
        assert_eq!(home.credentials_of("deploy").answer(), role);
        assert_eq!(aws.count("GetRoleCredentials"), 1);
        let check = home.wrap(&["setup", "--check"]);
        assert_eq!(check.code, Some(0), "{}", check.stdout);
        assert_eq!(
            check.stdout.matches("served by awsfresh").count(),
            4,
            "{}",
            check.stdout
        );
        // Once more changes nothing.
        assert_eq!(home.wrap(&["setup", "--yes"]).code, Some(0));
        assert_eq!(config(&home), after);
        assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
        assert_eq!(config(&home), before);
        home.wrap(&["setup", "--undo", "--yes"]).failed(2, "usage");
    }
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let (_aws, home) = home_of_everything("\n");
    let before = config(&home);
    let dry = home.wrap(&["setup", "--dry-run"]);
    assert!(
        dry.code == Some(0) && dry.stdout.contains("+credential_process = "),
        "{dry:?}"
    );
    home.wrap(&["setup"]).failed(2, "usage");
    assert_eq!(config(&home), before);
    for (answer, is_changed) in [("n", false), ("y", true)] {
        let mut terminal = Terminal::run(&home, &format!("{AWSFRESH} setup deploy"));
        terminal.wait_for("[Y/n]");
        terminal.type_line(answer);
        terminal.end();
        assert_eq!(config(&home) != before, is_changed, "{answer}");
    }
    assert!(
        !config(&home).contains("awsfresh_sso_session"),
        "only the named profile"
    );
}

#[test]
fn what_would_not_work_is_refused() {
    let (_aws, home) = role_on_keys(None);
    let refused = |config: &str, credentials: &str, cause: &str| {
        home.config(config);
        home.credentials(format!("{}{credentials}", keys_of("base", KEY, SECRET)));
        let before = std::fs::read(home.home().join(".aws/config")).unwrap();
        home.wrap(&["setup", "p", "--yes"])
            .failed(if cause == "usage" { 2 } else { 3 }, cause);
        assert_eq!(
            std::fs::read(home.home().join(".aws/config")).unwrap(),
            before
        );
    };
    let role = format!("role_arn = {ROLE}\nsource_profile = base\n");
    refused(
        &format!("[profile p]\n{role}"),
        &keys_of("p", KEY, SECRET),
        "credentials-file-shadows",
    );
    refused(
        &format!("[profile p]\n{role}[profile p]\nregion = eu-west-1\n"),
        "",
        "config-duplicate",
    );
    refused(
        &format!("[profile p]\n{role}output = a\noutput = b\n"),
        "",
        "config-duplicate",
    );
    refused("[profile q]\n", "", "profile-not-found");
    refused(
        &format!(
            "[profile p]\n{}",
            keys_of("x", KEY, SECRET).replace("[x]\n", "")
        ),
        "",
        "usage",
    );
    refused(
        "[profile p]\nrole_arn = nonsense\nsource_profile = base\n",
        "",
        "config-malformed",
    );
}

#[test]
fn link_mode_and_a_file_that_may_not_be_written_stay() {
    let (_aws, home) = home_of_everything("\n");
    let (link, target) = (
        home.home().join(".aws/config"),
        home.home().join("dotfiles/config"),
    );
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::rename(&link, &target).unwrap();
    symlink(&target, &link).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(home.wrap(&["setup", "--yes"]).code, Some(0));
    assert!(link.is_symlink() && config(&home).contains("awsfresh_role_arn"));
    assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o777, 0o640);
    assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
    assert_eq!(config(&home), config_of_everything("\n"));
}

#[test]
fn undo_after_an_edit_takes_back_exactly_what_was_renamed() {
    let (_aws, home) = home_of_everything("\n");
    home.wrap(&["setup", "deploy", "--yes"]);
    let edited = config(&home).replace(
        "region = eu-west-1\ns3",
        "awsfresh_tags = a=b\nregion = us-east-1\ns3",
    );
    home.config(&edited);
    assert_eq!(
        home.wrap(&["setup", "deploy", "--undo", "--yes"]).code,
        Some(0)
    );
    let expected = config_of_everything("\n").replace(
        "region = eu-west-1\ns3",
        "awsfresh_tags = a=b\nregion = us-east-1\ns3",
    );
    assert_eq!(config(&home), expected);
}

#[test]
fn a_killed_setup_leaves_the_old_or_the_new_file() {
    let (_aws, home) = home_of_everything("\n");
    let before = config(&home);
    let undisturbed = home.wrap(&["setup", "--yes"]).took;
    let after = config(&home);
    home.wrap(&["setup", "--undo", "--yes"]);
    let (mut old, mut new) = (0, 0);
    for moment in moments(undisturbed) {
        let mut child = home.start(&["setup", "--yes"]);
        std::thread::sleep(moment);
        let _ = child.kill();
        child.wait().unwrap();
        let now = config(&home);
        assert!(now == before || now == after, "a torn file");
        if now == after {
            new += 1;
            assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
        } else {
            old += 1;
        }
        assert_eq!(config(&home), before);
    }
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

#[test]
fn three_thousand_profiles_are_set_up_and_undone() {
    let (_aws, home) = role_on_keys(None);
    let text: String = (0..3000)
        .map(|i| format!("[profile p{i}]\nrole_arn = {ROLE}\nsource_profile = base\n"))
        .collect();
    home.config(&text);
    let run = home.wrap(&["setup", "--all", "--yes"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        config(&home)
            .matches(&format!("{AWSFRESH} credential-process"))
            .count(),
        3000
    );
    assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
    assert_eq!(config(&home), text);
}

#[test]
fn check_says_who_would_bypass_awsfresh() {
    let (_aws, home) = home_of_everything("\n");
    home.wrap(&["setup", "--yes"]);
    home.credentials(format!(
        "{}{}",
        keys_of("base", KEY, SECRET),
        keys_of("deploy", KEY, SECRET)
    ));
    let run = home.wrap(&["setup", "--check"]);
    assert_eq!(run.code, Some(3), "{}", run.stdout);
    assert!(
        run.stdout
            .contains("deploy: bypassed: every tool uses aws_access_key_id"),
        "{}",
        run.stdout
    );
    let gone = config(&home).replace(AWSFRESH, "/no/awsfresh");
    home.config(gone);
    let run = home.wrap(&["setup", "--check", "admin"]);
    assert!(
        run.code == Some(3) && run.stdout.contains("/no/awsfresh does not exist"),
        "{}",
        run.stdout
    );
    // setup corrects the path.
    assert_eq!(home.wrap(&["setup", "admin", "--yes"]).code, Some(0));
    assert_eq!(home.wrap(&["setup", "--check", "admin"]).code, Some(0));
}

#[test]
fn setups_at_once_are_all_undone() {
    let (_aws, home) = role_on_keys(None);
    let names: Vec<String> = (0..12).map(|n| format!("d{n}")).collect();
    let section =
        |name: &String| format!("[profile {name}]\nrole_arn = {ROLE}\nsource_profile = base\n");
    let text: String = names.iter().map(section).collect();
    home.config(&text);
    let children: Vec<_> = names
        .iter()
        .map(|name| home.start(&["setup", name, "--yes"]))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(
        config(&home).matches("credential_process").count(),
        names.len()
    );
    assert_eq!(home.wrap(&["setup", "--undo", "--yes"]).code, Some(0));
    assert_eq!(config(&home), text);
}

#[test]
fn a_process_for_another_profile_is_an_error_and_is_corrected() {
    let (_aws, home) = role_on_keys(None);
    home.wrap(&["setup", "deploy", "--yes"]);
    // As a person copies a section.
    let copy = config(&home).replace("[profile deploy]", "[profile copy]");
    home.config(config(&home) + &copy);
    home.credentials_of("copy").failed(3, "source-conflict");
    let check = home.wrap(&["setup", "--check"]);
    assert!(
        check.code == Some(3) && check.stdout.contains("copy: bypassed"),
        "{check:?}"
    );
    let run = home.wrap(&["setup", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(home.credentials_of("copy").answer()["SessionToken"].is_string());
    assert_eq!(home.wrap(&["setup", "--check"]).code, Some(0));
}

#[test]
fn undo_makes_no_key_twice_and_a_diff_shows_no_secret() {
    let (_aws, home) = role_on_keys(None);
    home.wrap(&["setup", "deploy", "--yes"]);
    let edited = config(&home) + "source_profile = other\n";
    home.config(&edited);
    home.wrap(&["setup", "--undo", "--yes"])
        .failed(3, "config-duplicate");
    assert_eq!(config(&home), edited);
    // One profile that cannot be set up does not stop the others.
    home.config(format!("[profile odd #1]\nrole_arn = {ROLE}\nsource_profile = base\n[profile p]\nrole_arn = {ROLE}\nsource_profile = base\n"));
    let run = home.wrap(&["setup", "--yes"]);
    assert!(
        run.code == Some(0) && config(&home).contains("--profile p\n"),
        "{run:?}"
    );
}
