//! When credentials were requested, and their announced expiration, so that the parent can tell
//! whether the command came back for new ones. Under the profile delivery other processes answer;
//! each appends a line to a file of the run's directory. No secret is in it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::time::Timestamp;
use crate::world::World;

/// The file that [`append`] writes to if it exists.
pub(super) const FILE: &str = "requests";
/// A command that asks more often than fills this is known well enough, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// One request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// When it was answered.
    pub(super) at: Timestamp,
    /// The expiration in the answer.
    pub(super) expiration: Option<Timestamp>,
}

/// All requests of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) first: Request,
    pub(super) last: Request,
}

impl Summary {
    /// `so_far` and one more.
    pub(super) fn with(so_far: Option<Self>, request: Request) -> Self {
        match so_far {
            None => Self {
                count: 1,
                first: request,
                last: request,
            },
            Some(summary) => Self {
                count: summary.count + 1,
                last: request,
                ..summary
            },
        }
    }
}

/// The expiration to announce for credentials that last until `end`: under a drill, at most `drill`
/// seconds ahead.
pub(super) fn announced(
    end: Option<Timestamp>,
    now: Timestamp,
    drill: Option<i64>,
) -> Option<Timestamp> {
    let Some(early) = drill.map(|seconds| now.plus(seconds)) else {
        return end;
    };
    Some(end.map_or(early, |end| end.min(early)))
}

/// Inside a wrapped command: records that its credentials are requested, and returns the expiration
/// to announce.
pub(crate) fn record_request(world: &World, end: Option<Timestamp>) -> Option<Timestamp> {
    let Some(run_dir) = world.run_dir() else {
        return end;
    };
    let at = world.now();
    let expiration = announced(end, at, world.drill());
    append(&run_dir, Request { at, expiration });
    expiration
}

/// Best effort: it must not delay the answer. Short appended lines do not mix.
fn append(run_dir: &Path, request: Request) {
    let end = request
        .expiration
        .map_or("-".to_owned(), |t| t.0.to_string());
    if let Ok(mut file) = File::options().append(true).open(run_dir.join(FILE))
        && file
            .metadata()
            .is_ok_and(|about| about.is_file() && about.len() < LIMIT)
    {
        let _ = file.write_all(format!("{} {end}\n", request.at.0).as_bytes());
    }
}

/// Every request so far.
pub(super) fn read(run_dir: &Path) -> Option<Summary> {
    let text = std::fs::read_to_string(run_dir.join(FILE)).unwrap_or_default();
    let request = |line: &str| {
        let (at, end) = line.split_once(' ')?;
        Some(Request {
            at: Timestamp(at.parse().ok()?),
            expiration: end.parse().ok().map(Timestamp),
        })
    };
    let requests = text.lines().filter_map(request);
    requests.fold(None, |summary, request| {
        Some(Summary::with(summary, request))
    })
}

/// Removes every request so far.
pub(super) fn forget(run_dir: &Path) {
    let _ = File::options() // if it fails, the report has them too
        .write(true)
        .truncate(true)
        .open(run_dir.join(FILE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_recorded_only_where_the_file_exists() {
        let dir = tempfile::tempdir().unwrap();
        let first = Request {
            at: Timestamp(5),
            expiration: Some(Timestamp(9)),
        };
        append(dir.path(), first);
        assert_eq!(read(dir.path()), None);
        std::fs::write(dir.path().join(FILE), "").unwrap();
        append(dir.path(), first);
        let last = Request {
            at: Timestamp(7),
            expiration: None,
        };
        append(dir.path(), last);
        assert_eq!(
            read(dir.path()),
            Some(Summary {
                count: 2,
                first,
                last
            })
        );
        forget(dir.path());
        assert_eq!(read(dir.path()), None);
    }
}
