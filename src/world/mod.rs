//! Everything the program takes from outside, read once: environment, paths, clock. Code below
//! `commands` gets these as values, so that a test, a cron job and a person see the same behavior.

mod state;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use directories::{BaseDirs, ProjectDirs};

use crate::files;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::settings::Settings;
use crate::time::Timestamp;
pub(crate) use state::StateDirs;

/// Unattended callers get an answer within this time: the Rust SDK waits 5 s for a credential
/// process.
const UNATTENDED_TIMEOUT: Duration = Duration::from_secs(4);
/// What a person at a terminal accepts.
const ATTENDED_TIMEOUT: Duration = Duration::from_secs(60);
/// A settings file has a handful of keys; a longer one is cut, and then no TOML.
const SETTINGS_LIMIT: u64 = 64 * 1024;

/// The directory of the wrapped command around this call.
pub(crate) const RUN_VARIABLE: &str = "AWSFRESH_RUN";
/// Under a drill: after how many seconds credentials are said to expire.
pub(crate) const DRILL_VARIABLE: &str = "AWSFRESH_DRILL";
/// The profile a wrapped command runs as, for deliveries that must not name it to SDKs.
pub(crate) const PROFILE_VARIABLE: &str = "AWSFRESH_PROFILE";
/// The variables that name a region, in the order of all tools but boto3 and the AWS CLI v1.
pub(crate) const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// The variables that offer container credentials.
pub(crate) const CONTAINER_VARIABLES: [&str; 2] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The variable that keeps the path which `variable` had outside a wrapped command.
pub(crate) fn original_variable(variable: &str) -> String {
    format!("AWSFRESH_ORIGINAL_{variable}")
}

/// The variable that keeps the value which `variable` had outside a wrapped command, if our own
/// calls need it.
pub(crate) fn outer_variable(variable: &str) -> String {
    format!("AWSFRESH_OUTER_{variable}")
}

/// What named the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectedBy {
    /// The command line.
    Flag,
    /// This environment variable.
    Variable(&'static str),
    /// Nothing: it is `default`.
    Nothing,
}

impl fmt::Display for SelectedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--profile",
            Self::Variable(name) => name,
            Self::Nothing => "nothing",
        })
    }
}

/// The surroundings of one run.
pub(crate) struct World {
    env: BTreeMap<String, String>,
    /// The settings file.
    pub(crate) settings: Settings,
    /// The home directory: `HOME`, else the one the system has for this user.
    pub(crate) home: PathBuf,
    /// Where to keep locks, sealed credentials and the journal.
    pub(crate) state: StateDirs,
    /// Whether a person can see what is written to stderr.
    pub(crate) attended: bool,
}

impl World {
    /// Reads the surroundings. Fails where a variable that matters is not UTF-8, where there is no
    /// home directory for locks and caches, and where `config.toml` is not a settings file.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub(crate) fn collect(attended: bool) -> Result<Self> {
        let env = readable(std::env::vars_os())?;
        let Some(base) = BaseDirs::new() else {
            return Err(
                Finding::new(Cause::Usage, "this user has no home directory").remedy("set HOME"),
            );
        };
        // As the AWS CLI and the SDKs on Windows, which the known folder alone would not be.
        let profile = env
            .get("USERPROFILE")
            .filter(|path| cfg!(windows) && !path.is_empty());
        let home = profile.map_or_else(|| base.home_dir().to_owned(), PathBuf::from);
        let settings = match ProjectDirs::from("", "", "awsfresh") {
            Some(dirs) => read_settings(&dirs.config_dir().join("config.toml"))?,
            None => Settings::default(),
        };
        Ok(Self {
            env,
            settings,
            state: StateDirs::new(&home),
            home,
            attended,
        })
    }

    /// An environment variable; a blank one counts as unset, as in the SDKs.
    pub(crate) fn env(&self, name: &str) -> Option<&str> {
        self.env
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.trim().is_empty())
    }

    /// The first of `names` that is set, and its value.
    pub(crate) fn first_env<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Option<(&'static str, &str)> {
        names
            .into_iter()
            .find_map(|name| Some((name, self.env(name)?)))
    }

    /// Every variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a variable is `true`, in the spellings the SDKs accept.
    pub(crate) fn env_flag(&self, name: &str) -> bool {
        self.env(name)
            .is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// The path of this program. Without `/proc`, as in a chroot, that from which it was started.
    pub(crate) fn program(&self) -> io::Result<PathBuf> {
        std::env::current_exe().or_else(|e| {
            let name = PathBuf::from(std::env::args_os().next().unwrap_or_default());
            let dirs = if name.components().count() > 1 {
                vec![PathBuf::new()]
            } else {
                std::env::split_paths(self.env("PATH").unwrap_or_default()).collect()
            };
            let mut places = dirs.iter().map(|dir| dir.join(&name));
            let found = places.find(|path| path.is_file()).ok_or(e)?;
            std::path::absolute(found)
        })
    }

    /// The path by which this program can be started later: that in `PATH`, which stays when a package
    /// manager replaces the file behind it.
    pub(crate) fn installed_program(&self) -> io::Result<PathBuf> {
        let program = self.program()?;
        let name = program.file_name().unwrap_or_default();
        let dirs = std::env::split_paths(self.env("PATH").unwrap_or_default());
        let mut places = dirs
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name));
        let is_this = |path: &PathBuf| path.canonicalize().is_ok_and(|found| found == program);
        Ok(places.find(is_this).unwrap_or(program))
    }

    /// The process ID of the program that called this one, where the system has it.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "a part of the world"
    )]
    pub(crate) fn caller(&self) -> Option<u32> {
        #[cfg(unix)]
        return Some(std::os::unix::process::parent_id());
        #[cfg(not(unix))]
        None
    }

    /// The wall clock.
    #[expect(clippy::unused_self, reason = "the clock is a part of the world")]
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }

    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.aws_file("AWS_CONFIG_FILE", "config")
    }

    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    /// Inside a wrapped command the variables name the overlay, which is meant for other programs:
    /// there the original counts.
    fn aws_file(&self, variable: &str, name: &str) -> PathBuf {
        let named = self.env(variable).map(|path| self.expand_home(path));
        match (named, self.run_dir()) {
            (Some(path), Some(run)) if path.starts_with(&run) => {
                match self.env(&original_variable(variable)) {
                    Some(original) => PathBuf::from(original),
                    None => self.home.join(".aws").join(name),
                }
            }
            (Some(path), _) => path,
            (None, _) => self.home.join(".aws").join(name),
        }
    }

    /// The directory of the wrapped command around this call.
    pub(crate) fn run_dir(&self) -> Option<PathBuf> {
        self.env(RUN_VARIABLE).map(PathBuf::from)
    }

    /// A variable as it was around a wrapped command, which itself does not see it.
    pub(crate) fn outer_env(&self, name: &str) -> Option<&str> {
        self.env(&outer_variable(name)).or_else(|| self.env(name))
    }

    /// Under a drill: after how many seconds credentials are said to expire.
    pub(crate) fn drill(&self) -> Option<i64> {
        self.env(DRILL_VARIABLE).and_then(|text| text.parse().ok())
    }

    /// The directory for private directories of wrapped commands in the user's runtime directory.
    pub(crate) fn runtime_dir(&self) -> Option<PathBuf> {
        let dir = self.env("XDG_RUNTIME_DIR").map(Path::new)?;
        dir.is_absolute().then(|| dir.join("awsfresh"))
    }

    /// Expands variables and a leading `~/`, as botocore does; an unknown variable stays as it is.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        self.expand_home(&shellexpand::env_with_context_no_errors(path, |name| {
            self.env(name)
        }))
    }

    /// Expands a leading `~/`, as every SDK does.
    pub(crate) fn expand_home(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => PathBuf::from(path),
        }
    }

    /// The profile to use, and what names it: `--profile`, then the variables in the AWS CLI's
    /// order, then that of the wrapped command around this call.
    pub(crate) fn selected_profile<'a>(&'a self, flag: Option<&'a str>) -> (&'a str, SelectedBy) {
        if let Some(name) = flag {
            return (name, SelectedBy::Flag);
        }
        match self.first_env(["AWS_PROFILE", "AWS_DEFAULT_PROFILE", PROFILE_VARIABLE]) {
            Some((variable, name)) => (name, SelectedBy::Variable(variable)),
            None => ("default", SelectedBy::Nothing),
        }
    }

    /// Whether `login` keeps SSO tokens in the AWS CLI's file: `AWSFRESH_SHARE_WITH_CLI`, else
    /// `share_with_cli` in `config.toml`.
    pub(crate) fn share_with_cli(&self) -> bool {
        match self.env("AWSFRESH_SHARE_WITH_CLI") {
            Some(_) => self.env_flag("AWSFRESH_SHARE_WITH_CLI"),
            None => self.settings.share_with_cli.unwrap_or_default(),
        }
    }

    /// The end of an attempt that begins now: see [`Self::timeout`].
    pub(crate) fn deadline(&self) -> Result<Instant> {
        Ok(Instant::now() + self.timeout()?)
    }

    /// How long one attempt may take: `AWSFRESH_TIMEOUT` in seconds, else `timeout` in
    /// `config.toml`, else 4 s unattended and 60 s at a terminal.
    pub(crate) fn timeout(&self) -> Result<Duration> {
        let (seconds, place) = match (self.env("AWSFRESH_TIMEOUT"), self.settings.timeout) {
            (Some(text), _) => (
                text.parse().unwrap_or(f64::NAN),
                format!("AWSFRESH_TIMEOUT={text}"),
            ),
            (None, Some(seconds)) => (seconds, format!("timeout = {seconds} in config.toml")),
            (None, None) => {
                return Ok(if self.attended {
                    ATTENDED_TIMEOUT
                } else {
                    UNATTENDED_TIMEOUT
                });
            }
        };
        if (0.1..=3600.0).contains(&seconds) {
            return Ok(Duration::from_secs_f64(seconds));
        }
        Err(Finding::new(
            Cause::Usage,
            "the timeout is not a number of seconds from 0.1 to 3600",
        )
        .evidence(place)
        .remedy("export AWSFRESH_TIMEOUT=4"))
    }
}

/// The variables that are UTF-8. One that AWS tools or awsfresh read and that is not UTF-8 is an
/// error: to ignore it could mean to use the credentials of another identity.
fn readable(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    for (name, value) in variables {
        let Ok(mut name) = name.into_string() else {
            continue;
        };
        // There, names differ in more than their case.
        if cfg!(windows) {
            name.make_ascii_uppercase();
        }
        match value.into_string() {
            Ok(value) => drop(env.insert(name, value)),
            Err(_) if matters(&name) => {
                let summary = format!("the environment variable {name} is not valid UTF-8");
                return Err(Finding::new(Cause::Usage, summary)
                    .remedy(remedy!("unset {}, or export it again", name)));
            }
            Err(_) => {}
        }
    }
    Ok(env)
}

fn matters(name: &str) -> bool {
    name.starts_with("AWS") || is_proxy_variable(name)
}

/// Whether a variable, in upper or lower case, decides which proxy a request takes.
pub(crate) fn is_proxy_variable(name: &str) -> bool {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    proxies.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
}

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(since.as_secs().cast_signed())
}

fn read_settings(path: &Path) -> Result<Settings> {
    match files::read_bounded(path, SETTINGS_LIMIT) {
        Ok(bytes) => Settings::parse(path, &String::from_utf8_lossy(&bytes)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Settings::default())
        }
        Err(e) => {
            let summary = format!("cannot read {}: {e}", path.display());
            Err(Finding::new(Cause::ConfigUnreadable, summary).remedy(remedy!("ls -l {}", path)))
        }
    }
}
