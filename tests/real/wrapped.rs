//! Wrapped commands with real clients: every delivery, in environments with other credentials.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use super::clients::{Client, Suite};
use super::support::fixtures::{AWSFRESH, KEY, ROLE, SECRET, keys_of, open_role};
use super::{Case, Outcome, Scene, moto_scene, s3_backend, terraform};

const DELIVERIES: [&str; 3] = ["profile", "endpoint", "env"];
const OTHER_KEY: &str = "AKIAQOTHEROTHEROTHER";
const OTHER: &str = "arn:aws:iam::666666666666:role/other";

/// The name of an environment, and the function that sets it up.
type Surroundings = (&'static str, fn(&Scene));

const SURROUNDINGS: [Surroundings; 9] = [
    ("clean", |_| ()),
    ("`[default]` keys", |s| s.add_keys("default")),
    ("`[default]` role", |s| {
        s.append(&format!(
            "[default]\nrole_arn = {OTHER}\nsource_profile = base\n"
        ))
    }),
    ("stale keys", |s| {
        s.home
            .env("AWS_ACCESS_KEY_ID", "ASIAQSTALESTALESTALE")
            .env("AWS_SECRET_ACCESS_KEY", "stale")
            .env("AWS_SESSION_TOKEN", "stale");
    }),
    ("stale `AWS_SECURITY_TOKEN`", |s| {
        s.home.env("AWS_SECURITY_TOKEN", "stale");
    }),
    ("other `AWS_PROFILE`", |s| {
        s.add_keys("other");
        s.home.env("AWS_PROFILE", "other");
    }),
    ("web identity", |s| {
        s.aws.add_web_identity("token", OTHER);
        let file = s.home.file("token", "token");
        s.home
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap())
            .env("AWS_ROLE_ARN", OTHER);
    }),
    ("container variables", |s| {
        s.home
            .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/other")
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere");
    }),
    ("`HTTP_PROXY`", |s| {
        s.home
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("http_proxy", "http://127.0.0.1:9");
    }),
];

impl Scene {
    /// A home with the profile `run`, already cached, and credentials of another user.
    fn wrapped(client: Client, lifetime: Option<i64>) -> Self {
        let scene = Self::new(client);
        scene.role(lifetime);
        scene
            .aws
            .add_user(OTHER_KEY, SECRET, "arn:aws:iam::666666666666:user/mallory");
        scene.aws.add_role(open_role(OTHER, None));
        scene.home.config(format!(
            "[profile run]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
        ));
        for name in [
            "AWS_PROFILE",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
        ] {
            scene.home.unset(name);
        }
        scene.home.credentials_of("run").answer();
        scene
    }

    fn append(&self, text: &str) {
        let config = std::fs::read_to_string(self.home.home().join(".aws/config")).unwrap();
        self.home.config(config + text);
    }

    fn add_keys(&self, profile: &str) {
        self.home
            .credentials(keys_of("base", KEY, SECRET) + &keys_of(profile, OTHER_KEY, SECRET));
    }

    /// Checks that every request was made with the role.
    fn only_the_role_called(&self) -> Outcome {
        let calls = self.aws.calls();
        let mut requests = calls
            .iter()
            .filter(|call| !call.action.starts_with("AssumeRole"))
            .peekable();
        if requests.peek().is_none() {
            return Err("no requests".into());
        }
        match requests.find(|call| {
            !call
                .caller
                .as_ref()
                .is_some_and(|arn| arn.contains("222222222222:assumed-role/deploy/"))
        }) {
            Some(call) => Err(format!(
                "{:?} called {} ({})",
                call.caller, call.action, call.status
            )),
            None => Ok(()),
        }
    }
}

/// The command with which the client shows its identity, wrapped by awsfresh.
fn command(suite: &Suite, client: Client, scene: &Scene, delivery: &str, seconds: u32) -> Command {
    let mut command = Command::new(AWSFRESH);
    command.args(["-p", "run", "--deliver", delivery, "--"]);
    match client {
        Client::Terraform => {
            scene.home.file("main.tf", s3_backend(&scene.aws.url()));
            command.args(["terraform", "init", "-input=false", "-no-color"]);
        }
        Client::Rclone => {
            let remote = format!(
                ":s3,provider=Other,env_auth=true,region=eu-west-1,endpoint='{}':state",
                scene.aws.url()
            );
            command.args([
                "rclone",
                "lsf",
                "--retries",
                "1",
                "--low-level-retries",
                "1",
                &remote,
            ]);
        }
        _ => {
            let inner = suite.identity(client, seconds);
            command.arg(inner.get_program()).args(inner.get_args());
            command.envs(
                inner
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        }
    }
    command
}

/// The rows in the documentation, and the observed rows.
pub struct Matrix {
    file: PathBuf,
    text: String,
    seen: Mutex<BTreeMap<(usize, usize), String>>,
}

impl Matrix {
    pub fn read() -> Self {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/wrapper-matrix.md");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        Self {
            file,
            text,
            seen: Mutex::default(),
        }
    }

    fn row(&self, suite: &Suite, client: usize, delivery: usize) -> Outcome {
        let (who, how) = (Client::ALL[client], DELIVERIES[delivery]);
        let (mut row, mut whys) = (format!("| {} | {how} |", who.name()), String::new());
        for (name, arrange) in SURROUNDINGS {
            let scene = Scene::wrapped(who, None);
            arrange(&scene);
            let ran = scene.run(command(suite, who, &scene, how, 0));
            let requests = scene.only_the_role_called();
            let good = ran.is_ok() && requests.is_ok();
            row.push_str(if good { " yes |" } else { " no |" });
            if !good {
                let _ = writeln!(
                    whys,
                    "{name}: {requests:?}, {}",
                    ran.err().unwrap_or_default()
                );
            }
        }
        self.seen
            .lock()
            .unwrap()
            .insert((client, delivery), row.clone());
        if self.text.lines().any(|line| line == row) {
            Ok(())
        } else {
            Err(format!("not in docs/wrapper-matrix.md: {row}\n{whys}"))
        }
    }

    /// With `AWSFRESH_WRITE_MATRIX`, writes the observed rows to the documentation.
    pub fn write_if_asked(&self) {
        if std::env::var_os("AWSFRESH_WRITE_MATRIX").is_none() {
            return;
        }
        let names: Vec<&str> = SURROUNDINGS.iter().map(|(name, _)| *name).collect();
        let mut table = format!(
            "| client | delivery | {} |\n|---|---|{}\n",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for row in self.seen.lock().unwrap().values() {
            table.push_str(row);
            table.push('\n');
        }
        let (before, after) = (
            self.text.split("| client |").next().unwrap(),
            self.text.rsplit("|\n\n").next().unwrap(),
        );
        std::fs::write(&self.file, format!("{}{table}\n{}", before, after)).unwrap();
    }
}

/// The cases about wrapped commands.
pub fn cases<'a>(suite: &'a Suite, matrix: &'a Matrix, cases: &mut Vec<Case<'a>>) {
    for (index, client) in Client::ALL.into_iter().enumerate() {
        for (how, delivery) in DELIVERIES.into_iter().enumerate() {
            let mut add = |what: String, run: Box<dyn Fn() -> Outcome + Send + 'a>| {
                cases.push((format!("{client:?}: {what}"), suite.missing(client), run));
            };
            add(
                format!("wrapped, --deliver {delivery}"),
                Box::new(move || matrix.row(suite, index, how)),
            );
            if client.stays()
                && delivery != "env"
                && !(client == Client::Ruby && delivery == "endpoint")
            {
                add(
                    format!("wrapped for 90 s, --deliver {delivery}"),
                    Box::new(move || outlives(suite, client, delivery)),
                );
            }
            if client == Client::Terraform && delivery != "env" {
                add(
                    format!("wrapped apply, --deliver {delivery}"),
                    Box::new(move || apply(suite, delivery)),
                );
            }
        }
    }
}

/// 90 s with credentials of 25 s: no request is rejected, and the source is asked once per renewal.
fn outlives(suite: &Suite, client: Client, delivery: &str) -> Outcome {
    let scene = Scene::wrapped(client, Some(25));
    let ran = scene.run(command(suite, client, &scene, delivery, 90));
    scene.only_the_role_called()?;
    ran?;
    if let Some(rejected) = scene.aws.calls().iter().find(|call| call.status != 200) {
        return Err(format!("rejected: {rejected:?}"));
    }
    // Renewals begin in the last third of 25 s: about every 17 s.
    match (
        scene.aws.count("AssumeRole"),
        scene.aws.count("GetCallerIdentity"),
    ) {
        (4..=7, 60..) => Ok(()),
        counts => Err(format!("sessions and requests over 90 s: {counts:?}")),
    }
}

fn apply(suite: &Suite, delivery: &str) -> Outcome {
    let (moto, scene) = moto_scene(suite, Client::Terraform)?;
    terraform(
        suite,
        &scene,
        &moto,
        &[AWSFRESH, "-p", "tool-source", "--deliver", delivery, "--"],
    )
}

/// Prints its identity once a second for `seconds` seconds, with the default chain of aws-config.
pub fn as_rust_sdk(seconds: u64) -> ExitCode {
    use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
    use aws_smithy_http_client::{Builder, ConnectorBuilder, proxy::ProxyConfig, tls};

    let http = Builder::new().build_with_connector_fn(|settings, _| {
        let mut connector = ConnectorBuilder::default()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.build()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(http)
            .load()
            .await;
        let client = aws_sdk_sts::Client::new(&config);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        loop {
            match client.get_caller_identity().send().await {
                Ok(answer) => println!("{}", answer.arn().unwrap_or_default()),
                Err(e) => {
                    eprintln!(
                        "{}",
                        aws_smithy_types::error::display::DisplayErrorContext(&e)
                    );
                    return ExitCode::FAILURE;
                }
            }
            if std::time::Instant::now() >= end {
                return ExitCode::SUCCESS;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    })
}
