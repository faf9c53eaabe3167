//! The client programs: their paths, and the commands that show their identity.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that uses AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `awscli` from PyPI.
    CliV1,
    /// `awscli` from Debian, which does not read endpoint variables.
    CliV2,
    Boto3,
    JavaScript,
    Ruby,
    /// The SDK for Go v2 from Debian, which does not read endpoint variables.
    Go,
    /// aws-config and aws-sdk-sts, in this program.
    RustSdk,
    /// With its S3 backend.
    Terraform,
    /// rclone from Debian, with the SDK for Go v1.
    Rclone,
}

/// Makes this program run as a client of the SDK for Rust.
pub const AS_RUST_SDK: &str = "AWSFRESH_REAL_AS_RUST_SDK";

impl Client {
    pub const ALL: [Self; 9] = [
        Self::CliV1,
        Self::CliV2,
        Self::Boto3,
        Self::JavaScript,
        Self::Ruby,
        Self::Go,
        Self::RustSdk,
        Self::Terraform,
        Self::Rclone,
    ];

    /// The product name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CliV1 => "AWS CLI v1",
            Self::CliV2 => "AWS CLI v2",
            Self::Boto3 => "boto3",
            Self::JavaScript => "SDK for JavaScript v3",
            Self::Ruby => "SDK for Ruby",
            Self::Go => "SDK for Go v2",
            Self::RustSdk => "SDK for Rust",
            Self::Terraform => "Terraform, S3 backend",
            Self::Rclone => "rclone 1.60",
        }
    }

    /// Whether it can show its identity. The others use S3.
    pub fn shows_its_identity(self) -> bool {
        !matches!(self, Self::Terraform | Self::Rclone)
    }

    /// Whether a variable can set its endpoint.
    pub fn reads_endpoint_variables(self) -> bool {
        !matches!(self, Self::CliV2 | Self::Go)
    }

    /// Whether one process makes many requests.
    pub fn stays(self) -> bool {
        matches!(
            self,
            Self::Boto3 | Self::JavaScript | Self::Ruby | Self::Go | Self::RustSdk
        )
    }
}

/// The folder with the programs that were installed for this suite.
pub struct Suite {
    dir: PathBuf,
}

impl Suite {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub fn venv(&self, program: &str) -> PathBuf {
        self.dir.join("venv/bin").join(program)
    }

    /// The path of a script of this suite.
    pub fn script(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/real/clients")
            .join(name)
    }

    /// The part of a client that is not installed.
    pub fn missing(&self, client: Client) -> Option<String> {
        let runs = |mut command: Command| {
            command
                .stdin(Stdio::null())
                .output()
                .is_ok_and(|output| output.status.success())
        };
        let (installed, what) = match client {
            Client::CliV1 => (self.venv("aws").exists(), "PyPI's awscli"),
            Client::CliV2 => (PathBuf::from("/usr/bin/aws").exists(), "Debian's awscli"),
            Client::Boto3 => (self.venv("moto_server").exists(), "PyPI's boto3 and moto"),
            Client::JavaScript => (
                self.dir.join("node_modules/@aws-sdk/client-sts").is_dir(),
                "npm's @aws-sdk/client-sts",
            ),
            Client::Ruby => {
                let mut command = Command::new("ruby");
                command.args(["-e", "require 'aws-sdk-core'"]);
                (runs(command), "Debian's ruby-aws-sdk-core")
            }
            Client::Go => (
                self.dir.join("identity-go").exists(),
                "Debian's golang-github-aws-aws-sdk-go-v2-dev",
            ),
            Client::RustSdk => (true, ""),
            Client::Terraform => {
                let mut command = Command::new("terraform");
                command.arg("version");
                (runs(command), "a terraform binary")
            }
            Client::Rclone => {
                let mut command = Command::new("rclone");
                command.arg("version");
                (runs(command), "Debian's rclone")
            }
        };
        (!installed).then(|| format!("{what} is not installed"))
    }

    /// The command that prints the identity, once a second for `seconds` seconds if it can.
    pub fn identity(&self, client: Client, seconds: u32) -> Command {
        let python = self.venv("python");
        let mut command = match client {
            Client::CliV1 => Command::new(self.venv("aws")),
            Client::CliV2 => Command::new("/usr/bin/aws"),
            Client::Boto3 => Command::new(python),
            Client::JavaScript => Command::new("node"),
            Client::Ruby => Command::new("ruby"),
            Client::Go => Command::new(self.dir.join("identity-go")),
            Client::RustSdk => {
                Command::new(std::env::current_exe().expect("the path of this program"))
            }
            Client::Terraform | Client::Rclone => {
                unreachable!("has no command that shows its identity")
            }
        };
        match client {
            Client::RustSdk => command.env(AS_RUST_SDK, seconds.to_string()),
            Client::Terraform | Client::Rclone => &mut command,
            Client::CliV1 | Client::CliV2 => command.args(["sts", "get-caller-identity"]),
            Client::Boto3 => command
                .arg(Self::script("identity.py"))
                .arg(seconds.to_string()),
            Client::JavaScript => command
                .env("NODE_PATH", self.dir.join("node_modules"))
                .arg(Self::script("identity.cjs"))
                .arg(seconds.to_string()),
            Client::Go => command.arg(seconds.to_string()),
            Client::Ruby => command
                .arg(Self::script("identity.rb"))
                .arg(seconds.to_string()),
        };
        command
    }
}
