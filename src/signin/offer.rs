//! The offer to sign in, where a command fails without it and a person is at the terminal.

use super::{SignIn, SignedIn};
use crate::config::{Network, SsoSession};
use crate::finding::{Cause, Finding, Result};
use crate::ui::{self, Terminal};

/// Whether signing in to the SSO session of the chain cures a failure.
pub(crate) fn can_cure(finding: &Finding) -> bool {
    matches!(
        finding.cause,
        Cause::SsoSessionExpired
            | Cause::SsoSessionMissing
            | Cause::SsoNotRefreshable
            | Cause::SsoRegistrationExpired
            | Cause::SsoCacheDamaged
    )
}

/// Offers to sign in, and does it; `None` where there is no person to ask, or the answer is no.
/// Another process may have signed in meanwhile.
pub(crate) fn offer(
    sign_in: &SignIn<'_>,
    session: &SsoSession,
    network: &Network,
    finding: &Finding,
) -> Result<Option<SignedIn>> {
    if !ui::is_attended() || Terminal::open().is_none() {
        return Ok(None);
    }
    let consent = || {
        ui::say(&format!("awsfresh: {}", finding.summary));
        Terminal::open().is_some_and(|mut terminal| {
            terminal.confirm(&format!("Sign in to `{}` now?", session.label()))
        })
    };
    sign_in.sign_in_if(session, network, consent)
}
