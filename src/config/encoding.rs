//! From the bytes of an AWS file to its text.

use std::sync::Arc;

use crate::finding::{Cause, Finding, Origin, Result};

/// The text of a file. Fails with `config-encoding` for bytes that no SDK can read.
pub(super) fn text_of<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str> {
    let path: Arc<str> = Arc::from(file);
    let first_line = Origin {
        file: path.clone(),
        line: 1,
    };
    if bytes.starts_with(b"\xef\xbb\xbf")
        || bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
    {
        return Err(Finding::new(
            Cause::ConfigEncoding,
            format!("{file} starts with a byte order mark, which AWS tools do not read"),
        )
        .at(&first_line)
        .remedy("save the file as UTF-8 without BOM"));
    }
    // ASCII in UTF-16 has a NUL in every pair of bytes.
    if bytes
        .get(..4)
        .is_some_and(|head| (head[0] == 0) != (head[1] == 0) && (head[2] == 0) != (head[3] == 0))
    {
        return Err(Finding::new(
            Cause::ConfigEncoding,
            format!("{file} is UTF-16, which AWS tools do not read"),
        )
        .at(&first_line)
        .remedy("save the file as UTF-8 without BOM"));
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes[..e.valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        let line = u32::try_from(before + 1).unwrap_or(u32::MAX);
        Finding::new(Cause::ConfigEncoding, format!("{file} is not UTF-8"))
            .at(&Origin {
                file: path.clone(),
                line,
            })
            .remedy("save the file as UTF-8, or remove the character")
    })
}
