//! Running a command with credentials that stay fresh.
//!
//! `session` is the run from start to end; `acquire` gets the first credentials and checks them;
//! `resources` is what the command gets in addition to its environment: the overlay's files in a
//! private directory (`run_dir`), the server of the container credentials protocol (`endpoint`) with
//! its `connections` and their `open_files`, or a directory to mount into a container (`mount`). `environment` computes its variables; `renewer` renews the credentials meanwhile;
//! `child` starts the command and forwards signals; `request_log` records who asked for
//! credentials, and `post_mortem` judges by that whether credentials caused a failure.

mod acquire;
mod child;
mod connections;
mod endpoint;
mod environment;
mod mount;
mod open_files;
mod post_mortem;
mod renewer;
mod request_log;
mod resources;
mod run_dir;
mod session;

use std::ffi::OsString;
use std::time::Duration;

use crate::store::StoreKind;

pub(crate) use child::signal_number;
pub(crate) use request_log::record_request;
pub(crate) use session::{Reporter, Session};

/// How credentials reach a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Delivery {
    /// A private copy of the AWS config in which awsfresh answers for the profile; every SDK renews
    #[default]
    Profile,
    /// A container credentials server on 127.0.0.1; every SDK that knows the protocol renews
    Endpoint,
    /// The same as `profile`, and a directory for containers in AWSFRESH_MOUNT, to mount at /aws
    Files,
    /// Environment variables, for containers and tools that know nothing else; cannot be renewed
    Env,
}

/// What happens to a running command after a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRenew {
    /// It gets this signal.
    Signal(i32),
    /// It is ended and started again.
    Restart,
}

impl OnRenew {
    /// Both need signals: a restart ends the command with one.
    pub(crate) fn is_possible(self, has_signals: bool) -> bool {
        match self {
            Self::Signal(_) | Self::Restart => has_signals,
        }
    }
}

/// What the user wants of a run.
pub(crate) struct WrapOptions {
    pub(crate) delivery: Delivery,
    /// The least time the first credentials must last.
    pub(crate) min_ttl: Option<Duration>,
    /// Whether to ask AWS first if it accepts the credentials.
    pub(crate) verify: bool,
    pub(crate) expect_account: Option<String>,
    pub(crate) expect_role: Option<String>,
    /// Whether to report if credentials caused a failure.
    pub(crate) post_mortem: bool,
    /// How long after each answer credentials are said to expire.
    pub(crate) drill: Option<Duration>,
    pub(crate) on_renew: Option<OnRenew>,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The store of this run, if a flag names one: the command's own calls use it too.
    pub(crate) store: Option<StoreKind>,
}

/// Whole seconds.
fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::OnRenew;

    #[test]
    fn a_renewal_reaches_the_command_only_where_there_are_signals() {
        for on_renew in [OnRenew::Restart, OnRenew::Signal(1)] {
            assert!(on_renew.is_possible(true) && !on_renew.is_possible(false));
        }
    }
}
