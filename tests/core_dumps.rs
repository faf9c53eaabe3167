//! A core dump would write every secret of the process to the disk.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::fixtures::{AWSFRESH, keys_of, offline_home};
use support::sandbox::Sandbox;

/// How long a process may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command line of a shell without a limit for core dumps, and ends it as a crash would, once
/// the file `ready` exists.
fn crashed(home: &Sandbox, line: &str, ready: &Path) -> ExitStatus {
    let mut command = Command::new("/bin/sh");
    let plain = home.command(&[]);
    let env = plain.get_envs();
    let mut child = command
        .args(["-c", &format!("ulimit -S -c unlimited; exec {line}")])
        .env_clear()
        .envs(env.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(home.home())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while !ready.exists() {
        assert!(Instant::now() < end, "`{line}` does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-ABRT", &pid]).status();
    assert!(kill.unwrap().success());
    child.wait().unwrap()
}

#[test]
fn awsfresh_writes_no_core_dump() {
    let home = offline_home();
    home.credentials(keys_of(
        "base",
        support::fixtures::KEY,
        support::fixtures::SECRET,
    ));
    home.config("[profile p]\ncredential_process = touch ready; exec sleep 20\n");
    let ready = home.home().join("ready");
    let control = "sh -c 'touch control; exec sleep 20'";
    let control = crashed(&home, control, &home.home().join("control"));
    if !control.core_dumped() {
        return support::skip::skip("this system dumps no core");
    }
    let line = format!("{AWSFRESH} credential-process -p p");
    let status = crashed(&home, &line, &ready);
    assert_eq!(status.signal(), Some(6), "{status}");
    assert!(!status.core_dumped(), "awsfresh has dumped its memory");
}

#[test]
fn a_wrapped_command_keeps_its_core_dumps() {
    let home = offline_home();
    home.credentials(keys_of(
        "base",
        support::fixtures::KEY,
        support::fixtures::SECRET,
    ));
    let limit = home.shell("ulimit -S -c 1; ulimit -S -c");
    let wrapped = home.shell(&format!(
        "ulimit -S -c 1; {AWSFRESH} -p base -- sh -c 'ulimit -S -c'"
    ));
    assert_eq!((limit.as_str(), wrapped.as_str()), ("1\n", "1\n"));
    // A process that may be dumped owns its files in /proc.
    let owner = format!("{AWSFRESH} -p base -- sh -c 'stat -c %u /proc/$$/environ; id -u'");
    let owner = home.shell(&owner);
    let (file, user) = owner.split_once('\n').unwrap();
    assert_eq!(file, user.trim());
}
