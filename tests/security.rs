//! The claims of SECURITY.md, as far as no other suite tests them. Part `shown`: what is shown after
//! `try:` can be pasted into a shell.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

#[path = "security/shown.rs"]
mod shown;
