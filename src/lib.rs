//! awsfresh: AWS credentials that stay fresh.
//!
//! A call passes through the modules in this order:
//!
//! 1. `app` is the program: arguments in, exit code out. `cli` turns the arguments into data;
//!    `world` reads environment, clock and paths, once; `ui` is the console.
//! 2. `commands` has one file per subcommand. Each resolves the profile (`aws_files`, then
//!    [`config`]: text to chain, with file:line for every value) and calls one of the modules below.
//! 3. `refresh` returns fresh credentials: it looks into a [`store`]; on a miss it takes a lock,
//!    looks again, and calls a [`source`].
//! 4. `wrap` runs a command: it delivers credentials, renews them meanwhile, and looks for the
//!    cause when the command fails.
//! 5. `doctor` collects facts, probes AWS and the network, and checks both; `explain` finds AWS
//!    errors in a log.
//!
//! | question | module |
//! |---|---|
//! | what went wrong, which exit code | [`finding`] (`cause` has the published table) |
//! | what an error code of AWS means, what is wrong with a key ID | `aws` |
//! | which partition a region is in, which form the names of AWS have | `aws` |
//! | what a profile means, which value is invalid | [`config`] |
//! | which host is called, through which proxy, with which certificates | `source::connection` |
//! | where credentials come from: STS, SSO, process, metadata | [`source`], one file each |
//! | when credentials are due for renewal | `refresh::freshness` |
//! | who holds the lock, what is in a cache key | `refresh::lock`, `refresh::cache_key` |
//! | when an SSO token is refreshed, and how the new one is saved | `refresh::sso_token` |
//! | where credentials are cached | [`store`] |
//! | which variables a wrapped command gets and loses | `wrap::environment`, `aws::variables` |
//! | how credentials are quoted for a shell | `export` |
//! | what went wrong in earlier calls | `journal` |
//! | which secrets no text may contain | `known_secrets` |
//!
//! docs/architecture.md has the reasons, and which module may use which.

#![warn(unreachable_pub, clippy::too_many_lines)]

mod app;
mod aws;
mod aws_files;
mod cli;
mod commands;
pub mod config;
mod core_dumps;
pub mod credentials;
pub mod digest;
mod doctor;
pub mod explain;
mod export;
mod file_lock;
mod files;
pub mod finding;
mod host_kind;
mod journal;
mod known_secrets;
mod limits;
pub mod refresh;
mod settings;
mod shell;
mod signin;
pub mod source;
pub mod store;
mod sync;
mod text;
pub mod time;
mod ui;
mod world;
mod wrap;

pub use app::{install_panic_hook, main};
