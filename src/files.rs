//! Small files that others put in place: read whole up to a limit, and never waited for. A pipe in the place of a file
//! would hang whoever opens it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// At most `limit` bytes and one more, so that a caller sees that there is more.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_open(&open(path)?, limit)
}

/// Opens a file for [`read_open`], so that a caller can look at its owner and mode in between.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

/// Reads an open file; a directory or a pipe is an error.
pub fn read_open(file: &File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type()) {
        return Err(io::Error::other("it is a pipe, not a file"));
    }
    // Reserved up front: growing would leave unwiped copies on the heap.
    let size = usize::try_from(about.len().min(limit)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.max(4096) + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
