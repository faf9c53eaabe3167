//! Signing in: the interactive half, and the only code that asks a person or opens a browser.
//!
//! `session` signs in to one SSO session, by one of two flows: `browser`, with `callback` as the
//! server that the browser comes back to and `page` as what it shows; or `device`. `opener` decides
//! whether a browser can open here, and opens it; `handover` opens a page whose address is a secret. `choice` asks which session, `mfa` asks for MFA
//! codes, `offer` asks whether to sign in where a command fails without it.

mod browser;
mod callback;
mod choice;
mod device;
mod handover;
mod mfa;
mod offer;
mod opener;
mod page;
mod session;

use std::time::Duration;

pub(crate) use choice::choose;
pub(crate) use handover::Browser;
pub(crate) use mfa::Codes;
pub(crate) use offer::{can_cure, offer};
pub(crate) use session::{SignIn, SignedIn, require_store};

/// How long a sign-in may take unless the user says otherwise: as long as a device code of AWS, and
/// as the AWS CLI waits.
const WAIT: Duration = Duration::from_secs(600);

/// How to sign in.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// With a device code.
    pub(crate) device: bool,
    /// In a browser that the user opens.
    pub(crate) no_browser: bool,
    /// The command that opens the browser.
    pub(crate) browser: Option<String>,
    /// The port that the browser comes back to, for `ssh -L`.
    pub(crate) port: Option<u16>,
    /// End the session first if there is one.
    pub(crate) force: bool,
    /// Put the token into the AWS CLI's file.
    pub(crate) share_with_cli: bool,
    /// How long to wait for the person.
    pub(crate) wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: false,
            no_browser: false,
            browser: None,
            port: None,
            force: false,
            share_with_cli: false,
            wait: WAIT,
        }
    }
}
