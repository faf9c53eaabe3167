//! The homes in which the commands of the pages run, each with an AWS double.

use std::process::{Command, Stdio};

use serde_json::json;

use super::lab;
use super::support::double::{Double, Proxy, SsoSession, clock};
use super::support::fixtures::{
    AWSFRESH, corp, home, keys_of, open_role, sso_cache, through_proxy,
};
use super::support::sandbox::Sandbox;

const KEY: &str = "AKIAQDEMODEMODEMODEM";
const SECRET: &str = "canarySecretcanarySecretcanarySecretcana";
const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";
const START: &str = "https://corp.awsapps.com/start";

/// The config file of most scenes.
const CONFIG: &str = "\
[profile prod]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-west-1

[profile deploy]
role_arn = arn:aws:iam::222222222222:role/deploy
source_profile = ann
region = eu-west-1

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
";

pub struct Scene {
    home: Sandbox,
    _aws: Double,
    _proxy: Proxy,
    last_code: i32,
}

impl Scene {
    /// `case NAME` is a case of the lab; the others are below.
    pub fn new(name: &str) -> Self {
        let aws = Double::start();
        let home = match name.strip_prefix("case ") {
            Some(case) => {
                let case = lab::case(case).unwrap_or_else(|e| panic!("{e}"));
                assert!(
                    case.before.is_empty() && case.keyring.is_none(),
                    "not supported: {name}"
                );
                lab::set_up(&case, &aws)
            }
            None => set_up(name, &aws),
        };
        let proxy = through_proxy(&aws, &home);
        let bin = home.home().join(".local/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(AWSFRESH, bin.join("awsfresh")).unwrap();
        home.env("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
            .env("SHELL", "/bin/bash")
            .env("USER", "ann");
        let mut scene = Self {
            home,
            _aws: aws,
            _proxy: proxy,
            last_code: 0,
        };
        if name == "signed in" {
            let shown = scene.run("awsfresh login corp --device && awsfresh refresh --all");
            assert_eq!(scene.last_code, 0, "{shown}");
        }
        scene
    }

    /// Whether the commands need a program that is not installed here. In CI that is a panic.
    pub fn lacks(&self, text: &str) -> bool {
        let commands = text.lines().filter(|line| line.starts_with("$ "));
        let mut words = commands.flat_map(|line| line.split([' ', '\'', ';']));
        let uses_cli = words.any(|word| word == "aws");
        uses_cli && self.home.lacks("aws")
    }

    /// Runs a command line of a shell: what it prints on both streams, as a page shows it.
    pub fn run(&mut self, line: &str) -> String {
        if let Some((name, value)) = line
            .strip_prefix("export ")
            .and_then(|set| set.split_once('='))
        {
            self.home.env(name, value.trim_matches(['"', '\'']));
            return String::new();
        }
        if let Some(names) = line.strip_prefix("unset ") {
            names.split_whitespace().for_each(|name| {
                self.home.unset(name);
            });
            return String::new();
        }
        let plain = self.home.command(&[]);
        let set = plain
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let output = Command::new("/bin/sh")
            .args([
                "-c",
                &format!("exec 2>&1\n(exit {})\n{line}", self.last_code),
            ])
            .env_clear()
            .envs(set)
            .current_dir(self.home.home())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        self.last_code = output.status.code().unwrap_or(-1);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        self.home.assert_no_leak(&text, line);
        self.shown(&text)
    }

    pub fn failed(&self) -> bool {
        self.last_code != 0
    }

    /// With the home directory of the pages, and without what only this machine has.
    fn shown(&self, text: &str) -> String {
        let own = std::fs::canonicalize(AWSFRESH).unwrap();
        let home = self.home.home().display().to_string();
        let text = text
            .replace(&own.display().to_string(), "/home/ann/.local/bin/awsfresh")
            .replace(AWSFRESH, "/home/ann/.local/bin/awsfresh")
            .replace(&home, "/home/ann")
            // Of newer versions of the AWS CLI.
            .replace("aws: [ERROR]: An error", "An error");
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("  · surroundings"));
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn set_up(name: &str, aws: &Double) -> Sandbox {
    aws.add_user(KEY, SECRET, "arn:aws:iam::222222222222:user/ann");
    aws.add_role(open_role(ROLE, Some(3600)));
    aws.approve_every_device();
    let assignments = [
        ("111122223333", "Admin"),
        ("111122223333", "ReadOnly"),
        ("444455556666", "ReadOnly"),
    ];
    aws.add_sso(SsoSession {
        start_url: START.into(),
        ..corp(3600, &assignments)
    });
    aws.name_account("111122223333", "prod");
    aws.name_account("444455556666", "test");
    let home = home(aws);
    home.secret(SECRET).env("AWS_EC2_METADATA_DISABLED", "true");
    let private = |path: &str, text: &str| lab::set_mode(&home.file(path, text), "600");
    private(".aws/credentials", &keys_of("ann", KEY, SECRET));
    private(".aws/config", CONFIG);
    // As it is without a keyring, and after the advice of the guides.
    home.unset("AWSFRESH_STORE").unset("AWSFRESH_KEY_FILE");
    private(".config/awsfresh/key", &"0123456789abcdef".repeat(4));
    let settings = format!(
        "store = \"sealed\"\nkey_file = \"{}/.config/awsfresh/key\"\n",
        home.home().display()
    );
    private(".config/awsfresh/config.toml", &settings);
    match name {
        "laptop" | "signed in" => {}
        "ssh" => {
            home.env("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.8 22");
        }
        // A program of another vendor, which prints the credentials of a role.
        "other tool" => {
            private(
                ".aws/config",
                "[profile old]\nregion = eu-west-1\ncredential_process = /usr/local/bin/aws-vault export --format=json old\n",
            );
        }
        "no key file" => {
            std::fs::remove_file(home.home().join(".config/awsfresh/key")).unwrap();
            private(".config/awsfresh/config.toml", "store = \"sealed\"\n");
        }
        // Without the environment of a person, AWS is where the file says.
        "cron" => {
            let url = format!("region = eu-west-1\nendpoint_url = {}\n", aws.url());
            private(".aws/config", &CONFIG.replace("region = eu-west-1\n", &url));
        }
        "terraform log" => {
            let log = "\
Initializing the backend...
Planning failed. Terraform encountered an error while generating this plan.

Error: No valid credential sources found

  with provider[\"registry.terraform.io/hashicorp/aws\"],
  on main.tf line 1, in provider \"aws\":
   1: provider \"aws\" {

Error: failed to refresh cached credentials, operation error STS: AssumeRole, https response error StatusCode: 403, \
RequestID: 7c2b1f6e-0000-4000-8000-000000000000, api error AccessDenied: User: arn:aws:iam::222222222222:user/ann is not \
authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/deploy
";
            home.file("plan.log", log);
        }
        "no files" => {
            std::fs::remove_file(home.home().join(".aws/config")).unwrap();
            std::fs::remove_file(home.home().join(".aws/credentials")).unwrap();
        }
        // A sign-in of the AWS CLI of this morning, without a refresh token.
        "expired" => {
            let token = json!({
                "startUrl": START,
                "region": "eu-west-1",
                "accessToken": "canary-expired",
                "expiresAt": clock::rfc3339(clock::now() - 7380),
            });
            private(&sso_cache("corp"), &token.to_string());
        }
        // Two flaws in one section, as a password manager and a person leave them.
        "damaged keys" => {
            private(
                ".aws/credentials",
                &format!(
                    "[ann]\naws_access_key_id = AKIAQDEMODEMO\naws_secret_access_key = {SECRET}\n\
                     aws_session_token = old\n"
                ),
            );
        }
        other => panic!("there is no scene `{other}`"),
    }
    home
}
