//! What the integration tests, the benchmark and the demo share. No one of them needs every part.
//!
//! - `sandbox`: a throwaway home in which the real binary runs, and a search for leaked secrets after every run
//! - `double`: AWS on loopback. `mod.rs` holds its state and its faults; `http` serves, `sigv4` checks signatures, `family`
//!   forms answers as each family of services does, `sts`, `sso`, `signin` and `metadata` are the services, `proxy` serves
//!   them under AWS's own host names, and `clock` is the time
//! - `bus`: a private session bus, with or without gnome-keyring on it
//! - `fixtures`: names, keys and homes that many tests start from
//! - `lab.rs`: how the cases in tests/diagnosis-cases are read and set up. It is a module of the two suites that use it,
//!   tests/diagnosis.rs and tests/real, and not of this one, so that the others do not compile it
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr
)]

#[cfg(target_os = "linux")]
pub mod bus;
pub mod double;
pub mod fixtures;
pub mod sandbox;
