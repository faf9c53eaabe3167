//! The command line as data. Reads nothing, does nothing: help and version work when every config is broken.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::is_account;
use crate::exec::Delivery;
use crate::shell::quoted;
use crate::store::StoreKind;

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
#[command(override_usage = "awsfresh [-p PROFILE] [OPTIONS] -- COMMAND...\n       awsfresh [OPTIONS] SUBCOMMAND")]
#[command(subcommand_value_name = "SUBCOMMAND", subcommand_help_heading = "Subcommands")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The command to run instead.
    #[command(flatten)]
    pub wrap: Wrap,
    /// Settings every verb takes.
    #[command(flatten)]
    pub common: Common,
}

/// Settings every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
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

/// A command to run, and how.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Running a command")]
pub struct Wrap {
    /// The profile to run it as [default: AWS_PROFILE, else `default`]
    #[arg(short, long)]
    pub profile: Option<String>,
    /// How credentials reach it [default: profile]
    #[arg(long, value_enum, value_name = "HOW")]
    pub deliver: Option<Delivery>,
    /// Start it only with credentials that last this long: 45m, 2h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub min_ttl: Option<Duration>,
    /// Ask AWS first whether it takes the credentials, and whose they are
    #[arg(long)]
    pub verify: bool,
    /// Start it only in this account (verifies)
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub expect_account: Option<String>,
    /// Start it only as this role (verifies)
    #[arg(long, value_name = "NAME")]
    pub expect_role: Option<String>,
    /// Say nothing about credentials after it failed
    #[arg(long)]
    pub no_post_mortem: bool,
    /// Announce an early end of credentials, and report whether it asks for new ones: 20s
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub drill: Option<Duration>,
    /// After a renewal: send it a signal (signal:HUP), or end and start it again (restart)
    #[arg(long, value_name = "WHAT", value_parser = parse_on_renew)]
    pub on_renew: Option<OnRenew>,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl Wrap {
    /// Whether an option was given that means nothing without a command.
    fn is_used(&self) -> bool {
        let Self { profile, deliver, min_ttl, verify, expect_account, expect_role, no_post_mortem, drill, on_renew, command } = self;
        let named = profile.is_some() || deliver.is_some() || min_ttl.is_some() || drill.is_some() || on_renew.is_some();
        let asked = *verify || expect_account.is_some() || expect_role.is_some() || *no_post_mortem;
        named || asked || !command.is_empty()
    }
}

/// What a renewal does to a running command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRenew {
    /// It is sent this signal.
    Signal(i32),
    /// It is ended and started again.
    Restart,
}

impl OnRenew {
    /// Both need signals: to end a command that is to be started again takes one, too.
    fn is_possible(self, has_signals: bool) -> bool {
        match self {
            Self::Signal(_) | Self::Restart => has_signals,
        }
    }
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
    /// Find out what is wrong, or that nothing is
    #[command(after_help = "Asks AWS, each host for 3 s at most; --offline asks nobody. Exit code: 0 without an error, else that of the\n\
        first one's class (docs/exit-codes.md).")]
    Doctor {
        /// The profile to look at [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
        /// Ask nobody: judge by files, environment and clock alone
        #[arg(long)]
        offline: bool,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Read a log, or stdin, and diagnose the AWS errors in it
    #[command(after_help = "Examples:\n  terraform plan 2>&1 | awsfresh explain\n  awsfresh explain nightly.log\n\
        Exit code: 0 where an AWS error was recognised, 1 where none was.")]
    Explain {
        /// The log; `-` or nothing for stdin
        file: Option<std::path::PathBuf>,
        /// The profile that was in use there [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Show the last failures of any awsfresh call, also of those that an SDK made and kept to itself
    Why {
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
        /// Every failure still known, not the last five
        #[arg(long)]
        all: bool,
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
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        Self::hot(args).map_or_else(|| Self::try_parse_from(args)?.checked(), Ok)
    }

    fn checked(self) -> Result<Self, clap::Error> {
        let wrong = |kind, text: &str| Err(Self::command().error(kind, text));
        match (&self.verb, &self.wrap) {
            (Some(_), wrap) if wrap.is_used() => {
                wrong(ErrorKind::ArgumentConflict, "options of a verb stand after it, and a verb runs no command: awsfresh VERB [OPTIONS]")
            }
            (None, wrap) if wrap.command.is_empty() => {
                wrong(ErrorKind::MissingRequiredArgument, "there is no command to run: awsfresh [-p PROFILE] -- COMMAND...")
            }
            (None, Wrap { on_renew: Some(wish), .. }) if !wish.is_possible(cfg!(unix)) => {
                wrong(ErrorKind::ArgumentConflict, "--on-renew works on Linux and macOS only: this system has no signals")
            }
            (None, Wrap { deliver: Some(Delivery::Env), drill: Some(_), .. }) => {
                wrong(ErrorKind::ArgumentConflict, "--drill has nothing to see with --deliver env: nobody can ask again")
            }
            (None, Wrap { deliver: Some(Delivery::Env), on_renew: Some(OnRenew::Signal(_)), .. }) => wrong(
                ErrorKind::ArgumentConflict,
                "a signal cannot change the environment of a running command: use --on-renew restart, or another delivery",
            ),
            _ => Ok(self),
        }
    }

    /// Whether arguments that do not parse are those of a command to run, not of a subcommand.
    pub fn runs_a_command(args: &[OsString]) -> bool {
        let parsed = Self::command().ignore_errors(true).try_get_matches_from(args);
        args.iter().any(|arg| arg == "--") && parsed.is_ok_and(|matches| matches.subcommand_name().is_none())
    }

    /// What was meant where `word` stands in the place of a subcommand: the subcommand of a similar name, and the same
    /// arguments as a command to run.
    pub fn meant(args: &[OsString], word: &str) -> Option<[Option<String>; 2]> {
        let at = args.iter().skip(1).position(|arg| arg == word).filter(|_| !word.starts_with('-'))? + 1;
        let (before, after) = args.get(1..)?.split_at(at - 1);
        let line = |words: &[&str]| {
            let quote = |arg: &OsString| quoted(&arg.to_string_lossy());
            let before = before.iter().map(quote).chain(words.iter().map(|word| (*word).to_owned()));
            std::iter::once("awsfresh".to_owned()).chain(before).chain(after.iter().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
        };
        let alike = |name: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), name) <= 2;
        let command = Self::command();
        let similar = command.get_subcommands().map(clap::Command::get_name).find(alike).filter(|_| word.len() > 2);
        Some([similar.map(|name| line(&[name])), Some(line(&["--", &quoted(word)]))])
    }

    /// The one call that SDKs make by the thousand, in the form the documentation shows. Building the whole command line
    /// takes a tenth of a warm answer; everything else goes that way.
    fn hot(args: &[OsString]) -> Option<Self> {
        let [_, verb, flag, profile] = args else { return None };
        let (verb, flag, profile) = (verb.to_str()?, flag.to_str()?, profile.to_str()?);
        let asked = verb == "credential-process" && matches!(flag, "--profile" | "-p") && !profile.is_empty() && !profile.starts_with('-');
        asked.then(|| Self {
            verb: Some(Verb::CredentialProcess { profile: Some(profile.to_owned()) }),
            wrap: Wrap::default(),
            common: Common { verbose: false, quiet: false, store: None },
        })
    }
}

fn parse_store(text: &str) -> Result<StoreKind, String> {
    text.parse().map_err(|_| "one of: auto, keyring, sealed, none".to_owned())
}

fn parse_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        _ => Err("a length of time such as 20s, 45m or 1h30m".to_owned()),
    }
}

fn parse_account(text: &str) -> Result<String, String> {
    if is_account(text) { Ok(text.to_owned()) } else { Err("an account id has twelve digits".to_owned()) }
}

fn parse_on_renew(text: &str) -> Result<OnRenew, String> {
    let wrong = || "restart, or signal:NAME with HUP, INT, QUIT, TERM, USR1 or USR2".to_owned();
    match text.split_once(':') {
        None if text == "restart" => Ok(OnRenew::Restart),
        Some(("signal", name)) => crate::exec::signal_of(name).map(OnRenew::Signal).ok_or_else(wrong),
        _ => Err(wrong()),
    }
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
    fn a_renewal_can_be_told_only_where_there_are_signals() {
        for wish in [OnRenew::Restart, OnRenew::Signal(1)] {
            assert!(wish.is_possible(true) && !wish.is_possible(false));
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
