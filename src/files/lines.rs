//! The lines of a file of which not all is needed at once.

use std::io::{self, Read};
use std::path::Path;

use memchr::memrchr;

use super::{FileBytes, capacity, checked, open};

/// So many bytes are read at once.
pub(super) const BLOCK: usize = 256 * 1024;

/// Passes the lines of a file to `each`, many at once; the last one may have no end. Of a large file
/// this takes less memory than [`super::read_bounded`], and less time. A file whose size is more than `limit`
/// bytes is an error.
pub(crate) fn read_lines(path: &Path, limit: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let file = open(path)?;
    let size = checked(&file)?.len();
    if size > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut file = file.take(limit);
    let mut lines = FileBytes(Vec::with_capacity(BLOCK.min(capacity(size))));
    loop {
        let FileBytes(bytes) = &mut lines;
        let room = bytes.capacity() - bytes.len();
        if file.by_ref().take(room as u64).read_to_end(bytes)? == 0 {
            if !bytes.is_empty() {
                each(bytes);
            }
            return Ok(());
        }
        if let Some(end) = memrchr(b'\n', bytes) {
            each(&bytes[..=end]);
            bytes.drain(..=end);
        }
        if bytes.len() == bytes.capacity() {
            // A long line. To grow in place would leave a copy that is not wiped.
            let mut larger = FileBytes(Vec::with_capacity(bytes.capacity() * 2));
            larger.0.extend_from_slice(bytes);
            lines = larger;
        }
    }
}
