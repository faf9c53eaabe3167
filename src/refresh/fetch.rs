//! The credentials of one step from its source, with a second try where AWS no longer accepts what
//! was cached of the step before.

use super::Refresher;
use super::sso_token::SsoTokens;
use super::stored_key::StoredKey;
use crate::config::{Base, Hop};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::source::sso::{Assignments, Session, Token};

impl Refresher<'_> {
    /// Calls the source of a step.
    pub(super) fn fetch(&self, step: usize) -> Result<Credentials> {
        let Some(hop) = self.chain.hop(step) else {
            return self.fetch_base();
        };
        self.sources.expect_hop(hop);
        let caller = self.step(step - 1, false)?;
        log::debug!("calling AssumeRole for {}", hop.role_arn.text);
        match self.assume(step, hop, &caller) {
            // AWS no longer accepts the caller's session from the cache: it must not be served
            // again.
            Err(finding) if finding.means_stale_credentials() && self.key(step - 1).is_some() => {
                log::debug!(
                    "AWS rejected the cached source credentials: deleting them and trying once more"
                );
                self.invalidate_step(step - 1);
                self.assume(step, hop, &self.step(step - 1, false)?)
            }
            outcome => outcome,
        }
    }

    fn assume(&self, step: usize, hop: &Hop, caller: &Credentials) -> Result<Credentials> {
        match &hop.mfa_serial {
            Some(serial) => self.hop_with_mfa(step, hop, serial, caller),
            None => self.sources.hop(hop, caller, None),
        }
    }

    fn fetch_base(&self) -> Result<Credentials> {
        if let Base::StoredKeys {
            access_key_id,
            profile,
        } = &self.chain.base
        {
            return StoredKey::load(self.store, access_key_id, profile);
        }
        let Some(session) = Session::of(&self.chain.base, self.world) else {
            return self.sources.base(None);
        };
        self.sources.expect_portal(&session);
        let token = self.sso_token(&session, None)?;
        let with_login = |finding: Finding| match finding.cause {
            Cause::SsoSessionExpired if finding.remedy.is_empty() => {
                finding.remedy(session.login())
            }
            _ => finding,
        };
        match self.sources.base(Some(token.access())).map_err(with_login) {
            Err(finding) if finding.cause == Cause::SsoSessionExpired => {
                log::debug!("the portal rejected the token: refreshing it");
                // If that fails too, what the portal said is the better diagnosis.
                let renewed = self
                    .sso_token(&session, Some(token.access()))
                    .map_err(|_| finding)?;
                self.sources
                    .base(Some(renewed.access()))
                    .map_err(with_login)
            }
            outcome => outcome,
        }
    }

    /// What the user of the chain's SSO session has; `None` where it has no session, or the portal
    /// does not say.
    pub(crate) fn assignments(&self) -> Option<Assignments> {
        let token = self
            .sso_token(&Session::of(&self.chain.base, self.world)?, None)
            .ok()?;
        self.sources.assignments(token.access()).ok()
    }

    pub(super) fn sso_token(
        &self,
        session: &Session<'_>,
        rejected: Option<&Secret>,
    ) -> Result<Token> {
        SsoTokens::new(session, &self.sources.calls, self.store).obtain(rejected)
    }
}
