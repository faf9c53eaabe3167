//! Small limits: few files, few processes, little memory, no /proc, any umask.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use support::container::needs_namespace;
use support::fixtures::{AWSFRESH, role_on_keys, signed_in};
use support::sandbox::{ASK, Run, Sandbox};
use support::users::{UID, as_user, give_away, needs_root};

/// What a user may run.
const CALLS: [&str; 7] = [
    "credential-process -p deploy",
    "-p deploy -- true",
    "-p deploy --deliver env -- true",
    "refresh --all",
    "status",
    "doctor -p deploy",
    "why",
];

/// Runs a shell script with `$AWSFRESH` in the home, and asserts what holds for every run.
fn run(home: &Sandbox, script: &str) -> Run {
    let mut command = home.command(&[]);
    let env: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command
        .args(["-c", script])
        .env_clear()
        .envs(env)
        .env("AWSFRESH", AWSFRESH);
    command
        .current_dir(home.home())
        .stdin(std::process::Stdio::null());
    let began = std::time::Instant::now();
    let output = command.output().unwrap();
    let run = Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    };
    assert!(!run.stderr.contains("panicked"), "{script}: {run:#?}");
    run
}

/// A failure that names the limit in its first line.
#[track_caller]
fn assert_told(run: &Run, script: &str) {
    let first = run
        .stderr
        .lines()
        .find(|line| line.contains("cannot "))
        .unwrap_or_default();
    let names_limit = first.contains("may open only") || first.contains("may have only");
    assert!(
        names_limit && [1, 125].contains(&run.code.unwrap_or_default()),
        "{script}: {run:#?}"
    );
    assert!(run.stderr.contains("try:  "), "{script}: {run:#?}");
}

#[test]
fn few_open_files_are_an_error_that_names_the_limit() {
    for files in [4, 6, 8, 12, 16, 32] {
        for call in &CALLS[..4] {
            let (aws, home) = role_on_keys(None);
            let script = format!("ulimit -n {files}; $AWSFRESH {call}");
            let run = run(&home, &script);
            if files < 16 {
                assert_told(&run, &script);
            } else {
                assert_eq!(
                    (run.code, aws.count("AssumeRole")),
                    (Some(0), 1),
                    "{script}: {run:#?}"
                );
            }
        }
    }
}

/// Only the hard limit counts.
#[test]
fn a_soft_limit_of_open_files_is_raised() {
    let (_aws, home) = role_on_keys(None);
    let run = run(&home, &format!("ulimit -S -n 8; $AWSFRESH {}", CALLS[0]));
    assert_eq!(run.code, Some(0), "{run:#?}");
}

#[test]
fn few_open_files_panic_nowhere() {
    for files in 4..20 {
        for call in &CALLS[4..] {
            let (_aws, home) = role_on_keys(None);
            run(&home, &format!("ulimit -n {files}; $AWSFRESH {call}"));
        }
    }
}

/// With little left, what is valid is served.
#[test]
fn a_valid_credential_needs_few_files() {
    let (aws, home) = role_on_keys(None);
    let first = home.credentials_of("deploy").answer();
    let run = run(&home, "ulimit -n 5; $AWSFRESH credential-process -p deploy");
    assert_eq!(run.answer(), first);
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
fn few_processes_are_an_error_that_names_the_limit() {
    for processes in 1..4 {
        for call in CALLS {
            let (_aws, home) = role_on_keys(None);
            if !needs_root(&home) {
                return;
            }
            give_away(&home);
            let script = format!(
                "exec setpriv --reuid={UID} --clear-groups prlimit --nproc={processes} \
                 ./awsfresh {call}"
            );
            let run = run(&home, &script);
            if !call.starts_with("doctor") && run.code != Some(0) {
                assert_told(&run, &script);
            }
        }
    }
}

/// In a chroot without /proc.
#[test]
fn a_wrapped_command_finds_awsfresh_without_proc() {
    let (aws, home) = role_on_keys(None);
    home.copy_of_awsfresh();
    let Some(namespace) = needs_namespace() else {
        return;
    };
    home.file("ask", format!("cd /\n{ASK}\n"));
    for start in ["./awsfresh", "awsfresh"] {
        home.file(
            "inner",
            format!("mount -t tmpfs tmpfs /proc && PATH=.:$PATH {start} -p deploy -- sh ~/ask"),
        );
        let run = run(&home, &format!("{namespace} sh inner"));
        assert_eq!(run.code, Some(0), "{run:#?}");
        assert!(run.stdout.contains("AccessKeyId"), "{run:#?}");
    }
    assert_eq!(aws.count("AssumeRole"), 1);
}

/// Every file and directory of awsfresh is for its user alone, and can be used again.
#[test]
fn files_are_private_under_any_umask() {
    for umask in ["000", "777", "022"] {
        let (aws, home, _) = signed_in(-60);
        give_away(&home);
        for call in [
            "credential-process -p admin",
            "credential-process -p admin",
            "-p admin -- true",
            "credential-process -p typo",
            "why",
        ] {
            let run = run(
                &home,
                &format!("umask {umask}; {} ./awsfresh {call}", as_user(&home)),
            );
            let expected = if call.ends_with("typo") {
                Some(6)
            } else {
                Some(0)
            };
            assert_eq!(run.code, expected, "umask {umask}, {call}: {run:#?}");
        }
        assert_eq!(
            (aws.count("CreateToken"), aws.count("GetRoleCredentials")),
            (1, 2)
        );
        let open = home.shell(
            "find .local/state/awsfresh .aws/sso/cache \\( -type d ! -perm 700 \\) -o \\( -type f ! -perm 600 \\)",
        );
        let open: Vec<_> = open
            .lines()
            .filter(|path| *path != ".aws/sso/cache")
            .collect();
        assert!(open.is_empty(), "umask {umask}: {open:?}");
    }
}
