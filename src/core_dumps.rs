//! A core dump would write the secrets of this process to the disk.

/// Forbids core dumps of this process; other processes of the same user cannot read its memory and
/// its environment either. A program that it starts is not affected: the kernel resets this in
/// `exec`. A limit (`RLIMIT_CORE`) would add nothing, and every program would inherit it.
#[cfg(target_os = "linux")]
pub(crate) fn forbid() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable); // a sandbox may forbid it
}

/// Does nothing: elsewhere there is only the limit, which macOS sets to 0 by default.
#[cfg(not(target_os = "linux"))]
pub(crate) fn forbid() {}
