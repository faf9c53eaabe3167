//! The command line as data. Nothing here reads a file: help and version work when every config is
//! broken.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand as ClapSubcommand};

use crate::aws::names::is_account;
use crate::shell::quoted;
use crate::store::StoreKind;
use crate::wrap::{Delivery, OnRenew, signal_number};

const EXAMPLES: &str = "\
Examples:
  # in ~/.aws/config: every AWS tool gets fresh credentials for `prod`
  [profile prod]
  credential_process = /usr/local/bin/awsfresh credential-process --profile prod-source

  awsfresh -p prod -- terraform apply          run a command with credentials that stay fresh
  awsfresh -p prod --min-ttl 45m -- ./deploy   only with credentials that last 45 minutes

  awsfresh status               what is cached, and for how long
  awsfresh refresh -p prod      renew now
  awsfresh forget --all         drop everything cached

Exit codes (docs/exit-codes.md):
  0  done                         5  credentials not accepted
  1  unexpected failure           6  access denied
  2  usage                        7  AWS cannot be reached
  3  configuration                8  credential store
  4  sign-in or MFA code needed   9  refresh lock
  With `-- COMMAND`: the command's own code, 128+N if signal N ended it,
  125 if awsfresh did not start it, 126 not executable, 127 not found.";

/// AWS credentials that stay fresh: for any AWS tool, for one command, for cron
#[derive(Debug, Parser)]
#[command(name = "awsfresh", version, after_help = EXAMPLES, arg_required_else_help = true)]
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
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
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
            command,
        } = self;
        let has_value = profile.is_some()
            || deliver.is_some()
            || min_ttl.is_some()
            || drill.is_some()
            || on_renew.is_some();
        let has_check =
            *verify || expect_account.is_some() || expect_role.is_some() || *no_post_mortem;
        has_value || has_check || !command.is_empty()
    }
}

/// The subcommands.
#[derive(Debug, ClapSubcommand)]
pub(crate) enum Subcommand {
    /// Print the credentials of a profile, as the credential_process contract defines
    CredentialProcess {
        /// The profile [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
    },
    /// List profiles, the source of their credentials, and the time left
    Status {
        /// Only this profile (may be repeated)
        #[arg(short, long)]
        profile: Vec<String>,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Renew credentials ahead of time
    Refresh {
        #[command(flatten)]
        selection: ProfileSelection,
    },
    /// Find out what is wrong with a profile, or that nothing is
    #[command(after_help = DOCTOR_HELP)]
    Doctor {
        /// The profile to check [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
        /// Do not contact AWS
        #[arg(long)]
        offline: bool,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Find the AWS errors in a log and explain them
    #[command(after_help = EXPLAIN_HELP)]
    Explain {
        /// The log; `-` or nothing for stdin
        file: Option<PathBuf>,
        /// The profile that was used [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Show the last failures of awsfresh, including those that an SDK did not print
    Why {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        /// Show every recorded failure, not only the last five
        #[arg(long)]
        all: bool,
    },
    /// Delete cached credentials
    Forget {
        #[command(flatten)]
        selection: ProfileSelection,
    },
}

const DOCTOR_HELP: &str = "\
Waits at most 3 s for each host. Exit code: 0 without an error, else that of the first error (docs/exit-codes.md).";

const EXPLAIN_HELP: &str = "\
Examples:
  terraform plan 2>&1 | awsfresh explain
  awsfresh explain nightly.log

Exit code: 0 if an AWS error was found, else 1.";

/// Named profiles, or all.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ProfileSelection {
    /// This profile (may be repeated)
    #[arg(short, long)]
    pub(crate) profile: Vec<String>,
    /// Every profile
    #[arg(long)]
    pub(crate) all: bool,
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
            (None, wrap) if wrap.command.is_empty() => {
                let text = "no command to run; write: awsfresh [-p PROFILE] -- COMMAND...";
                error(ErrorKind::MissingRequiredArgument, text)
            }
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
                    on_renew: Some(OnRenew::Signal(_)),
                    ..
                },
            ) if by_env => conflict(
                "--on-renew signal cannot be combined with --deliver env: use --on-renew restart",
            ),
            _ => Ok(self),
        }
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
    pub(crate) fn intended(args: &[OsString], word: &str) -> Option<[Option<String>; 2]> {
        let at = args
            .iter()
            .skip(1)
            .position(|arg| arg == word)
            .filter(|_| !word.starts_with('-'))?
            + 1;
        let (before, after) = args.get(1..)?.split_at(at - 1);
        let line = |words: &[&str]| {
            let quote = |arg: &OsString| quoted(&arg.to_string_lossy());
            let before = before
                .iter()
                .map(quote)
                .chain(words.iter().map(|word| (*word).to_owned()));
            std::iter::once("awsfresh".to_owned())
                .chain(before)
                .chain(after.iter().skip(1).map(quote))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let alike = |name: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), name) <= 2;
        let command = Self::command();
        let similar = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .find(alike)
            .filter(|_| word.len() > 2);
        Some([
            similar.map(|name| line(&[name])),
            Some(line(&["--", &quoted(word)])),
        ])
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

fn parse_store(text: &str) -> Result<StoreKind, String> {
    text.parse()
        .map_err(|_| "use one of: auto, keyring, sealed, none".to_owned())
}

fn parse_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        _ => Err("write a duration, such as 45m or 1h30m".to_owned()),
    }
}

fn parse_account(text: &str) -> Result<String, String> {
    if is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("an account ID has twelve digits".to_owned())
    }
}

fn parse_on_renew(text: &str) -> Result<OnRenew, String> {
    let wrong = || "use restart, or signal:NAME with HUP, INT, QUIT, TERM, USR1 or USR2".to_owned();
    match text.split_once(':') {
        None if text == "restart" => Ok(OnRenew::Restart),
        Some(("signal", name)) => signal_number(name).map(OnRenew::Signal).ok_or_else(wrong),
        _ => Err(wrong()),
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
