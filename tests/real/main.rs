//! Real clients get their credentials from a profile with only a `credential_process`, which runs
//! the real binary. They talk to the AWS double, which implements SSO and enforces expiry, and to
//! moto, which checks IAM policies. `tests/real/run` installs the dependencies. A missing client is
//! a failure in CI, and elsewhere a counted skip.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::unwrap_used
)]

#[path = "../support/lab.rs"]
mod lab;
#[path = "../support/mod.rs"]
mod support;

mod clients;
mod failures;
mod packages;
mod setups;
mod signin;
mod ways;
mod wrapped;

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use awsfresh::time::Timestamp;
use clients::{Client, Suite};
use serde_json::{Value, json};
use support::bus::Bus;
use support::container::{CONTAINER, NO_NAMESPACE, namespace};
use support::double::{Double, SsoSession};
use support::fixtures::{
    self, ACCOUNT, AWSFRESH, KEY, ROLE, SECRET, START, USER, keys_of, open_role, sso_cache,
    through_proxy,
};
use support::sandbox::Sandbox;

type Outcome = Result<(), String>;
/// The name of a case, the client that is not installed, and the function that runs it.
type Case<'a> = (String, Option<String>, Box<dyn Fn() -> Outcome + Send + 'a>);

fn main() -> ExitCode {
    if let Ok(seconds) = std::env::var(clients::AS_RUST_SDK) {
        return wrapped::as_rust_sdk(seconds.parse().unwrap());
    }
    let suite = Suite::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".suite"));
    let only = std::env::args()
        .nth(1)
        .filter(|arg| !arg.starts_with('-'))
        .unwrap_or_default();
    let matrix = wrapped::Matrix::read();
    let recorder = failures::Recorder::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".suite"));
    let release = packages::Release::default();
    let mut cases: Vec<Case<'_>> = Vec::new();
    let namespace = namespace();
    for client in Client::ALL {
        let missing = suite.missing(client);
        let mut add = |what: &str, run: fn(&Suite, Client) -> Outcome| {
            let suite = &suite;
            cases.push((
                format!("{client:?}: {what}"),
                missing.clone(),
                Box::new(move || run(suite, client)),
            ));
        };
        if client.shows_its_identity() {
            add("is the role", is_the_role);
            add("is the SSO role", is_the_sso_role);
            add("is the role after setup", is_the_role_after_setup);
            add("is the SSO role after setup", is_the_sso_role_after_setup);
            add("survives an expiry", survives_an_expiry);
        }
        if client.reads_endpoint_variables() && !matches!(client, Client::RustSdk | Client::Rclone)
        {
            add("on moto, with IAM checks", on_moto);
        }
        if matches!(client, Client::CliV1 | Client::Boto3) {
            add("with the keyring as the store", from_the_keyring);
            add("shows the diagnosis", shows_the_diagnosis);
        }
        if client.stays() && client.reads_endpoint_variables() {
            let suite = &suite;
            let refused = namespace.is_none();
            let refused = refused.then(|| NO_NAMESPACE.into());
            cases.push((
                format!("{client:?}: survives an expiry in a container"),
                missing.or(refused),
                Box::new(move || survives_in_a_container(suite, client, namespace.unwrap_or(""))),
            ));
        }
    }
    wrapped::cases(&suite, &matrix, &mut cases);
    failures::cases(&suite, &recorder, &mut cases);
    ways::cases(&suite, &mut cases);
    setups::cases(&suite, &mut cases);
    signin::cases(&suite, &mut cases);
    packages::cases(&suite, &release, &mut cases);
    cases.retain(|(name, ..)| name.contains(&only));
    let (mut failed, mut skipped, total) = (0, 0, cases.len());
    let queue = Mutex::new(cases.into_iter());
    let results = Mutex::new(Vec::new());
    // Most of the time is spent waiting for credentials to expire.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((name, missing, run)) = queue.lock().unwrap().next() else {
                        return;
                    };
                    let outcome = match missing {
                        Some(what) => Err((true, what)),
                        None => std::panic::catch_unwind(std::panic::AssertUnwindSafe(&run))
                            .unwrap_or_else(|_| Err("a check panicked".into()))
                            .map_err(|why| (false, why)),
                    };
                    results.lock().unwrap().push((name, outcome));
                }
            });
        }
    });
    let in_ci = std::env::var_os("CI").is_some();
    let mut results = results.into_inner().unwrap();
    results.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, outcome) in results {
        match outcome {
            Ok(()) => println!("ok      {name}"),
            // tests/real/run cannot install Terraform: no package registry has a binary of it.
            Err((true, what)) if !in_ci || name.starts_with("Terraform") => {
                skipped += 1;
                println!("skipped {name}: {what}");
            }
            Err((_, why)) => {
                failed += 1;
                println!("FAILED  {name}: {why}");
            }
        }
    }
    matrix.write_if_asked();
    recorder.write_if_asked();
    println!(
        "{} passed, {failed} failed, {skipped} skipped",
        total - failed - skipped
    );
    ExitCode::from(u8::from(failed > 0))
}

/// The double, and a home that reaches it through an endpoint variable or, if the client reads
/// none, through a proxy.
struct Scene {
    aws: Double,
    home: Sandbox,
}

impl Scene {
    fn new(client: Client) -> Self {
        let aws = Double::start();
        let home = fixtures::home(&aws);
        home.secret(SECRET)
            .env("AWS_PROFILE", "tool")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1");
        home.env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PATH", &std::env::var("PATH").unwrap());
        // Debug builds on a busy machine are slow, and this suite does not test the deadline.
        home.env("AWSFRESH_TIMEOUT", "20");
        if !client.reads_endpoint_variables() {
            through_proxy(&aws, &home);
        }
        Self { aws, home }
    }

    /// Makes `tool` a role with sessions of `lifetime` seconds.
    fn role(&self, lifetime: Option<i64>) {
        self.aws.add_user(KEY, SECRET, USER);
        self.aws.add_role(open_role(ROLE, lifetime));
        self.home.credentials(keys_of("base", KEY, SECRET));
        self.config(&format!("role_arn = {ROLE}\nsource_profile = base\n"));
    }

    fn config(&self, source: &str) {
        self.home.config(format!(
            "[profile tool]\nregion = eu-west-1\n\
             credential_process = {AWSFRESH} credential-process --profile tool-source\n\
             [sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
             [profile tool-source]\nregion = eu-west-1\n{source}"
        ));
    }

    /// The profile of the tool as people have it, after `awsfresh setup`.
    fn set_up(&self) {
        let pair = std::fs::read_to_string(self.home.home().join(".aws/config")).unwrap();
        let (tool, source) = pair.split_once("[profile tool-source]\n").unwrap();
        let (_, session) = tool.split_once("[sso-session").unwrap();
        self.home
            .config(format!("[profile tool]\n{source}[sso-session{session}"));
        let run = self.home.wrap(&["setup", "tool", "--yes"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }

    fn run(&self, command: Command) -> Result<String, String> {
        finish(&self.home, command)
    }
}

/// Runs a client to its end in the home's environment.
fn finish(home: &Sandbox, mut command: Command) -> Result<String, String> {
    let like = home.command(&[]);
    let extra = extra(&command);
    command
        .env_clear()
        .envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .envs(extra)
        .current_dir(home.home());
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    );
    if stderr.contains(SECRET) {
        return Err("a secret on stderr".into());
    }
    if status.success() {
        Ok(stdout)
    } else {
        Err(format!("{status}\n{stdout}{stderr}"))
    }
}

/// The variables that a client needs in addition to the home's environment.
fn extra(command: &Command) -> Vec<(String, String)> {
    let text = |t: &std::ffi::OsStr| t.to_str().map(str::to_owned);
    command
        .get_envs()
        .filter_map(|(k, v)| Some((text(k)?, text(v?)?)))
        .collect()
}

fn expect(output: &str, arn: &str) -> Outcome {
    let lines: Vec<_> = output
        .split(['\n', '"'])
        .filter(|l| l.starts_with("arn:"))
        .collect();
    match lines.iter().find(|l| !l.contains(arn)) {
        _ if lines.is_empty() => Err(format!("no identity in: {output}")),
        Some(other) => Err(format!("{other} instead of {arn}")),
        None => Ok(()),
    }
}

fn is_the_role(suite: &Suite, client: Client) -> Outcome {
    let scene = Scene::new(client);
    scene.role(None);
    the_role_is_used(suite, client, &scene)
}

fn is_the_role_after_setup(suite: &Suite, client: Client) -> Outcome {
    let scene = Scene::new(client);
    scene.role(None);
    scene.set_up();
    the_role_is_used(suite, client, &scene)
}

fn the_role_is_used(suite: &Suite, client: Client, scene: &Scene) -> Outcome {
    for _ in 0..2 {
        expect(
            &scene.run(suite.identity(client, 0))?,
            "assumed-role/deploy/awsfresh-",
        )?;
    }
    match scene.aws.count("AssumeRole") {
        1 => Ok(()),
        n => Err(format!("{n} AssumeRole calls for two runs")),
    }
}

fn is_the_sso_role(suite: &Suite, client: Client) -> Outcome {
    the_sso_role_is_used(suite, client, |_| ())
}

fn is_the_sso_role_after_setup(suite: &Suite, client: Client) -> Outcome {
    the_sso_role_is_used(suite, client, Scene::set_up)
}

fn the_sso_role_is_used(suite: &Suite, client: Client, change: fn(&Scene)) -> Outcome {
    let scene = Scene::new(client);
    scene.aws.add_sso(SsoSession {
        assignments: vec![(ACCOUNT.into(), "Admin".into())],
        token_expires: 0,
        ..SsoSession::default()
    });
    scene.config(&format!(
        "sso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Admin\n"
    ));
    change(&scene);
    expired_token(&scene.home);
    for _ in 0..2 {
        expect(
            &scene.run(suite.identity(client, 0))?,
            "assumed-role/AWSReservedSSO_Admin_",
        )?;
    }
    match (
        scene.aws.count("CreateToken"),
        scene.aws.count("GetRoleCredentials"),
    ) {
        (1, 1) => Ok(()),
        counts => Err(format!(
            "token refreshes and role calls for two runs: {counts:?}"
        )),
    }
}

/// The client is in a container with `--deliver files`, which has no awsfresh.
fn survives_in_a_container(suite: &Suite, client: Client, namespace: &str) -> Outcome {
    let scene = Scene::new(client);
    scene.role(Some(9));
    let ask = suite.identity(client, 22);
    let python = suite.venv("python").canonicalize().unwrap_or_default();
    let python = python.ancestors().nth(2).unwrap_or(Path::new("/usr"));
    let also = [Path::new(env!("CARGO_MANIFEST_DIR")), python].map(|dir| dir.display().to_string());
    let set = ask
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let set = set.map(|(name, value)| format!("{}={} ", name.display(), value.display()));
    let words = std::iter::once(ask.get_program()).chain(ask.get_args());
    let words: Vec<String> = words.map(|word| word.display().to_string()).collect();
    let script = set.collect::<String>() + &words.join(" ");
    scene
        .home
        .env("SCRIPT", &script)
        .env("NAMESPACE", namespace)
        .env("ALSO", &also.join(" "));
    let mut command = Command::new(AWSFRESH);
    command.args([
        "-p",
        "tool",
        "--deliver",
        "files",
        "--",
        "sh",
        "-c",
        CONTAINER,
    ]);
    expect(&scene.run(command)?, "assumed-role/deploy/awsfresh-")?;
    match scene.aws.count("AssumeRole") {
        0 | 1 => Err("the credentials were not renewed".into()),
        _ => Ok(()),
    }
}

/// An expired token with a refresh token: the first call refreshes it.
fn expired_token(home: &Sandbox) {
    let token = json!({
        "startUrl": START,
        "region": "eu-west-1",
        "accessToken": "access-1",
        "expiresAt": Timestamp(0).to_string(),
        "clientId": "client-1",
        "clientSecret": "client-secret-1",
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "refreshToken": "refresh-1",
    });
    home.file(&sso_cache("corp"), token.to_string());
}

fn survives_an_expiry(suite: &Suite, client: Client) -> Outcome {
    let scene = Scene::new(client);
    scene.role(Some(9));
    let end = Instant::now() + Duration::from_secs(22);
    if client.stays() {
        expect(
            &scene.run(suite.identity(client, 22))?,
            "assumed-role/deploy/awsfresh-",
        )?;
    } else {
        while Instant::now() < end {
            expect(
                &scene.run(suite.identity(client, 0))?,
                "assumed-role/deploy/awsfresh-",
            )?;
            std::thread::sleep(Duration::from_millis(700));
        }
    }
    let calls = scene.aws.calls();
    if let Some(rejected) = calls.iter().find(|call| call.status != 200) {
        return Err(format!("rejected: {rejected:?}"));
    }
    let asked = scene.aws.count("GetCallerIdentity");
    match scene.aws.count("AssumeRole") {
        // A session of 9 s is renewed in its last third, about every 6 s.
        3..=5 if asked >= 5 => Ok(()),
        n => Err(format!("{n} sessions for {asked} requests over 22 s")),
    }
}

fn from_the_keyring(suite: &Suite, client: Client) -> Outcome {
    let scene = Scene::new(client);
    scene.role(None);
    let Some(bus) = Bus::start(true) else {
        return Err("gnome-keyring is not installed".into());
    };
    scene
        .home
        .env("AWSFRESH_STORE", "keyring")
        .unset("AWSFRESH_KEY_FILE")
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    for _ in 0..2 {
        expect(
            &scene.run(suite.identity(client, 0))?,
            "assumed-role/deploy/awsfresh-",
        )?;
    }
    let status: Value = serde_json::from_str(&scene.home.run(&["status", "--json"]).stdout)
        .map_err(|e| e.to_string())?;
    let found = bus
        .command("secret-tool")
        .args(["search", "--all", "service", "awsfresh"])
        .output()
        .map_err(|e| e.to_string())?;
    let items = String::from_utf8_lossy(&found.stdout)
        .matches("secret = ")
        .count();
    match (
        status["store"]["name"].as_str(),
        items,
        scene.aws.count("AssumeRole"),
    ) {
        (Some("keyring"), 1, 1)
            if !scene
                .home
                .home()
                .join(".local/state/awsfresh/sealed")
                .exists() =>
        {
            Ok(())
        }
        other => Err(format!("store, items, AssumeRole calls: {other:?}")),
    }
}

fn shows_the_diagnosis(suite: &Suite, client: Client) -> Outcome {
    let scene = Scene::new(client);
    scene.role(None);
    scene.aws.remove_key(KEY);
    match scene.run(suite.identity(client, 0)) {
        Err(text) if text.contains("access-key-unknown") && text.contains("AKIA…TTES") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// The server of moto, with a user and a role. It ends with the case.
struct Moto {
    server: std::process::Child,
    url: String,
    key: String,
    secret: String,
    role: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    fn start(suite: &Suite) -> Result<Self, String> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .map_err(|e| e.to_string())?
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(suite.venv("moto_server"));
        let server = command
            .args(["-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut moto = Self {
            server,
            url,
            key: String::new(),
            secret: String::new(),
            role: String::new(),
        };
        let end = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err("moto does not start".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let done = Command::new(suite.venv("python"))
            .arg(Suite::script("moto_setup.py"))
            .arg(&moto.url)
            .output()
            .map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let [key, secret, role] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!(
                "moto cannot be set up: {}",
                String::from_utf8_lossy(&done.stderr)
            ));
        };
        (moto.key, moto.secret, moto.role) = (key.to_owned(), secret.to_owned(), role.to_owned());
        Ok(moto)
    }
}

fn on_moto(suite: &Suite, client: Client) -> Outcome {
    let (moto, scene) = moto_scene(suite, client)?;
    if client == Client::Terraform {
        return terraform(suite, &scene, &moto, &[]);
    }
    expect(
        &scene.run(suite.identity(client, 0))?,
        "assumed-role/deploy/awsfresh-",
    )?;
    if client == Client::Boto3 {
        let mut list = Command::new(suite.venv("python"));
        list.arg(Suite::script("s3.py"));
        scene.run(list)?;
    }
    Ok(())
}

/// A home whose profile `tool` is moto's role.
fn moto_scene(suite: &Suite, client: Client) -> Result<(Moto, Scene), String> {
    let moto = Moto::start(suite)?;
    let scene = Scene::new(client);
    scene
        .home
        .secret(&moto.secret)
        .env("AWS_ENDPOINT_URL", &moto.url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1");
    scene
        .home
        .credentials(keys_of("base", &moto.key, &moto.secret));
    scene.config(&format!(
        "role_arn = {}\nsource_profile = base\n",
        moto.role
    ));
    Ok((moto, scene))
}

fn s3_backend(url: &str) -> String {
    format!(
        "terraform {{\n  backend \"s3\" {{\n    \
         bucket = \"state\"\n    key = \"s\"\n    region = \"us-east-1\"\n    \
         workspace_key_prefix = \"\"\n    use_path_style = true\n    use_lockfile = true\n    \
         skip_metadata_api_check = true\n    \
         endpoints = {{ s3 = \"{url}\", sts = \"{url}\" }}\n  }}\n}}\n"
    )
}

/// Runs init and apply with the S3 backend and without providers. The apply holds the state lock
/// longer than its credentials are valid. moto accepts expired sessions, so the test only shows
/// that Terraform requests new ones.
fn terraform(suite: &Suite, scene: &Scene, moto: &Moto, prefix: &[&str]) -> Outcome {
    let home = &scene.home;
    let asked = home.home().join("asked");
    let words = [suite.venv("python"), Suite::script("mint.py")]
        .map(|p| p.display().to_string())
        .join(" ");
    scene.config(&format!(
        "credential_process = {words} 12 {} {} {} {}\n",
        moto.key,
        moto.secret,
        moto.role,
        asked.display()
    ));
    let resource = "resource \"terraform_data\" \"x\" {\n  \
                    provisioner \"local-exec\" {\n    command = \"sleep 16\"\n  }\n}\n";
    home.file("main.tf", format!("{}{resource}", s3_backend(&moto.url)));
    let command = |words: &[&str]| {
        let words = [prefix, &["terraform"], words].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    scene.run(command(&["init", "-input=false", "-no-color"]))?;
    let before = std::fs::read_to_string(&asked)
        .unwrap_or_default()
        .lines()
        .count();
    scene.run(command(&[
        "apply",
        "-auto-approve",
        "-input=false",
        "-no-color",
    ]))?;
    match std::fs::read_to_string(&asked)
        .unwrap_or_default()
        .lines()
        .count()
        - before
    {
        0 => Err(
            "the source was not asked again during an apply of 16 s with credentials of 12 s"
                .into(),
        ),
        _ => Ok(()),
    }
}
