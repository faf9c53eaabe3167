//! The place of a value in a file the user wrote.

use std::fmt;
use std::sync::Arc;

/// A file and a line in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The file as the user named it.
    pub(crate) file: Arc<str>,
    /// Counted from 1; 0 for a place without lines, such as an environment variable.
    pub(crate) line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}
