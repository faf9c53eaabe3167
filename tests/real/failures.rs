//! The output of real clients whose credentials fail, without awsfresh in between, and its
//! explanation by `explain`. `AWSFRESH_WRITE_TEXTS=1 tests/real/run texts` records the texts in
//! tests/diagnosis-cases/texts, where the hermetic suite reads them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use super::clients::{Client, Suite};
use super::support::double::{Fault, Role, clock};
use super::support::fixtures::{
    ACCOUNT, AWSFRESH, KEY, ROLE, SECRET, START, USER, keys_of, open_role, sso_cache,
};
use super::{Case, Outcome, Scene, extra, s3_backend};

const UNKNOWN: &str = "AKIAQNOSUCHKEYNOSUCH";
const SESSION: &str = "ASIAQSESSIONKEYSESSI";
const TOKEN: &str = "IQoJb3JpZ2luX2VjcanaryTokencanaryTokencanaryToken\
    canaryTokencanaryTokencanaryTokencanaryTokencanaryTokencanaryToken";

/// One client that fails.
struct Failure {
    name: String,
    client: Client,
    /// Its arguments, if not those that show its identity.
    call: &'static [&'static str],
    /// Sets up the failure.
    fault: fn(&Scene),
    cause: &'static str,
    /// `-` if the client shows none.
    code: &'static str,
    operation: &'static str,
}

fn keys(scene: &Scene, id: &str, secret: &str, token: Option<&str>) {
    scene
        .home
        .unset("AWS_PROFILE")
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    if let Some(token) = token {
        scene.home.env("AWS_SESSION_TOKEN", token);
    }
}

fn unknown_key(scene: &Scene) {
    keys(scene, UNKNOWN, SECRET, None);
}

fn expired_token(scene: &Scene) {
    scene.aws.add_session(
        SESSION,
        SECRET,
        TOKEN,
        "arn:aws:sts::222222222222:assumed-role/deploy/ann",
        clock::now() - 60,
    );
    keys(scene, SESSION, SECRET, Some(TOKEN));
}

fn wrong_secret(scene: &Scene) {
    scene.aws.add_user(KEY, SECRET, USER);
    keys(scene, KEY, "anotherKeysSecretanotherKeysSecretanothe", None);
}

fn skewed_clock(scene: &Scene) {
    scene.aws.add_user(KEY, SECRET, USER);
    keys(scene, KEY, SECRET, None);
    scene.aws.fault(Fault::HeldUp(1200));
}

fn allowed_nothing(scene: &Scene) {
    scene.aws.add_user(KEY, SECRET, USER);
    keys(scene, KEY, SECRET, None);
}

/// A name that a resolver rejects without a query: its first label is too long.
fn no_such_host(scene: &Scene) {
    keys(scene, KEY, SECRET, None);
    scene
        .home
        .env(
            "AWS_ENDPOINT_URL",
            &format!("http://{}.invalid", "a".repeat(64)),
        )
        .env("AWS_MAX_ATTEMPTS", "1");
}

fn nothing(scene: &Scene) {
    scene.home.unset("AWS_PROFILE");
}

fn no_such_profile(scene: &Scene) {
    scene
        .home
        .config("[profile other]\nregion = eu-west-1\n")
        .env("AWS_PROFILE", "prod");
}

fn role_denied(scene: &Scene) {
    scene.aws.add_user(KEY, SECRET, USER);
    scene.aws.add_role(Role {
        trusts: vec!["arn:aws:iam::1:user/x".into()],
        ..Role::new(ROLE)
    });
    scene.home.credentials(keys_of("base", KEY, SECRET));
    scene.home.config(format!(
        "[profile tool]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    ));
}

fn cycle(scene: &Scene) {
    scene.home.config(format!(
        "[profile tool]\nrole_arn = {ROLE}\nsource_profile = b\n\
         [profile b]\nrole_arn = {ROLE}\nsource_profile = tool\n"
    ));
}

fn sso(scene: &Scene) {
    scene.home.config(format!(
        "[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n\
         [profile tool]\nregion = eu-west-1\nsso_session = corp\n\
         sso_account_id = {ACCOUNT}\nsso_role_name = Admin\n"
    ));
}

fn expired_sso(scene: &Scene) {
    sso(scene);
    let token = format!(
        r#"{{"startUrl": "{START}", "region": "eu-west-1", "accessToken": "access", "expiresAt": "2020-01-01T00:00:00Z"}}"#
    );
    scene.home.file(&sso_cache("corp"), token);
}

fn half_a_key(scene: &Scene) {
    scene
        .home
        .unset("AWS_PROFILE")
        .env("AWS_ACCESS_KEY_ID", KEY);
}

fn closed_port(scene: &Scene) {
    keys(scene, KEY, SECRET, None);
    scene
        .home
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_MAX_ATTEMPTS", "1");
}

fn proxy_gone(scene: &Scene) {
    keys(scene, KEY, SECRET, None);
    scene
        .home
        .unset("AWS_ENDPOINT_URL")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("AWS_MAX_ATTEMPTS", "1");
}

fn untrusted(scene: &Scene) {
    keys(scene, KEY, SECRET, None);
    let proxy = scene.aws.proxy();
    scene
        .home
        .unset("AWS_ENDPOINT_URL")
        .unset("AWS_CA_BUNDLE")
        .env("HTTPS_PROXY", &proxy.url)
        .env("AWS_MAX_ATTEMPTS", "1");
}

fn by_awsfresh(scene: &Scene) {
    expired_sso(scene);
    let config = std::fs::read_to_string(scene.home.home().join(".aws/config"))
        .unwrap()
        .replace("[profile tool]", "[profile source]");
    scene.home.config(format!(
        "{config}[profile tool]\nregion = eu-west-1\n\
         credential_process = {AWSFRESH} credential-process --profile source\n"
    ));
}

fn expired_web_identity(scene: &Scene) {
    scene.aws.add_role(open_role(ROLE, None));
    scene.aws.add_web_identity("token", ROLE);
    scene.aws.expire_web_identity("token");
    let file = scene.home.file("token", "token");
    scene
        .home
        .unset("AWS_PROFILE")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap())
        .env("AWS_ROLE_ARN", ROLE);
}

fn space_in_key_id(scene: &Scene) {
    scene.aws.add_user(KEY, SECRET, USER);
    keys(scene, &format!("{KEY} # mine"), SECRET, None);
}

fn swapped(scene: &Scene) {
    keys(scene, "canary/Secretcanary/Secretcanary/Secretc", KEY, None);
}

fn unparsable(scene: &Scene) {
    scene
        .home
        .config("[profile tool]\nregion = eu-west-1\n[profile tool]\nregion = eu-west-1\n");
}

/// The client in the name of a case.
fn short(client: Client) -> &'static str {
    match client {
        Client::CliV1 => "cli-v1",
        Client::CliV2 => "cli-v2",
        Client::Boto3 => "boto3",
        Client::JavaScript => "js",
        Client::Ruby => "ruby",
        Client::Go => "go",
        Client::RustSdk => "rust",
        Client::Terraform => "terraform",
        Client::Rclone => "rclone",
    }
}

/// A failure that AWS or a service answers with an error code.
fn failure(
    name: &str,
    client: Client,
    call: &'static [&'static str],
    fault: fn(&Scene),
    cause: &'static str,
    code: &'static str,
    operation: &'static str,
) -> Failure {
    Failure {
        name: format!("{}-{name}", short(client)),
        client,
        call,
        fault,
        cause,
        code,
        operation,
    }
}

/// A failure before any answer of AWS, or with one that the client does not print.
fn unanswered(name: &str, client: Client, fault: fn(&Scene), cause: &'static str) -> Failure {
    failure(name, client, &[], fault, cause, "-", "-")
}

fn all() -> Vec<Failure> {
    use Client::{Boto3, CliV1, CliV2, Go, JavaScript, Rclone, Ruby, RustSdk, Terraform};
    type Fault = (&'static str, fn(&Scene), &'static str, &'static str);
    let faults: [Fault; 4] = [
        (
            "unknown-key",
            unknown_key,
            "access-key-unknown",
            "InvalidClientTokenId",
        ),
        (
            "expired-token",
            expired_token,
            "session-expired",
            "ExpiredToken",
        ),
        (
            "wrong-secret",
            wrong_secret,
            "secret-wrong",
            "SignatureDoesNotMatch",
        ),
        (
            "skewed-clock",
            skewed_clock,
            "clock-skew",
            "SignatureDoesNotMatch",
        ),
    ];
    let mut all = Vec::new();
    for client in Client::ALL {
        for (name, fault, cause, code) in faults {
            // S3 has its own error codes.
            let code = match (client, name) {
                (Rclone, "unknown-key") => "InvalidAccessKeyId",
                (Rclone, "skewed-clock") => "RequestTimeTooSkewed",
                _ => code,
            };
            let operation = if matches!(client, CliV1 | CliV2 | Boto3 | Go) {
                "GetCallerIdentity"
            } else {
                "-"
            };
            all.push(failure(name, client, &[], fault, cause, code, operation));
        }
    }
    // The same failures with the error codes of other services.
    all.push(failure(
        "s3-unknown-key",
        CliV1,
        &["s3", "ls", "s3://state"],
        unknown_key,
        "access-key-unknown",
        "InvalidAccessKeyId",
        "ListObjectsV2",
    ));
    all.push(failure(
        "s3-skewed-clock",
        CliV1,
        &["s3", "ls", "s3://state"],
        skewed_clock,
        "clock-skew",
        "RequestTimeTooSkewed",
        "ListObjectsV2",
    ));
    all.push(failure(
        "ec2-unknown-key",
        CliV1,
        &["ec2", "describe-instances"],
        unknown_key,
        "access-key-unknown",
        "AuthFailure",
        "DescribeInstances",
    ));
    all.push(failure(
        "ec2-expired-token",
        CliV1,
        &["ec2", "describe-instances"],
        expired_token,
        "session-expired",
        "RequestExpired",
        "DescribeInstances",
    ));
    all.push(failure(
        "dynamodb-unknown-key",
        CliV1,
        &["dynamodb", "list-tables"],
        unknown_key,
        "access-key-unknown",
        "UnrecognizedClientException",
        "ListTables",
    ));
    all.push(failure(
        "kms-wrong-secret",
        CliV1,
        &["kms", "list-keys"],
        wrong_secret,
        "secret-wrong",
        "InvalidSignatureException",
        "ListKeys",
    ));
    all.push(failure(
        "lambda-expired-token",
        CliV1,
        &["lambda", "list-functions"],
        expired_token,
        "session-expired",
        "ExpiredTokenException",
        "ListFunctions",
    ));
    all.push(failure(
        "debug-unknown-key",
        CliV1,
        &["sts", "get-caller-identity", "--debug"],
        unknown_key,
        "access-key-unknown",
        "InvalidClientTokenId",
        "GetCallerIdentity",
    ));
    all.push(failure(
        "ec2-not-allowed",
        CliV1,
        &["ec2", "describe-instances"],
        allowed_nothing,
        "permission-denied",
        "UnauthorizedOperation",
        "DescribeInstances",
    ));
    all.push(failure(
        "dynamodb-not-allowed",
        CliV1,
        &["dynamodb", "list-tables"],
        allowed_nothing,
        "permission-denied",
        "AccessDeniedException",
        "ListTables",
    ));
    for client in [JavaScript, Ruby, RustSdk] {
        all.push(unanswered(
            "no-such-host",
            client,
            no_such_host,
            "dns-failure",
        ));
    }
    for client in [
        CliV1, CliV2, Boto3, JavaScript, Ruby, Go, RustSdk, Terraform,
    ] {
        all.push(unanswered(
            "no-credentials",
            client,
            nothing,
            "credentials-missing",
        ));
    }
    // These clients silently try their other sources.
    for client in [JavaScript, Go] {
        all.push(unanswered(
            "no-such-profile",
            client,
            no_such_profile,
            "credentials-missing",
        ));
    }
    for client in [CliV1, CliV2, Boto3, Terraform] {
        all.push(unanswered(
            "no-such-profile",
            client,
            no_such_profile,
            "profile-not-found",
        ));
    }
    for client in [CliV1, CliV2, Boto3] {
        all.push(failure(
            "role-denied",
            client,
            &[],
            role_denied,
            "assume-role-denied",
            "AccessDenied",
            "AssumeRole",
        ));
    }
    for client in [JavaScript, RustSdk] {
        all.push(failure(
            "role-denied",
            client,
            &[],
            role_denied,
            "assume-role-denied",
            "AccessDenied",
            "-",
        ));
    }
    all.push(failure(
        "role-denied",
        Go,
        &[],
        role_denied,
        "assume-role-denied",
        "AccessDenied",
        "AssumeRole",
    ));
    all.push(unanswered(
        "sso-session-unknown",
        Go,
        sso,
        "sso-not-refreshable",
    ));
    all.push(unanswered(
        "by-awsfresh",
        Go,
        by_awsfresh,
        "sso-session-expired",
    ));
    all.push(unanswered(
        "proxy-gone",
        Go,
        proxy_gone,
        "proxy-misconfigured",
    ));
    all.push(unanswered("untrusted", Go, untrusted, "tls-untrusted"));
    all.push(failure(
        "web-identity-expired",
        Go,
        &[],
        expired_web_identity,
        "web-identity-expired",
        "ExpiredTokenException",
        "AssumeRoleWithWebIdentity",
    ));
    for client in [CliV1, CliV2, Boto3] {
        all.push(unanswered("cycle", client, cycle, "profile-cycle"));
        all.push(unanswered(
            "sso-never-signed-in",
            client,
            sso,
            "sso-session-missing",
        ));
        all.push(unanswered(
            "sso-expired",
            client,
            expired_sso,
            "sso-session-expired",
        ));
        all.push(unanswered(
            "half-a-key",
            client,
            half_a_key,
            "mixed-credential-parts",
        ));
        all.push(unanswered(
            "closed-port",
            if client == CliV2 { JavaScript } else { client },
            closed_port,
            "connect-timeout",
        ));
        all.push(unanswered(
            "by-awsfresh",
            client,
            by_awsfresh,
            "sso-session-expired",
        ));
    }
    all.push(unanswered(
        "proxy-gone",
        CliV2,
        proxy_gone,
        "proxy-misconfigured",
    ));
    all.push(unanswered("untrusted", CliV2, untrusted, "tls-untrusted"));
    all.push(unanswered("untrusted", Boto3, untrusted, "tls-untrusted"));
    all.push(failure(
        "web-identity-expired",
        Boto3,
        &[],
        expired_web_identity,
        "web-identity-expired",
        "ExpiredTokenException",
        "AssumeRoleWithWebIdentity",
    ));
    all.push(failure(
        "space-in-key-id",
        CliV1,
        &[],
        space_in_key_id,
        "hidden-characters",
        "IncompleteSignature",
        "GetCallerIdentity",
    ));
    all.push(failure(
        "swapped",
        CliV1,
        &[],
        swapped,
        "key-and-secret-swapped",
        "IncompleteSignature",
        "GetCallerIdentity",
    ));
    all.push(unanswered(
        "unparsable",
        CliV2,
        unparsable,
        "config-malformed",
    ));
    all
}

/// One case per text, named `texts: NAME`.
pub fn cases<'a>(suite: &'a Suite, recorder: &'a Recorder, cases: &mut Vec<Case<'a>>) {
    for failure in all() {
        let missing = suite.missing(failure.client);
        // The prefix names the client, for the report of skipped cases.
        let name = format!("{:?}: texts: {}", failure.client, failure.name);
        cases.push((
            name,
            missing,
            Box::new(move || failure.is_explained(suite, recorder)),
        ));
    }
}

impl Failure {
    fn is_explained(&self, suite: &Suite, recorder: &Recorder) -> Outcome {
        let scene = Scene::new(self.client);
        (self.fault)(&scene);
        let text = recorder.normalized(&scene, &self.output(suite, &scene)?);
        let explained = self.explained(&scene, &text);
        recorder.keep(self, &text);
        explained.map_err(|why| format!("{why}\n{text}"))
    }

    /// The output of the client, as a user sees it.
    fn output(&self, suite: &Suite, scene: &Scene) -> Result<String, String> {
        let mut command = match self.client {
            Client::Terraform => {
                scene.home.file("main.tf", s3_backend(&scene.aws.url()));
                let mut command = Command::new("terraform");
                command.args(["init", "-input=false"]);
                command
            }
            Client::Rclone => {
                let remote = format!(
                    ":s3,provider=Other,env_auth=true,region=eu-west-1,endpoint='{}':state",
                    scene.aws.url()
                );
                let mut command = Command::new("rclone");
                command.args(["lsf", "--retries", "1", "--low-level-retries", "1", &remote]);
                command
            }
            client if !self.call.is_empty() => {
                let inner = suite.identity(client, 0);
                let mut command = Command::new(inner.get_program());
                command.args(self.call);
                command
            }
            client => suite.identity(client, 0),
        };
        let like = scene.home.command(&[]);
        let extra = extra(&command);
        command
            .env_clear()
            .envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .envs(extra)
            .current_dir(scene.home.home());
        let out = command
            .stdin(Stdio::null())
            .output()
            .map_err(|e| e.to_string())?;
        if out.status.success() {
            return Err(format!(
                "the client succeeds: {}",
                String::from_utf8_lossy(&out.stdout)
            ));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr))
    }

    fn explained(&self, scene: &Scene, text: &str) -> Outcome {
        let log = scene.home.file("log", text);
        // In a clean environment: local findings must not help.
        let out = Command::new(AWSFRESH)
            .args(["explain", "--json"])
            .arg(log)
            .env_clear()
            .env("HOME", scene.home.home().join("none"))
            .output();
        let out = out.map_err(|e| e.to_string())?;
        let report: Value = serde_json::from_slice(&out.stdout)
            .map_err(|e| format!("{e}: {}", String::from_utf8_lossy(&out.stderr)))?;
        let (error, finding) = (&report["errors"][0], &report["findings"][0]);
        let shows = |key: &str, wanted: &str| wanted == "-" || error[key] == wanted;
        if finding["cause"] == self.cause
            && shows("code", self.code)
            && shows("operation", self.operation)
        {
            Ok(())
        } else {
            Err(format!(
                "wanted {} {} {}, explained as {error} {}",
                self.cause, self.code, self.operation, finding["cause"]
            ))
        }
    }
}

/// Records texts.
pub struct Recorder {
    dir: PathBuf,
    suite: String,
    python: String,
    write: bool,
    index: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn new(suite: &Path) -> Self {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases/texts");
        let write = std::env::var_os("AWSFRESH_WRITE_TEXTS").is_some();
        // The prefix of the Python installation behind the virtual environment.
        let settings = std::fs::read_to_string(suite.join("venv/pyvenv.cfg")).unwrap_or_default();
        let python = settings
            .lines()
            .find_map(|line| line.strip_prefix("home = ")?.strip_suffix("/bin"))
            .unwrap_or("/usr")
            .to_owned();
        Self {
            dir,
            suite: suite.display().to_string(),
            python,
            write,
            index: Mutex::default(),
        }
    }

    /// Replaces what differs between machines and runs: the home, the folders of the suite, of
    /// Python and of this repository, and ports.
    fn normalized(&self, scene: &Scene, text: &str) -> String {
        let here = env!("CARGO_MANIFEST_DIR");
        let text = text
            .replace(scene.home.home().to_str().unwrap(), "/home/ann")
            .replace(&self.suite, "/opt/suite")
            .replace(&self.python, "/usr")
            .replace(here, "/src/awsfresh");
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("127.0.0.1:") {
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            out.push_str(before);
            out.push_str(if after[..digits] == *"9" {
                "127.0.0.1:9"
            } else {
                "127.0.0.1:4566"
            });
            rest = &after[digits..];
        }
        out + rest
    }

    fn keep(&self, failure: &Failure, text: &str) {
        if !self.write {
            return;
        }
        std::fs::create_dir_all(&self.dir).unwrap();
        let Failure {
            name,
            cause,
            code,
            operation,
            ..
        } = failure;
        std::fs::write(self.dir.join(format!("{name}.txt")), text).unwrap();
        self.index
            .lock()
            .unwrap()
            .push(format!("{name}.txt {cause} {code} - {operation}"));
    }

    /// Writes the index of the recorded texts.
    pub fn write_if_asked(&self) {
        let mut lines = self.index.lock().unwrap().clone();
        if !self.write || lines.is_empty() {
            return;
        }
        lines.sort();
        let head = "# Recorded from real clients by AWSFRESH_WRITE_TEXTS=1 tests/real/run texts\n\
                    # FILE CAUSE CODE SERVICE OPERATION\n";
        std::fs::write(
            self.dir.join("index.txt"),
            format!("{head}{}\n", lines.join("\n")),
        )
        .unwrap();
    }
}
