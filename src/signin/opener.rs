//! Whether a browser can open here, and opening it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Options;
use crate::host_kind::{HostKind, kinds};
use crate::shell::words;
use crate::world::World;

/// How the sign-in page reaches a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// By one of these commands, the first that can be started; with the URL in the place of `%s`.
    Commands(Vec<String>),
    /// By the browser of the system.
    System,
    /// The person opens it.
    Person,
}

/// How to sign in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A browser on this machine.
    Browser(Opener),
    /// A device code, and why.
    Device(&'static str),
}

impl Way {
    /// What the options say, else what the surroundings allow.
    pub(super) fn choose(options: &Options, world: &World) -> Self {
        if options.device {
            return Self::Device("as requested");
        }
        if options.no_browser {
            return Self::Browser(Opener::Person);
        }
        if let Some(command) = &options.browser {
            return Self::Browser(Opener::Commands(vec![command.clone()]));
        }
        // Remote editors set it to a helper that opens the browser of the person.
        if let Some(list) = world.env("BROWSER") {
            let list = std::env::split_paths(list);
            let commands = list.map(|one| one.to_string_lossy().into_owned());
            return Self::Browser(Opener::Commands(commands.collect()));
        }
        match (no_browser_reason(world), options.port) {
            (None, _) => Self::Browser(Opener::System),
            (Some(_), Some(_)) => Self::Browser(Opener::Person),
            (Some(reason), None) => Self::Device(reason),
        }
    }
}

/// Why no browser of the person at the terminal can open from here.
fn no_browser_reason(world: &World) -> Option<&'static str> {
    let has = |name: &str| world.env(name).is_some();
    let kinds = kinds(world);
    let is = |kind: HostKind| kinds.contains(&kind);
    if has("CODESPACES") {
        Some("this is a GitHub codespace")
    } else if world.env("AWS_EXECUTION_ENV") == Some("CloudShell") {
        Some("this is AWS CloudShell")
    } else if has("REMOTE_CONTAINERS") || has("GITPOD_WORKSPACE_ID") {
        Some("this is a development container")
    } else if has("SSH_CONNECTION") || has("SSH_CLIENT") || has("SSH_TTY") {
        Some("this is an SSH session")
    } else if is(HostKind::Wsl) {
        Some("under WSL a browser cannot always come back")
    } else if is(HostKind::Ci) || is(HostKind::GithubActions) || is(HostKind::CodeBuild) {
        Some("this is a CI job")
    } else if is(HostKind::Container) || is(HostKind::Kubernetes) || is(HostKind::Ecs) {
        Some("this is a container")
    } else if cfg!(target_os = "linux") && !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        Some("there is no display")
    } else {
        None
    }
}

impl Opener {
    /// Opens a page; returns whether a program was started for it.
    pub(super) fn open(&self, url: &str) -> bool {
        match self {
            Self::Person => false,
            Self::Commands(commands) => commands.iter().any(|command| {
                let started = command_line(command, url).is_some_and(start);
                if !started {
                    log::debug!("the browser `{command}` cannot be started");
                }
                started
            }),
            Self::System => open::commands(url).into_iter().any(start),
        }
    }
}

/// The words of a command, with the URL for `%s`, else at the end, as `$BROWSER` is read by
/// everyone: <https://docs.python.org/3/library/webbrowser.html>.
fn command_line(command: &str, url: &str) -> Option<Command> {
    let mut words = if Path::new(command).is_file() {
        vec![command.to_owned()]
    } else {
        words(command)
    };
    if words.first().is_none_or(String::is_empty) {
        return None;
    }
    match words.iter_mut().skip(1).find(|word| word.contains("%s")) {
        Some(word) => *word = word.replace("%s", url),
        None => words.push(url.to_owned()),
    }
    let mut words = words.into_iter();
    let mut line = Command::new(words.next()?);
    line.args(words);
    Some(line)
}

/// Starts a program that outlives this one and neither reads nor writes this terminal.
fn start(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_command_gets_the_url_as_one_argument() {
        let shown = |command: &str| {
            let line = command_line(command, "https://x/?a=1&b=2").unwrap();
            let args: Vec<_> = line
                .get_args()
                .map(|a| a.to_string_lossy().into_owned())
                .collect();
            (line.get_program().to_string_lossy().into_owned(), args)
        };
        let url = || "https://x/?a=1&b=2".to_owned();
        assert_eq!(shown("firefox"), ("firefox".into(), vec![url()]));
        assert_eq!(
            shown("'my browser' --new %s --end"),
            (
                "my browser".into(),
                vec!["--new".into(), url(), "--end".into()]
            )
        );
        assert!(command_line("", "x").is_none());
    }
}
