//! The command line as data. Nothing here reads a file: help and version work when every config is
//! broken.

mod completion;
mod keys;
mod setup;
mod subcommand;
mod values;

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, Parser};

use crate::finding::Remedy;
use crate::store::StoreKind;
use crate::wrap::{Delivery, OnRenew};
pub(crate) use completion::{CompleteWords, Shell, in_form, offer};
pub(crate) use keys::{KeyChange, Keys};
pub(crate) use setup::{Setup, SsoSetup};
pub(crate) use subcommand::{
    Check, Console, Export, Login, Logout, Man, ProfileSelection, Status, StatusFormat, Subcommand,
};
use values::{parse_account, parse_mfa_code, parse_on_renew, parse_store, parse_time};

const EXAMPLES: &str = "\
Examples:
  # in ~/.aws/config: every AWS tool gets fresh credentials for `prod`
  [profile prod]
  credential_process = /usr/local/bin/awsfresh credential-process --profile prod-source

  awsfresh -p prod -- terraform apply          run a command with credentials that stay fresh
  awsfresh -p prod --min-ttl 45m -- ./deploy   only with credentials that last 45 minutes

  eval \"$(awsfresh export -p prod)\"            the credentials in this shell
  awsfresh console -p prod                     the AWS console in a browser

  awsfresh login                sign in to an SSO session, or start an MFA session
  awsfresh status               what is cached, and for how long
  awsfresh refresh -p prod      renew now
  awsfresh forget --all         drop everything cached

Exit codes (docs/exit-codes.md):
  0  done                         5  credentials not accepted
  1  unexpected failure           6  access denied
  2  usage                        7  AWS cannot be reached
  3  configuration                8  credential store
  4  sign-in or MFA code needed   9  refresh lock
  10 something expires sooner than `status --warn-within`
  With `-- COMMAND`: the command's own code, 128+N if signal N ended it,
  125 if awsfresh did not start it, 126 not executable, 127 not found.";

/// AWS credentials that stay fresh: for any AWS tool, for one command, for cron
#[derive(Debug, Parser)]
#[command(name = "awsfresh", bin_name = "awsfresh", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(
    override_usage = "awsfresh [-p PROFILE] [OPTIONS] -- COMMAND...\n       awsfresh [OPTIONS] SUBCOMMAND"
)]
#[command(
    subcommand_value_name = "SUBCOMMAND",
    subcommand_help_heading = "Subcommands"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,
    #[command(flatten)]
    pub(crate) wrap: Wrap,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options that every subcommand accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Common {
    /// Explain decisions on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Print nothing but errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Where to cache credentials: auto, keyring, sealed or none [env: AWSFRESH_STORE]
    #[arg(long, global = true, value_name = "STORE", value_parser = parse_store)]
    pub(crate) store: Option<StoreKind>,
}

/// A command to run, and how.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Running a command")]
pub(crate) struct Wrap {
    /// Run it with the credentials of this profile [default: AWS_PROFILE, else `default`]
    #[arg(short, long)]
    pub(crate) profile: Option<String>,
    /// How to deliver the credentials [default: profile]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) deliver: Option<Delivery>,
    /// Start it only with credentials that last this long: 45m, 2h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) min_ttl: Option<Duration>,
    /// Check first that AWS accepts the credentials, and show whose they are (with -v)
    #[arg(long)]
    pub(crate) verify: bool,
    /// Start it only with credentials of this account (implies --verify)
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub(crate) expect_account: Option<String>,
    /// Start it only with credentials of this role (implies --verify)
    #[arg(long, value_name = "NAME")]
    pub(crate) expect_role: Option<String>,
    /// Do not report whether credentials caused a failure of the command
    #[arg(long)]
    pub(crate) no_post_mortem: bool,
    /// Announce an early expiration, and report whether the command renews its credentials: 20s
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) drill: Option<Duration>,
    /// After a renewal, send the command a signal (signal:HUP) or restart it (restart)
    #[arg(long, value_name = "WHAT", value_parser = parse_on_renew)]
    pub(crate) on_renew: Option<OnRenew>,
    #[command(flatten)]
    pub(crate) person: Person,
    /// The command and its arguments [default: at a terminal, the user's shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What a person is asked for, and what is given in advance.
#[derive(Debug, Default, Args)]
pub(crate) struct Person {
    /// The MFA code, if one is needed
    #[arg(long, value_name = "CODE", value_parser = parse_mfa_code)]
    pub(crate) mfa_code: Option<String>,
    /// Do not offer to sign in, and do not ask for an MFA code
    #[arg(long)]
    pub(crate) no_login: bool,
}

impl Wrap {
    /// Whether an option was given that only a command can use.
    fn is_used(&self) -> bool {
        let Self {
            profile,
            deliver,
            min_ttl,
            verify,
            expect_account,
            expect_role,
            no_post_mortem,
            drill,
            on_renew,
            person,
            command,
        } = self;
        let has_value = profile.is_some()
            || deliver.is_some()
            || min_ttl.is_some()
            || drill.is_some()
            || on_renew.is_some()
            || person.mfa_code.is_some()
            || person.no_login;
        let has_check =
            *verify || expect_account.is_some() || expect_role.is_some() || *no_post_mortem;
        has_value || has_check || !command.is_empty()
    }
}

/// The definition of the command line.
pub(crate) fn definition() -> Command {
    Cli::command()
}

impl Cli {
    /// Parses the arguments; the parser reports help and version as errors.
    pub(crate) fn from_args(args: &[OsString]) -> Result<Self, clap::Error> {
        Self::fast_path(args).map_or_else(|| Self::try_parse_from(args)?.checked(), Ok)
    }

    fn checked(self) -> Result<Self, clap::Error> {
        let error = |kind, text: &str| Err(Self::command().error(kind, text));
        let conflict = |text: &str| error(ErrorKind::ArgumentConflict, text);
        let by_env = self.wrap.deliver == Some(Delivery::Env);
        match (&self.subcommand, &self.wrap) {
            (Some(_), wrap) if wrap.is_used() => conflict(
                "options before a subcommand belong to `-- COMMAND`; write: awsfresh \
                    SUBCOMMAND [OPTIONS]",
            ),
            (
                None,
                Wrap {
                    on_renew: Some(on_renew),
                    ..
                },
            ) if !on_renew.is_possible(cfg!(unix)) => {
                conflict("--on-renew is not available on this system: it needs signals")
            }
            (None, Wrap { drill: Some(_), .. }) if by_env => conflict(
                "--drill cannot be combined with --deliver env: variables cannot be renewed",
            ),
            (
                None,
                Wrap {
                    drill: Some(_),
                    deliver: Some(Delivery::Files),
                    ..
                },
            ) => conflict(
                "--drill cannot be combined with --deliver files: a container reads a file, and no \
                    one sees it",
            ),
            (
                None,
                Wrap {
                    on_renew: Some(OnRenew::Signal(_)),
                    ..
                },
            ) if by_env => conflict(
                "--on-renew signal cannot be combined with --deliver env: use --on-renew restart",
            ),
            _ => Ok(self),
        }
    }

    /// Whether a command is to be run: a subcommand is none, nor is the user's shell.
    pub(crate) fn has_command(&self) -> bool {
        self.subcommand.is_none() && !self.wrap.command.is_empty()
    }

    /// Whether arguments that do not parse name a subcommand.
    pub(crate) fn names_subcommand(args: &[OsString]) -> bool {
        let parsed = Self::command()
            .ignore_errors(true)
            .try_get_matches_from(args);
        parsed.is_ok_and(|matches| matches.subcommand_name().is_some())
    }

    /// Whether arguments that do not parse are those of a command to run, not of a subcommand.
    pub(crate) fn runs_a_command(args: &[OsString]) -> bool {
        args.iter().any(|arg| arg == "--") && !Self::names_subcommand(args)
    }

    /// What may be intended where `word` is not a subcommand: the subcommand of a similar name, and
    /// the same arguments as a command to run.
    pub(crate) fn intended(args: &[OsString], word: &str) -> Option<[Option<Remedy>; 2]> {
        let at = args
            .iter()
            .skip(1)
            .position(|arg| arg == word)
            .filter(|_| !word.starts_with('-'))?
            + 1;
        let (before, after) = args.get(1..)?.split_at(at - 1);
        let line = |words: &[&str]| {
            let text = |arg: &OsString| arg.to_string_lossy().into_owned();
            let words = words.iter().map(|word| (*word).to_owned());
            let before = before.iter().map(text).chain(words);
            let all = before.chain(after.iter().skip(1).map(text));
            Remedy::of_words(std::iter::once("awsfresh".to_owned()).chain(all))
        };
        let alike = |name: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), name) <= 2;
        let command = Self::command();
        let similar = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .find(alike)
            .filter(|_| word.len() > 2);
        Some([similar.map(|name| line(&[name])), Some(line(&["--", word]))])
    }

    /// The one call that SDKs make by the thousand, in the form of the documentation: to build the
    /// whole parser would take a tenth of a warm answer.
    fn fast_path(args: &[OsString]) -> Option<Self> {
        let [_, subcommand, flag, profile] = args else {
            return None;
        };
        let (subcommand, flag, profile) = (subcommand.to_str()?, flag.to_str()?, profile.to_str()?);
        let is_flag = matches!(flag, "--profile" | "-p");
        let is_name = !profile.is_empty() && !profile.starts_with('-');
        (subcommand == "credential-process" && is_flag && is_name).then(|| Self {
            subcommand: Some(Subcommand::CredentialProcess {
                profile: Some(profile.to_owned()),
            }),
            wrap: Wrap::default(),
            common: Common {
                verbose: false,
                quiet: false,
                store: None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_fast_path_agrees_with_the_parser() {
        for flag in ["-p", "--profile"] {
            let args = ["awsfresh", "credential-process", flag, "prod=x y"].map(OsString::from);
            assert_eq!(
                format!("{:?}", Cli::fast_path(&args).unwrap()),
                format!("{:?}", Cli::parse_from(&args))
            );
        }
        for rest in [
            &["status", "-p", "x"][..],
            &["credential-process", "-p", "-v"],
            &["credential-process", "-p", ""],
            &["--help"],
        ] {
            let args: Vec<_> = ["awsfresh"]
                .iter()
                .chain(rest)
                .map(OsString::from)
                .collect();
            assert!(Cli::fast_path(&args).is_none(), "{rest:?}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
