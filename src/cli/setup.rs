//! The arguments of `setup`.

use clap::Args;

use super::values::{parse_region, parse_session, parse_start_url};
use crate::config::{NameTemplate, RegionRule, RoleGlob};
use crate::shell::quoted;

/// `setup`.
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// Profiles [default: every profile of the config file that can be set up]
    #[arg(value_name = "PROFILE", conflicts_with = "all")]
    pub(crate) profiles: Vec<String>,
    /// Every profile that can be set up
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not ask before the file is changed
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be changed, and change nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Take back what setup has changed
    #[arg(long)]
    pub(crate) undo: bool,
    /// Say for each profile whether tools get its credentials from awsfresh, and why not
    #[arg(long, conflicts_with_all = ["undo", "yes", "dry_run"])]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) sso: SsoSetup,
}

/// The profiles of an SSO session.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Profiles for the roles of an SSO session")]
pub(crate) struct SsoSetup {
    /// Write a profile for each role that you have in this SSO session
    #[arg(long = "sso", value_name = "SESSION", value_parser = parse_session)]
    #[arg(conflicts_with_all = ["profiles", "all", "check"])]
    pub(crate) session: Option<String>,
    /// The start URL of a new SSO session
    #[arg(long, value_name = "URL", value_parser = parse_start_url)]
    #[arg(requires_all = ["session", "sso_region"])]
    pub(crate) start_url: Option<String>,
    /// The region of a new SSO session
    #[arg(long, value_name = "REGION", requires = "start_url", value_parser = parse_region)]
    pub(crate) sso_region: Option<String>,
    /// Only roles that match ACCOUNT/ROLE or ACCOUNT, with * and ? (may be repeated)
    #[arg(long, value_name = "GLOB", requires = "session")]
    pub(crate) filter: Vec<RoleGlob>,
    /// No role that matches (may be repeated)
    #[arg(long, value_name = "GLOB", requires = "session")]
    pub(crate) exclude: Vec<RoleGlob>,
    /// The region of the profiles, or of some: `prod-*=eu-west-1`; the last that matches counts
    #[arg(long, value_name = "[GLOB=]REGION", requires = "session")]
    pub(crate) region: Vec<RegionRule>,
    /// Their names [default: {account}/{role}]: {account_id}, {session} and {region} are filled in,
    /// too; or as granted, aws-sso-cli, aws-cli or portal names them
    #[arg(long, value_name = "TEMPLATE", requires = "session")]
    pub(crate) name_template: Option<NameTemplate>,
}

impl SsoSetup {
    /// These arguments, and those of `old` of each kind that was not given.
    pub(crate) fn or(&self, old: &Self) -> Self {
        fn given<T: Clone>(new: &[T], old: &[T]) -> Vec<T> {
            if new.is_empty() { old } else { new }.to_vec()
        }
        Self {
            session: self.session.clone(),
            start_url: self.start_url.clone().or_else(|| old.start_url.clone()),
            sso_region: self.sso_region.clone().or_else(|| old.sso_region.clone()),
            filter: given(&self.filter, &old.filter),
            exclude: given(&self.exclude, &old.exclude),
            region: given(&self.region, &old.region),
            name_template: self
                .name_template
                .clone()
                .or_else(|| old.name_template.clone()),
        }
    }

    /// The command line with these arguments.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["awsfresh setup".to_owned()];
        let mut push = |option: &str, value: &str| {
            // With `=`, a value may begin with a dash.
            let separator = if option == "sso" { ' ' } else { '=' };
            words.push(format!("--{option}{separator}{}", quoted(value)));
        };
        let Self {
            session,
            start_url,
            sso_region,
            filter,
            exclude,
            region,
            name_template,
        } = self;
        for (option, value) in [
            ("sso", session),
            ("start-url", start_url),
            ("sso-region", sso_region),
        ] {
            value.iter().for_each(|value| push(option, value));
        }
        for (option, globs) in [("filter", filter), ("exclude", exclude)] {
            globs
                .iter()
                .for_each(|glob| push(option, &glob.to_string()));
        }
        for rule in region {
            push("region", &rule.to_string());
        }
        if let Some(template) = name_template {
            push("name-template", &template.to_string());
        }
        words.join(" ")
    }
}

pub(super) const SETUP_HELP: &str = "\
Puts awsfresh_ in front of the keys that name the source of the credentials, and adds a
credential_process that runs awsfresh. Nothing else in the config file changes.

With --sso, writes a profile for each account and role into a block of its own. The block has the
arguments: the next time, `awsfresh setup --sso SESSION` is enough. Keys that you add, names and
regions that you change in it stay.

Examples:
  awsfresh setup                every profile, after a diff and a question
  awsfresh setup prod --yes     one profile, without a question
  awsfresh setup --undo         as before

  awsfresh setup --sso corp --start-url https://corp.awsapps.com/start --sso-region eu-west-1
  awsfresh setup --sso corp --filter 'prod-*/Admin*' --exclude '*/Billing' --region eu-west-1
  awsfresh setup --sso corp     what is new in the session, and what is gone";
