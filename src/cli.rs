//! The command line as data. Reads nothing, does nothing: help and version work when every config is broken.

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

use crate::store::StoreKind;

const EXAMPLES: &str = "\
Examples:
  # in ~/.aws/config: every AWS tool gets fresh credentials for `prod`
  [profile prod]
  credential_process = /usr/local/bin/awsfresh credential-process --profile prod-source

  awsfresh status               what is cached, and for how long
  awsfresh refresh -p prod      renew now
  awsfresh forget --all         drop everything cached

Exit codes: 0 done, 2 usage, 3 configuration, 4 a person is needed, 5 credentials not accepted,
6 access denied, 7 AWS not reachable, 8 store, 9 lock; the rest is in docs/exit-codes.md.";

/// AWS credentials that stay fresh.
#[derive(Debug, Parser)]
#[command(name = "awsfresh", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Settings every verb takes.
    #[command(flatten)]
    pub common: Common,
}

/// Settings every verb takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Say on stderr what is decided, and why
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Where credentials are kept: auto, keyring, sealed or none [env: AWSFRESH_STORE]
    #[arg(long, global = true, value_name = "STORE", value_parser = parse_store)]
    pub store: Option<StoreKind>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Answer the credential_process contract: credentials of one profile as JSON on stdout
    CredentialProcess {
        /// The profile to answer for [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
    },
    /// Show profiles, where their credentials come from, and the time left
    Status {
        /// Only these profiles
        #[arg(short, long)]
        profile: Vec<String>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Renew credentials ahead of time
    Refresh {
        /// Which profiles.
        #[command(flatten)]
        which: Which,
    },
    /// Drop cached credentials
    Forget {
        /// Which profiles.
        #[command(flatten)]
        which: Which,
    },
}

/// Named profiles, or all.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// These profiles (may be repeated)
    #[arg(short, long)]
    pub profile: Vec<String>,
    /// Every profile
    #[arg(long)]
    pub all: bool,
}

impl Cli {
    /// Reads the arguments; help and version are errors to the parser, too.
    pub fn of_process() -> Result<Self, clap::Error> {
        let args: Vec<OsString> = std::env::args_os().collect();
        Self::hot(&args).map_or_else(|| Self::try_parse_from(args), Ok)
    }

    /// The one call that SDKs make by the thousand, in the form the documentation shows. Building the whole command line
    /// takes a tenth of a warm answer; everything else goes that way.
    fn hot(args: &[OsString]) -> Option<Self> {
        let [_, verb, flag, profile] = args else { return None };
        let (verb, flag, profile) = (verb.to_str()?, flag.to_str()?, profile.to_str()?);
        let asked = verb == "credential-process" && matches!(flag, "--profile" | "-p") && !profile.is_empty() && !profile.starts_with('-');
        asked.then(|| Self {
            verb: Verb::CredentialProcess { profile: Some(profile.to_owned()) },
            common: Common { verbose: false, quiet: false, store: None },
        })
    }
}

fn parse_store(text: &str) -> Result<StoreKind, String> {
    text.parse().map_err(|_| "one of: auto, keyring, sealed, none".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_short_way_reads_what_the_long_way_does() {
        for flag in ["-p", "--profile"] {
            let args = ["awsfresh", "credential-process", flag, "prod=x y"].map(OsString::from);
            assert_eq!(format!("{:?}", Cli::hot(&args).unwrap()), format!("{:?}", Cli::parse_from(&args)));
        }
        for rest in [&["status", "-p", "x"][..], &["credential-process", "-p", "-v"], &["credential-process", "-p", ""], &["--help"]] {
            let args: Vec<_> = ["awsfresh"].iter().chain(rest).map(OsString::from).collect();
            assert!(Cli::hot(&args).is_none(), "{rest:?}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
