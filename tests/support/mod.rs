//! Shared parts of the integration tests, the benchmark and the demo. None needs every part.
//!
//! - `sandbox`: a temporary home in which the real binary runs, and a search for leaked secrets
//!   after every run
//! - `double`: AWS on loopback. `mod.rs` has its state and its faults, `http` serves, `sigv4`
//!   checks signatures, `family` formats answers for each family of services, `sts`, `sso`,
//!   `signin`, `iam`, `federation` and `metadata` are the services, `proxy` serves them under AWS's own host names, and
//!   `clock` is the time
//! - `browser`: a browser that a test drives
//! - `skip`: tests that cannot run on this machine
//! - `terminal`: a run on a terminal of its own
//! - `container`: a container without a container engine, and mount namespaces
//! - `users`: runs as another user
//! - `bus`: a private session bus, with or without gnome-keyring
//! - `fixtures`: names, keys and homes that many tests use
//! - `lab.rs`: reads and sets up the cases in tests/diagnosis-cases. It is not a module of this
//!   file but of the two suites that use it, tests/diagnosis.rs and tests/real, so that the others
//!   do not compile it
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr
)]

pub mod browser;
#[cfg(target_os = "linux")]
pub mod bus;
pub mod container;
pub mod double;
pub mod fixtures;
pub mod sandbox;
pub mod skip;
#[cfg(target_os = "linux")]
pub mod terminal;
#[cfg(unix)]
pub mod users;
