//! The token of an SSO session: read, refreshed under a lock of its own, and written back before it
//! is used. Refresh tokens rotate: one that is not written back is lost.
//!
//! A token is in our store, where `awsfresh login` puts it, or in the AWS CLI's file; a refreshed
//! one goes back to where it came from. If there is one in each place, from two sign-ins, the better
//! one counts.

use std::path::PathBuf;
use std::time::Instant;

use super::cache_key::{sign_in_key, token_key};
use super::lock::{self, Failure, LockAttempt, RefreshLock};
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Result};
use crate::source::Calls;
use crate::source::sso::{self, Session, Token, TokenSource};
use crate::store::{CacheKey, Store, StoreError};
use crate::time::Timestamp;

/// The token of a session, and what its renewal needs.
pub(crate) struct SsoTokens<'a> {
    session: &'a Session<'a>,
    calls: &'a Calls<'a>,
    store: &'a dyn Store,
    key: CacheKey,
    /// The directory of the lock files.
    locks: PathBuf,
}

impl<'a> SsoTokens<'a> {
    /// Reads nothing yet.
    pub(crate) fn new(
        session: &'a Session<'a>,
        calls: &'a Calls<'a>,
        store: &'a dyn Store,
    ) -> Self {
        Self {
            session,
            calls,
            store,
            key: token_key(session),
            locks: lock::directory(calls.world),
        }
    }

    fn now(&self) -> Timestamp {
        self.calls.world.now()
    }

    /// A usable token: as it is, or refreshed. `rejected` is one that the portal did not accept.
    pub(crate) fn obtain(&self, rejected: Option<&Secret>) -> Result<Token> {
        let is_usable =
            |token: &Token| token.is_fresh(self.now()) && Some(token.access()) != rejected;
        if let Some(token) = self.candidates()?.into_iter().find(is_usable) {
            return Ok(token);
        }
        let began = self.now();
        let (mut lock, waited) = self.lock()?;
        // The process before us, or the AWS CLI, may have refreshed it.
        let mut candidates = self.candidates()?;
        if let Some(at) = candidates.iter().position(is_usable) {
            return Ok(candidates.swap_remove(at));
        }
        let failure = lock.as_mut().and_then(RefreshLock::last_failure);
        if let Some(failure) = failure.filter(|failure| waited && failure.at >= began) {
            log::debug!("the process that held the lock failed: sharing its diagnosis");
            return Err(failure.finding);
        }
        let mut first = None;
        for token in candidates {
            match self.refresh(&token, rejected) {
                Ok(renewed) => {
                    if let Some(lock) = &mut lock {
                        lock.clear_failure();
                    }
                    return Ok(renewed);
                }
                Err(finding) => drop(first.get_or_insert(finding)),
            }
        }
        let finding = first.unwrap_or_else(|| self.session.not_signed_in());
        if let Some(lock) = &mut lock {
            lock.leave_failure(&Failure {
                at: self.now(),
                finding: finding.clone(),
            });
        }
        Err(finding)
    }

    /// Refreshes a token and writes the new one back. Call it under the lock.
    fn refresh(&self, token: &Token, rejected: Option<&Secret>) -> Result<Token> {
        let label = self.session.label();
        log::debug!("refreshing the token of SSO session `{label}`");
        let renewed = sso::refresh(self.calls, self.session, token);
        let renewed = renewed.or_else(|finding| self.after_failure(token, rejected, finding))?;
        if renewed != *token
            && let Err(why) = self.write(&renewed)
        {
            // The token at hand still serves, but its refresh token is lost with this process.
            log::warn!(
                "the renewed token of SSO session `{label}` could not be saved ({why}); fix \
                    that, then sign in again"
            );
        }
        if !renewed.is_valid(self.now()) {
            let summary = "SSO-OIDC returned an access token that cannot be used";
            return Err(Finding::new(Cause::AwsUnavailable, summary).remedy("try again"));
        }
        Ok(renewed)
    }

    fn candidates(&self) -> Result<Vec<Token>> {
        candidates(self.session, self.store, self.now())
    }

    /// Puts the token of a new sign-in where it belongs, in the place of every other one there.
    pub(crate) fn replace(&self, token: &Token) -> Result<()> {
        let _lock = self.lock()?;
        let kept = self.write(token).and_then(|()| {
            let is_kept = |kept: Token| kept.access() == token.access();
            let read = match token.source {
                TokenSource::Store => self.stored().is_some_and(is_kept),
                TokenSource::File => self.session.read().is_ok_and(is_kept),
            };
            read.then_some(())
                .ok_or_else(|| "it cannot be read back".to_owned())
        });
        kept.map_err(|why| {
            let label = self.session.label();
            let summary = format!("the token of SSO session `{label}` could not be saved");
            Finding::new(Cause::StoreUnavailable, summary)
                .evidence(why)
                .remedy(format!("{} --share-with-cli", self.session.login()))
        })?;
        if token.source == TokenSource::File {
            let _ = self.store.remove(&self.key); // an older sign-in: it ranks below the new one
        }
        Ok(())
    }

    /// The tokens of both places; none where there is no sign-in.
    pub(crate) fn all(&self) -> Vec<Token> {
        self.candidates().unwrap_or_default()
    }

    /// The token in our store.
    fn stored(&self) -> Option<Token> {
        stored(self.store, &self.key)
    }

    /// Removes the token from our store; returns whether there was one.
    pub(crate) fn remove_stored(&self) -> Result<bool> {
        let _lock = self.lock()?;
        self.store
            .remove(&self.key)
            .map_err(StoreError::into_finding)
    }

    /// Removes the AWS CLI's token file; returns whether there was one.
    pub(crate) fn remove_shared(&self) -> Result<bool> {
        let _lock = self.lock()?;
        self.session.remove()
    }

    /// Takes the lock of the sign-in to this session, which is another one than that of its token:
    /// callers without a terminal do not wait for a person. Returns whether another process held it.
    pub(crate) fn sign_in_lock(&self, deadline: Instant) -> Result<(Option<RefreshLock>, bool)> {
        let began = Instant::now();
        let key = sign_in_key(self.session);
        let busy = "signing in to the same SSO session";
        let attended = self.calls.world.attended;
        match lock::acquire(&self.locks, &key, Some(deadline), attended, busy) {
            LockAttempt::Acquired { lock, waited } => Ok((lock, waited)),
            LockAttempt::Busy => {
                let what = format!("sign-in to SSO session `{}`", self.session.label());
                Err(lock::lock_timeout(&what, began.elapsed(), &self.locks))
            }
        }
    }

    /// The lock, where the file system has locks, and whether another process held it.
    fn lock(&self) -> Result<(Option<RefreshLock>, bool)> {
        let began = Instant::now();
        let deadline = Some(self.calls.deadline());
        let attended = self.calls.world.attended;
        match lock::acquire(&self.locks, &self.key, deadline, attended, lock::RENEWING) {
            LockAttempt::Acquired { lock, waited } => Ok((lock, waited)),
            LockAttempt::Busy => {
                let what = format!("token of SSO session `{}`", self.session.label());
                Err(lock::lock_timeout(&what, began.elapsed(), &self.locks))
            }
        }
    }

    /// The token to use after a refresh that failed, or why there is none.
    fn after_failure(
        &self,
        token: &Token,
        rejected: Option<&Secret>,
        finding: Finding,
    ) -> Result<Token> {
        // The AWS CLI takes no lock: it may have used the refresh token first.
        let again = best_token(self.session, self.store, self.now())?;
        let is_accepted = Some(again.access()) != rejected;
        if again != *token && again.is_fresh(self.now()) && is_accepted {
            return Ok(again);
        }
        if again.is_valid(self.now()) && is_accepted {
            log::debug!("the refresh failed, but the token is still valid:\n{finding}");
            return Ok(again);
        }
        if finding.cause == Cause::SsoNotRefreshable && !token.is_valid(self.now()) {
            let expired = self.session.facts(token).expired(self.now());
            return Err(expired.evidence(finding.summary));
        }
        Err(finding)
    }

    fn write(&self, token: &Token) -> Result<(), String> {
        match token.source {
            TokenSource::Store => {
                let label = format!("awsfresh: SSO session {}", self.session.label());
                self.store
                    .put(&self.key, &label, &token.to_bytes())
                    .map_err(|e| e.to_string())
            }
            TokenSource::File => self.session.write(token).map_err(|e| e.to_string()),
        }
    }
}

/// The best token of a session as it is, however old; why there is none.
pub(crate) fn best_token(
    session: &Session<'_>,
    store: &dyn Store,
    now: Timestamp,
) -> Result<Token> {
    let best = candidates(session, store, now)?.into_iter().next();
    best.ok_or_else(|| session.not_signed_in())
}

/// The tokens of both places, at least one, the best one first; why there is none.
fn candidates(session: &Session<'_>, store: &dyn Store, now: Timestamp) -> Result<Vec<Token>> {
    let mut found: Vec<Token> = stored(store, &token_key(session)).into_iter().collect();
    match session.read() {
        Ok(shared) => found.push(shared),
        Err(finding) if found.is_empty() => return Err(finding),
        Err(finding) => log::debug!("{}", finding.summary),
    }
    found.sort_by_key(|token| std::cmp::Reverse(token.rank(now)));
    Ok(found)
}

fn stored(store: &dyn Store, key: &CacheKey) -> Option<Token> {
    let stored = store.get(key).unwrap_or_else(|e| {
        log::debug!("cannot read the {} store: {e}", store.name());
        None
    });
    stored.and_then(|bytes| Token::from_store(&bytes))
}
