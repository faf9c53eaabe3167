//! Wrapped commands: the real binary runs real commands against the AWS double. Each test name says
//! what must hold.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::double::{Double, Fault};
use support::fixtures::{AWSFRESH, KEY, ROLE, SECRET, keys_of, open_role, role_on_keys};
use support::sandbox::{ASK, Run, Sandbox};
#[cfg(target_os = "linux")]
use support::terminal::Terminal;

const OTHER: &str = "arn:aws:iam::333333333333:role/audit";

fn setup(lifetime: Option<i64>) -> (Double, Sandbox) {
    let (aws, home) = role_on_keys(lifetime);
    aws.add_role(open_role(OTHER, None));
    home.config(format!(
        "# kept\n[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n\
         [profile audit]\nrole_arn = {OTHER}\nsource_profile = base\n"
    ));
    (aws, home)
}

fn sh(home: &Sandbox, options: &[&str], script: &str) -> Run {
    home.wrap(&[options, &["--", "sh", "-c", script]].concat())
}

/// Starts a wrapped shell and returns the lines that `script` prints. The shell then waits for a
/// line on stdin.
fn held(home: &Sandbox, options: &[&str], script: &str) -> (Child, Vec<String>) {
    let script = format!("{script}; echo end; read line; exit 3");
    let mut child = home
        .command(&[options, &["--", "sh", "-c", &script]].concat())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .map(Result::unwrap)
        .take_while(|line| line != "end")
        .collect();
    (child, lines)
}

/// Ends the wait of a held shell; returns its exit code and what it printed on stderr.
fn released(mut child: Child) -> (Option<i32>, String) {
    drop(child.stdin.take());
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    (child.wait().unwrap().code(), text)
}

fn runs(home: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.home().join(".local/state/awsfresh/runs"));
    entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// Waits until `condition` holds, at most 20 s.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "still not {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_command_gets_a_served_profile_and_nothing_that_outranks_it() {
    let (aws, home) = setup(None);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_ROLE_ARN",
    ] {
        home.env(name, "stale");
    }
    home.env("AWS_PROFILE", "audit")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")
        .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    home.env("no_proxy", "corp.example");
    let run = sh(
        &home,
        &["-p", "deploy"],
        "env | grep -E '^(AWS|no_|NO_)' | sort; echo; cat \"$AWS_CONFIG_FILE\"",
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let (env, config) = run.stdout.split_once("\n\n").unwrap();
    let names: Vec<&str> = env
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert!(
        !env.contains("stale") && !env.contains("/nowhere") && !env.contains("RELATIVE_URI"),
        "{env}"
    );
    for line in [
        "AWS_PROFILE=deploy",
        "AWS_REGION=eu-west-1",
        "AWS_DEFAULT_REGION=eu-west-1",
        "AWS_EC2_METADATA_DISABLED=true",
    ] {
        assert!(env.lines().any(|l| l == line), "{line} is not in {env}");
    }
    assert!(
        env.contains("no_proxy=corp.example,127.0.0.1,localhost")
            && env.contains("NO_PROXY=corp.example,127.0.0.1"),
        "{env}"
    );
    assert!(names.contains(&"AWS_SHARED_CREDENTIALS_FILE"), "{env}");
    assert!(
        config.starts_with("# kept\n[profile deploy]\ncredential_process = /")
            && config.contains("[profile audit]\nrole_arn"),
        "{config}"
    );
    assert!(
        config.contains("[default]\ncredential_process = ") && !config.contains(SECRET),
        "{config}"
    );
    assert_eq!(aws.count("AssumeRole"), 1);
    assert!(runs(&home).is_empty(), "the overlay was not removed");
}

#[test]
fn a_wrapped_command_gets_the_profile_of_the_original_config() {
    let (aws, home) = setup(None);
    let run = sh(&home, &["-p", "deploy"], ASK);
    assert_eq!(run.answer()["AccountId"], "222222222222");
    assert_eq!(run.answer(), home.credentials_of("deploy").answer());
    assert_eq!(
        aws.count("AssumeRole"),
        1,
        "more than one call for one cached session"
    );
    home.assert_no_secret_on_disk();
}

#[test]
fn files_of_a_run_are_private() {
    let (_aws, home) = setup(None);
    let (child, _) = held(&home, &["-p", "deploy"], "true");
    let dir = runs(&home).pop().unwrap();
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    home.assert_no_secret_on_disk();
    assert_eq!(released(child).0, Some(3));
}

#[test]
fn files_of_a_run_are_usable_under_every_umask() {
    for umask in ["777", "222", "000"] {
        let (_aws, mut home) = setup(None);
        assert_eq!(sh(&home, &["-p", "deploy"], "true").code, Some(0));
        let runtime = home.home().join("runtime");
        std::fs::create_dir(&runtime).unwrap();
        home.env("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
        home.start_after(&format!("umask {umask}"));
        let (child, lines) = held(&home, &["-p", "deploy"], "echo $AWSFRESH_RUN; umask");
        assert_eq!(lines[1], format!("0{umask}"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = Path::new(&lines[0]);
        let modes = [dir.parent().unwrap(), dir].map(mode);
        assert_eq!(modes, [0o700, 0o700], "umask {umask}");
        for file in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            assert_eq!(mode(&file), 0o600, "umask {umask}: {}", file.display());
        }
        assert_eq!(released(child).0, Some(3));
        assert!(!dir.exists());
    }
}

/// `su` keeps the variable of another user; `sudo -E` leaves a directory there that is root's.
#[test]
fn a_command_starts_without_a_usable_runtime_directory() {
    let (_aws, home) = setup(None);
    let shared = home.home().join("shared/awsfresh");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    for dir in ["/proc", shared.parent().unwrap().to_str().unwrap(), "", "a"] {
        home.env("XDG_RUNTIME_DIR", dir);
        let run = sh(&home, &["-p", "deploy"], "echo $AWSFRESH_RUN");
        let runs = home.home().join(".local/state/awsfresh/runs");
        let used = run.stdout.starts_with(runs.to_str().unwrap());
        assert!(
            run.code == Some(0) && used && run.stderr.is_empty(),
            "{run:?}"
        );
    }
}

#[test]
fn keys_of_the_default_profile_reach_no_command() {
    let (_aws, home) = setup(None);
    home.credentials(format!(
        "{}region = us-west-2\n{}",
        keys_of("default", KEY, SECRET),
        keys_of("base", KEY, SECRET)
    ));
    for delivery in ["profile", "endpoint"] {
        let run = sh(
            &home,
            &["-p", "deploy", "--deliver", delivery],
            "cat \"$AWS_CONFIG_FILE\" \"$AWS_SHARED_CREDENTIALS_FILE\"",
        );
        let (_, default) = run.stdout.split_once("[default]\n").unwrap();
        let default = default.split("\n[").next().unwrap();
        assert!(
            !run.stdout.contains(KEY) && default.contains("region = us-west-2"),
            "{}",
            run.stdout
        );
        assert_eq!(
            default.contains("credential_process"),
            delivery == "profile",
            "{default}"
        );
    }
}

#[test]
fn variables_hold_the_credentials_and_their_expiration() {
    let (_aws, home) = setup(None);
    home.env("AWS_PROFILE", "audit")
        .env("AWS_SECURITY_TOKEN", "stale");
    let names = [
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "CREDENTIAL_EXPIRATION",
    ];
    let shown: Vec<String> = names.iter().map(|name| format!("$AWS_{name}")).collect();
    let run = sh(
        &home,
        &["-p", "deploy", "--deliver", "env"],
        &format!(
            "echo {} profile=$AWS_PROFILE token=$AWS_SECURITY_TOKEN",
            shown.join(" ")
        ),
    );
    let kept = home.credentials_of("deploy").answer();
    let of = |name: &str| kept[name].as_str().unwrap().to_owned();
    let wanted = [
        of("AccessKeyId"),
        of("SecretAccessKey"),
        of("SessionToken"),
        of("Expiration"),
    ]
    .join(" ");
    assert_eq!(run.stdout.trim(), format!("{wanted} profile= token="));
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let (_aws, home) = setup(None);
    home.file("plain", "text");
    for (command, code) in [
        (&["sh", "-c", "exit 7"][..], 7),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["no-such-command-anywhere"], 127),
        (&["./nowhere/x"], 127),
        (&["./plain"], 126),
        (&["/tmp"], 126),
        (&[""], 127),
    ] {
        let run = home.wrap(&[&["-p", "deploy", "--"], command].concat());
        assert_eq!(run.code, Some(code), "{command:?}: {}", run.stderr);
        assert_eq!(
            run.stderr.contains("[usage]"),
            (126..=127).contains(&code),
            "{command:?}: {}",
            run.stderr
        );
        assert!(runs(&home).is_empty());
    }
}

#[test]
fn no_command_starts_without_credentials() {
    let (aws, home) = setup(None);
    let refused = |options: &[&str], id: &str| {
        let run = sh(&home, options, "touch started");
        assert!(
            run.code == Some(125) && run.stderr.contains(&format!("[{id}]")),
            "{options:?}: {run:?}"
        );
        assert!(!home.home().join("started").exists() && runs(&home).is_empty());
    };
    refused(&["-p", "missing"], "profile-not-found");
    refused(&["-p", "deploy", "--min-ttl", "soon"], "usage");
    refused(
        &["-p", "deploy", "--deliver", "env", "--drill", "20s"],
        "usage",
    );
    refused(
        &[
            "-p",
            "deploy",
            "--deliver",
            "env",
            "--on-renew",
            "signal:HUP",
        ],
        "usage",
    );
    refused(&["-p", "deploy", "--on-renew", "signal:KILL"], "usage");
    refused(&["-p", "base", "--deliver", "endpoint"], "usage");
    aws.remove_role(ROLE);
    home.run(&["forget", "--all"]);
    refused(&["-p", "deploy"], "assume-role-denied");
    home.run(&["-p", "deploy", "status"]).failed(2, "usage");
    home.run(&["-p", "deploy"]).failed(2, "usage");
    sh(&home, &["-p", "deploy", "status"], "touch started").failed(2, "usage");
    assert!(!home.home().join("started").exists());
}

#[test]
fn min_ttl_renews_or_refuses() {
    let (aws, home) = setup(Some(3600));
    home.credentials_of("deploy").answer();
    assert_eq!(
        sh(&home, &["-p", "deploy", "--min-ttl", "45m"], "true").code,
        Some(0)
    );
    assert_eq!(
        aws.count("AssumeRole"),
        1,
        "a session that lasts long enough was renewed"
    );
    // Times have seconds: what was cached in this one counts as just fetched.
    std::thread::sleep(Duration::from_millis(1_100));
    let run = sh(&home, &["-p", "deploy", "--min-ttl", "2h"], "touch started");
    assert!(
        run.code == Some(125)
            && run.stderr.contains("[duration-too-long]")
            && run.stderr.contains("duration_seconds = 7200"),
        "{run:?}"
    );
    assert!(!home.home().join("started").exists());
    assert_eq!(
        aws.count("AssumeRole"),
        2,
        "not exactly one attempt to get a longer session"
    );
    home.run(&["forget", "--all"]);
    sh(&home, &["-p", "deploy", "--min-ttl", "2h"], "true");
    assert_eq!(
        aws.count("AssumeRole"),
        3,
        "what was just fetched was fetched again"
    );
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n\
         [profile audit]\nrole_arn = {OTHER}\nsource_profile = deploy\n"
    ));
    let run = sh(&home, &["-p", "audit", "--min-ttl", "2h"], "true");
    assert!(
        run.code == Some(125)
            && run.stderr.contains("[role-chaining-limit]")
            && run.stderr.contains("at most 1 h"),
        "{run:?}"
    );
    // A session that is too short is renewed before the command starts.
    aws.add_role(open_role(ROLE, Some(900)));
    home.run(&["forget", "--all"]);
    home.credentials_of("deploy").answer();
    std::thread::sleep(Duration::from_secs(2));
    let run = sh(&home, &["-p", "deploy", "--min-ttl", "899s", "-v"], "true");
    assert!(
        run.code == Some(0) && run.stderr.contains("renewing"),
        "{run:?}"
    );
}

#[test]
fn the_identity_is_checked_before_the_command_starts() {
    let (aws, home) = setup(None);
    let run = sh(
        &home,
        &[
            "-v",
            "-p",
            "deploy",
            "--expect-account",
            "222222222222",
            "--expect-role",
            "deploy",
        ],
        "true",
    );
    assert!(
        run.code == Some(0)
            && run
                .stderr
                .contains("running as arn:aws:sts::222222222222:assumed-role/deploy/"),
        "{run:?}"
    );
    assert_eq!(aws.count("GetCallerIdentity"), 1);
    for (option, value) in [
        ("--expect-account", "333333333333"),
        ("--expect-role", "admin"),
    ] {
        let run = sh(&home, &["-p", "deploy", option, value], "touch started");
        assert!(
            run.code == Some(125) && run.stderr.contains("[identity-unexpected]"),
            "{run:?}"
        );
        assert!(
            run.stderr.contains("assumed-role/deploy") && !home.home().join("started").exists()
        );
    }
    // A session that AWS revoked but that is still cached is replaced before the command starts.
    let old = home.credentials_of("deploy").answer()["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    aws.remove_key(&old);
    let run = sh(&home, &["-p", "deploy", "--verify"], ASK);
    assert_ne!(run.answer()["AccessKeyId"].as_str(), Some(&*old));
    // The new session must satisfy --min-ttl too.
    aws.forget_sessions();
    aws.add_role(open_role(ROLE, Some(900)));
    let run = sh(
        &home,
        &["-p", "deploy", "--min-ttl", "45m", "--verify"],
        "touch started",
    );
    assert!(
        run.code == Some(125) && run.stderr.contains("[duration-too-long]"),
        "{run:?}"
    );
    assert!(!home.home().join("started").exists());
}

#[test]
fn wrapped_commands_nest() {
    let (_aws, home) = setup(None);
    for delivery in ["profile", "endpoint", "env"] {
        for (inner, account) in [("-p audit", "333333333333"), ("", "222222222222")] {
            let run = sh(
                &home,
                &["-p", "deploy", "--deliver", delivery],
                &format!(
                    "{AWSFRESH} {inner} -- sh -c '{}'",
                    ASK.replace('\'', "'\\''")
                ),
            );
            assert_eq!(run.answer()["AccountId"], account, "{delivery} {inner}");
        }
    }
}

#[test]
fn credentials_in_the_environment_remain_the_source() {
    let (_aws, home) = setup(None);
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
    ));
    home.env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWSFRESH_STORE", "none");
    let run = sh(&home, &["-p", "deploy"], ASK);
    assert_eq!(run.answer()["AccountId"], "222222222222");
}

/// Whether this test runs with a signal ignored, below `nohup` or in the background. Child
/// processes inherit that.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (number - 1) & 1 == 1
}

#[test]
fn signals_are_forwarded_to_the_command() {
    let (_aws, home) = setup(None);
    for (name, number) in [
        ("INT", 2),
        ("TERM", 15),
        ("HUP", 1),
        ("QUIT", 3),
        ("USR1", 10),
        ("USR2", 12),
        ("ALRM", 14),
        #[cfg(target_os = "linux")]
        ("WINCH", 28),
        ("VTALRM", 26),
        ("PROF", 27),
        ("XCPU", 24),
        #[cfg(target_os = "linux")]
        ("IO", 29),
        ("ABRT", 6),
    ] {
        if is_ignored(number) {
            continue;
        }
        // A loop instead of `read`: the shell would run the trap for a signal just before `read`
        // only after a line.
        let (child, _) = held(
            &home,
            &["-p", "deploy"],
            &format!(
                "trap 'echo {name} >> got; exit 4' {name}; echo end; \
                 i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done"
            ),
        );
        signal(child.id(), name);
        assert_eq!(
            child.wait_with_output().unwrap().status.code(),
            Some(4),
            "{name}"
        );
        assert_eq!(
            std::fs::read_to_string(home.home().join("got"))
                .unwrap()
                .lines()
                .last(),
            Some(name)
        );
    }
    assert!(runs(&home).is_empty());
}

/// Some supervisors ignore SIGCHLD, and the programs that they start inherit that.
#[test]
fn the_exit_code_is_known_where_the_caller_ignores_the_end_of_children() {
    let (_aws, mut home) = setup(None);
    home.credentials_of("deploy").answer();
    if home.lacks("perl") {
        return;
    }
    home.start_after(&format!(
        "exec perl -e '$SIG{{CHLD}} = \"IGNORE\"; exec @ARGV' {AWSFRESH} \"$@\""
    ));
    let run = sh(&home, &["-p", "deploy"], "exit 7");
    assert_eq!((run.code, run.stderr.as_str()), (Some(7), ""));
    // The same for the other programs that awsfresh starts.
    home.config("[profile p]\ncredential_process = echo '{\"Version\": 1'; exit 3\n");
    let run = home.credentials_of("p");
    assert!(run.stderr.contains("exit status: 3"), "{}", run.stderr);
}

/// A time limit that the caller has set for the program that it becomes: `perl -e 'alarm …; exec …'`
/// is the `timeout` of systems without one. No process has sent the signal.
#[test]
fn an_alarm_of_the_caller_ends_the_command() {
    let (_aws, mut home) = setup(None);
    home.credentials_of("deploy").answer();
    if home.lacks("perl") {
        return;
    }
    home.start_after(&format!(
        "exec perl -e 'alarm 4; exec @ARGV' {AWSFRESH} \"$@\""
    ));
    let script = "trap 'touch alarmed; exit 4' ALRM; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done";
    let run = sh(&home, &["-p", "deploy"], script);
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(home.home().join("alarmed").exists() && runs(&home).is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn a_stopped_command_stops_its_wrapper_and_continues_with_it() {
    let (_aws, home) = setup(None);
    let (child, lines) = held(&home, &["-p", "deploy"], "echo $$");
    // Not TSTP, which has no effect without a parent shell with job control, as in CI.
    let state = |pid: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .unwrap()
            .rsplit(") ")
            .next()
            .unwrap()[..1]
            .to_owned()
    };
    signal(lines[0].parse().unwrap(), "STOP");
    wait_until("stopped", || {
        state(&lines[0]) == "T" && state(&child.id().to_string()) == "T"
    });
    signal(child.id(), "CONT");
    wait_until("continued", || state(&lines[0]) == "S");
    assert_eq!(released(child).0, Some(3));
}

#[test]
#[cfg(target_os = "linux")]
fn ignored_signals_stay_ignored() {
    let (_aws, home) = setup(None);
    let outer = format!("trap '' HUP; {AWSFRESH} -p deploy -- sh -c 'kill -HUP $$; echo alive'");
    let mut command = home.command(&[]);
    let mut plain = std::process::Command::new("/bin/sh");
    plain
        .arg("-c")
        .arg(outer)
        .env_clear()
        .current_dir(home.home());
    for (name, value) in command.stdout(Stdio::piped()).get_envs() {
        plain.env(name, value.unwrap());
    }
    let out = plain.output().unwrap();
    assert_eq!(
        (out.status.code(), &*String::from_utf8_lossy(&out.stdout)),
        (Some(0), "alive\n")
    );
}

#[test]
fn files_of_a_killed_run_hold_no_secret_and_are_removed_by_the_next_run() {
    let (_aws, home) = setup(None);
    for delivery in ["profile", "endpoint"] {
        let (mut child, lines) = held(&home, &["-p", "deploy", "--deliver", delivery], "echo $$");
        child.kill().unwrap();
        child.wait().unwrap();
        signal(lines[0].parse().unwrap(), "KILL");
        assert_eq!(runs(&home).len(), 1);
        home.assert_no_secret_on_disk();
        assert_eq!(sh(&home, &["-p", "deploy"], "true").code, Some(0));
        assert!(runs(&home).is_empty(), "not removed by the next run");
    }
}

/// Other users see every argument in the output of `ps`.
#[test]
#[cfg(target_os = "linux")]
fn no_argument_holds_a_secret() {
    let (_aws, home) = setup(None);
    // The sandbox treats stdout of this form as secret, and searches stderr for it.
    for (delivery, secrets) in [
        ("profile", ASK),
        (
            "endpoint",
            r#"printf '{"SecretAccessKey":"%s"}' "$AWS_CONTAINER_AUTHORIZATION_TOKEN""#,
        ),
        (
            "env",
            r#"printf '{"SecretAccessKey":"%s","SessionToken":"%s"}' "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN""#,
        ),
    ] {
        let script =
            format!("{secrets}; cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' ' >&2");
        let run = sh(&home, &["-p", "deploy", "--deliver", delivery], &script);
        assert!(
            run.code == Some(0) && run.stdout.len() > 60 && run.stderr.contains(delivery),
            "{run:?}"
        );
    }
}

#[test]
fn changes_to_the_copied_files_are_kept() {
    let (_aws, home) = setup(None);
    let run = sh(
        &home,
        &["-p", "deploy"],
        "echo '[profile new]' >> \"$AWS_CONFIG_FILE\"; \
         echo '[new]' > \"$AWS_SHARED_CREDENTIALS_FILE\"",
    );
    assert_eq!(
        run.stderr.matches("the changed copy is ").count(),
        2,
        "{}",
        run.stderr
    );
    for (line, wanted) in run.stderr.lines().zip(["[profile new]", "[new]"]) {
        let kept = std::fs::read_to_string(line.rsplit(' ').next().unwrap()).unwrap();
        assert!(kept.ends_with(&format!("{wanted}\n")), "{kept}");
    }
}

// The endpoint

struct Server {
    child: Child,
    host: String,
    path: String,
    token: String,
}

impl Server {
    fn start(home: &Sandbox, options: &[&str]) -> Self {
        let options = [&["-p", "deploy", "--deliver", "endpoint"], options].concat();
        let show = "echo $AWS_CONTAINER_CREDENTIALS_FULL_URI; \
                    echo $AWS_CONTAINER_AUTHORIZATION_TOKEN; echo p=$AWS_PROFILE";
        let (child, lines) = held(home, &options, show);
        assert_eq!(lines[2], "p=");
        let (host, path) = lines[0]
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        home.secret(&lines[1]);
        Self {
            child,
            host: host.into(),
            path: format!("/{path}"),
            token: lines[1].clone(),
        }
    }

    /// Sends these bytes and reads the status and the body.
    fn raw(&self, request: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .unwrap();
        let _ = stream.write_all(request); // the server may refuse before it has read everything
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        (
            status,
            text.split_once("\r\n\r\n")
                .map_or(String::new(), |(_, body)| body.to_owned()),
        )
    }

    fn get(&self, more: &str) -> (u16, String) {
        self.raw(
            format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n{more}Connection: close\r\n\
                 \r\n",
                self.path, self.host, self.token
            )
            .as_bytes(),
        )
    }

    fn answer(&self) -> Value {
        let (status, body) = self.get("");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn the_endpoint_answers_only_its_command() {
    let (_aws, home) = setup(None);
    let server = Server::start(&home, &[]);
    let answer = server.answer();
    let kept = home.credentials_of("deploy").answer();
    assert_eq!(
        (
            &answer["AccessKeyId"],
            &answer["Token"],
            &answer["Expiration"]
        ),
        (
            &kept["AccessKeyId"],
            &kept["SessionToken"],
            &kept["Expiration"]
        )
    );
    let (path, host, token) = (&server.path, &server.host, &server.token);
    let wrong = "0".repeat(token.len());
    let lines = |line: &str, host: &str, token: &str| {
        format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        )
    };
    for (request, status) in [
        (lines(&format!("GET {path}"), host, &wrong), 403),
        (lines(&format!("GET {path}"), host, ""), 403),
        (
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            403,
        ),
        (
            lines(
                &format!("GET {path}"),
                &format!("localhost:{}", host.rsplit(':').next().unwrap()),
                token,
            ),
            403,
        ),
        (lines(&format!("GET {path}"), "evil.example", token), 403),
        (lines("GET /", host, token), 404),
        (lines(&format!("GET {path}x"), host, token), 404),
        (lines(&format!("POST {path}"), host, token), 405),
        (format!("GET {path} HTTP/1.0\r\n\r\n"), 403),
        ("\u{0}\u{1}garbage\r\n\r\n".to_owned(), 400),
        (
            format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n",
                "x".repeat(1 << 20)
            ),
            431,
        ),
    ] {
        let (got, body) = server.raw(request.as_bytes());
        assert_eq!(got, status, "{request:.120}: {body}");
        assert!(
            !body.contains(token.as_str())
                && !body.contains(kept["SecretAccessKey"].as_str().unwrap())
        );
    }
    for header in [
        "Origin: http://127.0.0.1\r\n",
        "Referer: http://evil.example/\r\n",
        "Sec-Fetch-Mode: cors\r\n",
        "Host: evil.example\r\n",
    ] {
        assert_ne!(server.get(header).0, 200, "{header}");
    }
    assert_eq!(server.answer(), answer, "the answer changed");
    home.assert_no_secret_on_disk();
    let port = host.clone();
    assert_eq!(released(server.child).0, Some(3));
    assert!(
        TcpStream::connect(port).is_err(),
        "the endpoint outlived its command"
    );
}

#[test]
fn slow_and_many_clients_do_not_disturb_the_endpoint() {
    let (_aws, home) = setup(None);
    let server = Server::start(&home, &[]);
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.host).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
            stream
        })
        .collect();
    let answer = server.answer();
    let wrong = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\r\n",
        server.path,
        server.host,
        "f".repeat(64)
    );
    // After a rejection the server ends the connection.
    for _ in 0..1_000 {
        let (status, more) = server.raw(wrong.repeat(2).as_bytes());
        assert!(status == 403 && !more.contains("HTTP/1.1"), "{more}");
    }
    assert_eq!(server.answer(), answer);
    drop(slow);
    released(server.child);
}

/// Any local user can open connections; a renewal and the answers to the command need descriptors.
#[test]
fn silent_connections_keep_out_neither_clients_nor_renewals() {
    for limit in [64, 256] {
        let (aws, mut home) = setup(Some(12));
        home.start_after(&format!("ulimit -n {limit}"));
        let server = Server::start(&home, &[]);
        let first = server.answer();
        let silent: Vec<TcpStream> = (0..2 * limit)
            .map(|_| TcpStream::connect(&server.host).unwrap())
            .collect();
        wait_until("renewed", || {
            server.answer()["AccessKeyId"] != first["AccessKeyId"]
        });
        assert!(aws.count("AssumeRole") >= 2);
        drop(silent);
        let (code, stderr) = released(server.child);
        assert_eq!((code, stderr.as_str()), (Some(3), ""), "ulimit -n {limit}");
    }
}

#[test]
fn a_client_keeps_its_connection_while_strangers_come_and_go() {
    let (_aws, mut home) = setup(None);
    home.start_after("ulimit -n 64");
    let server = Server::start(&home, &[]);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\r\n",
        server.path, server.host, server.token
    );
    let mut client = TcpStream::connect(&server.host).unwrap();
    for _ in 0..3 {
        client.write_all(request.as_bytes()).unwrap();
        let mut start = [0; 12];
        client.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        // The rest is shorter than this, and arrives at once.
        let _ = client.read(&mut [0; 8192]).unwrap();
        for _ in 0..100 {
            drop(TcpStream::connect(&server.host).unwrap());
        }
    }
    released(server.child);
}

#[test]
#[cfg(target_os = "linux")]
fn the_command_has_the_limits_of_the_user() {
    let (_aws, mut home) = setup(Some(9));
    home.start_after("ulimit -Sn 100");
    let hard = home.shell("ulimit -Hn");
    // awsfresh takes its own limit back just after it has started the command.
    let script = "ulimit -Sn >> seen; ulimit -Hn >> seen; \
                  for i in $(seq 100); do cat /proc/$PPID/limits > limits; \
                  grep -q '^Max open files  *100 ' limits || break; sleep 0.05; done; \
                  [ $(wc -l < seen) = 4 ] && exit 6; exec sleep 30";
    let options = ["-p", "deploy", "--deliver", "endpoint"];
    let options = [&options[..], &["--on-renew", "restart"]].concat();
    assert_eq!(sh(&home, &options, script).code, Some(6));
    let read = |name: &str| std::fs::read_to_string(home.home().join(name)).unwrap();
    assert_eq!(read("seen"), format!("100\n{hard}").repeat(2));
    let limits = read("limits");
    let own = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft: u64 = own
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    assert!(soft > 1_000, "awsfresh itself may open only {soft} files");
}

#[test]
fn the_endpoint_renews_early_and_serves_valid_credentials_during_an_outage() {
    let (aws, home) = setup(Some(12));
    let server = Server::start(&home, &[]);
    let first = server.answer();
    wait_until("renewed", || {
        server.answer()["AccessKeyId"] != first["AccessKeyId"]
    });
    assert_eq!(aws.count("AssumeRole"), 2, "more than one call per renewal");
    aws.fault(Fault::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: "down".into(),
    });
    let second = server.answer();
    wait_until("expired", || {
        let (status, body) = server.get("");
        assert!(
            status == 503 || body.contains(second["AccessKeyId"].as_str().unwrap()),
            "{status} {body}"
        );
        if status == 503 {
            assert!(
                body.contains("[aws-unavailable]") && body.contains("profile `deploy`"),
                "{body}"
            );
        }
        status == 503
    });
    aws.heal();
    wait_until("available again", || server.get("").0 == 200);
    released(server.child);
}

// After the command has ended

#[test]
fn a_failure_without_evidence_is_not_explained() {
    let (aws, home) = setup(None);
    for options in [&["-p", "deploy"][..], &["-p", "deploy", "--deliver", "env"]] {
        let run = sh(&home, options, "exit 1");
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    }
    assert_eq!(
        aws.count("GetCallerIdentity"),
        1,
        "AWS is asked although the command never requested credentials"
    );
    let run = sh(
        &home,
        &["-p", "deploy"],
        &format!("{ASK} >/dev/null; exit 1"),
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_failure_after_expiry_is_explained() {
    let (_aws, home) = setup(Some(4));
    let late = "sleep 6; exit 9";
    let run = sh(&home, &["-p", "deploy", "--deliver", "env"], late);
    assert!(
        run.code == Some(9)
            && run.stderr.contains("[session-expired]")
            && run.stderr.contains("without --deliver env"),
        "{run:?}"
    );
    let run = sh(
        &home,
        &["-p", "deploy"],
        &format!("{ASK} > answer; rm answer; {late}"),
    );
    assert!(
        run.code == Some(9) && run.stderr.contains("it requested credentials once"),
        "{run:?}"
    );
    let run = sh(
        &home,
        &["-p", "deploy", "--deliver", "env", "--no-post-mortem"],
        late,
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(9), ""));
    let run = sh(&home, &["-p", "deploy", "--deliver", "env"], "sleep 6");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn revoked_credentials_are_reported_and_not_used_again() {
    let (aws, home) = setup(None);
    let (child, lines) = held(&home, &["-p", "deploy"], ASK);
    let old = serde_json::from_str::<Value>(&lines[0]).unwrap()["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    aws.remove_key(&old);
    let (code, stderr) = released(child);
    assert!(
        code == Some(3)
            && stderr.contains("profile `deploy`")
            && stderr.contains("[access-key-unknown]"),
        "{stderr}"
    );
    assert_ne!(
        home.credentials_of("deploy").answer()["AccessKeyId"].as_str(),
        Some(&*old)
    );
}

#[test]
fn a_failed_renewal_is_reported_with_its_cause() {
    let (aws, home) = setup(Some(6));
    let (child, _) = held(
        &home,
        &["-p", "deploy"],
        &format!("{ASK} > answer; rm answer"),
    );
    aws.remove_role(ROLE);
    std::thread::sleep(Duration::from_secs(8));
    let (code, stderr) = released(child);
    assert!(
        code == Some(3)
            && stderr.contains("[assume-role-denied]")
            && stderr.contains("the last renewal failed"),
        "{stderr}"
    );
}

/// The wait is measured from the start of the attempt, not from the start of the wrapper.
#[test]
fn a_renewal_timeout_reports_how_long_it_waited() {
    let (aws, home) = setup(Some(6));
    home.env("AWSFRESH_TIMEOUT", "1");
    let (child, _) = held(
        &home,
        &["-p", "deploy"],
        &format!("{ASK} > answer; rm answer"),
    );
    aws.fault(Fault::Hang);
    std::thread::sleep(Duration::from_secs(8));
    let (_, stderr) = released(child);
    let waited = stderr
        .split_once("gave up after ")
        .unwrap_or_else(|| panic!("{stderr}"))
        .1;
    let waited: f64 = waited.split_whitespace().next().unwrap().parse().unwrap();
    assert!((0.9..3.0).contains(&waited), "{stderr}");
}

#[test]
fn a_drill_reports_whether_the_command_renews() {
    let (_aws, home) = setup(None);
    let ask = format!("{ASK} > answer; rm answer");
    let run = sh(
        &home,
        &["-p", "deploy", "--drill", "1s"],
        &format!("{ask}; sleep 3"),
    );
    assert!(
        run.code == Some(0)
            && run
                .stderr
                .contains("would have failed after its first session"),
        "{run:?}"
    );
    let run = sh(
        &home,
        &["-p", "deploy", "--drill", "1s"],
        &format!("{ask}; sleep 2; {ask}; exit 5"),
    );
    assert!(
        run.code == Some(5)
            && run.stderr.contains("requested credentials 2 times")
            && run.stderr.contains("survives expiry"),
        "{run:?}"
    );
    assert!(
        sh(&home, &["-p", "deploy", "--drill", "1s"], "true")
            .stderr
            .contains("never requested credentials")
    );
    // The announced expiration is earlier than the real one.
    let run = sh(&home, &["-p", "deploy", "--drill", "20s"], ASK);
    let end = run.answer()["Expiration"].as_str().unwrap().to_owned();
    assert!(
        &*end
            < home.credentials_of("deploy").answer()["Expiration"]
                .as_str()
                .unwrap(),
        "{end}"
    );
    let server = Server::start(&home, &["--drill", "1s"]);
    server.answer();
    std::thread::sleep(Duration::from_millis(2100));
    server.answer();
    let (code, stderr) = released(server.child);
    assert!(
        code == Some(3) && stderr.contains("survives expiry"),
        "{stderr}"
    );
}

#[test]
fn a_renewal_can_signal_or_restart_the_command() {
    let (_aws, home) = setup(Some(9));
    let script = "trap 'echo renewed; exit 0' USR1; i=0; while [ $i -lt 300 ]; do sleep 0.1; \
                  i=$((i+1)); done; exit 1";
    let run = sh(
        &home,
        &["-p", "deploy", "--on-renew", "signal:USR1"],
        script,
    );
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "renewed\n"));
    // New variables need a new process.
    let script =
        "echo $AWS_ACCESS_KEY_ID >> seen; [ $(wc -l < seen) = 2 ] && exit 6; exec sleep 30";
    let run = sh(
        &home,
        &["-p", "deploy", "--deliver", "env", "--on-renew", "restart"],
        script,
    );
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    let seen = std::fs::read_to_string(home.home().join("seen")).unwrap();
    let keys: Vec<&str> = seen.lines().collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
}

/// What the first process requested says nothing about the second.
#[test]
fn a_restarted_command_that_requested_nothing_is_not_said_to_have_expired() {
    let (_aws, home) = setup(Some(9));
    let script = format!(
        "echo >> seen; [ $(wc -l < seen) -ge 2 ] && sleep 4 && exit 9; {ASK} > answer; \
         rm answer; exec sleep 30"
    );
    let run = sh(&home, &["-p", "deploy", "--on-renew", "restart"], &script);
    assert_eq!((run.code, run.stderr.as_str()), (Some(9), ""));
}

#[test]
fn a_command_that_is_asked_to_end_during_a_restart_is_not_started_again() {
    if is_ignored(1) {
        return; // a signal that is ignored asks nothing
    }
    let (_aws, home) = setup(Some(9));
    let script = "echo >> seen; [ $(wc -l < seen) = 2 ] && exit 6; \
                  trap 'touch ending; while [ ! -e hung-up ]; do sleep 0.02; done; exit 4' TERM; \
                  trap 'touch hung-up' HUP; \
                  i=0; while [ $i -lt 1500 ]; do sleep 0.02; i=$((i+1)); done";
    let options = ["-p", "deploy", "--on-renew", "restart", "--", "sh", "-c"];
    let mut child = home.start(&[&options[..], &[script]].concat());
    wait_until("ending", || home.home().join("ending").exists());
    signal(child.id(), "HUP");
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

/// `ssh -t HOST awsfresh -- …`, `docker run -it`, a closed window of tmux: awsfresh leads the
/// session, and the kernel tells no other process that the terminal is gone.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_terminal_ends_the_command_of_a_session_leader() {
    use support::terminal::Terminal;
    let (_aws, home) = setup(None);
    let command = "trap 'touch hung-up; exit' HUP; touch started; while :; do sleep 0.05; done";
    let line = format!("exec {} -p deploy -- sh -c \"{command}\"", AWSFRESH);
    let terminal = Terminal::run(&home, &line);
    let wait_for = |name: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        while !home.home().join(name).exists() {
            assert!(Instant::now() < end, "no {name}: {}", terminal.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for("started");
    terminal.close();
    let end = Instant::now() + Duration::from_secs(5);
    while !home.home().join("hung-up").exists() {
        assert!(
            Instant::now() < end,
            "the command goes on without a terminal"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    while !runs(&home).is_empty() {
        assert!(Instant::now() < end, "awsfresh goes on without a command");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_files_of_a_command_outlive_a_killed_awsfresh() {
    let (_aws, home) = setup(None);
    let command = "touch started; while [ ! -e go ]; do sleep 0.02; done; \
                   [ -e \"$AWS_CONFIG_FILE\" ] && touch kept; touch ended";
    let mut first = home.start(&["-p", "deploy", "--", "sh", "-c", command]);
    let wait_for = |name: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        while !home.home().join(name).exists() {
            assert!(Instant::now() < end, "no {name}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for("started");
    first.kill().unwrap();
    first.wait().unwrap();
    // The next run removes what dead runs have left.
    assert_eq!(sh(&home, &["-p", "deploy"], "true").code, Some(0));
    home.file("go", "");
    wait_for("ended");
    assert!(
        home.home().join("kept").exists(),
        "the config of a living command was removed"
    );
    assert_eq!(sh(&home, &["-p", "deploy"], "true").code, Some(0));
    assert!(
        runs(&home).is_empty(),
        "the config of a dead command was not removed"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_command_the_shell_of_the_user_has_the_credentials() {
    let (aws, home) = setup(None);
    let mut terminal = Terminal::run(&home, &format!("{AWSFRESH} -p deploy"));
    terminal.wait_for("exit ends it");
    terminal.type_line("echo profile=$AWS_PROFILE; exit 7");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(7), "{screen}");
    assert!(screen.contains("profile=deploy"), "{screen}");
    assert_eq!(aws.count("AssumeRole"), 1);
    home.run(&["-p", "deploy"]).failed(2, "usage");
}
