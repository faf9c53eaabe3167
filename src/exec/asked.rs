//! Who asked, and until when they were given something: so that the parent can say afterwards whether the command came
//! back for new credentials. Under the profile delivery the answers are given by other processes, which append a line each
//! to a file of the run's directory. No secret is in it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::time::Timestamp;

/// The file that [`note`] appends to where it exists.
pub const FILE: &str = "asked";
/// What asks more often than this fills is known well enough.
const LIMIT: u64 = 1024 * 1024;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// What the answer said about its end.
    pub expiration: Option<Timestamp>,
}

/// All answers of a run, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Asked,
    /// The last.
    pub last: Asked,
}

impl Answers {
    /// With one more.
    pub fn and(so_far: Option<Self>, asked: Asked) -> Self {
        match so_far {
            None => Self { count: 1, first: asked, last: asked },
            Some(answers) => Self { count: answers.count + 1, last: asked, ..answers },
        }
    }
}

/// The end to announce for credentials that last until `end`: under a drill at most `drill` seconds ahead.
pub fn announced(end: Option<Timestamp>, now: Timestamp, drill: Option<i64>) -> Option<Timestamp> {
    let Some(early) = drill.map(|seconds| now.plus(seconds)) else { return end };
    Some(end.map_or(early, |end| end.min(early)))
}

/// Notes an answer. Best effort: it must not stand in the answer's way. Short appended lines do not mix.
pub fn note(run: &Path, asked: Asked) {
    let end = asked.expiration.map_or("-".to_owned(), |t| t.0.to_string());
    if let Ok(mut file) = File::options().append(true).open(run.join(FILE))
        && file.metadata().is_ok_and(|about| about.is_file() && about.len() < LIMIT)
    {
        let _ = file.write_all(format!("{} {end}\n", asked.at.0).as_bytes());
    }
}

/// Every answer so far.
pub fn read(run: &Path) -> Option<Answers> {
    let text = std::fs::read_to_string(run.join(FILE)).unwrap_or_default();
    let line = |line: &str| {
        let (at, end) = line.split_once(' ')?;
        Some(Asked { at: Timestamp(at.parse().ok()?), expiration: end.parse().ok().map(Timestamp) })
    };
    text.lines().filter_map(line).fold(None, |answers, asked| Some(Answers::and(answers, asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_and_nothing_is_noted_unbegun() {
        let dir = tempfile::tempdir().unwrap();
        let one = Asked { at: Timestamp(5), expiration: Some(Timestamp(9)) };
        note(dir.path(), one);
        assert_eq!(read(dir.path()), None);
        std::fs::write(dir.path().join(FILE), "").unwrap();
        note(dir.path(), one);
        let two = Asked { at: Timestamp(7), expiration: None };
        note(dir.path(), two);
        assert_eq!(read(dir.path()), Some(Answers { count: 2, first: one, last: two }));
    }
}
