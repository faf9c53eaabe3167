//! The last failures of any call, for `awsfresh why`: several SDKs discard what a credential
//! process says. JSON lines in one file, for this user alone, bounded, appended to by many
//! processes at once. It contains no secret.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::text::json_line;
use crate::time::Timestamp;
use crate::{file_lock, files};

/// The name of the file in the state directory.
const FILE: &str = "journal.jsonl";
/// A longer journal loses its older half, in bytes.
const LIMIT: u64 = 256 * 1024;

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The subcommand that failed; the published name of the key is older than the word.
    #[serde(rename = "verb")]
    pub(crate) subcommand: String,
    /// The name of the calling process, where the system has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caller: Option<String>,
    /// Why it failed.
    pub(crate) finding: Finding,
}

/// How long to wait for other writers, each of which writes a line.
const LOCK_TIME: Duration = Duration::from_millis(500);

/// The journal in a state directory.
pub(crate) struct Journal<'a> {
    path: PathBuf,
    /// The directories for what cannot be written there.
    spare: &'a [PathBuf],
}

impl<'a> Journal<'a> {
    /// Touches nothing yet.
    pub(crate) fn new(state_dir: &Path, spare: &'a [PathBuf]) -> Self {
        Self {
            path: state_dir.join(FILE),
            spare,
        }
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Records a failure of `subcommand`. Best effort: the failure was reported on stderr already.
    pub(crate) fn record(&self, at: Timestamp, subcommand: &str, finding: &Finding) {
        let record = Record {
            at,
            subcommand: subcommand.to_owned(),
            caller: caller(),
            finding: finding.for_output(),
        };
        let _ = self.append(&record);
    }

    fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = json_line(record)?;
        line.push('\n');
        append_to(&self.path, line.as_bytes()).or_else(|e| match files::first_own_dir(self.spare) {
            Some(dir) => append_to(&dir.join(FILE), line.as_bytes()),
            None => Err(e),
        })
    }

    /// Every failure that can be read, oldest first.
    pub(crate) fn read(&self) -> io::Result<Vec<Record>> {
        let mut records = read_from(&self.path)?;
        for dir in files::existing_own_dirs(self.spare) {
            records.extend(read_from(&dir.join(FILE)).unwrap_or_default());
        }
        records.sort_by_key(|record| record.at);
        Ok(records)
    }
}

fn append_to(path: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        files::create_private_dir(dir)?;
    }
    let mut file = files::open_append(path)?;
    if !file_lock::lock_within(&file, LOCK_TIME)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let length = file.metadata()?.len();
    if length + line.len() as u64 > LIMIT {
        // Under the lock and in place: every process that waits for the lock has this file open.
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(length / 2))?;
        (&file).take(LIMIT).read_to_end(&mut text)?;
        let from = text
            .iter()
            .position(|b| *b == b'\n')
            .map_or(text.len(), |at| at + 1);
        file.set_len(0)?;
        file.write_all(&text[from..])?;
    }
    // After a crash in the middle of a line, the next line starts on its own.
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        if file.read(&mut last)? == 1 && last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(line)
}

fn read_from(path: &Path) -> io::Result<Vec<Record>> {
    let text = match files::read_own(path, LIMIT * 2) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let lines = text.split(|b| *b == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// The name of the parent process.
fn caller() -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid()?.as_raw_nonzero();
        let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).ok()?;
        Some(name.trim().to_owned())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Cause;

    fn record(n: i64) -> Record {
        Record {
            at: Timestamp(n),
            subcommand: "credential-process".into(),
            caller: None,
            finding: Finding::new(Cause::DnsFailure, "x".repeat(200)).about_profile("prod"),
        }
    }

    #[test]
    fn records_are_read_back_and_garbage_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(&dir.path().join("new"), &[]);
        assert_eq!(journal.read().unwrap(), []);
        journal.append(&record(1)).unwrap();
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(journal.path())
            .unwrap();
        file.write_all(b"{\"half a li").unwrap();
        journal.append(&record(2)).unwrap();
        assert_eq!(journal.read().unwrap(), [record(1), record(2)]);
    }

    #[test]
    fn it_stays_small_and_keeps_the_newest_under_many_writers() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), &[]);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let journal = &journal;
                let write = move |n: i64| journal.append(&record(writer * 1000 + n)).unwrap();
                scope.spawn(move || (0..300).for_each(write));
            }
        });
        assert!(std::fs::metadata(journal.path()).unwrap().len() <= LIMIT);
        let text = std::fs::read_to_string(journal.path()).unwrap();
        let records = journal.read().unwrap();
        assert_eq!(records.len(), text.lines().count(), "no line is broken");
        assert!(records.len() > 200);
        journal.append(&record(9999)).unwrap();
        assert_eq!(journal.read().unwrap().last(), Some(&record(9999)));
    }
}
