//! `explain`, which finds the cause in the log of another program, and `why`, which shows earlier
//! failures. tests/diagnosis.rs runs `explain` on the output of real clients.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
#![cfg(unix)]

mod support;

use serde_json::Value;
use support::fixtures::{AWSFRESH, KEY, LAB_SECRET, lab_token, offline_home, role_on_keys};

#[test]
fn a_log_is_read_from_stdin_and_combined_with_local_findings() {
    use std::io::Write;
    let home = offline_home();
    home.unset("AWS_ENDPOINT_URL")
        .secret(LAB_SECRET)
        .secret(&lab_token());
    let explain = |args: &[&str], text: &[u8]| {
        let mut child = home
            .command(args)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let log =
        b"An error occurred (InvalidClientTokenId) when calling the ListUsers operation: The \
                security token included in the request is invalid.";
    let (code, output) = explain(&["explain"], log);
    assert!(
        code == Some(0) && output.starts_with("found: InvalidClientTokenId from ListUsers\n"),
        "{output}"
    );
    assert!(output.contains("[access-key-unknown]"), "{output}");
    // The same log on a machine where a long-term key is exported together with a token.
    home.env("AWS_ACCESS_KEY_ID", "AKIAQCANARYCANARYCAN")
        .env("AWS_SECRET_ACCESS_KEY", LAB_SECRET)
        .env("AWS_SESSION_TOKEN", &lab_token());
    let (_, output) = explain(&["explain", "-"], log);
    let first = output
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap();
    assert!(
        first.contains("[stale-session-token]") && !output.contains(LAB_SECRET),
        "{output}"
    );
    // AWS quotes the invalid access key ID, and logs may contain environment variables.
    let swapped = format!(
        "An error occurred (IncompleteSignature) when calling the SendMessage operation: \
         Credential must have exactly 5 slash-delimited elements, got \
         '{LAB_SECRET}/20181031/us-east-2/sqs/aws4_request'"
    );
    let dumped = format!(
        "AWS_SECRET_ACCESS_KEY={LAB_SECRET} AWS_SESSION_TOKEN={} (ExpiredToken)",
        lab_token()
    );
    for log in [swapped, dumped] {
        for args in [&["explain"][..], &["explain", "--json"]] {
            let (code, output) = explain(args, log.as_bytes());
            assert_eq!(code, Some(0));
            home.assert_no_leak(&output, "the explanation of a log with secrets");
        }
    }
    assert_eq!(explain(&["explain"], b"all is well").0, Some(1));
    assert_eq!(explain(&["explain"], b"").0, Some(1));
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            String::from_utf8_lossy(log)
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    assert_eq!(
        explain(&["explain"], &wide).0,
        Some(0),
        "UTF-16, as PowerShell writes it, is not read"
    );
    home.file("log", log);
    let output = home.shell(&format!("cat log | {AWSFRESH} explain /dev/stdin"));
    assert!(
        output.starts_with("found: InvalidClientTokenId"),
        "/dev/stdin is not read: {output}"
    );
    let run = home.run(&["explain", "missing.log"]);
    run.failed(2, "usage");
}

#[test]
fn a_program_that_does_not_know_the_source_of_the_selected_profile_is_told_so() {
    let home = offline_home();
    home.config(
        "[profile shop]\nlogin_session = arn:aws:iam::111111111111:user/ann\n\
         [profile my role]\naws_access_key_id = AKIAQCANARYCANARYCAN\n\
         aws_secret_access_key = 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\n",
    );
    home.file(
        "tf.log",
        "Error: failed to refresh cached credentials, no EC2 IMDS role found, operation error \
         ec2imds: GetMetadata, request canceled, context deadline exceeded\n",
    );
    home.file(
        "py.log",
        "NoCredentialsError: Unable to locate credentials\n",
    );
    for (args, words) in [
        (
            ["explain", "-p", "shop", "tf.log"],
            "does not know `aws login`, with which profile `shop` signs in",
        ),
        (
            ["explain", "-p", "shop", "tf.log"],
            "awsfresh -p shop -- COMMAND",
        ),
        (
            ["explain", "-p", "my role", "py.log"],
            r#"awsfresh -p "my role" -- COMMAND"#,
        ),
    ] {
        let run = home.run(&args);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stdout.contains(words), "no `{words}`: {run:?}");
    }
    home.env("AWS_PROFILE", "shop");
    let run = home.run(&["explain", "tf.log"]);
    assert!(run.stdout.contains("profile `shop`"), "{run:?}");
    // A default that nobody chose says nothing about the program.
    home.unset("AWS_PROFILE");
    let run = home.run(&["explain", "tf.log"]);
    assert!(!run.stdout.contains("aws login"), "{run:?}");
}

#[test]
fn why_shows_failures_from_the_journal() {
    let (aws, home) = role_on_keys(None);
    aws.remove_key(KEY);
    assert_eq!(home.wrap(&["why"]).stdout, "no awsfresh call has failed\n");
    home.credentials_of("deploy")
        .failed(5, "access-key-unknown");
    home.credentials_of("missing")
        .failed(3, "profile-not-found");
    let output = home.wrap(&["why"]);
    assert!(
        output.stdout.contains("[access-key-unknown]")
            && output.stdout.contains("[profile-not-found]"),
        "{output:?}"
    );
    assert!(
        output.stdout.contains("credential-process, called by "),
        "{output:?}"
    );
    let json: Value = serde_json::from_str(&home.wrap(&["why", "--json"]).stdout).unwrap();
    let failures = json["failures"].as_array().unwrap();
    assert_eq!(
        (failures.len(), &failures[1]["cause"]),
        (2, &Value::from("profile-not-found"))
    );
    let journal = home.home().join(".local/state/awsfresh/journal.jsonl");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&journal).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    home.assert_no_secret_on_disk();
    // If the journal cannot be written, the call still reports its own failure.
    std::fs::remove_file(&journal).unwrap();
    std::fs::create_dir(&journal).unwrap();
    home.credentials_of("missing")
        .failed(3, "profile-not-found");
    home.run(&["why"]).failed(3, "file-permissions");
}
