//! What a start on Linux does without: together more than a quarter of a warm answer, which is
//! hardly more than a start. `benches/warm.py` shows it.
#![allow(unsafe_code)] // names for the linker; no unsafe code runs

use std::os::fd::IntoRawFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

// The unwinder, which panic messages need, from the compiler's own archive instead of
// `libgcc_s.so`: the dynamic loader has a library less to find and map.
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// All that the SDK's retry code wants of `libm.so`, another library less. The signature is C's.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// In the place of the standard library's start, which reads `/proc/self/maps` to have a message
/// for a stack that overflows. What else that does is done here. glibc hands the arguments to
/// `std::env` by itself.
#[unsafe(no_mangle)]
extern "C" fn main(_: i32, _: *const *const u8) -> i32 {
    if open_streams().is_err() {
        return 1;
    }
    // A handler that does nothing: writing to a closed pipe is an error and does not end the
    // process. Commands do not inherit it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default());
    std::process::exit(awsfresh::main().into())
}

/// A stream that is closed must not become the first file that is opened.
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
