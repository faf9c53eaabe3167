//! The token of an SSO session: read, refreshed under a lock of its own, and written back before it
//! is used. Refresh tokens rotate: one that is not written back is lost.

use std::path::Path;
use std::time::Instant;

use super::cache_key::token_key;
use super::lock::{self, LockAttempt};
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Result};
use crate::source::Sources;
use crate::source::sso::{Session, Token, TokenSource};
use crate::store::{CacheKey, Store};
use crate::time::Timestamp;

/// The token of a session, and what its renewal needs.
pub(super) struct SsoTokens<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) sources: &'a Sources<'a>,
    pub(super) store: &'a dyn Store,
    /// The directory of the lock files.
    pub(super) locks: &'a Path,
    pub(super) deadline: Instant,
}

impl SsoTokens<'_> {
    fn now(&self) -> Timestamp {
        self.sources.world.now()
    }

    /// A usable token: as it is, or refreshed. `rejected` is one that the portal did not accept.
    pub(super) fn obtain(&self, rejected: Option<&Secret>) -> Result<Token> {
        let session = self.session;
        let is_usable =
            |token: &Token| token.is_fresh(self.now()) && Some(token.access()) != rejected;
        let key = token_key(session);
        let token = self.read(&key)?;
        if is_usable(&token) {
            return Ok(token);
        }
        let began = Instant::now();
        let attended = self.sources.world.attended;
        let attempt = lock::acquire(self.locks, &key, Some(self.deadline), attended);
        let LockAttempt::Acquired { lock: _lock, .. } = attempt else {
            let what = format!("token of SSO session `{}`", session.label());
            return Err(lock::lock_timeout(&what, began.elapsed(), self.locks));
        };
        // The process before us, or the AWS CLI, may have refreshed it.
        let token = self.read(&key)?;
        if is_usable(&token) {
            return Ok(token);
        }
        log::debug!("refreshing the token of SSO session `{}`", session.label());
        let renewed = session.refresh(self.sources, &token);
        let renewed =
            renewed.or_else(|finding| self.after_failure(&key, &token, rejected, finding))?;
        if renewed != token {
            self.write(&key, &renewed);
        }
        if !renewed.is_valid(self.now()) {
            let summary = "SSO-OIDC returned an access token that cannot be used";
            return Err(Finding::new(Cause::AwsUnavailable, summary).remedy("try again"));
        }
        Ok(renewed)
    }

    /// The token to use after a refresh that failed, or why there is none.
    fn after_failure(
        &self,
        key: &CacheKey,
        token: &Token,
        rejected: Option<&Secret>,
        finding: Finding,
    ) -> Result<Token> {
        // The AWS CLI takes no lock: it may have used the refresh token first.
        let again = self.read(key)?;
        let is_accepted = Some(again.access()) != rejected;
        if again != *token && again.is_fresh(self.now()) && is_accepted {
            return Ok(again);
        }
        if again.is_valid(self.now()) && is_accepted {
            log::debug!("the refresh failed, but the token is still valid:\n{finding}");
            return Ok(again);
        }
        if finding.cause == Cause::SsoNotRefreshable && !again.is_valid(self.now()) {
            let expired = self.session.facts(&again).expired(self.now());
            return Err(expired.evidence(finding.summary));
        }
        Err(finding)
    }

    /// Our own token, if there is one, else the AWS CLI's.
    fn read(&self, key: &CacheKey) -> Result<Token> {
        let stored = self.store.get(key).unwrap_or_else(|e| {
            log::debug!("cannot read the {} store: {e}", self.store.name());
            None
        });
        match stored.and_then(|bytes| Token::from_store(&bytes)) {
            Some(token) => Ok(token),
            None => self.session.read(),
        }
    }

    /// Writes a renewed token back. If that fails, the token at hand still serves, but its refresh
    /// token is lost with this process: the user has to know.
    fn write(&self, key: &CacheKey, token: &Token) {
        let label = self.session.label();
        let outcome = match token.source {
            TokenSource::Store => {
                let label = format!("awsfresh: SSO session {label}");
                self.store
                    .put(key, &label, &token.to_bytes())
                    .map_err(|e| e.to_string())
            }
            TokenSource::File => self.session.write(token).map_err(|e| e.to_string()),
        };
        if let Err(why) = outcome {
            log::warn!(
                "the renewed token of SSO session `{label}` could not be saved ({why}); fix \
                    that, then sign in again"
            );
        }
    }
}
