//! `export`: what each shell and program reads, what is removed, and what happens after a failure.
//! Hostile values in every shell are tests of src/export.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use serde_json::{Value, json};
use support::fixtures::{KEY, ROLE, SECRET, keys_of, offline_home, role_on_keys};
use support::sandbox::Sandbox;

const END: &str = "2090-01-01T00:00:00Z";
const ID: &str = "ASIAQTESTTESTTESTTES";

/// Every character that a secret can have.
fn secret() -> String {
    ('!'..='~').collect()
}

/// Every character that a token can have, in another order, and in bash no plain word.
fn token() -> String {
    format!("''`$(id)`'{}", ('!'..='~').rev().collect::<String>())
}

/// A home whose profile `it's "p" $x` has these credentials, and whose environment would outrank
/// them.
fn home(secret: &str, token: &str) -> Sandbox {
    let home = offline_home();
    home.secret(secret).secret(token);
    let answer = json!({
        "Version": 1, "AccessKeyId": ID, "SecretAccessKey": secret, "SessionToken": token,
        "Expiration": END, "AccountId": "111111111111",
    });
    home.file("answer.json", answer.to_string());
    home.config(format!(
        "[profile {PROFILE}]\nregion = eu-west-1\ncredential_process = cat {}\n",
        home.home().join("answer.json").display()
    ));
    home
}

const PROFILE: &str = r#"it's "p" $x"#;

/// What a program sees of the variables of AWS and awsfresh, sorted.
const SHOW: &str = "env -0 | sort -z | tr '\\n\\000' '\\001\\n' | grep -a '^AWS'";

/// The variables of a shell that has run `script`, as a program sees them.
fn seen(home: &Sandbox, shell: &str, script: &str) -> Vec<(String, String)> {
    let script = format!("{script}\n{SHOW}\n");
    let file = home.file("script", script);
    let no_config = match shell {
        "fish" => "--no-config",
        "zsh" => "-f",
        _ => "",
    };
    let line = format!("exec {shell} {no_config} {}", file.display());
    let lines = home.shell(&line);
    let pairs = lines.lines().map(|line| line.split_once('=').unwrap());
    let pairs = pairs.filter(|(name, _)| {
        !["AWSFRESH_STORE", "AWSFRESH_KEY_FILE", "AWS_ENDPOINT_URL"].contains(name)
    });
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn awsfresh(home: &Sandbox) -> &Sandbox {
    home.env("AWSFRESH", support::fixtures::AWSFRESH)
}

#[test]
fn a_shell_gets_exactly_these_credentials_and_can_remove_them() {
    let (secret, token) = (secret(), token());
    let home = home(&secret, &token);
    awsfresh(&home).env("P", PROFILE);
    for name in [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SECURITY_TOKEN",
        "AWS_ACCOUNT_ID",
        "AWS_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
    ] {
        home.env(name, "before");
    }
    let expected = pairs(&[
        ("AWSFRESH", support::fixtures::AWSFRESH),
        ("AWSFRESH_PROFILE", PROFILE),
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_CREDENTIAL_EXPIRATION", END),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_SESSION_TOKEN", &token),
    ]);
    for (shell, path, export) in [
        ("bash", "/bin/bash", r#"eval "$("$AWSFRESH" export EXTRA)""#),
        ("dash", "/bin/dash", r#"eval "$("$AWSFRESH" export EXTRA)""#),
        (
            "zsh",
            "/usr/bin/zsh",
            r#"eval "$("$AWSFRESH" export EXTRA)""#,
        ),
        ("fish", "/usr/bin/fish", "$AWSFRESH export EXTRA | source"),
    ] {
        if home.lacks(shell) {
            continue;
        }
        home.env("SHELL", path);
        let get = export.replace("EXTRA", "-p \"$P\"");
        assert_eq!(seen(&home, shell, &get), expected, "{shell}");
        // A second export without -p is of the same profile, although AWS_PROFILE is gone.
        let again = format!("{get}\n{}", export.replace("EXTRA", ""));
        assert_eq!(seen(&home, shell, &again), expected, "{shell}");
        let remove = format!("{get}\n{}", export.replace("EXTRA", "--unset"));
        assert_eq!(seen(&home, shell, &remove), expected[..1], "{shell}");
    }
    home.assert_no_secret_below(".local");
}

#[test]
fn every_other_format_has_the_same_credentials() {
    // Without a character that a format cannot express.
    let (secret, token) = ("wJalr/XUtn+FEMI=", "IQoJb3JpZ2lu+/==");
    let home = home(secret, token);
    let export = |format: &str| {
        let run = home.run(&["export", "-p", PROFILE, "--format", format]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{format}");
        run.stdout
    };
    let variables = [
        "AWS_REGION=eu-west-1",
        "AWS_DEFAULT_REGION=eu-west-1",
        &format!("AWS_ACCESS_KEY_ID={ID}"),
        &format!("AWS_SECRET_ACCESS_KEY={secret}"),
        &format!("AWS_SESSION_TOKEN={token}"),
        &format!("AWS_CREDENTIAL_EXPIRATION={END}"),
    ];
    for format in ["dotenv", "docker"] {
        assert_eq!(
            export(format).lines().collect::<Vec<_>>(),
            variables,
            "{format}"
        );
    }
    assert_eq!(
        export("json"),
        home.run(&["credential-process", "-p", PROFILE]).stdout
    );
    let sts: Value = serde_json::from_str(&export("credentials-json")).unwrap();
    let fields = json!({
        "AccessKeyId": ID, "SecretAccessKey": secret, "SessionToken": token, "Expiration": END,
    });
    assert_eq!(sts, json!({"Credentials": fields}));
    let record: Value = serde_json::from_str(&export("nu")).unwrap();
    assert_eq!(record["AWS_SECRET_ACCESS_KEY"], json!(secret));
    assert_eq!(record["AWS_PROFILE"], Value::Null);
    assert!(record.as_object().unwrap().contains_key("AWS_PROFILE"));
    let script = export("pwsh");
    assert!(script.contains("$env:AWS_PROFILE = $null\n"), "{script}");
    assert!(
        script.contains("$env:AWSFRESH_PROFILE = 'it''s \"p\" $x'\n"),
        "{script}"
    );
    assert_eq!(export("sh"), export("zsh"));
}

/// A section of the credentials file is what awsfresh itself reads.
#[test]
fn a_section_of_the_credentials_file_is_read_back() {
    let (secret, token) = ("wJalr/XUtn+FEMI=\\#;\"$'", "IQoJb3JpZ2lu+/==");
    let home = home(secret, token);
    let section = home.run(&["export", "-p", PROFILE, "--format", "credentials-file"]);
    assert!(
        section
            .stdout
            .starts_with(&format!("[{PROFILE}]\n# expires at {END}\n"))
    );
    home.config("").credentials(&section.stdout);
    let answer = home.credentials_of(PROFILE).answer();
    assert_eq!(
        (
            &answer["AccessKeyId"],
            &answer["SecretAccessKey"],
            &answer["SessionToken"]
        ),
        (&json!(ID), &json!(secret), &json!(token))
    );
}

#[test]
fn a_long_term_key_removes_the_token_of_another_and_is_announced() {
    let home = offline_home();
    home.secret(SECRET)
        .credentials(keys_of("base", KEY, SECRET));
    let run = home.run(&["export", "-p", "base"]);
    assert_eq!(run.code, Some(0));
    for line in [
        "unset AWS_SESSION_TOKEN;",
        "unset AWS_CREDENTIAL_EXPIRATION;",
    ] {
        assert!(run.stdout.lines().any(|l| l == line), "{}", run.stdout);
    }
    // The profile has no region: that of the shell stays.
    assert!(!run.stdout.contains("REGION"), "{}", run.stdout);
    assert!(
        run.stderr.contains("profile `base` has a long-term key"),
        "{}",
        run.stderr
    );
    let section = home
        .run(&["export", "-p", "base", "-f", "credentials-file"])
        .stdout;
    let expected = keys_of("base", KEY, SECRET);
    assert_eq!(section, expected);
}

#[test]
fn a_failure_prints_nothing_that_a_shell_could_carry_out() {
    let (aws, home) = role_on_keys(None);
    awsfresh(&home);
    home.env("AWS_SESSION_TOKEN", "before");
    let run = home.run(&["export", "-p", "nothing"]);
    run.failed(3, "profile-not-found");
    aws.remove_role(ROLE);
    home.run(&["export", "-p", "deploy"])
        .failed(6, "assume-role-denied");
    let script = r#"eval "$("$AWSFRESH" export -p deploy 2>/dev/null)"; echo $AWS_SESSION_TOKEN"#;
    assert_eq!(home.shell(script), "before\n");
    let why = home.run(&["why"]).stdout;
    assert!(why.contains("export"), "{why}");
}

#[test]
fn a_value_that_a_format_cannot_express_is_an_error() {
    let home = home(&secret(), &token());
    for (format, name) in [
        ("cmd", "AWS_SECRET_ACCESS_KEY"),
        ("dotenv", "AWS_SECRET_ACCESS_KEY"),
        ("credentials-file", "aws_session_token"),
    ] {
        let run = home.run(&["export", "-p", PROFILE, "-f", format]);
        run.failed(2, "usage");
        let first = run.stderr.lines().next().unwrap();
        let expected = format!("awsfresh: the format `{format}` cannot express {name} [usage]");
        assert_eq!(first, expected);
    }
    let run = home.run(&["export", "-p", PROFILE, "-f", "docker"]);
    assert!(
        run.stdout
            .contains(&format!("\nAWS_SECRET_ACCESS_KEY={}\n", secret()))
    );
}

#[test]
fn the_shell_has_a_format_or_is_an_error() {
    let home = home("wJalr/XUtn+FEMI=", "IQoJb3JpZ2lu+/==");
    home.env("SHELL", "/bin/tcsh");
    home.run(&["export", "-p", PROFILE]).failed(2, "usage");
    home.env("SHELL", "/usr/bin/fish");
    let run = home.run(&["export", "--unset"]);
    assert!(
        run.stdout.contains("set -e AWS_SESSION_TOKEN;\n"),
        "{}",
        run.stdout
    );
    home.run(&["export", "--unset", "-f", "docker"])
        .failed(2, "usage");
    home.run(&["export", "--unset", "-p", "x"])
        .failed(2, "usage");
}

#[test]
#[cfg(target_os = "linux")]
fn a_secret_on_a_terminal_is_announced() {
    let home = home("wJalr/XUtn+FEMI=", "IQoJb3JpZ2lu+/==");
    awsfresh(&home).env("P", PROFILE);
    let warning = "warning: stdout is a terminal";
    let run = |line: &str| support::terminal::Terminal::run(&home, line).end();
    let (code, screen) = run(r#""$AWSFRESH" export -p "$P""#);
    assert!(code == Some(0) && screen.contains(warning), "{screen}");
    let (code, screen) =
        run(r#"eval "$("$AWSFRESH" export -p "$P")" && "$AWSFRESH" export --unset"#);
    assert!(code == Some(0) && !screen.contains(warning), "{screen}");
}
