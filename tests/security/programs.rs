//! The programs that awsfresh starts: what they, and awsfresh itself, show of secrets to other
//! users; and that no program is started because it lies in the current directory.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::double::Double;
use crate::support::fixtures::{self, KEY, ROLE, SECRET, USER, open_role, signed_in};
use crate::support::sandbox::Sandbox;

/// A script that adds what /proc shows of it and of awsfresh, which started it, directly or
/// through a shell, to a file.
fn recorder(home: &Sandbox, name: &str, then: &str) -> String {
    let seen = home.home().join("seen");
    let script = format!(
        "#!/bin/sh\nof=$$\n{{ echo '<{name}>'; for up in 1 2 3; do cat /proc/$of/environ \
         /proc/$of/cmdline; read -r a b c of rest </proc/$of/stat; done; echo '</{name}>'; \
         }} >>'{}'\n{then}\n",
        seen.display()
    );
    let path = home.program(name, script);
    path.to_str().unwrap().to_owned()
}

/// What was recorded, as soon as all of `names` are complete in it.
fn seen(home: &Sandbox, names: &[&str]) -> String {
    let began = Instant::now();
    loop {
        let seen = fs::read(home.home().join("seen")).unwrap_or_default();
        let seen = String::from_utf8_lossy(&seen).into_owned();
        let is_there = |name: &&str| seen.contains(&format!("</{name}>"));
        if names.iter().all(is_there) {
            return seen;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{names:?}: {seen}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn role_of_a_program(aws: &Double, home: &Sandbox) {
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    let answer = format!(
        "echo '{{\"Version\": 1, \"AccessKeyId\": \"{KEY}\", \"SecretAccessKey\": \"{SECRET}\"}}'"
    );
    let program = recorder(home, "program", &answer);
    let code = recorder(home, "code", "echo 123456");
    let config = fs::read_to_string(home.home().join(".aws/config")).unwrap_or_default();
    home.secret(SECRET).config(format!(
        "{config}[profile base]\ncredential_process = {program}\n\
         [profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n\
         [profile mfa]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_process = {code}\n\
         mfa_serial = arn:aws:iam::111111111111:mfa/ann\n"
    ));
}

#[test]
fn no_secret_is_in_the_arguments_or_the_environment_of_a_program() {
    let (aws, home, _) = signed_in(-7200);
    role_of_a_program(&aws, &home);
    aws.approve_every_device();
    let key = "0123456789abcdef".repeat(4);
    home.unset("AWSFRESH_KEY_FILE");
    let command = recorder(&home, "key-command", &format!("echo {key}"));
    home.secret(&key).env("AWSFRESH_KEY_COMMAND", &command);
    let browser = recorder(&home, "browser", "");
    home.env("BROWSER", &browser);
    home.run(&["credential-process", "-p", "deploy"]);
    home.wrap(&["credential-process", "-p", "mfa"]);
    home.shell("rm -r .aws/sso");
    let mut login = home.start(&["login", "corp"]);
    let all = seen(&home, &["program", "code", "key-command", "browser"]);
    login.kill().unwrap();
    login.wait().unwrap();
    home.assert_no_leak(&all, "what /proc shows");
}

/// The wrapped command has the secrets that the delivery means it to have; awsfresh beside it, and
/// what awsfresh starts, have none.
#[test]
fn no_secret_is_in_the_arguments_or_the_environment_of_awsfresh_beside_a_command() {
    for delivery in ["profile", "endpoint", "env"] {
        let aws = Double::start();
        let home = fixtures::home(&aws);
        role_of_a_program(&aws, &home);
        let script = "cat /proc/$PPID/environ /proc/$PPID/cmdline >beside; \
            echo \"$AWS_CONTAINER_AUTHORIZATION_TOKEN $AWS_SESSION_TOKEN $AWS_SECRET_ACCESS_KEY\"";
        let args = [
            "-p",
            "deploy",
            "--deliver",
            delivery,
            "--",
            "sh",
            "-c",
            script,
        ];
        let run = home.wrap(&args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let own: Vec<&str> = run.stdout.split_whitespace().collect();
        assert_eq!(own.is_empty(), delivery == "profile", "{own:?}");
        for secret in own {
            home.secret(secret);
        }
        let beside = fs::read(home.home().join("beside")).unwrap();
        home.assert_no_leak(
            &String::from_utf8_lossy(&beside),
            "what /proc shows of awsfresh",
        );
        home.assert_no_leak(&seen(&home, &["program"]), "what /proc shows of a program");
    }
}

#[test]
fn no_program_is_run_because_it_lies_in_the_current_directory() {
    let (aws, home, _) = signed_in(-7200);
    role_of_a_program(&aws, &home);
    aws.approve_every_device();
    let trap = home.home().join("trap");
    fs::create_dir(&trap).unwrap();
    let mark = home.home().join("pwned");
    let programs = [
        "awsfresh",
        "aws",
        "sh",
        "bash",
        "true",
        "env",
        "cat",
        "xdg-open",
        "gio",
        "gnome-open",
        "kde-open",
        "wslview",
        "open",
        "www-browser",
        "x-www-browser",
        "firefox",
        "dbus-launch",
        "gnome-keyring-daemon",
        "kill",
        "ps",
        "id",
        "uname",
        "systemd-detect-virt",
    ];
    for program in programs {
        let script = format!("#!/bin/sh\necho {program} >>'{}'\nexit 1\n", mark.display());
        home.program(&format!("trap/{program}"), script);
    }
    home.env("DISPLAY", ":99")
        .env("XDG_CURRENT_DESKTOP", "GNOME");
    let ask = crate::support::sandbox::ASK;
    home.shell("rm -r .aws/sso");
    let rows: &[&[&str]] = &[
        &["credential-process", "-p", "deploy"],
        &["credential-process", "-p", "mfa"],
        &["doctor", "-p", "deploy"],
        &["status"],
        &["login", "corp", "--device"],
        &["-p", "deploy", "--", "sh", "-c", ask],
        &["-p", "deploy", "--deliver", "env", "--", "true"],
        &["refresh", "--all"],
        &["logout", "corp"],
        &["why"],
    ];
    for path in [Some("/usr/bin:/bin"), None] {
        for args in rows {
            let mut command = home.command(args);
            command.current_dir(&trap);
            match path {
                Some(path) => command.env("PATH", path),
                None => command.env_remove("PATH"),
            };
            command.output().unwrap();
            let ran = fs::read_to_string(&mark).unwrap_or_default();
            assert_eq!(ran, "", "{args:?} with PATH {path:?} ran it");
        }
    }
    // The browser of the system: the sign-in waits for it, and is ended.
    home.shell("rm -rf .aws/sso .local");
    let before = aws.count("RegisterClient");
    let mut login = home
        .command(&["login", "corp"])
        .current_dir(&trap)
        .spawn()
        .unwrap();
    let called = || aws.count("RegisterClient") > before;
    let began = Instant::now();
    while !called() && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    login.kill().unwrap();
    login.wait().unwrap();
    assert!(called(), "the sign-in did not begin");
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
}
