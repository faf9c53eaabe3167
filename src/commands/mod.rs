//! One file per verb. A verb resolves, asks and prints; what it needs to know about config, stores and sources is
//! below. Only this layer talks: data to stdout, everything else to stderr.

mod credential_process;
mod doctor;
mod explain;
mod forget;
mod refresh;
mod status;
mod why;
mod wrap;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::{Cli, Verb, Which};
use crate::config::{self, Chain, FileKind, ProfileSet};
use crate::diagnosis::journal::{Journal, Record};
use crate::diagnosis::{Cause, Finding, Result, printable};
use crate::files;
use crate::refresh::{Refresher, Tell};
use crate::shell::quoted_path;
use crate::store::{self, Store};
use crate::world::World;
use zeroize::Zeroizing;

/// Larger files are not AWS config files.
const CONFIG_LIMIT: u64 = 32 * 1024 * 1024;

/// Carries out one verb, or runs a command. Returns the exit code.
pub fn run(cli: &Cli, world: &World, talk: &Talk) -> Result<u8> {
    let store = store::open(&world.store_settings(cli.common.store)?);
    let context = Context { world, talk, store };
    match &cli.verb {
        None => return wrap::run(&context, &cli.wrap, cli.common.store),
        Some(Verb::CredentialProcess { profile }) => credential_process::run(&context, profile.as_deref())?,
        Some(Verb::Status { profile, json }) => status::run(&context, profile, *json)?,
        Some(Verb::Refresh { which }) => refresh::run(&context, which)?,
        Some(Verb::Forget { which }) => forget::run(&context, which)?,
        Some(Verb::Doctor { profile, offline, json }) => return doctor::run(&context, profile.as_deref(), *offline, *json),
        Some(Verb::Explain { file, profile, json }) => return explain::run(&context, file.as_deref(), profile.as_deref(), *json),
        Some(Verb::Why { json, all }) => why::run(&context, *json, *all)?,
    }
    Ok(0)
}

/// Writes a verb's failure into the journal that `why` reads: whoever called may keep it to itself.
pub fn note_down(cli: &Cli, world: &World, finding: &Finding) {
    let verb = match &cli.verb {
        None => "run",
        Some(Verb::CredentialProcess { .. }) => "credential-process",
        Some(Verb::Status { .. }) => "status",
        Some(Verb::Refresh { .. }) => "refresh",
        Some(Verb::Forget { .. }) => "forget",
        Some(Verb::Doctor { .. } | Verb::Explain { .. } | Verb::Why { .. }) => return, // they tell of failures, and have none of their own
    };
    write_down(world, verb, finding);
}

fn write_down(world: &World, verb: &str, finding: &Finding) {
    let record = Record { at: world.now(), verb: verb.to_owned(), caller: caller(), finding: finding.clone() };
    let _ = Journal::new(&world.state_dir()).write(&record); // it was told on stderr already
}

/// The name of the process above this one.
fn caller() -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid()?.as_raw_nonzero();
        let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).ok()?;
        Some(printable(name.trim()))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// What every verb works with.
pub struct Context<'a> {
    world: &'a World,
    talk: &'a Talk,
    store: Box<dyn Store>,
}

impl Context<'_> {
    /// What both AWS files say.
    fn profiles(&self) -> Result<ProfileSet> {
        AwsFiles::read(self.world)?.profiles(self.world)
    }

    /// What `profile` stands for. Where there is no such profile, the files that were read are part of the answer.
    fn resolve(&self, set: &ProfileSet, profile: &str) -> Result<Chain> {
        config::resolve(set, profile).map_err(|finding| {
            if finding.cause != Cause::ProfileNotFound {
                return finding;
            }
            [self.world.config_file(), self.world.credentials_file()].iter().fold(finding, |finding, path| {
                let state = if path.exists() { "read" } else { "there is no" };
                finding.seen(format!("{state} {}", path.display()))
            })
        })
    }

    /// Puts a terminal's colour codes around words, where stdout is a terminal and nobody objects.
    fn paint(&self) -> impl Fn(&str, &str) -> String {
        let colour = io::IsTerminal::is_terminal(&io::stdout()) && self.world.env("NO_COLOR").is_none();
        move |code, text| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Asks for a chain's credentials; `force` renews what is still fresh.
    fn obtain(&self, chain: &Chain, force: bool) -> Result<crate::credentials::Credentials> {
        let refresher = Refresher::new(self.world, chain, &*self.store, self.world.deadline()?, self.talk);
        let refresher = if force { refresher.force() } else { refresher };
        let credentials = refresher.obtain();
        self.talk.trace(&format!("store: {}", self.store.status()));
        credentials
    }

    /// The profiles a person named, or all there are.
    fn named(&self, set: &ProfileSet, which: &Which) -> Vec<String> {
        if which.all { set.names().map(str::to_owned).collect() } else { which.profile.clone() }
    }
}

/// Both AWS files, each read once; a missing one is `None`.
struct AwsFiles {
    config: Option<Zeroizing<Vec<u8>>>,
    credentials: Option<Zeroizing<Vec<u8>>>,
}

impl AwsFiles {
    fn read(world: &World) -> Result<Self> {
        Ok(Self { config: read_bytes(&world.config_file())?, credentials: read_bytes(&world.credentials_file())? })
    }

    /// A missing file is empty, as in the SDKs.
    fn profiles(&self, world: &World) -> Result<ProfileSet> {
        let config = parsed(&world.config_file(), FileKind::Config, self.config.as_ref())?;
        Ok(ProfileSet::new(config, parsed(&world.credentials_file(), FileKind::Credentials, self.credentials.as_ref())?))
    }

    /// Both as text.
    fn texts(&self) -> [Cow<'_, str>; 2] {
        [&self.config, &self.credentials].map(|bytes| String::from_utf8_lossy(bytes.as_ref().map_or(&[], |bytes| bytes.as_slice())))
    }
}

fn parsed(path: &Path, kind: FileKind, bytes: Option<&Zeroizing<Vec<u8>>>) -> Result<Option<config::File>> {
    bytes.map(|bytes| config::read(&path.to_string_lossy(), kind, bytes)).transpose()
}

fn read_bytes(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let unreadable = |e: io::Error| {
        let finding = Finding::new(Cause::ConfigUnreadable, format!("{} cannot be read: {e}", path.display()));
        match path.is_dir() {
            true => finding
                .seen("it is a directory: docker -v makes one where the host has no such file")
                .try_this(format!("rmdir {}, and put the file there", quoted_path(path))),
            false => finding.try_this(format!("ls -l {}", quoted_path(path))),
        }
    };
    let bytes = match files::read_bounded(path, CONFIG_LIMIT) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    if bytes.len() as u64 > CONFIG_LIMIT {
        return Err(Finding::new(Cause::ConfigMalformed, format!("{} is larger than {CONFIG_LIMIT} bytes", path.display()))
            .try_this("name the AWS config file"));
    }
    Ok(Some(bytes))
}

/// The only place that writes to stderr and the terminal.
pub struct Talk {
    verbose: bool,
    quiet: bool,
}

impl Talk {
    /// How much to say.
    pub fn new(verbose: bool, quiet: bool) -> Self {
        Self { verbose, quiet }
    }

    /// Something a person should know, unless `-q`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            line(&format!("awsfresh: {text}"));
        }
    }

    /// A failure. Several SDKs swallow stderr: its first line goes to the terminal too, if there is one.
    pub fn failure(&self, finding: &Finding) {
        let text = finding.to_string();
        line(&text);
        #[cfg(unix)]
        if !self.quiet
            && let Some(first) = text.lines().next()
        {
            to_terminal(first);
        }
    }
}

impl Tell for Talk {
    /// With `-v`.
    fn trace(&self, text: &str) {
        if self.verbose {
            line(&format!("awsfresh: {text}"));
        }
    }

    /// Unless `-q`.
    fn warn(&self, text: &str) {
        self.note(&format!("warning: {text}"));
    }
}

fn line(text: &str) {
    let text: Vec<String> = text.lines().map(printable).collect();
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{}", text.join("\n"));
}

/// Writes to the terminal behind a redirected stderr. Only from its foreground: a background job that writes may be
/// stopped for it.
#[cfg(unix)]
fn to_terminal(text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    if io::IsTerminal::is_terminal(&io::stderr()) {
        return;
    }
    let flags = (rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    if let Ok(mut terminal) = std::fs::File::options().write(true).custom_flags(flags).open("/dev/tty")
        && rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    {
        let _ = writeln!(terminal, "{text}");
    }
}

/// Writes data to stdout, all of it or an error. Who has read enough, as `head` does, is not told that there was more.
fn answer(text: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .or_else(|e| if e.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e) })
        .map_err(|e| Finding::new(Cause::Unexpected, format!("stdout cannot be written: {e}")))
}
