//! The limit of open files, `ulimit -n`: raised for the connections of the endpoint, and as it was
//! for the command.

#[cfg(unix)]
use std::os::fd::AsRawFd;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

/// The limit that awsfresh was started with.
pub(super) struct OpenFiles {
    #[cfg(unix)]
    of_user: Rlimit,
}

#[cfg(unix)]
impl OpenFiles {
    pub(super) fn new() -> Self {
        Self {
            of_user: getrlimit(Resource::Nofile),
        }
    }

    /// Raises the limit, as far as the system permits, so that `wanted` more files can be open than
    /// now; returns how many can. `newest` is the file that was opened last: it has the lowest
    /// number that was free.
    pub(super) fn make_room(&self, newest: &TcpListener, wanted: u64) -> u64 {
        let used = u64::try_from(newest.as_raw_fd()).unwrap_or(0) + 1;
        let Rlimit { current, maximum } = self.of_user;
        let limit = (used + wanted).min(maximum.unwrap_or(u64::MAX));
        let limit = match current {
            Some(soft) if soft < limit => {
                let current = Some(limit);
                match setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
                    Ok(()) => limit,
                    Err(_) => soft,
                }
            }
            _ => limit,
        };
        limit.saturating_sub(used)
    }

    /// Calls `start` under the limit of the user, which a new process inherits.
    pub(super) fn as_user<T>(&self, start: impl FnOnce() -> T) -> T {
        let raised = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, self.of_user); // it is not above the present one
        let started = start();
        let _ = setrlimit(Resource::Nofile, raised); // it is not above the hard one
        started
    }
}

#[cfg(not(unix))]
impl OpenFiles {
    pub(super) fn new() -> Self {
        Self {}
    }

    /// There is no limit here.
    pub(super) fn make_room(&self, _newest: &TcpListener, wanted: u64) -> u64 {
        wanted
    }

    pub(super) fn as_user<T>(&self, start: impl FnOnce() -> T) -> T {
        start()
    }
}
