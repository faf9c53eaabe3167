//! Collects the world, runs, returns the exit code; decides nothing.

#[cfg(target_os = "linux")]
mod link;

use std::process::ExitCode;

fn main() -> ExitCode {
    awsfresh::main()
}
