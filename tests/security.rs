//! The claims of SECURITY.md, as far as no other suite tests them. Part `shown`: what is shown after
//! `try:` can be pasted into a shell. Part `planted`: what another user has planted is not touched.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

#[path = "security/shown.rs"]
mod shown;

#[path = "security/planted.rs"]
mod planted;
