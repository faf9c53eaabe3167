//! `--deliver files`: credentials that stay fresh in a container that has no awsfresh.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use support::container::{CONTAINER, needs_namespace};
use support::fixtures::{KEY, SECRET, keys_of, role_on_keys};
use support::sandbox::{Run, Sandbox, spare_dirs};

/// The arguments that run a script with a directory for containers.
fn with_files(script: &str) -> [&str; 8] {
    [
        "-p",
        "deploy",
        "--deliver",
        "files",
        "--",
        "sh",
        "-c",
        script,
    ]
}

/// Runs a script in a container for the profile `deploy`.
fn in_container(home: &Sandbox, namespace: &str, script: &str) -> Run {
    home.env("SCRIPT", script).env("NAMESPACE", namespace);
    home.wrap(&with_files(CONTAINER))
}

#[test]
fn a_container_gets_one_profile_and_its_credentials() {
    let (_aws, home) = role_on_keys(None);
    let Some(namespace) = needs_namespace() else {
        return;
    };
    let run = in_container(
        &home,
        namespace,
        "sh -c \"$(sed -n 's/^credential_process = //p' /aws/config | head -1)\"; echo; cat /aws/config >&2; ls -a /aws >&2; command -v awsfresh >&2 || echo none >&2",
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer = run.answer();
    assert!(
        answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA")
            && answer["Expiration"].is_string()
    );
    assert!(
        run.stderr.contains(
            "[profile deploy]\ncredential_process = cat /aws/credentials.json\nregion = eu-west-1\n"
        ),
        "{}",
        run.stderr
    );
    assert!(
        !run.stderr.contains("source_profile")
            && run.stderr.ends_with("..\nconfig\ncredentials.json\nnone\n"),
        "{}",
        run.stderr
    );
    home.assert_no_secret_on_disk();
}

#[test]
fn the_credentials_in_the_container_are_renewed() {
    let (aws, home) = role_on_keys(Some(6));
    let Some(namespace) = needs_namespace() else {
        return;
    };
    let run = in_container(
        &home,
        namespace,
        "for i in 1 2 3 4 5 6 7 8; do cat /aws/credentials.json; echo; sleep 1; done",
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answers: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 8);
    assert!(aws.count("AssumeRole") >= 2);
    assert_ne!(answers[0]["AccessKeyId"], answers[7]["AccessKeyId"]);
}

#[test]
fn the_directory_is_private_in_memory_and_gone_afterwards() {
    let (_aws, home) = role_on_keys(None);
    let script = "echo $AWSFRESH_MOUNT; stat -fc %T $AWSFRESH_MOUNT; stat -c %a $AWSFRESH_MOUNT $AWSFRESH_MOUNT/*; echo $AWS_CONFIG_FILE";
    let run = home.wrap(&with_files(script));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[1..5], ["tmpfs", "700", "600", "600"], "{run:?}");
    assert!(
        !lines[5].starts_with(lines[0]),
        "the command itself calls awsfresh"
    );
    assert!(!Path::new(lines[0]).exists());
    // A runtime directory on a disk is not used.
    let disk = home.home().join("runtime");
    std::fs::create_dir(&disk).unwrap();
    std::fs::set_permissions(&disk, std::fs::Permissions::from_mode(0o700)).unwrap();
    home.env("XDG_RUNTIME_DIR", disk.to_str().unwrap());
    let run = home.wrap(&with_files(script));
    assert!(
        run.code == Some(0) && run.stdout.contains("\ntmpfs\n"),
        "{run:?}"
    );
    // Nor is one that another user has prepared.
    let planted = spare_dirs(home.home(), 0);
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        for dir in &planted[..2] {
            let _ = std::fs::remove_dir_all(dir);
            if std::fs::create_dir_all(dir).is_ok() {
                std::os::unix::fs::chown(dir, Some(1234), None).unwrap();
            }
        }
        let run = home.wrap(&with_files(script));
        assert!(
            run.code == Some(125) && run.stderr.contains("no directory in memory")
                || run.stdout.contains("tmpfs")
                    && planted[..2]
                        .iter()
                        .all(|dir| !run.stdout.contains(dir.to_str().unwrap())),
            "{run:?}"
        );
        for dir in &planted[..2] {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
    // After a SIGKILL the directory lives as long as the command, and the next run removes it.
    let mut child = home.start(&with_files("echo $AWSFRESH_MOUNT; exec sleep 2"));
    let mut path = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut path,
    )
    .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let again = || home.wrap(&["-p", "deploy", "--deliver", "files", "--", "true"]);
    again();
    assert!(Path::new(path.trim()).exists());
    std::thread::sleep(Duration::from_millis(2300));
    again();
    assert!(!Path::new(path.trim()).exists());
}

#[test]
fn keys_without_an_end_are_not_written() {
    let (_aws, home) = role_on_keys(None);
    home.credentials(keys_of("base", KEY, SECRET));
    let run = home.wrap(&["-p", "base", "--deliver", "files", "--", "true"]);
    assert!(
        run.code == Some(125) && run.stderr.contains("[usage]"),
        "{run:?}"
    );
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--deliver",
        "files",
        "--drill",
        "20s",
        "--",
        "true",
    ]);
    assert_eq!(run.code, Some(125), "{run:?}");
}
