//! Roles: the real binary against the AWS double. Each test name says what must hold.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::double::{Fault, Role};
use support::fixtures::{AWSFRESH, KEY, ROLE, SECRET, USER, open_role, role_on_keys};
use support::sandbox::{Sandbox, moments};

#[test]
fn static_keys_are_returned_unchanged() {
    let (aws, home) = role_on_keys(None);
    let answer = home.credentials_of("base").answer();
    assert_eq!(
        answer,
        serde_json::json!({"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET})
    );
    assert!(aws.calls().is_empty());
}

#[test]
fn a_role_is_asked_for_once_and_then_answered_from_the_store() {
    let (aws, home) = role_on_keys(None);
    let cold = home.credentials_of("deploy").answer();
    let warm = home.credentials_of("deploy").answer();
    assert_eq!(cold, warm);
    assert_eq!(cold["AccountId"], "222222222222");
    assert_eq!(aws.count("AssumeRole"), 1);
    home.assert_no_secret_on_disk();
}

#[test]
fn duration_external_id_and_session_name_reach_sts() {
    let (aws, home) = role_on_keys(None);
    aws.add_role(Role {
        external_id: Some("blue".into()),
        max_session: 7200,
        ..open_role(ROLE, None)
    });
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = blue\n\
         duration_seconds = 7200\nrole_session_name = ann\nawsfresh_tags = team=core\n"
    ));
    home.credentials_of("deploy").answer();
    let call = aws
        .calls()
        .into_iter()
        .find(|c| c.action == "AssumeRole")
        .unwrap();
    for (name, value) in [
        ("ExternalId", "blue"),
        ("DurationSeconds", "7200"),
        ("RoleSessionName", "ann"),
        ("Tags.member.1.Value", "core"),
    ] {
        assert_eq!(
            call.params.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
}

#[test]
fn every_hop_is_cached_under_its_own_key() {
    let (aws, home) = role_on_keys(None);
    let middle = "arn:aws:iam::222222222222:role/middle";
    aws.add_role(Role {
        trusts: vec![USER.into()],
        ..Role::new(middle)
    });
    aws.add_role(Role {
        trusts: vec![middle.into()],
        max_session: 43200,
        ..Role::new(ROLE)
    });
    home.config(format!(
        "[profile middle]\nrole_arn = {middle}\nsource_profile = base\n\
         [profile deploy]\nrole_arn = {ROLE}\nsource_profile = middle\nduration_seconds = 43200\n"
    ));
    home.credentials_of("deploy").answer();
    assert_eq!(aws.count("AssumeRole"), 2, "not exactly one call per hop");
    home.credentials_of("middle").answer();
    assert_eq!(aws.count("AssumeRole"), 2, "the middle hop was not cached");
}

#[test]
fn an_edited_profile_never_returns_the_old_role() {
    let (aws, home) = role_on_keys(None);
    home.credentials_of("deploy").answer();
    let other = "arn:aws:iam::333333333333:role/other";
    aws.add_role(open_role(other, None));
    home.config(format!(
        "[profile deploy]\nrole_arn = {other}\nsource_profile = base\n"
    ));
    assert_eq!(
        home.credentials_of("deploy").answer()["AccountId"],
        "333333333333"
    );
}

#[test]
fn a_session_in_its_last_third_is_renewed() {
    let (aws, home) = role_on_keys(Some(9));
    let first = home.credentials_of("deploy").answer();
    assert_eq!(home.credentials_of("deploy").answer(), first);
    // Expirations are whole seconds: 1 or 2 s are left.
    std::thread::sleep(Duration::from_millis(7_200));
    assert_ne!(home.credentials_of("deploy").answer(), first);
    assert_eq!(aws.count("AssumeRole"), 2);
}

#[test]
fn a_valid_session_is_used_during_an_outage_and_its_expiry_is_explained() {
    let (aws, home) = role_on_keys(Some(12));
    let first = home.credentials_of("deploy").answer();
    std::thread::sleep(Duration::from_millis(9_200));
    aws.fault(Fault::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: "down".into(),
    });
    assert_eq!(
        home.credentials_of("deploy").answer(),
        first,
        "not the cached session with its true expiration"
    );
    let asked = aws.count("AssumeRole");
    assert_eq!(home.credentials_of("deploy").answer(), first);
    assert_eq!(
        aws.count("AssumeRole"),
        asked,
        "a source that just failed was asked again"
    );
    std::thread::sleep(Duration::from_millis(4_500));
    let run = home.credentials_of("deploy");
    run.failed(7, "aws-unavailable");
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    aws.heal();
    home.credentials_of("deploy").answer();
}

#[test]
fn a_call_on_a_dead_network_ends_within_the_deadline() {
    for fault in [Fault::Hang, Fault::Drop] {
        let (aws, home) = role_on_keys(None);
        aws.fault(fault.clone());
        let run = home.credentials_of("deploy");
        assert_eq!(run.code, Some(7), "{run:#?}");
        assert!(
            run.took < Duration::from_secs(5),
            "{fault:?}: {:?}",
            run.took
        );
    }
}

#[test]
fn every_error_answer_is_explained() {
    let error = |status, code: &str, message: &str| Fault::Error {
        status,
        code: code.into(),
        message: message.into(),
    };
    let cases = [
        (
            error(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            5,
            "access-key-unknown",
        ),
        (
            error(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            5,
            "session-expired",
        ),
        (
            error(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
            ),
            5,
            "secret-wrong",
        ),
        (
            error(
                403,
                "AccessDenied",
                "User: x is not authorized to perform: sts:AssumeRole",
            ),
            6,
            "assume-role-denied",
        ),
        (
            error(
                403,
                "RegionDisabledException",
                "STS is not activated in this region",
            ),
            5,
            "region-disabled",
        ),
        (error(400, "Throttling", "Rate exceeded"), 7, "throttled"),
        (error(500, "InternalFailure", "oops"), 7, "aws-unavailable"),
        (Fault::Html(200), 7, "captive-portal"),
        (Fault::Html(403), 7, "captive-portal"),
        (Fault::Truncated, 7, "captive-portal"),
        (Fault::Garbage, 7, "captive-portal"),
    ];
    for (fault, code, cause) in cases {
        let (aws, home) = role_on_keys(None);
        aws.fault(fault);
        home.credentials_of("deploy").failed(code, cause);
    }
}

#[test]
fn a_denied_role_and_a_deleted_key_are_explained() {
    let (aws, home) = role_on_keys(None);
    aws.add_role(Role {
        trusts: vec!["arn:aws:iam::1:user/other".into()],
        ..Role::new(ROLE)
    });
    home.credentials_of("deploy")
        .failed(6, "assume-role-denied");
    aws.remove_key(KEY);
    let run = home.credentials_of("deploy");
    run.failed(5, "access-key-unknown");
    assert!(
        run.stderr.contains("AKIA…TTES") && !run.stderr.contains(KEY),
        "{}",
        run.stderr
    );
}

#[test]
fn an_mfa_role_without_a_cached_session_is_an_error() {
    let (aws, home) = role_on_keys(None);
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n\
                         mfa_serial = arn:aws:iam::111111111111:mfa/ann\n"
    ));
    home.credentials_of("deploy").failed(4, "mfa-needed");
    assert!(aws.calls().is_empty());
}

#[test]
#[cfg_attr(windows, ignore = "Wine starts no 200 processes at once")]
fn two_hundred_concurrent_cold_calls_make_one_request() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let children: Vec<_> = (0..200)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    let outputs: Vec<_> = children
        .into_iter()
        .map(|c| c.wait_with_output().unwrap())
        .collect();
    for output in &outputs {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
#[cfg_attr(
    windows,
    ignore = "Wine starts 20 processes too slowly to fail together"
)]
fn waiting_calls_share_the_failure() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(400)));
    aws.remove_role(ROLE);
    let children: Vec<_> = (0..20)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(6),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(
        aws.count("AssumeRole") <= 3,
        "{} calls",
        aws.count("AssumeRole")
    );
}

#[test]
fn a_refresh_killed_at_any_moment_leaves_a_usable_cache() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(20)));
    let undisturbed = home.credentials_of("deploy").took;
    for moment in moments(undisturbed) {
        home.run(&["forget", "--all"]);
        let mut child = home.start(&["credential-process", "-p", "deploy"]);
        std::thread::sleep(moment);
        let _ = child.kill();
        child.wait().unwrap();
        home.credentials_of("deploy").answer();
    }
}

#[test]
fn damaged_cache_entries_count_as_missing() {
    let (aws, home) = role_on_keys(None);
    for (n, damage) in [&b""[..], b"\0\0\0", b"{}", &[0xff; 4096]]
        .into_iter()
        .enumerate()
    {
        home.credentials_of("deploy").answer();
        let dir = home.state().join("sealed");
        let entry = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.extension().is_some_and(|e| e == "sealed"))
            .unwrap();
        std::fs::write(entry, damage).unwrap();
        home.credentials_of("deploy").answer();
        assert_eq!(aws.count("AssumeRole"), 2 * (n + 1));
        home.run(&["forget", "--all"]);
    }
}

#[test]
fn an_unwritable_store_withholds_no_credentials() {
    let (aws, home) = role_on_keys(None);
    home.file(".local/state/awsfresh", "a file in place of the directory");
    let first = home.credentials_of("deploy").answer();
    assert_eq!(home.credentials_of("deploy").answer(), first);
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
fn status_follows_refresh_and_forget() {
    let (aws, home) = role_on_keys(None);
    let status = |home: &Sandbox| -> serde_json::Value {
        let run = home.run(&["status", "--json"]);
        let all: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        all["profiles"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["profile"] == "deploy")
            .unwrap()
            .clone()
    };
    assert_eq!(status(&home)["state"], "not-cached");
    assert_eq!(home.run(&["refresh", "-p", "deploy"]).code, Some(0));
    assert_eq!(home.run(&["refresh", "-p", "deploy"]).code, Some(0));
    assert_eq!(
        aws.count("AssumeRole"),
        2,
        "refresh did not renew a fresh session"
    );
    assert_eq!(status(&home)["state"], "fresh");
    assert!(
        home.run(&["status"])
            .stdout
            .contains("static keys → arn:aws:iam::222222222222:role/deploy")
    );
    assert_eq!(home.run(&["forget", "-p", "deploy"]).code, Some(0));
    assert_eq!(status(&home)["state"], "not-cached");
}

#[test]
fn help_and_version_work_with_every_file_broken() {
    let (_aws, home) = role_on_keys(None);
    home.config(b"\xff\xfe\0").credentials("garbage");
    for args in [["--help"], ["--version"]] {
        assert_eq!(home.run(&args).code, Some(0));
    }
}

#[test]
fn verbose_shows_every_decision_and_no_secret() {
    let (_aws, home) = role_on_keys(None);
    let run = home.run(&["-v", "credential-process", "-p", "deploy"]);
    for word in [
        "store: ",
        "nothing valid is cached",
        "calling AssumeRole",
        "stored in sealed",
    ] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    let quiet = home.credentials_of("deploy");
    assert!(
        quiet.stderr.is_empty(),
        "the SDK for Go shows stderr of every run: {}",
        quiet.stderr
    );
}

#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn a_process_is_run_once_and_its_answer_is_checked() {
    let (_aws, home) = role_on_keys(None);
    let answer = serde_json::json!({
        "Version": 1,
        "AccessKeyId": "ASIAQPROCPROCPROCPRO",
        "SecretAccessKey": "canary1",
        "SessionToken": "canary2",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    home.file("answer.json", answer.to_string());
    home.config("[profile p]\ncredential_process = sh -c 'echo x >> asked; cat answer.json'\n");
    home.credentials_of("p").answer();
    home.credentials_of("p").answer();
    assert_eq!(
        std::fs::read_to_string(home.home().join("asked")).unwrap(),
        "x\n"
    );
    home.config("[profile p]\ncredential_process = sh -c 'echo out of cheese >&2; exit 3'\n");
    assert!(
        home.credentials_of("p")
            .failed(3, "process-failed")
            .stderr
            .contains("out of cheese")
    );
    home.config("[profile p]\ncredential_process = sleep 60\n");
    assert!(home.credentials_of("p").failed(3, "process-failed").took < Duration::from_secs(6));
    home.config("[profile p]\ncredential_process = head -c 10000000 /dev/zero\n");
    home.credentials_of("p").failed(3, "process-output-invalid");
    home.config(format!(
        "[profile p]\ncredential_process = {AWSFRESH} credential-process --profile p\n"
    ));
    home.credentials_of("p").failed(3, "process-self-recursion");
    let script = home.file(
        "again",
        format!("exec {AWSFRESH} credential-process --profile p\n"),
    );
    home.config(format!(
        "[profile p]\ncredential_process = sh {}\n",
        script.display()
    ));
    assert!(
        home.credentials_of("p")
            .failed(3, "process-failed")
            .stderr
            .contains("process-self-recursion")
    );
}

#[test]
fn a_lock_that_is_held_too_long_is_an_error() {
    let (_aws, home) = role_on_keys(None);
    home.credentials_of("deploy").answer();
    home.run(&["forget", "--all"]);
    let locks = home.state().join("locks");
    let files = std::fs::read_dir(locks).unwrap();
    let holders: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| [path.with_extension("successor.lock"), path])
        .map(|path| {
            let file = std::fs::File::options()
                .append(true)
                .create(true)
                .open(path);
            let file = file.unwrap();
            file.lock().unwrap();
            file
        })
        .collect();
    home.env("AWSFRESH_TIMEOUT", "0.5")
        .credentials_of("deploy")
        .failed(9, "lock-timeout");
    drop(holders);
    home.credentials_of("deploy").answer();
}

/// A server that never ends its answer must not take all memory.
#[test]
#[cfg(unix)]
fn an_endless_response_ends_at_a_limit() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n";
                let mut sent = stream.write_all(head.as_bytes());
                while sent.is_ok() {
                    sent = stream.write_all(&[b'x'; 64 * 1024]);
                }
            });
        }
    });
    let (_aws, home) = role_on_keys(None);
    home.env("AWS_ENDPOINT_URL", &url);
    let run = home.credentials_of("deploy");
    run.failed(7, "captive-portal");
    assert!(run.stderr.contains("larger than 1 MB"), "{}", run.stderr);
}

/// What a `credential_process` starts and leaves behind, such as an agent, neither delays its answer
/// nor outlives a failure.
#[test]
#[cfg(target_os = "linux")]
fn programs_that_a_process_starts_are_not_waited_for_and_end_with_a_failure() {
    let (_aws, home) = role_on_keys(None);
    let answer = r#"{"Version": 1, "AccessKeyId": "AKIAQTESTTESTTESTTES", "SecretAccessKey": "canaryOfAgentcanaryOfAgentcanaryOfAgent12"}"#;
    home.file("answer", answer);
    home.env("AWSFRESH_TIMEOUT", "2");
    let process = |line: &str| {
        home.config(format!("[profile agent]\ncredential_process = {line}\n"));
        home.credentials_of("agent")
    };
    let run = process("sleep 30 & echo $! > agent; cat answer");
    assert_eq!(run.answer()["AccessKeyId"], "AKIAQTESTTESTTESTTES");
    home.shell("kill $(cat agent)");
    process("sleep 31 & echo $! > agent; sleep 32").failed(3, "process-failed");
    let agent = std::fs::read_to_string(home.home().join("agent")).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.trim()));
    // It may be a zombie until its new parent looks.
    assert!(
        status.is_err() || status.unwrap().contains("Z (zombie)"),
        "{agent} goes on"
    );
}

/// Other tools see the `credential_process` alone.
#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn one_section_has_the_process_and_the_source() {
    let (aws, home) = role_on_keys(None);
    home.config(format!(
        "[profile deploy]\nregion = eu-west-1\n\
         credential_process = {AWSFRESH} credential-process --profile deploy\n\
         awsfresh_role_arn = {ROLE}\nawsfresh_source_profile = base\n\
         [profile next]\nrole_arn = {ROLE}\nsource_profile = deploy\n"
    ));
    let answer = home.credentials_of("deploy").answer();
    home.env("AWS_PROFILE", "deploy");
    home.env(
        "AWS_CONFIG_FILE",
        home.home().join(".aws/config").to_str().unwrap(),
    );
    let asked: serde_json::Value =
        serde_json::from_str(&home.shell(support::sandbox::ASK)).unwrap();
    assert_eq!(asked, answer, "what a tool gets");
    home.credentials_of("next").answer();
    assert_eq!(aws.count("AssumeRole"), 2);
    let doctor = home.wrap(&["doctor", "--offline", "-p", "deploy"]);
    assert_eq!(doctor.code, Some(0), "{}", doctor.stdout);
    let wrapped = home.wrap(&["-p", "deploy", "--", "sh", "-c", support::sandbox::ASK]);
    assert_eq!(wrapped.answer()["AccessKeyId"], answer["AccessKeyId"]);
}
