//! The offer to sign in, where a command fails without it and a person is at the terminal.

use super::SignIn;
use crate::config::{Base, Chain};
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

/// Offers to sign in, and does it. Returns whether the session of `chain` is valid now; another
/// process may have signed in meanwhile.
pub(crate) fn offer(sign_in: &SignIn<'_>, chain: &Chain, finding: &Finding) -> Result<bool> {
    let Base::Sso { session, .. } = &chain.base else {
        return Ok(false);
    };
    if !ui::is_attended() || Terminal::open().is_none() {
        return Ok(false);
    }
    let mut declined = false;
    let consent = || {
        ui::say(&format!("awsfresh: {}", finding.summary));
        let agreed = Terminal::open().is_some_and(|mut terminal| {
            terminal.confirm(&format!("Sign in to `{}` now?", session.label()))
        });
        declined = !agreed;
        agreed
    };
    match sign_in.unless_valid(session, &chain.network, consent) {
        Ok(_) => Ok(true),
        Err(_) if declined => Ok(false),
        Err(finding) => Err(finding),
    }
}
