//! README.md and `docs` say what the program does: every command line in them is one that the
//! program accepts, every output is one that it prints, every configuration is one that it can read,
//! and every link leads somewhere.
//!
//! A comment in front of a block says how it is tested:
//!
//! - `<!-- scene: NAME -->`: its commands run in a temporary home directory, in which an AWS double is
//!   AWS (`scenes`). What follows a line with `$ ` is the output of that command, and is compared.
//!   Blocks of one page with the same scene share a home, from the top of the page to its end.
//! - `<!-- not run: REASON -->`: it is not run; its command lines are parsed all the same.
//! - none: its command lines are parsed.
//!
//! `AWSFRESH_WRITE_DOCS=1 cargo test --test docs` writes the outputs again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]
#![cfg(target_os = "linux")]

#[path = "../support/lab.rs"]
mod lab;
#[path = "../support/mod.rs"]
mod support;

mod commands;
mod faq;
mod links;
mod outputs;
mod pages;
mod scenes;
mod scripts;
mod settings;
