//! The subcommands and their arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand as ClapSubcommand, ValueEnum, ValueHint};

use super::Person;
use super::completion::{CompleteWords, Shell};
use super::keys::{KEYS_HELP, Keys};
use super::setup::{SETUP_HELP, Setup};
use super::values::{
    parse_mfa_code, parse_mfa_duration, parse_region, parse_service, parse_time, parse_tool,
    parse_wait,
};
use crate::export::Format;
use crate::finding::Tool;

/// The subcommands.
#[derive(Debug, ClapSubcommand)]
pub(crate) enum Subcommand {
    /// Print the credentials of a profile, as the credential_process contract defines
    CredentialProcess {
        /// The profile [default: AWS_PROFILE, else `default`]
        #[arg(short, long)]
        profile: Option<String>,
    },
    /// Print the credentials of a profile as variables for a shell, or in another form
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Open the AWS console in a browser, signed in as a profile
    #[command(after_help = CONSOLE_HELP)]
    Console(Console),
    /// List profiles, the source of their credentials, and the time left
    #[command(after_help = STATUS_HELP)]
    Status(Status),
    /// Say whether the credentials of a profile will last, without a person
    #[command(after_help = CHECK_HELP)]
    Check(Check),
    /// Let your tools get the credentials of profiles from awsfresh
    #[command(after_help = SETUP_HELP)]
    Setup(Setup),
    /// Keep long-term keys in the credential store instead of a file
    #[command(after_help = KEYS_HELP)]
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Sign in to an SSO session, or start an MFA session
    #[command(after_help = LOGIN_HELP)]
    Login(Login),
    /// End SSO sessions and MFA sessions, and delete what came from them
    #[command(after_help = LOGOUT_HELP)]
    Logout(Logout),
    /// Renew credentials ahead of time
    Refresh {
        #[command(flatten)]
        selection: ProfileSelection,
        #[command(flatten)]
        person: Person,
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
        /// Judge for these tools alone (may be repeated)
        #[arg(long, value_name = "TOOL", value_parser = parse_tool)]
        tool: Vec<Tool>,
        /// Do not offer to sign in
        #[arg(long)]
        no_login: bool,
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
    /// Print the script that completes awsfresh's arguments in a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a man page, or write all of them to a directory
    #[command(after_help = MAN_HELP)]
    Man(Man),
    /// Print what a shell offers for the last word: for the scripts of `completions`
    #[command(hide = true)]
    CompleteWords(CompleteWords),
}

const COMPLETIONS_HELP: &str = "\
Subcommands, options, profiles and SSO sessions are completed, and the arguments of a command
after `--`, as the shell completes them without awsfresh. To load the script:
  bash        source <(awsfresh completions bash)       in ~/.bashrc
  zsh         source <(awsfresh completions zsh)        in ~/.zshrc, after compinit
  fish        awsfresh completions fish | source        in ~/.config/fish/config.fish
  powershell  awsfresh completions powershell | Out-String | Invoke-Expression    in $PROFILE
  nushell     awsfresh completions nushell | save -f ~/.config/nushell/autoload/awsfresh.nu";

const MAN_HELP: &str = "\
Examples:
  awsfresh man | man -l -
  awsfresh man --dir ~/.local/share/man/man1";

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The page of this subcommand [default: that of awsfresh]
    #[arg(value_name = "SUBCOMMAND", conflicts_with = "dir")]
    pub(crate) page: Option<String>,
    /// Write every page to this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The profile [default: AWS_PROFILE, else `default`]
    #[arg(short, long)]
    pub(crate) profile: Option<String>,
    /// For so long: 8h, 45m
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    pub(crate) duration: Duration,
    /// In the environment of a cron job: two variables, no terminal, no session bus
    #[arg(long)]
    pub(crate) as_cron: bool,
}

const CHECK_HELP: &str = "\
Examples:
  awsfresh check -p prod --for 8h              before a long job
  awsfresh check -p backup --for 24h --as-cron as the nightly job will run

Exit code: 0 if they last, 4 if a person is needed before, else that of the failure.";

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The profile [default: AWS_PROFILE, else `default`]
    #[arg(short, long)]
    pub(crate) profile: Option<String>,
    /// The form [default: that of the shell in SHELL]
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Print what removes the variables from the shell
    #[arg(long, conflicts_with_all = ["profile", "mfa_code", "no_login"])]
    pub(crate) unset: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

const EXPORT_HELP: &str = "\
Examples:
  eval \"$(awsfresh export -p prod)\"           bash, zsh, dash
  awsfresh export -p prod | source            fish
  eval \"$(awsfresh export --unset)\"           remove the variables
  awsfresh export -p prod -f docker > env      docker run --env-file env

Prints nothing on stdout if it fails. Exported credentials cannot be renewed: awsfresh -p prod --
COMMAND renews them for one command (docs/export.md).";

/// `console`.
#[derive(Debug, Args)]
pub(crate) struct Console {
    /// The profile [default: AWS_PROFILE, else `default`]
    #[arg(short, long)]
    pub(crate) profile: Option<String>,
    /// Open the page of this service, by its name in the console's URLs: s3, ec2, cloudwatch
    #[arg(short, long, value_parser = parse_service)]
    pub(crate) service: Option<String>,
    /// Open it in this region [default: AWS_REGION, else that of the profile]
    #[arg(long, value_parser = parse_region)]
    pub(crate) region: Option<String>,
    /// Print the URL and open nothing: whoever has it is signed in, for 15 minutes
    #[arg(long, conflicts_with = "browser")]
    pub(crate) print: bool,
    /// Open the page with this command [env: BROWSER]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) browser: Option<String>,
    #[command(flatten)]
    pub(crate) person: Person,
}

const CONSOLE_HELP: &str = "\
Examples:
  awsfresh console -p prod                   the first page
  awsfresh console -p prod --service s3      the page of a service
  awsfresh console -p prod --print | wl-copy the URL, for another browser

A profile of IAM Identity Center opens through the access portal. Keys of an IAM user cannot sign in
to the console: that takes a profile with a role (docs/console.md).";

const STATUS_HELP: &str = "\
Contacts no source of credentials, and changes nothing. docs/status.md has snippets for prompts.
Exit code: 10 where something expires sooner than --warn-within.";

/// `status`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("form").args(["json", "format", "short", "template", "watch"])))]
pub(crate) struct Status {
    /// Only this profile (may be repeated)
    #[arg(short, long)]
    pub(crate) profile: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Print in this form [default: table]
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<StatusFormat>,
    /// Print one profile and the time left, or nothing: for prompts
    #[arg(long)]
    short: bool,
    /// The same in this form: {profile}, {left}, {seconds} and {state} are filled in
    #[arg(long, value_name = "TEXT")]
    template: Option<String>,
    /// Show the table again each second, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Exit with 10 where something expires sooner: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    #[arg(conflicts_with_all = ["short", "template", "watch"])]
    pub(crate) warn_within: Option<Duration>,
}

/// A form of `status`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StatusFormat {
    /// Lines for people
    Table,
    /// One JSON document
    Json,
    /// Metrics in the text format of Prometheus
    Prometheus,
}

impl Status {
    /// The form to print.
    pub(crate) fn format(&self) -> StatusFormat {
        match self.format {
            Some(format) => format,
            None if self.json => StatusFormat::Json,
            None => StatusFormat::Table,
        }
    }

    /// What to fill in for a prompt, if that is wanted.
    pub(crate) fn template(&self) -> Option<&str> {
        let of_short = self.short.then_some("{profile} {left}");
        self.template.as_deref().or(of_short)
    }
}

const DOCTOR_HELP: &str = "\
TOOL is cli, python, go, js, java or rust; terraform, boto3, node and others mean one of these.
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

/// `login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// SSO sessions by name [default: what AWS_PROFILE needs, else a choice]
    #[arg(value_name = "SESSION", conflicts_with_all = ["profile", "all"])]
    pub(crate) sessions: Vec<String>,
    /// Whatever this profile needs: its SSO session, its MFA code
    #[arg(short, long, conflicts_with = "all")]
    pub(crate) profile: Option<String>,
    /// Every SSO session in the config file
    #[arg(long)]
    pub(crate) all: bool,
    /// End the session first, so that permissions and duration are new
    #[arg(long)]
    pub(crate) force: bool,
    /// Sign in with a device code, approved in a browser on any machine
    #[arg(long, conflicts_with_all = ["no_browser", "browser", "port"])]
    pub(crate) device: bool,
    /// Open no browser: show the page, and read the address that it ends at
    #[arg(long, conflicts_with = "browser")]
    pub(crate) no_browser: bool,
    /// Open the page with this command [env: BROWSER]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) browser: Option<String>,
    /// The port of 127.0.0.1 that the browser comes back to, for ssh -L
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Give up after this time
    #[arg(long, value_name = "TIME", value_parser = parse_wait, default_value = "10m")]
    pub(crate) wait: Duration,
    /// Keep the token in the AWS CLI's file, in plain text, for tools that read it there
    #[arg(long)]
    pub(crate) share_with_cli: bool,
    /// The MFA code, if one is needed
    #[arg(long, value_name = "CODE", value_parser = parse_mfa_code)]
    #[arg(conflicts_with_all = ["sessions", "all"])]
    pub(crate) mfa_code: Option<String>,
    /// How long an MFA session lasts: 15m to 36h [default: 12h]
    #[arg(long, value_name = "TIME", value_parser = parse_mfa_duration)]
    #[arg(conflicts_with_all = ["sessions", "all"])]
    pub(crate) duration: Option<u32>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const LOGIN_HELP: &str = "\
Examples:
  awsfresh login corp            sign in to [sso-session corp]
  awsfresh login -p prod         whatever the profile needs
  awsfresh login corp --device   where no browser can open

Does nothing where the session is valid.";

/// `logout`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["sessions", "profile", "all"])))]
pub(crate) struct Logout {
    /// SSO sessions by name
    #[arg(value_name = "SESSION")]
    pub(crate) sessions: Vec<String>,
    /// The SSO session and the MFA sessions of this profile
    #[arg(short, long)]
    pub(crate) profile: Option<String>,
    /// Every SSO session and MFA session
    #[arg(long)]
    pub(crate) all: bool,
    /// End the AWS CLI's sign-in to these sessions, too
    #[arg(long)]
    pub(crate) also_cli: bool,
}

const LOGOUT_HELP: &str = "\
Ends the session at AWS. Credentials of roles that were issued before stay valid at AWS until they
expire; they are deleted here.";
