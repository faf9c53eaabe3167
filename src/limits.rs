//! The limits of this process: a clear error where one is reached, before a library panics.

use std::io;
use std::num::NonZero;
use std::thread::{self, JoinHandle, Scope, ScopedJoinHandle};

use crate::finding::{Cause, Finding, Result};

/// What a call to a service opens at once, at most: the runtime, its signals, a connection, files of
/// the name service.
#[cfg(unix)]
const FILES: usize = 10;

/// Checks that a call to a service can open files and start a thread (names are resolved on one):
/// the async runtime panics where it cannot.
pub(crate) fn check_room() -> Result<()> {
    open_files()
        .or_else(|_| raise_file_limit().and_then(|()| open_files()))
        .map_err(|e| reached("open more files", &e))?;
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(|| ());
    let ended = thread.map(JoinHandle::join);
    ended.map(drop).map_err(|e| reached("start a thread", &e))
}

fn open_files() -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let (one, _other) = io::pipe()?;
        let more = (2..FILES).map(|_| one.as_fd().try_clone_to_owned());
        more.collect::<io::Result<Vec<_>>>()?;
    }
    Ok(())
}

/// Raises the limit of open files to what this user may have.
fn raise_file_limit() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}

/// The finding for something that could not be opened or started: which limit was reached, and how
/// to raise it.
pub(crate) fn reached(what: &str, error: &io::Error) -> Finding {
    known(what, error).unwrap_or_else(|| {
        Finding::new(Cause::Unexpected, format!("cannot {what}: {error}")).remedy("try again")
    })
}

/// The same, if the error says that a limit was reached.
pub(crate) fn known(what: &str, error: &io::Error) -> Option<Finding> {
    let (why, remedy) = limit(error)?;
    let finding = Finding::new(Cause::Unexpected, format!("cannot {what}: {why}"));
    Some(finding.evidence(error.to_string()).remedy(remedy))
}

/// The finding for the text of an error, if it says that too many files are open.
pub(crate) fn too_many_files(text: &str) -> Option<Finding> {
    let codes = if cfg!(unix) { [24, 23].as_slice() } else { &[] }; // EMFILE, ENFILE
    let code = codes
        .iter()
        .find(|code| text.contains(&format!("(os error {code})")))?;
    Some(reached(
        "open a connection",
        &io::Error::from_raw_os_error(*code),
    ))
}

/// The limit that an error means, in words, and what to do about it.
#[cfg(unix)]
fn limit(error: &io::Error) -> Option<(String, &'static str)> {
    use rustix::io::Errno;
    use rustix::process::{Resource, getrlimit};
    let size = |resource| match getrlimit(resource).current {
        Some(limit) => format!("only {limit}"),
        None => "no more".to_owned(),
    };
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some((
            format!("a process may open {} files here", size(Resource::Nofile)),
            "ulimit -n 256, then try again",
        )),
        Errno::NFILE => Some((
            "this machine has too many open files".to_owned(),
            "end other programs, then try again",
        )),
        Errno::AGAIN => Some((
            format!(
                "this user may have {} processes here",
                size(Resource::Nproc)
            ),
            "end other programs, or raise ulimit -u (in a container, its limit of processes)",
        )),
        Errno::NOMEM => Some((
            "there is not enough memory".to_owned(),
            "end other programs, or raise ulimit -v (in a container, its limit of memory)",
        )),
        _ => None,
    }
}

#[cfg(not(unix))]
fn limit(_: &io::Error) -> Option<(String, &'static str)> {
    None
}

/// How many threads work at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does `work` with each of `parts`, side by side. `None` for one where it failed.
pub(crate) fn side_by_side<P: Sync, T: Send>(
    parts: &[P],
    work: impl Fn(&P) -> T + Sync,
) -> Vec<Option<T>> {
    let work = &work;
    thread::scope(|scope| {
        let parts = parts.iter();
        let started: Vec<_> = parts
            .map(|part| Aside::start(scope, move || work(part)))
            .collect();
        started.into_iter().map(Aside::join).collect()
    })
}

/// Work on a thread of its own; where none can be started, it was done at once.
pub(crate) enum Aside<'scope, T> {
    /// It is being done.
    Started(ScopedJoinHandle<'scope, T>),
    /// It was done by the caller.
    Done(T),
}

impl<'scope, T: Send + 'scope> Aside<'scope, T> {
    /// Starts `work`, or does it.
    pub(crate) fn start<F>(scope: &'scope Scope<'scope, '_>, work: F) -> Self
    where
        F: FnOnce() -> T + Clone + Send + 'scope,
    {
        match thread::Builder::new().spawn_scoped(scope, work.clone()) {
            Ok(handle) => Self::Started(handle),
            Err(_) => Self::Done(work()),
        }
    }

    /// Waits for the outcome; `None` if the work failed.
    pub(crate) fn join(self) -> Option<T> {
        match self {
            Self::Started(handle) => handle.join().ok(),
            Self::Done(outcome) => Some(outcome),
        }
    }
}
