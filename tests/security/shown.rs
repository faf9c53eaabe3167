//! A `try:` line is pasted into a shell. Whatever a name in it contains, the shell runs nothing but
//! the command that is shown.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::double::{Double, Fault, SsoSession, clock};
use crate::support::fixtures::{self, ACCOUNT, KEY, ROLE, SECRET, START, USER, keys_of, open_role};
use crate::support::sandbox::Sandbox;
use crate::support::skip::skip;

/// Names that a shell would act on if they were not quoted, or were quoted in only one of its ways.
const NAMES: &[&str] = &[
    "a$(touch pwned)`touch pwned`;touch pwned;touch pwned|touch pwned&&touch pwned >pwned",
    "a'$(touch pwned)'b",
    "a\"$(touch pwned)`touch pwned`\"b",
    "a\";touch pwned;'b",
    "a';touch pwned;\"b",
    "-rf $(touch pwned)",
    "!touch pwned !! ~root *?{a,b} $HOME ${HOME}",
    "a\\$(touch pwned)\\",
];

/// Long names are cut where a line would be too long, also in the middle of a quote.
fn long_name() -> String {
    format!(
        "{}$(touch pwned)`touch pwned`",
        "a;touch pwned;'\"".repeat(24)
    )
}

/// The longest name of a file here, in bytes.
const FILE_NAME: usize = 200;

/// A home directory with a hostile name, and AWS.
struct Stage<'a> {
    aws: Double,
    sandbox: Sandbox,
    name: &'a str,
}

impl<'a> Stage<'a> {
    fn new(name: &'a str) -> Self {
        let aws = Double::start();
        aws.add_user(KEY, SECRET, USER);
        aws.add_role(open_role(ROLE, None));
        aws.add_sso(SsoSession {
            start_url: START.into(),
            access_token: "canary-access-token".into(),
            token_expires: clock::now() + 3600,
            assignments: vec![(ACCOUNT.into(), name.into())],
            ..SsoSession::default()
        });
        let sandbox = fixtures::home(&aws);
        let stage = Self { aws, sandbox, name };
        std::fs::create_dir(stage.home()).unwrap();
        stage.sandbox.env("HOME", stage.home().to_str().unwrap());
        stage.file("credentials", keys_of("base", KEY, SECRET));
        stage
    }

    fn home(&self) -> std::path::PathBuf {
        self.sandbox
            .home()
            .join(&self.name[..self.name.len().min(FILE_NAME)])
    }

    /// Writes a file in `~/.aws`.
    fn file(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.home().join(".aws").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the config file, with the hostile name in the place of `NAME`.
    fn config(&self, text: &str) {
        self.file("config", text.replace("NAME", self.name));
    }

    fn env(&self, variable: &str, value: &str) {
        self.sandbox
            .env(variable, &value.replace("NAME", self.name));
    }

    /// Writes the token of the session with the hostile name.
    fn token(&self, expires: i64) {
        let key = awsfresh::digest::sha1_hex(self.name.as_bytes());
        let expires = awsfresh::time::Timestamp(expires).to_string();
        let token = json!({"startUrl": START, "region": "eu-west-1",
            "accessToken": "canary-access-token", "expiresAt": expires});
        self.file(&format!("sso/cache/{key}.json"), token.to_string());
    }

    fn sts_fails(&self, code: &str) {
        let message = xml_text(self.name);
        let body = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </ErrorResponse>"
        );
        let headers = vec![("Content-Type", "text/xml".into())];
        let fault = Fault::Raw {
            status: 403,
            headers,
            body,
        };
        self.aws.fault_on("AssumeRole", fault);
    }
}

fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Name, what to prepare, the arguments, in which `NAME` is the hostile name.
type Row = (&'static str, fn(&Stage), &'static [&'static str]);

const ASK: &[&str] = &["credential-process", "--profile=NAME"];
const DOCTOR: &[&str] = &["doctor", "--profile=NAME", "--offline"];
const PROBE: &[&str] = &["doctor", "--profile=NAME"];

const KEYS: &str = "aws_access_key_id = AKIAQTESTTESTTESTTES\n\
    aws_secret_access_key = canarySecretcanarySecretcanarySecretcana\n";
const SESSION: &str = "[sso-session NAME]\n\
    sso_start_url = https://d-1234567890.awsapps.com/start\nsso_region = eu-west-1\n";
const SSO: &str = "[profile NAME]\nsso_session = NAME\nsso_account_id = 444444444444\n";
const DEPLOY: &str = "[profile NAME]\nrole_arn = arn:aws:iam::222222222222:role/deploy\n\
    source_profile = base\n";

#[rustfmt::skip] // one line per row
const ROWS: &[Row] = &[
    ("a profile of a similar name", |s| s.config("[profile NAMEx]\n"), ASK),
    ("a header without `profile`", |s| s.config("[NAME]\n"), ASK),
    ("a header with `Profile`", |s| s.config("[Profile NAME]\n"), ASK),
    ("`profile` in the credentials file", |s| s.file("credentials", format!("[profile {}]\n", s.name)), ASK),
    ("an indented header", |s| s.config("[profile x]\nregion = eu-west-1\n  [profile NAME]\n"), ASK),
    ("no credentials", |s| s.config("[profile NAME]\n"), ASK),
    ("a source without a role", |s| s.config("[profile NAME]\nsource_profile = NAMEx\n"), ASK),
    ("a source that does not exist", |s| s.config("[profile NAME]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = NAMEx\n[profile NAMEy]\n"), ASK),
    ("misspelt keys", |s| s.config("[profile NAME]\naws_access_key = NAME\nAWS_SECRET_KEY =\n"), ASK),
    ("a source twice", |s| s.config(&format!("{DEPLOY}credential_source = NAME\n")), ASK),
    ("an unknown credential_source", |s| s.config("[profile NAME]\ncredential_source = NAME\n"), ASK),
    ("a cycle", |s| s.config(&DEPLOY.replace("base", "NAME ")), ASK),
    ("the ARN of a session", |s| s.config("[profile NAME]\nrole_arn = arn:aws:sts::222222222222:assumed-role/NAME/x\nsource_profile = base\n"), ASK),
    ("a session of an odd partition", |s| s.config("[profile NAME]\nrole_arn = arn:NAME:sts::NAME:assumed-role/x/x\nsource_profile = base\n"), ASK),
    ("an availability zone", |s| s.config(&format!("{DEPLOY}region = NAME1a\n")), ASK),
    ("an availability zone in a variable", |s| { s.config(DEPLOY); s.env("AWS_REGION", "NAME1a"); }, ASK),
    ("regions that differ", |s| { s.config(DEPLOY); s.env("AWS_REGION", "NAME"); s.env("AWS_DEFAULT_REGION", "eu-west-1"); }, DOCTOR),
    ("a duration", |s| s.config(&format!("{DEPLOY}duration_seconds = NAME\n")), ASK),
    ("an external ID", |s| s.config(&format!("{DEPLOY}external_id = NAME\n")), ASK),
    ("tags", |s| s.config(&format!("{DEPLOY}awsfresh_tags = NAME\n")), ASK),
    ("services", |s| s.config(&format!("{DEPLOY}services = NAME\n")), ASK),
    ("a device for codes", |s| s.config(&format!("{DEPLOY}mfa_serial = arn:aws:iam::111111111111:mfa/ann\n")), ASK),
    ("a device of a hostile name", |s| s.config(&format!("{DEPLOY}mfa_serial = NAME\n")), ASK),
    ("a process for codes", |s| s.config(&format!("{DEPLOY}mfa_serial = arn:aws:iam::111111111111:mfa/ann\nmfa_process = /no/NAME\n")), ASK),
    ("a role of two steps", |s| s.config(&format!("{DEPLOY}duration_seconds = 7200\n[profile two]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = NAME\nduration_seconds = 7200\n")), &["doctor", "-p", "two", "--offline"]),
    ("a process that calls awsfresh for itself", |s| s.config("[profile NAME]\ncredential_process = awsfresh credential-process\n"), ASK),
    ("a program that does not exist", |s| s.config("[profile NAME]\ncredential_process = /no/NAME\n"), ASK),
    ("a program that fails", |s| { s.sandbox.file("fails", format!("cat <<'END' >&2\n{}\nEND\nexit 1\n", s.name)); s.config("[profile NAME]\ncredential_process = sh fails\n"); }, ASK),
    ("`aws login` without a session", |s| s.config("[profile NAME]\nlogin_session = NAME\n"), ASK),
    ("a web identity", |s| s.config("[profile NAME]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nweb_identity_token_file = /no/NAME\n"), ASK),
    ("no role for a web identity", |s| s.config("[profile NAME]\nweb_identity_token_file = NAME\n"), ASK),
    ("a container", |s| { s.config("[profile NAME]\nrole_arn = arn:aws:iam::222222222222:role/deploy\ncredential_source = EcsContainer\n"); s.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/NAME"); s.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/no/NAME"); }, ASK),
    ("the environment", |s| { s.config("[profile NAME]\nrole_arn = arn:aws:iam::222222222222:role/deploy\ncredential_source = Environment\n"); s.env("AWS_ACCESS_KEY_ID", "NAME"); }, ASK),
    ("no SSO session", |s| s.config(SSO), ASK),
    ("an SSO session of a similar name", |s| s.config(&format!("[sso-session NAMEx]\n{SSO}")), ASK),
    ("an SSO session that is a profile", |s| s.config(&SSO.replace("[profile NAME]\n", "[profile NAME]\nsso_start_url = https://x\n")), ASK),
    ("an SSO session in the credentials file", |s| { s.config(SSO); s.file("credentials", format!("[sso-session {}]\n", s.name)); }, ASK),
    ("an SSO session of the wrong form", |s| s.config(&format!("[sso_session NAME]\n{SSO}")), ASK),
    ("an SSO session without a URL", |s| s.config(&format!("[sso-session NAME]\n{SSO}")), ASK),
    ("an SSO session without a token", |s| s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")), ASK),
    ("an SSO session without a name", |s| s.config("[profile NAME]\nsso_start_url = https://x/NAME\nsso_region = eu-west-1\nsso_account_id = 444444444444\nsso_role_name = NAME\n"), ASK),
    ("an expired SSO session", |s| { s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")); s.token(clock::now() - 9); }, ASK),
    ("a damaged token file", |s| { s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")); s.token(0); let key = awsfresh::digest::sha1_hex(s.name.as_bytes()); s.file(&format!("sso/cache/{key}.json"), "{"); }, ASK),
    ("an SSO region that differs", |s| { s.config(&format!("{}{SSO}sso_role_name = x\n", SESSION.replace("eu-west-1", "us-east-1"))); s.token(clock::now() + 900); }, DOCTOR),
    ("an SSO role in capitals", |s| { s.config(&format!("{SESSION}{SSO}sso_role_name = {}\n", s.name.to_uppercase())); s.token(clock::now() + 900); }, PROBE),
    ("another SSO role", |s| { s.config(&format!("{SESSION}{SSO}sso_role_name = x\n")); s.token(clock::now() + 900); }, PROBE),
    ("another SSO account", |s| { s.config(&format!("{SESSION}{}sso_role_name = x\n", SSO.replace("44444", "55555"))); s.token(clock::now() + 900); }, PROBE),
    ("a role that AWS denies", |s| { s.config(DEPLOY); s.sts_fails("AccessDenied"); }, ASK),
    ("a setting that AWS rejects", |s| { s.config(DEPLOY); s.sts_fails("ValidationError"); }, ASK),
    ("a region that AWS disables", |s| { s.config(DEPLOY); s.sts_fails("RegionDisabledException"); }, PROBE),
    ("a code that AWS invents", |s| { s.config(DEPLOY); s.sts_fails(&xml_text(s.name)); }, ASK),
    ("a key that AWS does not know", |s| { s.config(DEPLOY); s.sts_fails("InvalidClientTokenId"); }, PROBE),
    ("a directory as the config file", |s| std::fs::create_dir_all(s.home().join(".aws/config")).unwrap(), ASK),
    ("a link to itself", |s| symlink("config", s.home().join(".aws/config")).unwrap(), ASK),
    ("files for others", |s| { s.config(DEPLOY); s.sandbox.shell("chmod -R 777 -- */.aws"); }, DOCTOR),
    ("a value twice", |s| s.config(&format!("{DEPLOY}region = eu-west-1\nregion = us-east-1\n")), DOCTOR),
    ("a comment in a value", |s| s.config(&format!("{DEPLOY}external_id = abc # NAME\n")), DOCTOR),
    ("files of a hostile name", |s| { s.env("AWS_CONFIG_FILE", "NAME"); s.env("AWS_SHARED_CREDENTIALS_FILE", "NAMEx"); }, DOCTOR),
    ("a directory of a hostile name", |s| { s.env("AWS_CONFIG_FILE", "NAME"); s.sandbox.env("AWS_SHARED_CREDENTIALS_FILE", "/"); }, ASK),
    ("keys of the environment", |s| { s.config(DEPLOY); s.env("AWS_PROFILE", "NAME"); s.env("AWS_ACCESS_KEY_ID", "AKIAQTESTTESTTESTTES"); s.env("AWS_SECRET_ACCESS_KEY", "canarySecretcanarySecretcanarySecretcana"); }, &["doctor", "--offline"]),
    ("keys of [default]", |s| { s.config(&format!("{DEPLOY}[default]\n{KEYS}")); s.env("AWS_PROFILE", "NAME"); }, DOCTOR),
    ("two variables for the profile", |s| { s.config(DEPLOY); s.env("AWS_PROFILE", "NAME"); s.env("AWS_DEFAULT_PROFILE", "NAMEx"); }, &["doctor", "--offline"]),
    ("a variable that names no profile", |s| s.env("AWS_PROFILE", "NAME"), &["doctor", "--offline"]),
    ("hosts without a proxy", |s| { s.config(DEPLOY); s.env("HTTPS_PROXY", "http://127.0.0.1:9"); s.env("NO_PROXY", "*.NAME"); }, DOCTOR),
    ("a proxy", |s| { s.config(DEPLOY); s.env("HTTPS_PROXY", "http://NAME"); }, PROBE),
    ("a CA bundle", |s| { s.config(DEPLOY); s.env("AWS_CA_BUNDLE", "/no/NAME"); }, PROBE),
    ("an endpoint", |s| { s.config(DEPLOY); s.env("AWS_ENDPOINT_URL", "NAME"); }, PROBE),
    ("an endpoint of a profile", |s| { s.sandbox.unset("AWS_ENDPOINT_URL"); s.config(&format!("{DEPLOY}endpoint_url = http://127.0.0.1:9/NAME\n")); }, PROBE),
    ("a user of sudo", |s| { s.file("credentials", ""); s.env("SUDO_USER", "NAME"); }, DOCTOR),
    ("a store", |s| s.env("AWSFRESH_STORE", "NAME"), ASK),
    ("a key file", |s| { s.config(DEPLOY); s.env("AWSFRESH_KEY_FILE", "/no/NAME"); }, PROBE),
    ("a command that does not exist", |s| s.config(DEPLOY), &["--profile=NAME", "--", "/no/NAME"]),
    ("an account that is not expected", |s| s.config(DEPLOY), &["--profile=NAME", "--expect-account", "999999999999", "--", "true"]),
    ("a lifetime that is too short", |s| s.config(DEPLOY), &["--profile=NAME", "--min-ttl", "11h", "--", "true"]),
    ("SSO roles have a lifetime", |s| { s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")); s.token(clock::now() + 900); }, &["--profile=NAME", "--min-ttl", "11h", "--", "true"]),
    ("static keys of a profile", |s| s.config(&format!("[profile NAME]\n{KEYS}")), &["--profile=NAME", "--min-ttl", "11h", "--deliver", "endpoint", "--", "true"]),
    ("a failure of a command", |s| s.config(DEPLOY), &["--profile=NAME", "--", "sh", "-c", "echo An error occurred '(ExpiredToken)' when calling the X operation: NAME >&2; exit 3"]),
    ("an unknown subcommand", |_| (), &["NAME", "-x", "NAME"]),
    ("a misspelt subcommand", |_| (), &["statsu", "-p", "NAME"]),
    ("an unknown option", |_| (), &["status", "--NAME"]),
    ("a misspelt option", |_| (), &["status", "--jsonn=NAME"]),
    ("an option that has no value", |_| (), &["status", "--json=NAME"]),
    ("an unknown choice", |_| (), &["--deliver", "NAME", "--", "true"]),
    ("an invalid lifetime", |_| (), &["--min-ttl", "NAME", "--", "true"]),
    ("status", |s| s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n{DEPLOY}")), &["status", "--profile=NAME"]),
    ("status of everything", |s| s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")), &["status"]),
    ("refresh", |s| s.config(&format!("{SESSION}{SSO}sso_role_name = NAME\n")), &["refresh", "--all"]),
    ("forget", |s| s.config(SESSION), &["forget", "--profile=NAME"]),
    ("login to a session that does not exist", |s| s.config(SESSION), &["login", "--", "NAMEx"]),
    ("login to one of several sessions", |s| s.config(&format!("{SESSION}[sso-session x]\n")), &["login", "--", "nothing similar"]),
    ("login for `aws login`", |s| s.config("[profile NAME]\nlogin_session = x\n"), &["login", "--profile=NAME"]),
    ("login for a profile of keys", |s| s.config(&format!("[profile NAME]\n{KEYS}")), &["login", "--profile=NAME"]),
    ("logout of a session that does not exist", |s| s.config(SESSION), &["logout", "--", "NAMEx"]),
    ("logout", |s| { s.config(SESSION); s.token(clock::now() + 900); }, &["logout", "--", "NAME"]),
    ("explain of a file that does not exist", |_| (), &["explain", "--", "NAME"]),
    ("explain of our own failure", |s| { s.sandbox.file("log", format!("awsfresh: x [profile-not-found]\n  seen: {0}\n  try:  {0}\n", s.name)); }, &["explain", "log"]),
    ("explain of another failure", |s| { s.sandbox.file("log", format!("An error occurred (AccessDenied) when calling the AssumeRole operation: {}\n", s.name)); }, &["explain", "log"]),
];

/// The lines to paste, from the text and from the JSON of a run.
fn remedies(output: &str) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(all) => all
                .iter()
                .for_each(|(key, value)| match (key.as_str(), value) {
                    ("remedy", Value::Array(lines)) => {
                        found.extend(
                            lines
                                .iter()
                                .filter_map(|line| line.as_str().map(str::to_owned)),
                        );
                    }
                    _ => collect(value, found),
                }),
            Value::Array(all) => all.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_str(output) {
        collect(&json, &mut found);
    }
    let lines = output.lines().map(str::trim_start);
    found.extend(
        lines.filter_map(|line| line.strip_prefix("try:").map(|line| line.trim().to_owned())),
    );
    found
}

/// Everything that the runs of a row tell a person to try.
fn collect(row: &Row, name: &str) -> Vec<String> {
    let (_, arrange, args) = row;
    let stage = Stage::new(name);
    arrange(&stage);
    let args: Vec<String> = args.iter().map(|arg| arg.replace("NAME", name)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    let mut run = |args: &[&str]| {
        let run = stage.sandbox.wrap(args);
        found.extend(remedies(&run.stderr));
        found.extend(remedies(&run.stdout));
    };
    run(&args);
    if matches!(args[0], "doctor" | "status" | "explain" | "refresh") {
        let (first, rest) = args.split_first().unwrap();
        run(&[&[*first, "--json"], rest].concat());
    }
    run(&["why", "--json"]);
    found
}

/// The shells to paste into; in CI both must be there.
fn shells() -> Vec<&'static str> {
    let (here, missing): (Vec<_>, Vec<_>) = ["/bin/bash", "/bin/sh"]
        .into_iter()
        .partition(|shell| Path::new(shell).exists());
    if !missing.is_empty() {
        skip(format_args!("there is no {missing:?}"));
    }
    here
}

/// A directory of programs that record their arguments, and nothing else on the `PATH`.
struct Shell {
    dir: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let record = dir.path().join("record");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\0' \"${{0##*/}}\" \"$@\" '' >>'{}'\n",
            record.display()
        );
        std::fs::write(bin.join("awsfresh"), script).unwrap();
        symlink("/usr/bin/touch", bin.join("touch")).unwrap();
        Command::new("chmod")
            .arg("+x")
            .arg(bin.join("awsfresh"))
            .status()
            .unwrap();
        for program in ["aws", "ls", "rm", "rmdir", "chmod", "sudo", "docker"] {
            symlink("awsfresh", bin.join(program)).unwrap();
        }
        Self { dir }
    }

    /// Pastes a line and returns what it ran; an error where it did anything else.
    fn paste(&self, shell: &str, line: &str) -> Result<Vec<Vec<String>>, String> {
        let cwd = self.dir.path().join("cwd");
        let _ = std::fs::remove_dir_all(&cwd);
        std::fs::create_dir(&cwd).unwrap();
        let record = self.dir.path().join("record");
        std::fs::write(&record, "").unwrap();
        let mut command = Command::new(shell);
        command.args(["-c", line]).current_dir(&cwd).env_clear();
        command
            .env("PATH", self.dir.path().join("bin"))
            .env("HOME", "/nowhere");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap();
        if std::fs::read_dir(&cwd).unwrap().next().is_some() {
            return Err("it created a file".to_owned());
        }
        let record = std::fs::read_to_string(record).unwrap();
        let ran = record.split("\0\0").filter(|one| !one.is_empty());
        Ok(ran
            .map(|one| one.split('\0').map(str::to_owned).collect())
            .collect())
    }
}

/// An argument with a part of a name has the whole name.
fn is_whole(argument: &str, name: &str) -> bool {
    let [argument, name] = [argument, &name[..name.len().min(FILE_NAME)]].map(str::to_lowercase);
    let has_part = ["pwned", "touch"]
        .iter()
        .any(|part| argument.contains(part));
    !has_part || argument.contains(&name)
}

#[test]
fn a_pasted_remedy_runs_what_it_shows_and_nothing_else() {
    let long = long_name();
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    let wrong = std::sync::Mutex::new(BTreeSet::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let shell = Shell::new();
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(row) = ROWS.get(at) else { return };
                    for name in &names {
                        let lines: BTreeSet<String> = collect(row, name).into_iter().collect();
                        for line in lines {
                            judge(&shell, &line, name, |why| {
                                let text = format!("{}: {line}: {why}", row.0);
                                wrong.lock().unwrap().insert(text);
                            });
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let mut report = String::new();
    for line in &wrong {
        writeln!(report, "{line}").unwrap();
    }
    assert!(wrong.is_empty(), "{} wrong lines:\n{report}", wrong.len());
}

fn judge(shell: &Shell, line: &str, name: &str, mut wrong: impl FnMut(String)) {
    for program in shells() {
        match shell.paste(program, line) {
            Err(why) => wrong(why),
            Ok(ran) if line.contains('…') => drop(ran), // the rest of a name was cut off
            Ok(ran) => {
                let args = ran.iter().flatten();
                let parts: Vec<_> = args.filter(|arg| !is_whole(arg, name)).collect();
                if !parts.is_empty() {
                    wrong(format!("arguments {parts:?}"));
                }
            }
        }
    }
}

/// The lines for a profile or a session of such a name are commands as they stand.
#[test]
fn a_pasted_command_gets_the_name_as_it_is() {
    let shell = Shell::new();
    let row = |name: &str| ROWS.iter().find(|row| row.0 == name).unwrap();
    for name in NAMES {
        let of_session: &[&str] = if name.starts_with('-') {
            &["awsfresh", "login", "--", name]
        } else {
            &["awsfresh", "login", name]
        };
        let option = format!("--profile={name}");
        let of_profile = |words: [&'static str; 2], short: &'static str| -> Vec<String> {
            let words = words.into_iter().map(str::to_owned);
            if name.starts_with('-') {
                words.chain([option.clone()]).collect()
            } else {
                words
                    .chain([short.to_owned(), (*name).to_owned()])
                    .collect()
            }
        };
        let of_session: Vec<String> = of_session.iter().map(|word| (*word).to_owned()).collect();
        for (row, wanted) in [
            (row("an SSO session without a token"), of_session.clone()),
            (row("an expired SSO session"), of_session),
            (
                row("a device for codes"),
                of_profile(["awsfresh", "login"], "-p"),
            ),
            (
                row("`aws login` without a session"),
                of_profile(["aws", "login"], "--profile"),
            ),
        ] {
            let lines = collect(row, name);
            let ran = lines.iter().any(|line| {
                let ran = |program| shell.paste(program, line).unwrap().contains(&wanted);
                shells().into_iter().all(ran)
            });
            assert!(ran, "{}: {wanted:?} is not what {lines:#?} runs", row.0);
        }
    }
}
