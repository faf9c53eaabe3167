//! The claims of SECURITY.md, as far as no other suite tests them.
//!
//! - `shown`: what is shown after `try:` can be pasted into a shell
//! - `planted`: what another user has planted is not followed, written to or read
//! - `redirects`: no secret follows a redirect
//! - `programs`: what the programs that awsfresh starts get to see, and which programs these are
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod planted;
mod programs;
mod redirects;
mod shown;
