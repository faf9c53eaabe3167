//! Everything the program takes from outside, read once: environment, paths, clock, terminal. Code below
//! `commands` gets these as values, so that a test, a cron job and a person see the same behaviour.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use directories::{BaseDirs, ProjectDirs};

use crate::diagnosis::{Cause, Finding, Result};
use crate::files;
use crate::settings::Settings;
use crate::shell::quoted_path;
use crate::store::{StoreKind, StoreSettings};
use crate::time::Timestamp;

/// Unattended callers get an answer within this time: the Rust SDK waits 5 s for a credential source.
const UNATTENDED_DEADLINE: Duration = Duration::from_secs(4);
/// What a person at a terminal puts up with.
const ATTENDED_DEADLINE: Duration = Duration::from_secs(60);

/// Names the directory of the wrapped command around this call.
pub const RUN_VARIABLE: &str = "AWSFRESH_RUN";

/// Seconds after which credentials are announced to end, while a drill runs.
pub const DRILL_VARIABLE: &str = "AWSFRESH_DRILL";

/// The profile a wrapped command runs as, for deliveries that may not name it to SDKs.
pub const PROFILE_VARIABLE: &str = "AWSFRESH_PROFILE";

/// Where the path that `variable` had outside a wrapped command is kept.
pub fn original_of(variable: &str) -> String {
    format!("AWSFRESH_ORIGINAL_{variable}")
}

/// Where the value that `variable` had outside a wrapped command is kept, if our own calls need it.
pub fn outer_of(variable: &str) -> String {
    format!("AWSFRESH_OUTER_{variable}")
}

/// The surroundings of one run.
pub struct World {
    env: BTreeMap<String, String>,
    settings: Settings,
    /// The home directory: `HOME`, else the one the system knows for this user.
    pub home: PathBuf,
    /// When the run began.
    pub start: Instant,
    /// Whether a person can be talked to: stderr is a terminal.
    pub attended: bool,
}

impl World {
    /// Reads the surroundings. Fails where there is no home directory to keep locks and caches in, and where
    /// `config.toml` holds something else than settings.
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn collect() -> Result<Self> {
        let env = readable(std::env::vars_os())?;
        let Some(base) = BaseDirs::new() else {
            return Err(Finding::new(Cause::Usage, "no home directory is known for this user").try_this("set HOME"));
        };
        let settings = match ProjectDirs::from("", "", "awsfresh").map(|dirs| dirs.config_dir().join("config.toml")) {
            Some(path) => read_settings(&path)?,
            None => Settings::default(),
        };
        Ok(Self { env, settings, home: base.home_dir().to_owned(), start: Instant::now(), attended: std::io::stderr().is_terminal() })
    }

    /// An environment variable; blank counts as unset, as in the SDKs.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|v| !v.trim().is_empty())
    }

    /// Every variable.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `true` in the spelling the SDKs accept.
    pub fn env_flag(&self, name: &str) -> bool {
        self.env(name).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        now()
    }

    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub fn config_file(&self) -> PathBuf {
        self.aws_file("AWS_CONFIG_FILE", "config")
    }

    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub fn credentials_file(&self) -> PathBuf {
        self.aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    /// Inside a wrapped command the variables point at the overlay, which is made for others: there the original counts.
    fn aws_file(&self, variable: &str, name: &str) -> PathBuf {
        let named = self.env(variable).map(|path| self.expand_home(path));
        match (named, self.run_dir()) {
            (Some(path), Some(run)) if path.starts_with(&run) => match self.env(&original_of(variable)) {
                Some(original) => PathBuf::from(original),
                None => self.home.join(".aws").join(name),
            },
            (Some(path), _) => path,
            (None, _) => self.home.join(".aws").join(name),
        }
    }

    /// The directory of the wrapped command that this call is made under.
    pub fn run_dir(&self) -> Option<PathBuf> {
        self.env(RUN_VARIABLE).map(PathBuf::from)
    }

    /// A variable as it was around a wrapped command, which itself does not get to see it.
    pub fn outer_env(&self, name: &str) -> Option<&str> {
        self.env(&outer_of(name)).or_else(|| self.env(name))
    }

    /// How far ahead, in seconds, a drill announces the end of credentials.
    pub fn drill(&self) -> Option<i64> {
        self.env(DRILL_VARIABLE).and_then(|text| text.parse().ok())
    }

    /// Where the private files of wrapped commands go: the runtime directory, else the state directory.
    pub fn runs_dir(&self) -> PathBuf {
        match self.env("XDG_RUNTIME_DIR").map(Path::new).filter(|dir| dir.is_absolute()) {
            Some(dir) => dir.join("awsfresh"),
            None => self.state_dir().join("runs"),
        }
    }

    /// Variables and a leading `~/` replaced, as botocore does; an unknown variable stays as it is.
    pub fn expand(&self, path: &str) -> PathBuf {
        self.expand_home(&shellexpand::env_with_context_no_errors(path, |name| self.env(name)))
    }

    /// A leading `~/` replaced, as every SDK does.
    pub fn expand_home(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => PathBuf::from(path),
        }
    }

    /// The profile to use, and the flag or variable that names it, if any does: `--profile`, then the variables in the AWS
    /// CLI's order, then that of the wrapped command around this call.
    pub fn selected_profile<'a>(&'a self, flag: Option<&'a str>) -> (&'a str, Option<&'static str>) {
        if let Some(name) = flag {
            return (name, Some("--profile"));
        }
        let variables = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", PROFILE_VARIABLE];
        let named = variables.into_iter().find_map(|variable| Some((self.env(variable)?, Some(variable))));
        named.unwrap_or(("default", None))
    }

    /// Where locks and sealed credentials live. From the home directory alone: cron and login shells must meet here,
    /// and cron has no `XDG_*`.
    pub fn state_dir(&self) -> PathBuf {
        state_dir_under(&self.home)
    }

    /// When this run is to be over: after `AWSFRESH_TIMEOUT` in seconds, else `timeout` in `config.toml`, else 4 s unattended and
    /// 60 s at a terminal.
    pub fn deadline(&self) -> Result<Instant> {
        Ok(self.start + self.time_limit()?)
    }

    /// How long one attempt may take.
    pub fn time_limit(&self) -> Result<Duration> {
        let (seconds, place) = match (self.env("AWSFRESH_TIMEOUT"), self.settings.timeout) {
            (Some(text), _) => (text.parse().unwrap_or(f64::NAN), format!("AWSFRESH_TIMEOUT={text}")),
            (None, Some(seconds)) => (seconds, format!("timeout = {seconds} in config.toml")),
            (None, None) => return Ok(if self.attended { ATTENDED_DEADLINE } else { UNATTENDED_DEADLINE }),
        };
        if (0.1..=3600.0).contains(&seconds) {
            return Ok(Duration::from_secs_f64(seconds));
        }
        Err(Finding::new(Cause::Usage, "the time limit is not a number of seconds from 0.1 to 3600")
            .seen(place)
            .try_this("export AWSFRESH_TIMEOUT=4"))
    }

    /// Which store to use and what it needs to know.
    pub fn store_settings(&self, flag: Option<StoreKind>) -> Result<StoreSettings> {
        let named = |place: &str, text: &str| {
            text.parse().map_err(|_| {
                Finding::new(Cause::Usage, format!("{place} names no store"))
                    .seen(format!("{place} = {text}"))
                    .try_this("one of: auto, keyring, sealed, none")
            })
        };
        let kind = match (flag, self.env("AWSFRESH_STORE"), &self.settings.store) {
            (Some(kind), ..) => kind,
            (None, Some(text), _) => named("AWSFRESH_STORE", text)?,
            (None, None, Some(text)) => named("store in config.toml", text)?,
            (None, None, None) => StoreKind::Auto,
        };
        let key_file = self.env("AWSFRESH_KEY_FILE").map(PathBuf::from).or_else(|| self.settings.key_file.clone());
        let key_command = self.env("AWSFRESH_KEY_COMMAND").map(str::to_owned).or_else(|| self.settings.key_command.clone());
        Ok(StoreSettings {
            kind,
            dir: self.state_dir().join("sealed"),
            key_file: key_file.map(|p| self.expand_home(&p.to_string_lossy())),
            key_command,
            bus_address: self.env("DBUS_SESSION_BUS_ADDRESS").map(str::to_owned),
            runtime_dir: self.env("XDG_RUNTIME_DIR").map(PathBuf::from),
            uid: uid(),
            deadline: Duration::from_secs(1),
            attended: self.attended,
        })
    }
}

/// The variables that are UTF-8. One that AWS tools or awsfresh read and that is not is an error: to go on without it could
/// mean to go on as somebody else.
fn readable(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => drop(env.insert(name, value)),
            Err(_) if is_read(&name) => {
                return Err(Finding::new(Cause::Usage, format!("the environment variable {name} is not valid UTF-8"))
                    .try_this(format!("unset {name}, or export it again")));
            }
            Err(_) => {}
        }
    }
    Ok(env)
}

fn is_read(name: &str) -> bool {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    name.starts_with("AWS") || proxies.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
}

/// The wall clock.
#[allow(clippy::disallowed_methods)] // the one place
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_secs().cast_signed())
}

/// A handful of keys; a longer file is cut, and then no TOML.
const SETTINGS_LIMIT: u64 = 64 * 1024;

fn read_settings(path: &Path) -> Result<Settings> {
    match files::read_bounded(path, SETTINGS_LIMIT) {
        Ok(bytes) => Settings::parse(path, &String::from_utf8_lossy(&bytes)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Settings::default()),
        Err(e) => Err(Finding::new(Cause::ConfigUnreadable, format!("{} cannot be read: {e}", path.display()))
            .try_this(format!("ls -l {}", quoted_path(path)))),
    }
}

/// The number of the user this runs as; 0 where users have none.
#[cfg(unix)]
pub fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The number of the user this runs as; 0 where users have none.
#[cfg(not(unix))]
pub fn uid() -> u32 {
    0
}

fn state_dir_under(home: &Path) -> PathBuf {
    if cfg!(windows) {
        home.join("AppData").join("Local").join("awsfresh")
    } else if cfg!(target_os = "macos") {
        home.join("Library").join("Application Support").join("awsfresh")
    } else {
        home.join(".local").join("state").join("awsfresh")
    }
}
