//! The families of programs that read the AWS files and variables each in its own way.

use serde::{Deserialize, Serialize};

/// One family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// The AWS CLI.
    Cli,
    /// boto3 and what is built on it: Ansible, s3cmd, dbt.
    Python,
    /// The SDKs for Go: Terraform, kubectl plugins, rclone.
    Go,
    /// The SDKs for JavaScript: CDK, Serverless.
    Js,
    /// The SDK for Java: Spark, Hadoop, Kafka.
    Java,
    /// The SDK for Rust.
    Rust,
}

impl Tool {
    /// All of them, as they are listed.
    pub(crate) const ALL: [Self; 6] = [
        Self::Cli,
        Self::Python,
        Self::Go,
        Self::Js,
        Self::Java,
        Self::Rust,
    ];

    /// The name on a command line and in JSON.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Python => "python",
            Self::Go => "go",
            Self::Js => "js",
            Self::Java => "java",
            Self::Rust => "rust",
        }
    }

    /// The name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cli => "AWS CLI",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Js => "JavaScript",
            Self::Java => "Java",
            Self::Rust => "Rust",
        }
    }
}

/// Some of them; none means all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tools(u8);

impl Tools {
    /// These tools.
    pub(crate) fn of(tools: &[Tool]) -> Self {
        Self(tools.iter().fold(0, |all, tool| all | tool.bit()))
    }

    /// Whether no tool is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    pub(crate) fn contains(self, tool: Tool) -> bool {
        self.0 & tool.bit() != 0
    }

    /// Each of them.
    pub(crate) fn iter(self) -> impl Iterator<Item = Tool> {
        Tool::ALL
            .into_iter()
            .filter(move |tool| self.contains(*tool))
    }
}

impl Tool {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}
