//! Broken, hostile and absurd input, one row each. The real binary fails with the right exit code,
//! cause and location, or succeeds where it can. It always ends in time, never panics, prints
//! nothing on stdout if it fails, keeps stderr short and without control characters, and quotes no
//! secret.
//!
//! A file of mode 000 is not tested: root can read it, and tests may run as root.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use support::double::{Double, Fault, SsoSession};
use support::fixtures::{
    self, ACCOUNT, AWSFRESH, KEY, ROLE, START, SYMBOL_SECRET as SECRET, USER, keys_of, open_role,
    role_on_keys, sso_cache,
};
use support::sandbox::{Run, Sandbox};

const TOKEN: &str = "canaryToken1canaryToken2canaryToken3canaryToken4";
const OTHER: &str = "arn:aws:iam::222222222222:role/other";

/// The AWS double and a home: `base` has keys, `p` and `other` are roles with `base` as their
/// source, `sso` is signed in.
struct Stage {
    aws: Double,
    home: Sandbox,
}

impl Stage {
    fn new() -> Self {
        let aws = Double::start();
        aws.add_user(KEY, SECRET, USER);
        for arn in [ROLE, OTHER] {
            aws.add_role(open_role(arn, None));
        }
        let token_expires = awsfresh::time::Timestamp::parse("2090-01-01T00:00:00Z")
            .unwrap()
            .0;
        let assignments = vec![(ACCOUNT.into(), "Admin".into())];
        aws.add_sso(SsoSession {
            start_url: START.into(),
            access_token: TOKEN.into(),
            token_expires,
            assignments,
            ..SsoSession::default()
        });
        let home = fixtures::home(&aws);
        home.secret(SECRET).secret(TOKEN).secret("canary");
        home.credentials(keys_of("base", KEY, SECRET));
        let stage = Self { aws, home };
        stage.config(&format!(
            "{}[profile other]\nrole_arn = {OTHER}\nsource_profile = base\n{}",
            role(""),
            sso("")
        ));
        stage.token(&token_file("2089-01-01T00:00:00Z"));
        stage
    }

    fn config(&self, text: &str) {
        self.home.config(text);
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.home().join(path)
    }

    /// Replaces a file.
    fn replace(&self, path: &str, with: impl FnOnce(&std::path::Path)) {
        let path = self.path(path);
        let _ = std::fs::remove_file(&path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        with(&path);
    }

    fn directory(&self, path: &str) {
        self.replace(path, |path| std::fs::create_dir(path).unwrap());
    }

    fn pipe(&self, path: &str) {
        self.replace(path, |path| {
            assert!(
                std::process::Command::new("mkfifo")
                    .arg(path)
                    .status()
                    .unwrap()
                    .success()
            )
        });
    }

    fn token(&self, text: &str) {
        self.home.file(&token_path(), text);
    }

    /// Requests `profile` and returns the file that this adds to `dir`: the entry or the lock.
    fn added(&self, dir: &str, profile: &str) -> PathBuf {
        let dir = self.path(&format!(".local/state/awsfresh/{dir}"));
        let list = || {
            std::fs::read_dir(&dir).map_or(Vec::new(), |all| {
                all.map(|e| e.unwrap().path()).collect::<Vec<_>>()
            })
        };
        let before = list();
        self.home.credentials_of(profile).answer();
        list()
            .into_iter()
            .find(|path| !before.contains(path))
            .unwrap()
    }

    fn damage(&self, with: impl FnOnce(&mut Vec<u8>)) {
        let path = self.added("sealed", "p");
        let mut bytes = std::fs::read(&path).unwrap();
        with(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }

    /// Makes STS answer this.
    fn sts(&self, status: u16, content_type: &str, body: impl Into<String>) {
        self.answer("AssumeRole", status, content_type, body);
    }

    fn answer(&self, action: &str, status: u16, content_type: &str, body: impl Into<String>) {
        self.aws.fault_on(
            action,
            Fault::Raw {
                status,
                headers: vec![("Content-Type", content_type.into())],
                body: body.into(),
            },
        );
    }

    /// Makes `p` run a shell script as its `credential_process`.
    fn process(&self, script: &str) {
        self.home.file("script", script);
        self.config("[profile p]\ncredential_process = sh script\n");
    }

    /// Makes `p` run a program that prints this and succeeds.
    fn prints(&self, answer: impl AsRef<[u8]>) {
        self.home.file("answer", answer);
        self.process("cat answer");
    }
}

/// The profile `p`: a role with additional lines.
fn role(lines: &str) -> String {
    format!("[profile p]\nrole_arn = {ROLE}\nsource_profile = base\n{lines}\n")
}

fn with_role_arn(arn: &str) -> String {
    format!("[profile p]\nsource_profile = base\nrole_arn = {arn}\n")
}

/// The profile `sso` and its session, without the lines that start with `missing`.
fn sso(missing: &str) -> String {
    let text = format!(
        "[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         [profile sso]\nsso_session = corp\nsso_account_id = 444444444444\nsso_role_name = Admin\n"
    );
    text.lines()
        .filter(|line| missing.is_empty() || !line.starts_with(missing))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn token_path() -> String {
    sso_cache("corp")
}

fn token_file(expires: &str) -> String {
    json!({"startUrl": START, "region": "eu-west-1", "accessToken": TOKEN, "expiresAt": expires})
        .to_string()
}

fn renewable(expires: &str) -> String {
    json!({
        "startUrl": START,
        "region": "eu-west-1",
        "accessToken": TOKEN,
        "expiresAt": expires,
        "clientId": "client-1",
        "clientSecret": "client-secret-1",
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "refreshToken": "refresh-1",
    })
    .to_string()
}

fn xml(secret: &str, expiration: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <Credentials><AccessKeyId>ASIAQTESTTESTTESTTES</AccessKeyId>{secret}<SessionToken>\
         canary</SessionToken>{expiration}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
}

const XML_SECRET: &str = "<SecretAccessKey>canary</SecretAccessKey>";
const XML_TIME: &str = "<Expiration>2090-01-01T00:00:00Z</Expiration>";

fn process_answer(more: &str) -> String {
    format!(
        r#"{{"Version":1,"AccessKeyId":"ASIAQTESTTESTTESTTES","SecretAccessKey":"canary","SessionToken":"canary"{more}}}"#
    )
}

/// The expected result of a row.
#[derive(Clone, Copy)]
enum Want {
    /// Credentials, and nothing on stderr.
    Works,
    /// Credentials, and a warning that contains this text.
    Warns(&'static str),
    /// Credentials, after this many calls of `AssumeRole` in total.
    Asked(usize),
    /// Exit code, cause, and text on stderr: a location or a remedy.
    Fails(i32, &'static str, &'static str),
}
use Want::{Asked, Fails, Warns, Works};

/// Name, change to the stage, arguments, expected result.
type Row = (&'static str, fn(&Stage), &'static [&'static str], Want);

const P: &[&str] = &["credential-process", "-p", "p"];
const BASE: &[&str] = &["credential-process", "-p", "base"];
const SSO: &[&str] = &["credential-process", "-p", "sso"];

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (name, arrange, args, want) in rows {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let stage = Stage::new();
            arrange(&stage);
            let run = stage.home.run(args);
            judge(&stage, &run, *want);
        }));
        if outcome.is_err() {
            wrong.push(*name);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows failed, each with its panic above: {wrong:#?}",
        wrong.len(),
        rows.len()
    );
}

fn judge(stage: &Stage, run: &Run, want: Want) {
    match want {
        Works => assert_eq!((run.code, run.stderr.as_str()), (Some(0), "")),
        Warns(text) => {
            assert_eq!(
                (run.code, run.stderr.lines().count()),
                (Some(0), 1),
                "{}",
                run.stderr
            );
            assert!(
                run.stderr
                    .starts_with("awsfresh: warning: the credentials could not be stored")
                    && run.stderr.contains(text),
                "{}",
                run.stderr
            );
        }
        Asked(times) => {
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
            assert_eq!(stage.aws.count("AssumeRole"), times, "calls of AssumeRole");
        }
        Fails(code, cause, text) => {
            run.failed(code, cause);
            assert!(
                run.stderr.contains(text),
                "{text:?} is missing: {}",
                run.stderr
            );
            assert!(
                cause == "usage" || run.stderr.contains("\n  try:  "),
                "no remedy: {}",
                run.stderr
            );
        }
    }
    assert!(run.took < Duration::from_secs(6), "took {:?}", run.took);
    assert!(
        run.stderr.len() < 4096,
        "{} bytes on stderr",
        run.stderr.len()
    );
    assert!(
        !run.stderr.chars().any(|c| c.is_control() && c != '\n'),
        "control characters: {:?}",
        run.stderr
    );
}

#[test]
#[rustfmt::skip] // one line per row
fn unusable_files_are_reported() {
    check(&[
        ("a byte order mark", |s| s.config(&format!("\u{feff}{}", role(""))), P, Fails(3, "config-encoding", "config:1")),
        ("UTF-16", |s| { s.home.config(utf16(&role(""), true)); }, P, Fails(3, "config-encoding", "config:1")),
        ("UTF-16 without a mark", |s| { s.home.config(utf16(&role(""), false)); }, P, Fails(3, "config-encoding", "config:1")),
        ("CRLF", |s| s.config(&role("region = eu-west-1").replace('\n', "\r\n")), P, Works),
        ("bytes that are not UTF-8", |s| { s.home.config(b"[profile p]\n\nregion = \xff\n"); }, P, Fails(3, "config-encoding", "config:3")),
        ("an empty file", |s| s.config(""), P, Fails(3, "profile-not-found", ".aws/config")),
        ("NULs in a value", |s| s.config(&role("external_id = a\0b")), P, Fails(3, "hidden-characters", "config:4")),
        ("a line of 10 MB", |s| s.config(&format!("# {}\n{}", "x".repeat(10 << 20), role(""))), P, Works),
        ("a value of 10 MB", |s| s.config(&role(&format!("external_id = {}", "x".repeat(10 << 20)))), P, Fails(3, "config-malformed", "config:4")),
        ("10 MB of sections", |s| s.config(&format!("{}{}", many_sections(), role(""))), P, Works),
        ("40 MB", |s| s.config(&"# x\n".repeat(10 << 20)), P, Fails(3, "config-malformed", ".aws/config")),
        ("a key before any section", |s| s.config(&format!("region = x\n{}", role(""))), P, Fails(3, "config-malformed", "config:1")),
        ("an unclosed bracket", |s| s.config(&format!("{}[profile q\n", role(""))), P, Fails(3, "config-malformed", "config:5")),
        ("a line without =", |s| s.config(&role("region: eu-west-1")), P, Fails(3, "config-malformed", "config:4")),
        ("a line without = in another profile", |s| s.config(&format!("{}[profile q]\nregion: eu-west-1\n", role(""))), P, Works),
        ("two values for one key", |s| s.config(&role(&format!("role_arn = {OTHER}"))), P, Fails(3, "config-duplicate", "config:4")),
        ("the same value twice", |s| s.config(&role(&format!("role_arn = {ROLE}"))), P, Works),
        ("a section twice", |s| s.config(&format!("[profile p]\nrole_arn = {ROLE}\n[profile p]\nsource_profile = base\n")), P, Works),
        ("a section twice with different values", |s| s.config(&format!("{}[profile p]\nsource_profile = q\n", role(""))), P, Fails(3, "config-duplicate", "config:6")),
        ("a directory as the config file", |s| s.directory(".aws/config"), P, Fails(3, "config-unreadable", ".aws/config")),
        ("a pipe as the config file", |s| s.pipe(".aws/config"), P, Fails(3, "config-unreadable", ".aws/config")),
        ("a link to itself", |s| s.replace(".aws/config", |p| symlink(p, p).unwrap()), P, Fails(3, "config-unreadable", ".aws/config")),
        ("a directory as the credentials file", |s| s.directory(".aws/credentials"), P, Fails(3, "config-unreadable", ".aws/credentials")),
        ("a byte order mark in the credentials file", |s| { s.home.credentials(format!("\u{feff}{}", keys_of("base", KEY, SECRET))); }, P, Fails(3, "config-encoding", "credentials:1")),
        ("`profile` in a header of the credentials file", |s| { s.home.credentials(keys_of("profile base", KEY, SECRET)); }, BASE, Fails(3, "profile-not-found", "credentials:1")),
        ("no `profile` in a header of the config file", |s| s.config(&role("").replace("[profile p]", "[p]")), P, Fails(3, "profile-not-found", "config:1")),
        ("an empty section name", |s| s.config(&role("").replace("[profile p]", "[profile ]")), &["credential-process", "-p", ""], Fails(3, "profile-not-found", "")),
        ("empty brackets", |s| s.config("[]\nregion = x\n"), BASE, Works),
        ("escape sequences in a section name", |s| { s.config("[profile \u{1b}[2J]\noutput = x\n"); s.home.credentials(""); }, &["refresh", "--all"], Fails(3, "source-missing", "config:1")),
    ]);
}

fn many_sections() -> String {
    (0..100_000)
        .map(|i| format!("[profile x{i:080}]\nregion = x\n"))
        .collect()
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    mark.then_some(0xfeff)
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[test]
#[rustfmt::skip] // one line per row
fn invalid_profiles_are_reported() {
    check(&[
        ("a source that is the profile itself", |s| s.config(&role("").replace("= base", "= p")), P, Fails(3, "source-missing", "config:1")),
        ("a cycle of two", |s| s.config(&cycle(2)), P, Fails(3, "profile-cycle", "config:3")),
        ("a cycle of five", |s| s.config(&cycle(5)), P, Fails(3, "profile-cycle", "config:15")),
        ("a cycle that does not contain the profile", |s| s.config(&format!("{}{}", role("").replace("= base", "= q1"), cycle(3).replace("[profile p]", "[profile q0]").replace("= p\n", "= q0\n"))), P, Fails(3, "profile-cycle", "config:")),
        ("a cycle of fifty", |s| s.config(&cycle(50)), P, Fails(3, "config-malformed", "")),
        ("a source that does not exist", |s| s.config(&role("").replace("= base", "= missing")), P, Fails(3, "source-missing", "config:3")),
        ("no source", |s| s.config(&format!("[profile p]\nrole_arn = {ROLE}\n")), P, Fails(3, "source-missing", "config:2")),
        ("two sources", |s| s.config(&role("credential_source = Environment")), P, Fails(3, "source-conflict", "config:4")),
        ("an unknown credential_source", |s| s.config(&format!("[profile p]\nrole_arn = {ROLE}\ncredential_source = Ec2\n")), P, Fails(3, "config-malformed", "config:3")),
        ("a profile without credentials", |s| s.config("[profile p]\nregion = eu-west-1\n"), P, Fails(3, "source-missing", "config:1")),
        ("a role name instead of an ARN", |s| s.config(&with_role_arn("deploy")), P, Fails(3, "config-malformed", "config:3")),
        ("the ARN of a user", |s| s.config(&with_role_arn("arn:aws:iam::222222222222:user/x")), P, Fails(3, "config-malformed", "config:3")),
        ("the ARN of a session", |s| s.config(&with_role_arn("arn:aws:sts::222222222222:assumed-role/x/y")), P, Fails(3, "config-malformed", "config:3")),
        ("an ARN without a role name", |s| s.config(&with_role_arn("arn:aws:iam::222222222222:role/")), P, Fails(3, "config-malformed", "config:3")),
        ("an account ID of eleven digits", |s| s.config(&with_role_arn("arn:aws:iam::22222222222:role/x")), P, Fails(3, "config-malformed", "config:3")),
        ("an ARN in quotes", |s| s.config(&with_role_arn(&format!("\"{ROLE}\""))), P, Fails(3, "config-malformed", "config:3")),
        ("an ARN in smart quotes", |s| s.config(&with_role_arn(&format!("“{ROLE}”"))), P, Fails(3, "hidden-characters", "config:3")),
        ("an ARN with a zero-width space at the end", |s| s.config(&with_role_arn(&format!("{ROLE}\u{200b}"))), P, Fails(3, "hidden-characters", "config:3")),
        ("an ARN with a no-break space at the end", |s| s.config(&with_role_arn(&format!("{ROLE}\u{a0}"))), P, Works),
        ("an ARN with a tab", |s| s.config(&with_role_arn("arn:aws:iam::222222222222:role/de\tploy")), P, Fails(3, "hidden-characters", "config:3")),
        ("an ARN with a space", |s| s.config(&with_role_arn("arn:aws:iam::222222222222:role/de ploy")), P, Fails(3, "config-malformed", "config:3")),
        ("an ARN with escape sequences", |s| s.config(&with_role_arn("\u{1b}[31marn")), P, Fails(3, "hidden-characters", "config:3")),
        ("a region in quotes", |s| s.config(&role("region = \"eu-west-1\"")), P, Fails(3, "region-invalid", "config:4")),
        ("an availability zone", |s| s.config(&role("region = us-east-1a")), P, Fails(3, "region-invalid", "region = us-east-1\n")),
        ("a region in capitals", |s| s.config(&role("region = EU-WEST-1")), P, Fails(3, "region-invalid", "config:4")),
        ("a host name as the region", |s| s.config(&role("region = x@evil.example/-1")), P, Fails(3, "region-invalid", "config:4")),
        ("no region", |s| s.config(&role("region =")), P, Works),
        ("a duration with a unit", |s| s.config(&role("duration_seconds = 1h")), P, Fails(3, "config-malformed", "config:4")),
        ("a duration of zero", |s| s.config(&role("duration_seconds = 0")), P, Fails(3, "config-malformed", "config:4")),
        ("a negative duration", |s| s.config(&role("duration_seconds = -3600")), P, Fails(3, "config-malformed", "config:4")),
        ("a duration that is too short", |s| s.config(&role("duration_seconds = 899")), P, Fails(3, "config-malformed", "config:4")),
        ("a duration that is too long", |s| s.config(&role("duration_seconds = 43201")), P, Fails(3, "config-malformed", "config:4")),
        ("a duration beyond 64 bits", |s| s.config(&role("duration_seconds = 99999999999999999999")), P, Fails(3, "config-malformed", "config:4")),
        ("an external ID with a space", |s| s.config(&role("external_id = a b")), P, Fails(3, "config-malformed", "config:4")),
        ("an external ID of one letter", |s| s.config(&role("external_id = a")), P, Fails(3, "config-malformed", "config:4")),
        ("an external ID over two lines", |s| s.config(&role("external_id = ab\n  cd")), P, Fails(3, "hidden-characters", "config:4")),
        ("an MFA serial that is not a device", |s| s.config(&role("mfa_serial = ann")), P, Fails(3, "config-malformed", "config:4")),
        ("a session name with a slash", |s| s.config(&role("role_session_name = a/b")), P, Fails(3, "config-malformed", "config:4")),
        ("a missing services section", |s| s.config(&role("services = mine")), P, Fails(3, "config-malformed", "config:4")),
        ("an endpoint that is not a URL", |s| { s.home.unset("AWS_ENDPOINT_URL"); s.config(&role("endpoint_url = not a url")) }, P, Fails(3, "config-malformed", "endpoint")),
        ("SSO without a start URL", |s| s.config(&sso("sso_start_url")), SSO, Fails(3, "config-malformed", "config:3")),
        ("SSO without a region", |s| s.config(&sso("sso_region")), SSO, Fails(3, "config-malformed", "config:3")),
        ("SSO without an account", |s| s.config(&sso("sso_account_id")), SSO, Fails(3, "config-malformed", "config:4")),
        ("SSO without a role", |s| s.config(&sso("sso_role_name")), SSO, Fails(3, "config-malformed", "config:4")),
        ("SSO without its session section", |s| s.config(&sso("[sso-session").replace("sso_start", "#").replace("sso_region", "#")), SSO, Fails(3, "source-missing", "config:4")),
        ("SSO settings that contradict the session", |s| s.config(&format!("{}sso_region = us-east-1\n", sso(""))), SSO, Fails(3, "source-conflict", "config:8")),
        ("SSO with a quoted region", |s| s.config(&sso("").replace("eu-west-1", "'eu-west-1'")), SSO, Fails(3, "region-invalid", "config:3")),
        ("SSO with a quoted account", |s| s.config(&sso("").replace("444444444444", "\"444444444444\"")), SSO, Fails(3, "config-malformed", "config:6")),
        ("SSO and keys", |s| s.config(&format!("{}aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n", sso(""))), SSO, Fails(3, "source-conflict", "config:")),
        ("`aws login` without a session", |s| s.config("[profile p]\nlogin_session = arn:aws:iam::1:user/x\n"), P, Fails(4, "login-session-expired", "aws login")),
        ("an empty process", |s| s.config("[profile p]\ncredential_process =\n"), P, Fails(3, "source-missing", "config:1")),
        ("a process with an unclosed quote", |s| s.config("[profile p]\ncredential_process = echo \"x\n"), P, Fails(3, "process-failed", "config:2")),
        ("a process that does not exist", |s| s.config("[profile p]\ncredential_process = /no/such/program\n"), P, Fails(3, "process-failed", "config:2")),
        ("a process that calls awsfresh for the same profile", |s| s.config("[profile p]\ncredential_process = awsfresh credential-process -p p\n"), P, Fails(3, "process-self-recursion", "config:2")),
        ("a process that calls awsfresh without a profile", |s| s.config("[profile p]\ncredential_process = awsfresh credential-process\n"), P, Fails(3, "process-self-recursion", "config:2")),
        ("a process with a NUL", |s| s.config("[profile p]\ncredential_process = a\0b\n"), P, Fails(3, "hidden-characters", "config:2")),
        ("a web identity token file that does not exist", |s| s.config(&web("/no/such/token")), P, Fails(5, "web-identity-rejected", "config:3")),
        ("a directory as the web identity token file", |s| s.config(&web("/tmp")), P, Fails(5, "web-identity-rejected", "config:3")),
        ("a pipe as the web identity token file", |s| { s.pipe("pipe"); s.config(&web("~/pipe")) }, P, Fails(5, "web-identity-rejected", "config:3")),
        ("an endless web identity token file", |s| s.config(&web("/dev/zero")), P, Fails(5, "web-identity-rejected", "config:3")),
        ("an empty web identity token file", |s| s.config(&web("/dev/null")), P, Fails(5, "web-identity-rejected", "config:3")),
    ]);
}

/// A cycle of profiles: `p`, `q1`, … Each is the source of the previous one, and `p` of the last.
fn cycle(length: usize) -> String {
    let name = |i: usize| {
        if i.is_multiple_of(length) {
            "p".to_owned()
        } else {
            format!("q{}", i % length)
        }
    };
    (0..length)
        .map(|i| {
            format!(
                "[profile {}]\nrole_arn = {ROLE}\nsource_profile = {}\n",
                name(i),
                name(i + 1)
            )
        })
        .collect()
}

fn web(file: &str) -> String {
    format!("[profile p]\nrole_arn = {ROLE}\nweb_identity_token_file = {file}\n")
}

#[test]
#[rustfmt::skip] // one line per row
fn malformed_keys_are_reported() {
    check(&[
        ("ID and secret swapped", |s| keys(s, SECRET, KEY), BASE, Fails(3, "key-and-secret-swapped", "swapped")),
        ("an ID without a secret", |s| { s.home.credentials(format!("[base]\naws_access_key_id = {KEY}\n")); }, BASE, Fails(3, "source-missing", "credentials:2")),
        ("a secret without an ID", |s| { s.home.credentials(format!("[base]\naws_secret_access_key = {SECRET}\n")); }, BASE, Fails(3, "source-missing", "credentials:2")),
        ("a short ID", |s| keys(s, "AKIA", SECRET), BASE, Fails(3, "key-id-malformed", "credentials:2")),
        ("a temporary key without a token", |s| keys(s, "ASIAQTESTTESTTESTTES", SECRET), BASE, Fails(3, "temporary-key-without-token", "credentials:2")),
        ("a no-break space in the secret", |s| keys(s, KEY, &SECRET.replace('/', "\u{a0}")), BASE, Fails(3, "hidden-characters", "credentials:3")),
        ("a no-break space after the secret", |s| keys(s, KEY, &format!("{SECRET}\u{a0}")), BASE, Works),
        ("a zero-width space after the ID", |s| keys(s, &format!("{KEY}\u{200b}"), SECRET), BASE, Fails(3, "hidden-characters", "credentials:2")),
        ("a tab in the secret", |s| keys(s, KEY, &SECRET.replace('/', "\t")), BASE, Fails(3, "hidden-characters", "credentials:3")),
        ("smart quotes around the secret", |s| keys(s, KEY, &format!("“{SECRET}”")), BASE, Fails(3, "hidden-characters", "credentials:3")),
        ("quotes around the secret", |s| keys(s, KEY, &format!("\"{SECRET}\"")), BASE, Fails(3, "config-malformed", "credentials:3")),
        ("a second line after the secret", |s| keys(s, KEY, &format!("{SECRET}\n more")), BASE, Fails(3, "hidden-characters", "credentials:3")),
        ("a comment after the secret", |s| keys(s, KEY, &format!("{SECRET} # mine")), BASE, Works),
        ("two secrets", |s| keys(s, KEY, &format!("{SECRET}\naws_secret_access_key = canary")), BASE, Fails(3, "config-duplicate", "credentials:3")),
        ("a token over two lines", |s| keys(s, "ASIAQTESTTESTTESTTES", &format!("{SECRET}\naws_session_token = canary\n  canary")), BASE, Fails(3, "session-token-damaged", "credentials:4")),
        ("a source with a malformed key", |s| keys(s, "AKIA", SECRET), P, Fails(3, "key-id-malformed", "credentials:2")),
        ("an environment without keys", |s| s.config(&env_role()), P, Fails(3, "source-missing", "AWS_ACCESS_KEY_ID")),
        ("an environment with a line break in the ID", |s| environment(s, "AKIAQTESTTESTTESTTES\n", SECRET), P, Fails(3, "hidden-characters", "AWS_ACCESS_KEY_ID")),
        ("an environment with quotes around the secret", |s| environment(s, KEY, &format!("\"{SECRET}\"")), P, Fails(3, "config-malformed", "AWS_SECRET_ACCESS_KEY")),
        ("an environment without a token", |s| environment(s, "ASIAQTESTTESTTESTTES", SECRET), P, Fails(3, "temporary-key-without-token", "AWS_ACCESS_KEY_ID")),
        ("an environment with an invalid expiration", |s| { environment(s, KEY, SECRET); s.home.env("AWS_CREDENTIAL_EXPIRATION", "soon"); s.config("[profile p]\ncredential_source = Environment\n") }, P, Fails(3, "config-malformed", "AWS_CREDENTIAL_EXPIRATION")),
        ("an environment with an expired key", |s| { environment(s, KEY, SECRET); s.home.env("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z"); s.config("[profile p]\ncredential_source = Environment\n") }, P, Fails(5, "session-expired", "AWS_CREDENTIAL_EXPIRATION")),
    ]);
}

fn keys(stage: &Stage, id: &str, secret: &str) {
    stage.home.credentials(keys_of("base", id, secret));
}

fn env_role() -> String {
    format!("[profile p]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
}

fn environment(stage: &Stage, id: &str, secret: &str) {
    stage.config(&env_role());
    stage
        .home
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
}

#[test]
#[rustfmt::skip] // one line per row
fn a_broken_environment_is_reported() {
    check(&[
        ("no HOME", |s| { aws_files(s).unset("HOME"); }, BASE, Works),
        ("an empty HOME", |s| { aws_files(s).env("HOME", ""); }, BASE, Works),
        ("a HOME that does not exist", |s| { aws_files(s).env("HOME", s.path("no/where").to_str().unwrap()); }, P, Works),
        ("a HOME that is not a directory", |s| { aws_files(s).env("HOME", "/dev/null"); }, P, Works),
        ("a HOME that cannot be written", |s| { aws_files(s).env("HOME", "/proc/1"); }, P, Works),
        ("a HOME without AWS files", |s| { s.home.env("HOME", "/dev/null"); }, P, Fails(3, "profile-not-found", "/dev/null/.aws/config")),
        ("an endless config file", |s| { s.home.env("AWS_CONFIG_FILE", "/dev/zero"); }, P, Fails(3, "config-malformed", "/dev/zero")),
        ("a directory as the config file", |s| { s.home.env("AWS_CONFIG_FILE", "/tmp"); }, P, Fails(3, "config-unreadable", "/tmp")),
        ("a config file that does not exist", |s| { s.home.env("AWS_CONFIG_FILE", "/no/such/file"); }, P, Fails(3, "profile-not-found", "/no/such/file")),
        ("/dev/null as the config file", |s| { s.home.env("AWS_CONFIG_FILE", "/dev/null"); }, BASE, Works),
        ("escape sequences in a file name", |s| { s.home.env("AWS_CONFIG_FILE", "/\u{1b}[31m"); }, P, Fails(3, "profile-not-found", "")),
        ("a timeout that is not a number", |s| { s.home.env("AWSFRESH_TIMEOUT", "soon"); }, P, Fails(2, "usage", "AWSFRESH_TIMEOUT=soon")),
        ("a timeout of NaN", |s| { s.home.env("AWSFRESH_TIMEOUT", "NaN"); }, P, Fails(2, "usage", "AWSFRESH_TIMEOUT")),
        ("an infinite timeout", |s| { s.home.env("AWSFRESH_TIMEOUT", "inf"); }, P, Fails(2, "usage", "AWSFRESH_TIMEOUT")),
        ("a negative timeout", |s| { s.home.env("AWSFRESH_TIMEOUT", "-1"); }, P, Fails(2, "usage", "AWSFRESH_TIMEOUT")),
        ("an unknown store", |s| { s.home.env("AWSFRESH_STORE", "vault\u{1b}[31m"); }, P, Fails(2, "usage", "AWSFRESH_STORE")),
        ("a key file that does not exist", |s| { s.home.env("AWSFRESH_KEY_FILE", "/no/such/file"); }, P, Warns("/no/such/file")),
        ("a directory as the key file", |s| { s.home.env("AWSFRESH_KEY_FILE", "/tmp"); }, P, Warns("/tmp")),
        ("a pipe as the key file", |s| { s.pipe("pipe"); s.home.env("AWSFRESH_KEY_FILE", s.path("pipe").to_str().unwrap()); }, P, Warns("/pipe")),
        ("an endless key file", |s| { s.home.env("AWSFRESH_KEY_FILE", "/dev/zero"); }, P, Warns("/dev/zero")),
        ("a key command that never ends", |s| { s.home.unset("AWSFRESH_KEY_FILE").env("AWSFRESH_KEY_COMMAND", "sleep 60"); }, P, Warns("AWSFRESH_KEY_COMMAND")),
        ("a key command that fails", |s| { s.home.unset("AWSFRESH_KEY_FILE").env("AWSFRESH_KEY_COMMAND", "echo \""); }, P, Warns("AWSFRESH_KEY_COMMAND")),
        ("an invalid profile chain", |s| { s.home.env("AWSFRESH_PROFILE_CHAIN", ",,\u{1b}[31m,"); }, P, Works),
        ("a profile chain that contains the profile", |s| { s.prints(process_answer("")); s.home.env("AWSFRESH_PROFILE_CHAIN", "\u{1b}[31m,p"); }, P, Fails(3, "process-self-recursion", "AWSFRESH_PROFILE_CHAIN")),
        ("a profile that does not exist", |s| { s.home.env("AWS_PROFILE", "\u{1b}]0;x\u{7}\u{202e}"); }, &["credential-process"], Fails(3, "profile-not-found", "")),
        ("an availability zone", |s| { s.home.env("AWS_REGION", "eu-west-1a"); }, P, Fails(3, "region-invalid", "AWS_REGION")),
        ("a region in quotes", |s| { s.home.env("AWS_DEFAULT_REGION", "\"eu-west-1\""); }, P, Fails(3, "region-invalid", "AWS_DEFAULT_REGION")),
        ("an endpoint that is not a URL", |s| { s.home.env("AWS_ENDPOINT_URL", "not a url"); }, P, Fails(3, "config-malformed", "AWS_ENDPOINT_URL")),
        ("an endpoint with another scheme", |s| { s.home.env("AWS_ENDPOINT_URL_STS", "ftp://127.0.0.1"); }, P, Fails(3, "config-malformed", "AWS_ENDPOINT_URL_STS")),
        ("an endpoint without a host", |s| { s.home.env("AWS_ENDPOINT_URL", "http://"); }, P, Fails(3, "config-malformed", "AWS_ENDPOINT_URL")),
        ("an endpoint that refuses connections", |s| { s.home.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"); }, P, Fails(7, "connect-timeout", "refused")),
        ("a proxy that is not a URL", |s| { s.home.env("http_proxy", "http://u:canary@["); }, P, Fails(7, "proxy-misconfigured", "HTTP_PROXY")),
        ("a directory as the CA bundle", |s| { s.home.env("AWS_ENDPOINT_URL", "https://127.0.0.1:9").env("AWS_CA_BUNDLE", "/tmp"); }, P, Fails(3, "config-unreadable", "AWS_CA_BUNDLE")),
        ("an endless CA bundle", |s| { s.home.env("AWS_ENDPOINT_URL", "https://127.0.0.1:9").env("AWS_CA_BUNDLE", "/dev/zero"); }, P, Fails(3, "config-malformed", "AWS_CA_BUNDLE")),
        ("a pipe as the CA bundle", |s| { s.pipe("pipe"); s.home.env("AWS_ENDPOINT_URL", "https://127.0.0.1:9").env("AWS_CA_BUNDLE", s.path("pipe").to_str().unwrap()); }, P, Fails(3, "config-unreadable", "AWS_CA_BUNDLE")),
        ("a CA bundle that is not PEM", |s| { s.home.file("ca", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"); s.home.env("AWS_ENDPOINT_URL", "https://127.0.0.1:9").env("AWS_CA_BUNDLE", s.path("ca").to_str().unwrap()); }, P, Fails(3, "config-malformed", "AWS_CA_BUNDLE")),
        ("a user name with escape sequences", |s| { s.home.env("USER", "\u{1b}[31mÄnn/Ω \n").env("LANG", "xx").env("TZ", "/"); }, P, Works),
        ("escape sequences on the command line", |_| (), &["credential-process", "-p", "\u{1b}]0;x\u{7}\u{9b}31m\r\n"], Fails(3, "profile-not-found", "?")),
        ("a profile name with a zero-width space", |_| (), &["credential-process", "-p", "p\u{200b}"], Fails(3, "profile-not-found", "did you mean p,")),
        ("an unknown store on the command line", |_| (), &["--store", "vault", "status"], Fails(2, "usage", "")),
        ("an unknown subcommand with escape sequences", |_| (), &["\u{1b}[31m"], Fails(2, "usage", "")),
    ]);
}

/// Names both AWS files in variables, for a changed `HOME`.
fn aws_files(stage: &Stage) -> &Sandbox {
    let named = |path: &str| stage.path(path).to_str().unwrap().to_owned();
    stage
        .home
        .env("AWS_CONFIG_FILE", &named(".aws/config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", &named(".aws/credentials"))
}

#[test]
fn profile_names_of_any_length_and_bytes_are_reported() {
    let stage = Stage::new();
    let long = "x".repeat(100_000);
    judge(
        &stage,
        &stage.home.credentials_of(&long),
        Fails(3, "profile-not-found", "xxx"),
    );
    judge(
        &stage,
        &stage.home.credentials_of(&"Ω\u{1f600}".repeat(10_000)),
        Fails(3, "profile-not-found", "Ω"),
    );
    stage.config(&format!(
        "[profile {long}]\nrole_arn = {ROLE}\nsource_profile = {long}z\n"
    ));
    judge(
        &stage,
        &stage.home.credentials_of(&long),
        Fails(3, "source-missing", "config:3"),
    );
    let mut command = stage.home.command(&["credential-process", "-p"]);
    let output = command
        .arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"))
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}

#[test]
#[rustfmt::skip] // one line per row
fn damaged_cache_entries_and_locks_are_ignored() {
    check(&[
        ("an intact entry", |s| s.damage(|_| ()), P, Asked(1)),
        ("a truncated entry", |s| s.damage(|b| b.truncate(b.len() / 2)), P, Asked(2)),
        ("an entry truncated to its header", |s| s.damage(|b| b.truncate(7)), P, Asked(2)),
        ("an empty entry", |s| s.damage(Vec::clear), P, Asked(2)),
        ("a flipped bit", |s| s.damage(|b| { let at = b.len() / 2; b[at] ^= 1 }), P, Asked(2)),
        ("another version", |s| s.damage(|b| b[4] = 2), P, Asked(2)),
        ("a trailing byte", |s| s.damage(|b| b.push(0)), P, Asked(2)),
        ("plain text", |s| s.damage(|b| *b = format!("{{\"v\":1,\"key\":\"x\",\"s\":\"{SECRET}\"}}").into_bytes()), P, Asked(2)),
        ("10 MB", |s| s.damage(|b| b.resize(10 << 20, 0)), P, Asked(2)),
        ("another role's entry", |s| { let (p, other) = (s.added("sealed", "p"), s.added("sealed", "other")); std::fs::copy(other, p).unwrap(); }, P, Asked(3)),
        ("a directory", |s| { let p = s.added("sealed", "p"); std::fs::remove_file(&p).unwrap(); std::fs::create_dir(p).unwrap() }, P, Asked(2)),
        ("a pipe", |s| { let p = s.added("sealed", "p"); s.pipe(p.to_str().unwrap()) }, P, Asked(2)),
        ("a link to itself", |s| { let p = s.added("sealed", "p"); s.replace(p.to_str().unwrap(), |p| symlink(p, p).unwrap()) }, P, Asked(2)),
        ("a link to an entry", |s| { let p = s.added("sealed", "p"); std::fs::rename(&p, s.path("moved")).unwrap(); symlink(s.path("moved"), p).unwrap() }, P, Asked(2)),
        ("an entry that every user can read", |s| { let p = s.added("sealed", "p"); std::fs::set_permissions(p, std::fs::Permissions::from_mode(0o644)).unwrap() }, P, Asked(1)),
        ("a directory that other users can write", |s| { let p = s.added("sealed", "p"); std::fs::set_permissions(p.parent().unwrap(), std::fs::Permissions::from_mode(0o777)).unwrap() }, P, Warns("chmod 700")),
        ("another sealing key", |s| { s.added("sealed", "p"); s.home.file("key", "f".repeat(64)); }, P, Asked(2)),
        ("a directory as the lock", |s| { let p = s.added("locks", "p"); s.home.run(&["forget", "--all"]); std::fs::remove_file(&p).unwrap(); std::fs::create_dir(p).unwrap() }, P, Asked(2)),
        ("a pipe as the lock", |s| { let p = s.added("locks", "p"); s.home.run(&["forget", "--all"]); s.pipe(p.to_str().unwrap()) }, P, Asked(2)),
        ("a symbolic link as the lock", |s| { let p = s.added("locks", "p"); s.home.run(&["forget", "--all"]); s.replace(p.to_str().unwrap(), |p| symlink("/etc/passwd", p).unwrap()) }, P, Asked(2)),
        ("10 MB in the lock", |s| { let p = s.added("locks", "p"); s.home.run(&["forget", "--all"]); std::fs::write(p, vec![b'{'; 10 << 20]).unwrap() }, P, Asked(2)),
        ("a forged failure in the lock", |s| { let p = s.added("locks", "p"); s.home.run(&["forget", "--all"]); std::fs::write(p, r#"{"at":99999999999,"finding":{"cause":"usage","summary":"x","evidence":[],"remedy":[]}}"#).unwrap() }, P, Asked(2)),
    ]);
}

#[test]
#[rustfmt::skip] // one line per row
fn unusable_sso_tokens_are_reported() {
    const AGAIN: &str = "awsfresh login corp";
    check(&[
        ("an intact token", |_| (), SSO, Works),
        ("a truncated token", |s| s.token(&token_file("2089-01-01T00:00:00Z")[..40]), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("a list", |s| s.token("[]"), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("deeply nested lists", |s| s.token(&"[".repeat(100_000)), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("a web page", |s| s.token(&format!("<html>{TOKEN}</html>")), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("10 MB", |s| s.token(&" ".repeat(10 << 20)), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("an empty object", |s| s.token("{}"), SSO, Fails(4, "sso-cache-damaged", "accessToken")),
        ("no expiration", |s| s.token(&json!({"accessToken": TOKEN}).to_string()), SSO, Fails(4, "sso-cache-damaged", "expiresAt")),
        ("an expiration that is not a time", |s| s.token(&token_file(TOKEN)), SSO, Fails(4, "sso-cache-damaged", "expiresAt")),
        ("an expiration in seconds", |s| s.token(&json!({"accessToken": TOKEN, "expiresAt": 1}).to_string()), SSO, Fails(4, "sso-cache-damaged", "expiresAt")),
        ("an expiration in the year 9999", |s| s.token(&token_file("9999-12-31T23:59:59Z")), SSO, Works),
        ("expired, without a refresh token", |s| s.token(&token_file("2020-01-01T00:00:00Z")), SSO, Fails(4, "sso-session-expired", AGAIN)),
        ("expired since the year 1", |s| s.token(&token_file("0001-01-01T00:00:00Z")), SSO, Fails(4, "sso-session-expired", AGAIN)),
        ("expired, with an expired registration", |s| s.token(&renewable("2020-01-01T00:00:00Z").replace("2099", "2021")), SSO, Fails(4, "sso-registration-expired", AGAIN)),
        ("a token with a line break", |s| s.token(&token_file("2089-01-01T00:00:00Z").replace(TOKEN, "canary\\n")), SSO, Fails(4, "sso-cache-damaged", AGAIN)),
        ("a directory", |s| s.directory(&token_path()), SSO, Fails(3, "config-unreadable", AGAIN)),
        ("a pipe", |s| s.pipe(&token_path()), SSO, Fails(3, "config-unreadable", AGAIN)),
        ("a link to itself", |s| s.replace(&token_path(), |p| symlink(p, p).unwrap()), SSO, Fails(3, "config-unreadable", AGAIN)),
        ("no token file", |s| std::fs::remove_file(s.path(&token_path())).unwrap(), SSO, Fails(4, "sso-session-missing", AGAIN)),
        ("a renewal that answers with a web page", |s| { s.token(&renewable("2020-01-01T00:00:00Z")); s.answer("CreateToken", 200, "text/html", "<html>") }, SSO, Fails(7, "captive-portal", "")),
        ("a renewal that answers with an empty object", |s| { s.token(&renewable("2020-01-01T00:00:00Z")); s.answer("CreateToken", 200, "application/json", "{}") }, SSO, Fails(7, "aws-unavailable", "")),
        ("a renewal with a line break in the token", |s| { s.token(&renewable("2020-01-01T00:00:00Z")); s.answer("CreateToken", 200, "application/json", r#"{"accessToken":"canary\n","expiresIn":3600}"#) }, SSO, Fails(7, "aws-unavailable", "")),
        ("a renewal with an expired token", |s| { s.token(&renewable("2020-01-01T00:00:00Z")); s.answer("CreateToken", 200, "application/json", r#"{"accessToken":"canary","expiresIn":-3600}"#) }, SSO, Fails(7, "aws-unavailable", "")),
        ("a portal that answers with a web page", |s| s.answer("GetRoleCredentials", 200, "text/html", "<html>"), SSO, Fails(7, "captive-portal", "")),
        ("a portal that answers with an empty body", |s| s.answer("GetRoleCredentials", 200, "application/json", ""), SSO, Fails(7, "aws-unavailable", "")),
        ("a portal that answers with an ID alone", |s| portal(s, r#"{"roleCredentials":{"accessKeyId":"ASIA"}}"#), SSO, Fails(7, "aws-unavailable", "")),
        ("a portal that answers with a line break in the secret", |s| portal(s, &portal_answer("canary\\n", "3755000000000")), SSO, Fails(7, "aws-unavailable", "")),
        ("a portal that answers with an expiration in the past", |s| portal(s, &portal_answer("canary", "1577836800000")), SSO, Fails(5, "clock-skew", "2020-01-01T00:00:00Z")),
        ("a portal that answers with an expiration in seconds", |s| portal(s, &portal_answer("canary", "3755000000")), SSO, Fails(5, "clock-skew", "1970")),
        ("a portal that answers without an expiration", |s| portal(s, &portal_answer("canary", "0")), SSO, Fails(7, "aws-unavailable", "expiration")),
        ("a portal that answers with the largest expiration", |s| portal(s, &portal_answer("canary", "9223372036854775807")), SSO, Fails(7, "aws-unavailable", "")),
    ]);
}

fn portal(stage: &Stage, body: &str) {
    stage.answer("GetRoleCredentials", 200, "application/json", body);
}

fn portal_answer(secret: &str, expiration: &str) -> String {
    format!(
        r#"{{"roleCredentials":{{"accessKeyId":"ASIAQTESTTESTTESTTES","secretAccessKey":"{secret}","sessionToken":"canary","expiration":{expiration}}}}}"#
    )
}

#[test]
#[rustfmt::skip] // one line per row
fn invalid_answers_of_sts_are_reported() {
    const PAGE: &str = "<!DOCTYPE html><html><body>Sign in, canary</body></html>";
    check(&[
        ("a web page", |s| s.sts(200, "text/html", PAGE), P, Fails(7, "captive-portal", "STS in us-east-1")),
        ("a web page with 403", |s| s.sts(403, "text/html", PAGE), P, Fails(7, "captive-portal", "403")),
        ("a web page with 502", |s| s.sts(502, "text/html", PAGE), P, Fails(7, "aws-unavailable", "502")),
        ("a truncated answer", |s| s.aws.fault(Fault::Truncated), P, Fails(7, "captive-portal", "")),
        ("bytes that are not HTTP", |s| s.aws.fault(Fault::Garbage), P, Fails(7, "captive-portal", "")),
        ("an empty answer", |s| s.sts(200, "text/xml", ""), P, Fails(7, "captive-portal", "")),
        ("an empty answer with 204", |s| s.sts(204, "text/xml", ""), P, Fails(7, "captive-portal", "")),
        ("JSON", |s| s.sts(200, "application/json", r#"{"AssumeRoleResponse":"canary"}"#), P, Fails(7, "captive-portal", "")),
        ("XML without its end tag", |s| s.sts(200, "text/xml", xml(XML_SECRET, XML_TIME).replace("</AssumeRoleResponse>", "")), P, Works),
        ("deeply nested XML", |s| s.sts(200, "text/xml", "<a>".repeat(200_000)), P, Fails(7, "captive-portal", "")),
        ("an entity expansion attack", |s| s.sts(200, "text/xml", "<!DOCTYPE x [<!ENTITY a \"canary\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>"), P, Fails(7, "captive-portal", "")),
        ("another content type", |s| s.sts(200, "image/png", xml(XML_SECRET, XML_TIME)), P, Works),
        ("no credentials", |s| s.sts(200, "text/xml", "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"), P, Fails(7, "aws-unavailable", "")),
        ("no secret", |s| s.sts(200, "text/xml", xml("", XML_TIME)), P, Fails(7, "aws-unavailable", "")),
        ("an empty secret", |s| s.sts(200, "text/xml", xml("<SecretAccessKey/>", XML_TIME)), P, Fails(7, "aws-unavailable", "")),
        ("a secret with a line break", |s| s.sts(200, "text/xml", xml("<SecretAccessKey>canary&#10;x</SecretAccessKey>", XML_TIME)), P, Fails(7, "aws-unavailable", "")),
        ("no expiration", |s| s.sts(200, "text/xml", xml(XML_SECRET, "")), P, Fails(7, "aws-unavailable", "")),
        ("an expiration that is not a time", |s| s.sts(200, "text/xml", xml(XML_SECRET, "<Expiration>soon</Expiration>")), P, Fails(7, "captive-portal", "")),
        ("an expiration in the past", |s| s.sts(200, "text/xml", xml(XML_SECRET, "<Expiration>2020-01-01T00:00:00Z</Expiration>")), P, Fails(5, "clock-skew", "2020-01-01T00:00:00Z")),
        ("an expiration in the year 9999", |s| s.sts(200, "text/xml", xml(XML_SECRET, "<Expiration>9999-12-31T23:59:59Z</Expiration>")), P, Works),
        ("64 MB", |s| s.sts(200, "text/xml", "x".repeat(64 << 20)), P, Fails(7, "captive-portal", "")),
        ("an error of 8 MB", |s| s.sts(403, "text/xml", format!("<ErrorResponse><Error><Code>AccessDenied</Code><Message>{}</Message></Error></ErrorResponse>", "x".repeat(8 << 20))), P, Fails(7, "captive-portal", "larger than 1 MB")),
        ("an error with escape sequences", |s| s.sts(403, "text/xml", "<ErrorResponse><Error><Code>Access&#27;Denied</Code><Message>&#10;&#13;&#155;31m&#8238;</Message></Error></ErrorResponse>"), P, Fails(1, "unexpected", "")),
        ("a redirect", |s| redirect(s, 302, "http://evil.example/"), P, Fails(7, "captive-portal", "302")),
        ("a redirect to itself", |s| { let url = s.aws.url(); redirect(s, 307, &url) }, P, Fails(7, "captive-portal", "307")),
        ("a proxy that requires authentication", |s| s.sts(407, "text/html", PAGE), P, Fails(7, "proxy-misconfigured", "407")),
        ("an unknown status", |s| s.sts(999, "text/html", PAGE), P, Fails(7, "aws-unavailable", "999")),
    ]);
}

fn redirect(stage: &Stage, status: u16, location: &str) {
    stage.aws.fault(Fault::Raw {
        status,
        headers: vec![("Location", location.into())],
        body: String::new(),
    });
}

#[test]
#[rustfmt::skip] // one line per row
fn invalid_answers_of_a_process_are_reported() {
    check(&[
        ("a complete answer", |s| s.prints(process_answer("")), P, Works),
        ("a web page", |s| s.prints("<html>canary</html>"), P, Fails(3, "process-output-invalid", "config:2")),
        ("a truncated answer", |s| s.prints(&process_answer("")[..60]), P, Fails(3, "process-output-invalid", "config:2")),
        ("two answers", |s| s.prints(format!("{0}\n{0}", process_answer(""))), P, Fails(3, "process-output-invalid", "config:2")),
        ("a banner before the answer", |s| s.prints(format!("Welcome!\n{}", process_answer(""))), P, Fails(3, "process-output-invalid", "config:2")),
        ("a byte order mark before the answer", |s| s.prints(format!("\u{feff}{}", process_answer(""))), P, Fails(3, "process-output-invalid", "config:2")),
        ("UTF-16", |s| s.prints(utf16(&process_answer(""), true)), P, Fails(3, "process-output-invalid", "config:2")),
        ("a duplicate key", |s| s.prints(process_answer(r#","SecretAccessKey":"canary""#)), P, Fails(3, "process-output-invalid", "config:2")),
        ("a version in quotes", |s| s.prints(process_answer("").replace(":1", ":\"1\"")), P, Fails(3, "process-output-invalid", "Version")),
        ("no version", |s| s.prints(process_answer("").replace("\"Version\":1,", "")), P, Fails(3, "process-output-invalid", "Version")),
        ("null for the secret", |s| s.prints(process_answer("").replacen("\"canary\"", "null", 1)), P, Fails(3, "process-output-invalid", "SecretAccessKey")),
        ("a number for the secret", |s| s.prints(process_answer("").replacen("\"canary\"", "5", 1)), P, Fails(3, "process-output-invalid", "config:2")),
        ("a secret with a line break", |s| s.prints(process_answer("").replacen("canary", "canary\\n", 1)), P, Fails(3, "process-output-invalid", "config:2")),
        ("a temporary key without a token", |s| s.prints(process_answer("").replace("SessionToken", "Token")), P, Fails(3, "process-output-invalid", "SessionToken")),
        ("an expiration in the past", |s| s.prints(process_answer(r#","Expiration":"2020-01-01T00:00:00Z""#)), P, Fails(3, "process-output-invalid", "2020-01-01")),
        ("an expiration that is not a time", |s| s.prints(process_answer(r#","Expiration":"soon""#)), P, Fails(3, "process-output-invalid", "Expiration")),
        ("an expiration in the year 9999", |s| s.prints(process_answer(r#","Expiration":"9999-12-31T23:59:59Z""#)), P, Works),
        ("deeply nested lists", |s| s.prints("[".repeat(50_000)), P, Fails(3, "process-output-invalid", "config:2")),
        ("binary data", |s| s.process("head -c 5000 /dev/urandom"), P, Fails(3, "process-output-invalid", "config:2")),
        ("10 MB", |s| s.process("head -c 10000000 /dev/zero"), P, Fails(3, "process-output-invalid", "config:2")),
        ("endless output", |s| s.process("cat /dev/zero"), P, Fails(3, "process-output-invalid", "config:2")),
        ("an empty answer", |s| s.process("true"), P, Fails(3, "process-output-invalid", "nothing")),
        ("output on stderr only", |s| s.process("echo out of cheese >&2"), P, Fails(3, "process-output-invalid", "nothing")),
        ("endless output on stderr", |s| s.process("yes >&2"), P, Fails(3, "process-failed", "config:2")),
        ("a failure with a message", |s| s.process("echo out of cheese >&2; exit 7"), P, Fails(3, "process-failed", "out of cheese")),
        ("a failure with an answer", |s| { s.home.file("answer", process_answer("")); s.process("cat answer; exit 7") }, P, Fails(3, "process-failed", "exit status: 7")),
        ("a process killed by a signal", |s| s.process("kill -9 $$"), P, Fails(3, "process-failed", "exit status: 137")),
        ("a process that never ends", |s| s.process("sleep 60"), P, Fails(3, "process-failed", "AWSFRESH_TIMEOUT")),
        ("a child that keeps the pipe open", |s| { s.home.file("answer", process_answer("")); s.process("cat answer; sleep 30 &") }, P, Works),
        ("escape sequences on stderr", |s| s.process("printf '\\033]0;x\\007\\2335m' >&2; exit 1"), P, Fails(3, "process-failed", "?")),
        ("a secret on stderr", |s| s.process(&format!("echo 'cannot use {SECRET} here' >&2; exit 1")), P, Fails(3, "process-failed", "cannot use … here")),
        ("a named secret on stderr", |s| s.process("echo 'aws_session_token=canary' >&2; exit 1"), P, Fails(3, "process-failed", "not shown")),
        ("an answer on stderr", |s| { s.home.file("answer", process_answer("")); s.process("cat answer >&2; exit 1") }, P, Fails(3, "process-failed", "not shown")),
        ("a process that reads stdin", |s| s.process("read -r word && echo $word"), P, Fails(3, "process-failed", "config:2")),
    ]);
}

/// Runs in a separate process, started by the next test.
#[test]
#[ignore = "the next test runs it, in a process of its own"]
fn panics_with_a_secret_in_the_message() {
    awsfresh::install_panic_hook();
    let token = "IQoJb3JpZ2luX2VjCANARYé";
    let cut = std::hint::black_box(token.len() - 1);
    let _ = &token[..cut]; // the panic message quotes the whole text
}

#[test]
fn a_panic_shows_its_location_but_not_its_message() {
    let me = std::env::current_exe().unwrap();
    let run = std::process::Command::new(me)
        .args([
            "--exact",
            "panics_with_a_secret_in_the_message",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("awsfresh: awsfresh panicked at tests/hostile.rs:")
            && stderr.contains("[unexpected]\n"),
        "{stderr}"
    );
    assert!(
        !format!("{stderr}{}", String::from_utf8_lossy(&run.stdout)).contains("CANARY"),
        "{stderr}"
    );
}

#[test]
fn a_closed_stdout_is_not_a_failure() {
    use std::io::Write;
    let home = fixtures::offline_home();
    let mut child = home
        .command(&["explain"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"An error occurred (ExpiredToken) when calling the ListBuckets operation: over")
        .unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(
        (
            out.status.code(),
            String::from_utf8_lossy(&out.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

/// The first file that is opened must not become stdout or stderr.
#[test]
fn closed_standard_streams_corrupt_no_file() {
    let (aws, home) = role_on_keys(None);
    assert_eq!(
        home.shell(&format!(
            "(exec {AWSFRESH} -v credential-process -p deploy <&- >&- 2>&-); echo $?"
        )),
        "0\n"
    );
    home.credentials_of("deploy").answer();
    assert_eq!(aws.count("AssumeRole"), 1, "the stored entry is damaged");
}

#[test]
fn a_closed_stderr_is_not_a_failure() {
    let (_aws, home) = role_on_keys(None);
    let mut child = home.start(&["-v", "credential-process", "-p", "base"]);
    drop(child.stderr.take());
    let out = child.wait_with_output().unwrap();
    assert!(
        out.status.success() && String::from_utf8_lossy(&out.stdout).contains(KEY),
        "{out:?}"
    );
}
