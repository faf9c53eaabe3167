//! The start of the process on Linux, without what the standard library and `libgcc_s.so` cost:
//! together more than a quarter of a warm answer. `benches/warm.py` measures it.
#![expect(unsafe_code, reason = "names for the linker; no unsafe code runs")]

use std::os::fd::IntoRawFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

// The unwinder, which panic messages need, from the compiler's own archive instead of
// `libgcc_s.so`: one library less for the dynamic loader.
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// The only function of `libm.so` that the SDK's retry code calls: another library less. The
/// signature is C's.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// Replaces the start of the standard library, which reads `/proc/self/maps` for its message about
/// a stack overflow; the rest of that start is done here. glibc passes the arguments to `std::env`
/// by itself.
#[unsafe(no_mangle)]
extern "C" fn main(_: i32, _: *const *const u8) -> i32 {
    if open_streams().is_err() {
        return 1;
    }
    // A handler that does nothing: writing to a closed pipe is an error and does not end the
    // process. Commands do not inherit it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default());
    // The same for a file that becomes larger than `ulimit -f` allows.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    std::process::exit(awsfresh::main().into())
}

/// Opens closed streams as `/dev/null`: otherwise the first file that is opened would become a
/// stream.
fn open_streams() -> rustix::io::Result<()> {
    for stream in [
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    ] {
        if rustix::io::fcntl_getfd(stream) == Err(rustix::io::Errno::BADF) {
            let _ = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?.into_raw_fd(); // the lowest number that is free
        }
    }
    Ok(())
}
