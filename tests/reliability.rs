//! The figures of docs/reliability.md. They take minutes, and so are run on request:
//! `cargo test --release --test reliability -- --ignored --nocapture --test-threads 1`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]
#![cfg(target_os = "linux")]

mod support;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::bus::Bus;
use support::container::needs_namespace;
use support::double::{Double, Fault};
use support::fixtures::{AWSFRESH, ROLE, START, open_role, role_on_keys, signed_in};
use support::sandbox::{ASK, Sandbox};
use support::users::{as_owner, give_away};

const DEPLOY: &[&str] = &["credential-process", "-p", "deploy"];

/// How many processes start at once: `AWSFRESH_TEST_HERD`, by default 500.
fn herd_size() -> usize {
    let size = std::env::var("AWSFRESH_TEST_HERD").ok();
    size.and_then(|n| n.parse().ok()).unwrap_or(500)
}

/// Starts processes, one after the other without a pause, and waits for all.
fn herd(count: usize, mut start: impl FnMut(usize) -> Child) -> (Vec<Output>, Duration) {
    let began = Instant::now();
    let children: Vec<Child> = (0..count).map(&mut start).collect();
    let wait = |child: Child| child.wait_with_output().unwrap();
    (children.into_iter().map(wait).collect(), began.elapsed())
}

/// Every process printed the same credentials and nothing on stderr.
#[track_caller]
fn assert_all_served(outputs: &[Output]) {
    for output in outputs {
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        let answer: Value = serde_json::from_slice(&output.stdout).expect("a whole answer");
        assert!(answer["AccessKeyId"].is_string());
        assert_eq!(output.stdout, outputs[0].stdout);
    }
}

fn say(what: &str, outputs: &[Output], took: Duration, aws: &Double, action: &str) {
    let failed = outputs
        .iter()
        .filter(|output| !output.status.success())
        .count();
    let (count, calls, took) = (outputs.len(), aws.count(action), took.as_secs_f64());
    println!("{what}: {count} processes, {failed} failed, {calls} x {action}, {took:.2} s");
}

#[test]
#[ignore = "takes long"]
fn cold_processes_make_one_call() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let (outputs, took) = herd(herd_size(), |_| home.start(DEPLOY));
    say("a role", &outputs, took, &aws, "AssumeRole");
    assert_all_served(&outputs);
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
#[ignore = "takes long"]
fn cold_processes_refresh_an_sso_token_once() {
    let (aws, home, file) = signed_in(-60);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let ask = &["credential-process", "-p", "admin"];
    let (outputs, took) = herd(herd_size(), |_| home.start(ask));
    say("an SSO token", &outputs, took, &aws, "CreateToken");
    assert_all_served(&outputs);
    assert_eq!(
        (aws.count("CreateToken"), aws.count("GetRoleCredentials")),
        (1, 1)
    );
    let token = std::fs::read(home.home().join(file)).unwrap();
    let token: Value = serde_json::from_slice(&token).expect("a whole file");
    let current = aws.sso_current(support::fixtures::START).1;
    assert_eq!(token["refreshToken"].as_str(), current.as_deref());
}

#[test]
#[ignore = "takes long"]
fn cold_processes_make_one_call_with_a_keyring() {
    let Some(bus) = Bus::start(true) else { return };
    let (aws, home) = role_on_keys(None);
    home.env("AWSFRESH_STORE", "keyring")
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let (outputs, took) = herd(herd_size(), |_| home.start(DEPLOY));
    say(
        "a role in gnome-keyring",
        &outputs,
        took,
        &aws,
        "AssumeRole",
    );
    let failed: Vec<_> = outputs
        .iter()
        .filter(|output| !output.status.success())
        .collect();
    assert!(failed.is_empty(), "{:?}", failed[0]);
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
#[ignore = "takes long"]
fn processes_that_wait_share_a_failure() {
    let (aws, home) = role_on_keys(None);
    // All have started when the first one fails.
    aws.fault(Fault::Latency(Duration::from_millis(1500)));
    aws.remove_role(ROLE);
    let (outputs, took) = herd(herd_size(), |_| home.start(DEPLOY));
    say("a role that is denied", &outputs, took, &aws, "AssumeRole");
    for output in &outputs {
        assert_eq!(output.status.code(), Some(6), "{output:?}");
    }
    assert!(
        aws.count("AssumeRole") <= 2,
        "{} calls",
        aws.count("AssumeRole")
    );
}

#[test]
#[ignore = "takes long"]
fn ten_profiles_cost_ten_calls() {
    let (aws, home) = role_on_keys(None);
    let mut config = String::new();
    for i in 0..10 {
        aws.add_role(open_role(&format!("{ROLE}{i}"), None));
        let _ = writeln!(
            config,
            "[profile p{i}]\nrole_arn = {ROLE}{i}\nsource_profile = base\nregion = eu-west-1"
        );
    }
    home.config(config);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let (outputs, took) = herd(herd_size(), |n| {
        home.start(&["credential-process", "-p", &format!("p{}", n % 10)])
    });
    say("ten roles", &outputs, took, &aws, "AssumeRole");
    assert!(outputs.iter().all(|output| output.status.success()));
    assert_eq!(aws.count("AssumeRole"), 10);
}

/// The holder of the lock is stopped before its call has ended, and stays stopped for a minute.
#[test]
#[ignore = "takes long"]
fn a_stopped_process_delays_the_others_by_less_than_their_deadline() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(300)));
    let holder = home.start(DEPLOY);
    while aws.count("AssumeRole") == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    home.shell(&format!("kill -STOP {}", holder.id()));
    let began = Instant::now();
    let (outputs, took) = herd(herd_size().min(200), |_| home.start(DEPLOY));
    say(
        "the holder of the lock is stopped",
        &outputs,
        took,
        &aws,
        "AssumeRole",
    );
    assert_all_served(&outputs);
    assert_eq!(aws.count("AssumeRole"), 2);
    while began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_secs(1));
        home.credentials_of("deploy").answer();
    }
    home.shell(&format!("kill -CONT {}", holder.id()));
    let late = holder.wait_with_output().unwrap();
    assert!(late.status.success(), "{late:?}");
    assert_eq!(aws.count("AssumeRole"), 2);
}

#[test]
#[ignore = "takes long"]
fn a_read_only_home_costs_one_call() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    give_away(&home);
    home.shell("chmod 555 .");
    let (outputs, took) = herd(herd_size(), |_| as_owner(&home, DEPLOY).spawn().unwrap());
    home.shell("chmod 755 .");
    say(
        "a home that cannot be written to",
        &outputs,
        took,
        &aws,
        "AssumeRole",
    );
    assert_all_served(&outputs);
    assert_eq!(aws.count("AssumeRole"), 1);
}

/// A script that runs in the home, with the exit codes of its calls on stdout.
fn codes(home: &Sandbox, wrapper: &str, script: &str) -> (Vec<i32>, Duration) {
    let began = Instant::now();
    home.file("script", script);
    let out = home.shell(&format!("{wrapper} sh script"));
    let codes = out.lines().map(|line| line.parse().unwrap()).collect();
    (codes, began.elapsed())
}

fn script(count: usize, prepare: &str, redirect: &str) -> String {
    format!(
        "{prepare}\nfor i in $(seq {count}); do\n\
         ( {AWSFRESH} credential-process -p deploy {redirect}; echo $? >&3 ) &\n\
         done 3>&1\nwait\n"
    )
}

fn say_codes(what: &str, codes: &[i32], took: Duration, aws: &Double) {
    let failed = codes.iter().filter(|code| **code != 0).count();
    let (count, calls, took) = (codes.len(), aws.count("AssumeRole"), took.as_secs_f64());
    println!("{what}: {count} processes, {failed} failed, {calls} x AssumeRole, {took:.2} s");
}

#[test]
#[ignore = "takes long"]
fn a_full_disk_costs_one_call() {
    let (aws, home) = role_on_keys(None);
    let Some(namespace) = needs_namespace() else {
        return;
    };
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let full = "mkdir .local; mount -t tmpfs -o size=16k,mode=700 tmpfs .local\n\
                mkdir -p .local/state/awsfresh; chmod 700 .local/state/awsfresh\n\
                head -c 1000000 /dev/zero >.local/state/full 2>/dev/null";
    let script = script(herd_size(), full, ">/dev/null 2>&1");
    let (codes, took) = codes(&home, namespace, &script);
    say_codes("a full disk", &codes, took, &aws);
    assert!(codes.len() == herd_size() && codes.iter().all(|code| *code == 0));
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[test]
#[ignore = "takes long"]
fn sixteen_open_files_are_enough() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let script = script(herd_size(), "ulimit -n 16", ">/dev/null 2>&1");
    let (codes, took) = codes(&home, "", &script);
    say_codes("ulimit -n 16", &codes, took, &aws);
    assert!(codes.len() == herd_size() && codes.iter().all(|code| *code == 0));
    assert_eq!(aws.count("AssumeRole"), 1);
}

/// Each combination of closed streams, many times at once: no file is damaged.
#[test]
#[ignore = "takes long"]
fn closed_streams_damage_nothing() {
    for closed in [
        "<&-",
        "2>&-",
        "<&- 2>&-",
        ">&-",
        "<&- >&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
    ] {
        let (aws, home) = role_on_keys(None);
        let count = herd_size() / 5;
        let shown = if closed.contains(">&-") && !closed.starts_with("2>") && closed != "<&- 2>&-" {
            ""
        } else {
            ">/dev/null"
        };
        let script = script(count, "", &format!("{shown} {closed}"));
        let (codes, took) = codes(&home, "", &script);
        say_codes(&format!("closed streams ({closed})"), &codes, took, &aws);
        assert_eq!(codes.len(), count);
        assert_eq!(aws.count("AssumeRole"), 1);
        let stored = home.credentials_of("deploy");
        stored.answer();
        assert_eq!(aws.count("AssumeRole"), 1, "the entry is damaged");
    }
}

/// A library that moves the wall clock by the seconds in the file `$CLOCK_OFFSET`.
fn clock_shim(home: &Sandbox) -> PathBuf {
    let source = home.file(
        "clock.c",
        r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long offset(void) {
    long seconds = 0;
    const char *path = getenv("CLOCK_OFFSET");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int outcome = syscall(SYS_clock_gettime, clock, now);
    if (outcome == 0 && clock == CLOCK_REALTIME) now->tv_sec += offset();
    return outcome;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"#,
    );
    let library = home.home().join("clock.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(compiled.success());
    library
}

/// The clock jumps, and back: nothing valid is lost, and no answer is wrong.
#[test]
#[ignore = "takes long"]
fn a_clock_that_jumps_loses_nothing() {
    const HOUR: i64 = 3600;
    for jump in [HOUR / 2, HOUR, 24 * HOUR, -HOUR / 2, -HOUR, -24 * HOUR] {
        let (aws, home) = role_on_keys(None);
        let offset = home.file("offset", "0");
        home.env("LD_PRELOAD", clock_shim(&home).to_str().unwrap());
        home.env("CLOCK_OFFSET", offset.to_str().unwrap());
        let before = home.credentials_of("deploy").answer();
        home.file("offset", jump.to_string());
        let during = home.credentials_of("deploy");
        home.file("offset", "0");
        let after = home.credentials_of("deploy").answer();
        let calls = aws.count("AssumeRole");
        println!(
            "the clock jumps by {jump} s: exit {:?}, {calls} x AssumeRole",
            during.code
        );
        if during.code == Some(0) {
            assert_eq!(during.answer()["AccessKeyId"], after["AccessKeyId"]);
        } else {
            during.failed(5, "clock-skew");
            assert_eq!(after, before, "a valid credential was dropped");
        }
    }
}

/// A laptop sleeps for an hour while a command runs: it gets fresh credentials at once.
#[test]
#[ignore = "takes long"]
fn a_command_gets_fresh_credentials_after_a_suspension() {
    let (aws, home) = role_on_keys(Some(900));
    let offset = home.file("offset", "0");
    home.env("LD_PRELOAD", clock_shim(&home).to_str().unwrap());
    home.env("CLOCK_OFFSET", offset.to_str().unwrap());
    home.file("ask", ASK);
    let script = "sh ~/ask; echo; echo 3600 >~/offset; sleep 2; sh ~/ask";
    // AWS's clock goes on, too.
    let mut child = home.start(&["-p", "deploy", "--", "sh", "-c", script]);
    while std::fs::read_to_string(&offset).unwrap().trim() != "3600" {
        std::thread::sleep(Duration::from_millis(5));
    }
    aws.fault(Fault::ClockOffset(3600));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let answers: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(answers.len(), 2, "{text}");
    assert_ne!(answers[0]["AccessKeyId"], answers[1]["AccessKeyId"]);
    println!(
        "an hour of suspension: {} x AssumeRole",
        aws.count("AssumeRole")
    );
}

#[test]
#[ignore = "takes long"]
fn ten_thousand_profiles_and_fifty_megabytes_are_read_or_refused_quickly() {
    let (_aws, home) = role_on_keys(None);
    let mut config = String::new();
    for i in 0..10_000 {
        let _ = writeln!(
            config,
            "[profile p{i}]\nrole_arn = {ROLE}{i}\nsource_profile = base\nregion = eu-west-1"
        );
    }
    let deploy = format!("[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n");
    home.config(format!("{config}{deploy}"));
    for call in [
        DEPLOY,
        &["status"],
        &["doctor", "--offline", "-p", "deploy"],
    ] {
        let run = home.wrap(call);
        println!(
            "10,000 profiles, {}: exit {:?}, {:?}",
            call[0], run.code, run.took
        );
        assert_eq!(run.code, Some(0), "{:.500}", run.stderr);
        assert!(run.took < Duration::from_secs(2));
    }
    let lines: [(&str, String); 3] = [
        ("comments", "# padding\n".into()),
        ("duplicate keys", "region = eu-west-1\n".into()),
        ("lines without a meaning", "padding\n".into()),
    ];
    for (what, line) in lines {
        home.config(format!("{deploy}{}", line.repeat((50 << 20) / line.len())));
        for call in [DEPLOY, &["doctor", "--offline", "-p", "deploy"]] {
            let run = home.wrap(call);
            let size = run.stdout.len() + run.stderr.len();
            println!(
                "50 MB of {what}, {}: exit {:?}, {:?}, {size} bytes",
                call[0], run.code, run.took
            );
            assert!(run.took < Duration::from_secs(2));
            assert!(size < 64 << 10);
        }
    }
}

/// Commands that end while others start share a home: no private directory is left.
#[test]
#[ignore = "takes long"]
fn wrapped_commands_leave_nothing() {
    let (aws, home) = role_on_keys(None);
    let count = herd_size() / 5;
    let (outputs, took) = herd(count, |_| {
        let mut command = home.command(&["-p", "deploy", "--", "true"]);
        command.stdin(Stdio::null()).spawn().unwrap()
    });
    say("wrapped commands", &outputs, took, &aws, "AssumeRole");
    assert!(outputs.iter().all(|output| output.status.success()));
    let left = home.shell("ls .local/state/awsfresh/runs");
    assert_eq!(left, "");
}

#[test]
#[ignore = "takes long"]
fn a_listing_of_665_accounts_ends_complete() {
    let (aws, home, _) = signed_in(3600);
    let ids: Vec<String> = (1..=665).map(|n| format!("{n:012}")).collect();
    let roles = ["Admin", "Audit", "Billing", "Deploy", "Reader"];
    let all = ids
        .iter()
        .flat_map(|id| roles.map(|role| (id.as_str(), role)));
    aws.assign(START, &all.collect::<Vec<_>>());
    // Less than awsfresh would request, as where colleagues list, too.
    aws.limit_portal(12);
    aws.fault_once(Fault::Drop);
    aws.fault_once(Fault::Truncated);
    let began = Instant::now();
    let output = home
        .start(&["setup", "--sso", "corp", "--yes"])
        .wait_with_output()
        .unwrap();
    let (took, errors) = (
        began.elapsed(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success() && errors.contains("3325 profiles added"),
        "{errors}"
    );
    let throttled = aws.calls().iter().filter(|call| call.status == 429).count();
    println!(
        "665 accounts x 5 roles: {throttled} x 429, {:.0} s",
        took.as_secs_f64()
    );
    let before = std::fs::read(home.home().join(".aws/config")).unwrap();
    aws.fault_on("ListAccountRoles@000000000600", Fault::Truncated);
    aws.assign(
        START,
        &[(ids[599].as_str(), "Admin"), (ids[0].as_str(), "Admin")],
    );
    let run = home.wrap(&["setup", "--sso", "corp", "--yes"]);
    assert!(
        run.code == Some(7) && run.stderr.contains("no profile was removed"),
        "{run:?}"
    );
    assert_eq!(
        std::fs::read(home.home().join(".aws/config")).unwrap(),
        before
    );
}
