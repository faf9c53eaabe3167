//! One file per verb. A verb resolves, asks and prints; what it needs to know about config, stores and sources is
//! below. Only this layer talks: data to stdout, everything else to stderr.

mod credential_process;
mod forget;
mod refresh;
mod status;

use std::io::{self, Read, Write};
use std::path::Path;

use crate::cli::{Cli, Verb, Which};
use crate::config::{self, Chain, FileKind, ProfileSet};
use crate::diagnosis::{Cause, Finding, Result};
use crate::refresh::{Refresher, Tell};
use crate::store::{self, Store};
use crate::world::World;

/// Larger files are not AWS config files.
const CONFIG_LIMIT: u64 = 32 * 1024 * 1024;

/// Carries out one verb.
pub fn run(cli: &Cli, world: &World, talk: &Talk) -> Result<()> {
    let store = store::open(&world.store_settings(cli.common.store)?);
    let context = Context { world, talk, store };
    match &cli.verb {
        Verb::CredentialProcess { profile } => credential_process::run(&context, profile.as_deref()),
        Verb::Status { profile, json } => status::run(&context, profile, *json),
        Verb::Refresh { which } => refresh::run(&context, which),
        Verb::Forget { which } => forget::run(&context, which),
    }
}

/// What every verb works with.
pub struct Context<'a> {
    world: &'a World,
    talk: &'a Talk,
    store: Box<dyn Store>,
}

impl Context<'_> {
    /// Reads both AWS files.
    fn profiles(&self) -> Result<ProfileSet> {
        let config = read(&self.world.config_file(), FileKind::Config)?;
        let credentials = read(&self.world.credentials_file(), FileKind::Credentials)?;
        Ok(ProfileSet::new(config, credentials))
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

/// Reads one AWS file. A missing one is empty, as in the SDKs.
fn read(path: &Path, kind: FileKind) -> Result<Option<config::File>> {
    let unreadable = |e: io::Error| {
        Finding::new(Cause::ConfigUnreadable, format!("{} cannot be read: {e}", path.display()))
            .try_this(format!("ls -l {}", path.display()))
    };
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    if bytes.len() as u64 > CONFIG_LIMIT {
        return Err(Finding::new(Cause::ConfigMalformed, format!("{} is larger than {CONFIG_LIMIT} bytes", path.display()))
            .try_this("name the AWS config file"));
    }
    config::read(&path.to_string_lossy(), kind, &bytes).map(Some)
}

fn read_file(path: &Path) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut options = std::fs::File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe put in the place of the file must not hang us.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(CONFIG_LIMIT)).unwrap_or(0) + 1));
    file.take(CONFIG_LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
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

/// Writes data to stdout, all of it or an error.
fn answer(text: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|e| Finding::new(Cause::Unexpected, format!("stdout cannot be written: {e}")))
}
