//! Collects the world, runs, returns the exit code; decides nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    awsfresh::main()
}
