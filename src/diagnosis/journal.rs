//! The last failures of any call, for `awsfresh why`: several SDKs swallow what a credential process says. JSON lines in
//! one file, for this user alone, bounded, written to by many processes at once. No secret is in it: findings hold none.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Finding;
use crate::time::Timestamp;

/// The file's name in the state directory.
const FILE: &str = "journal.jsonl";
/// A longer journal loses its older half.
const LIMIT: u64 = 256 * 1024;

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// Which verb failed.
    pub verb: String,
    /// The process that called, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Why.
    pub finding: Finding,
}

/// The journal below a state directory.
pub struct Journal(PathBuf);

impl Journal {
    /// Touches nothing yet.
    pub fn new(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes one failure down. Best effort: it must not stand in the way of the failure itself.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if let Some(dir) = self.0.parent() {
            crate::files::create_private_dir(dir)?;
        }
        let mut options = File::options();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        }
        let mut file = options.open(&self.0)?;
        // Short: nobody holds it for longer than it takes to write a line.
        fs2::FileExt::lock_exclusive(&file)?;
        let length = file.metadata()?.len();
        if length + line.len() as u64 > LIMIT {
            // Under the lock, in place: whoever waits for the lock has this very file open.
            let mut text = Vec::new();
            file.seek(SeekFrom::Start(length / 2))?;
            (&file).take(LIMIT).read_to_end(&mut text)?;
            let from = text.iter().position(|b| *b == b'\n').map_or(text.len(), |at| at + 1);
            file.set_len(0)?;
            file.write_all(&text[from..])?;
        }
        // After a crash in the middle of a line the next one starts on its own.
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            if file.read(&mut last)? == 1 && last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        file.write_all(&line)
    }

    /// Every failure that can still be read, oldest first.
    pub fn read(&self) -> io::Result<Vec<Record>> {
        let text = match crate::files::read_bounded(&self.0, LIMIT * 2) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        Ok(text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Cause;

    fn record(n: i64) -> Record {
        Record {
            at: Timestamp(n),
            verb: "credential-process".into(),
            caller: None,
            finding: Finding::new(Cause::DnsFailure, "x".repeat(200)),
        }
    }

    #[test]
    fn what_is_written_is_read_and_garbage_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(&dir.path().join("new"));
        assert_eq!(journal.read().unwrap(), []);
        journal.write(&record(1)).unwrap();
        std::fs::OpenOptions::new().append(true).open(journal.path()).unwrap().write_all(b"{\"half a li").unwrap();
        journal.write(&record(2)).unwrap();
        assert_eq!(journal.read().unwrap(), [record(1), record(2)]);
    }

    #[test]
    fn it_stays_small_and_keeps_the_newest_under_many_writers() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path());
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let journal = &journal;
                scope.spawn(move || (0..300).for_each(|n| journal.write(&record(writer * 1000 + n)).unwrap()));
            }
        });
        assert!(std::fs::metadata(journal.path()).unwrap().len() <= LIMIT);
        let text = std::fs::read_to_string(journal.path()).unwrap();
        let records = journal.read().unwrap();
        assert_eq!(records.len(), text.lines().count(), "no line is broken");
        assert!(records.len() > 200);
        journal.write(&record(9999)).unwrap();
        assert_eq!(journal.read().unwrap().last(), Some(&record(9999)));
    }
}
