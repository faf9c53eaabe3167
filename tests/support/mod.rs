//! What the integration tests and the demo share. Not every user of it needs every part.
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
pub mod sandbox;
