//! Whether the same caller asks for the same credentials again within seconds, as SDKs do when AWS
//! has rejected what they got. Such an answer is verified before it is given once more.
//!
//! There is an empty file per credential whose times say it all, because a warm answer has no time
//! for more: modified is when it was asked for last, with the caller's process ID in the place of
//! the nanoseconds; accessed is when it was verified last.

use std::fs::FileTimes;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Refresher;
use crate::credentials::Credentials;
use crate::files;
use crate::finding::Result;
use crate::source::Sources;
use crate::store::CacheKey;
use crate::time::Timestamp;

/// The directory of the files in that of the state.
const DIR: &str = "asked";

/// A caller that asks again later, in seconds, has other reasons.
const AGAIN: i64 = 10;

/// The time between two verifications of a credential, in seconds.
const PAUSE: i64 = 60;

/// How long a verification may take.
const VERIFICATION_TIME: Duration = Duration::from_millis(1500);

impl Refresher<'_> {
    /// [`Self::obtain`] for the process `caller`, where that is known. If it asks again within
    /// seconds, AWS may have rejected what it got: what is cached is verified before it is returned
    /// once more.
    pub(crate) fn obtain_for(&self, caller: Option<u32>) -> Result<Credentials> {
        let credentials = self.obtain()?;
        let asked = self.key(self.last_step()).zip(caller);
        let is_suspicious = asked.is_some_and(|(key, caller)| {
            is_suspicious(&self.world.state.main, key, caller, self.world.now())
        });
        let is_reachable = self.failed_renewal().is_none();
        if !is_suspicious || self.is_new.get() || !is_reachable {
            return Ok(credentials);
        }
        log::debug!("the same process asks again: verifying what is cached");
        let sources = Sources::new(self.world, self.chain, Instant::now() + VERIFICATION_TIME)
            .sharing(self.sources.calls.http());
        match sources.identity(&credentials, None) {
            Err(finding) if finding.means_stale_credentials() => {
                log::debug!("AWS rejected what is cached: fetching new credentials:\n{finding}");
                self.invalidate();
                self.obtain()
            }
            _ => Ok(credentials),
        }
    }
}

/// Notes that `caller`, a process, asks for `key`; returns whether the answer should be verified.
fn is_suspicious(state: &Path, key: &CacheKey, caller: u32, now: Timestamp) -> bool {
    note(state, key, caller, now).unwrap_or(false) // where nothing can be noted, no one asks again
}

fn note(state: &Path, key: &CacheKey, caller: u32, now: Timestamp) -> io::Result<bool> {
    let dir = state.join(DIR);
    let path = dir.join(key.file_name());
    let (file, before) = match files::open_existing(&path) {
        Ok((file, about)) => (file, Some((about.modified()?, about.accessed()?))),
        Err(_) => {
            files::own_private_dir(&dir)?;
            (files::create_private(&path)?, None)
        }
    };
    let age = |time: SystemTime| now.seconds_from(seconds(time));
    let is_suspicious = before.is_some_and(|(asked, verified)| {
        let by_same = nanoseconds(asked) == caller;
        by_same && (0..AGAIN).contains(&age(asked)) && !(0..PAUSE).contains(&age(verified))
    });
    let verified = match before {
        _ if is_suspicious => now,
        Some((_, verified)) => seconds(verified),
        None => Timestamp(0),
    };
    let times = FileTimes::new()
        .set_modified(time(now, caller))
        .set_accessed(time(verified, 0));
    file.set_times(times)?;
    Ok(is_suspicious)
}

fn time(at: Timestamp, nanoseconds: u32) -> SystemTime {
    UNIX_EPOCH + Duration::new(at.0.max(0).cast_unsigned(), nanoseconds)
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn seconds(time: SystemTime) -> Timestamp {
    Timestamp(since_epoch(time).as_secs().cast_signed())
}

fn nanoseconds(time: SystemTime) -> u32 {
    since_epoch(time).subsec_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(
        windows,
        ignore = "its times have no room for a process ID; no caller is known there"
    )]
    fn only_the_same_caller_within_seconds_is_suspicious_once_a_minute() {
        let state = tempfile::tempdir().unwrap();
        let ask = |key: &str, caller, now| {
            let key = CacheKey::new("role", key);
            is_suspicious(state.path(), &key, caller, Timestamp(now))
        };
        let base = 1_800_000_000;
        assert!(!ask("aa", 7, base), "the first call");
        assert!(!ask("aa", 8, base + 1), "another caller");
        assert!(!ask("bb", 8, base + 1), "another credential");
        assert!(ask("aa", 8, base + 10));
        assert!(!ask("aa", 8, base + 11), "it was verified a second ago");
        assert!(!ask("aa", 8, base + 69), "much later");
        assert!(ask("aa", 8, base + 71));
        assert!(!ask("aa", 8, base - 1000), "the clock was put back");
    }
}
