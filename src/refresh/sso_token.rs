//! The token of an SSO session: read, refreshed under a lock of its own, and written back before it
//! is used. Refresh tokens rotate: one that is not written back is lost.
//!
//! A token is in our store, where `awsfresh login` puts it, or in the AWS CLI's file; a refreshed
//! one goes back to where it came from. If there is one in each place, from two sign-ins, the better
//! one counts.

use std::path::Path;
use std::time::{Duration, Instant};

use super::cache_key::{sign_in_key, token_key};
use super::lock::{self, Failure, RefreshLock, Wait};
use crate::credentials::Secret;
use crate::finding::{Cause, Class, Finding, Result, remedy};
use crate::source::Calls;
use crate::source::sso::{self, Session, Token, TokenSource};
use crate::store::{self, CacheKey, Store, StoreError};
use crate::time::Timestamp;

/// How long to wait for the lock to save a token, or to delete it.
const SAVE_TIME: Duration = Duration::from_secs(15);

/// How much longer a token may become, in bytes.
const GROWTH: usize = 4 * 1024;

/// The token of a session, and what its renewal needs.
pub(crate) struct SsoTokens<'a> {
    session: &'a Session<'a>,
    calls: &'a Calls<'a>,
    store: &'a dyn Store,
    key: CacheKey,
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
        let is_valid =
            |token: &Token| token.is_valid(self.now()) && Some(token.access()) != rejected;
        let valid = self.candidates()?.into_iter().find(is_valid);
        let (mut lock, waited) = match (self.lock(valid.is_some()), valid) {
            (Err(_), Some(valid)) => {
                log::debug!("another process is refreshing the token: using what is still valid");
                return Ok(valid);
            }
            (taken, _) => taken?,
        };
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
                Err(finding) => {
                    let is_unreachable = finding.class() == Class::Unreachable;
                    first.get_or_insert(finding);
                    if is_unreachable {
                        break; // so is the next one
                    }
                }
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
        let place = match self.place_for(token) {
            Ok(place) => place,
            Err(finding) => return self.after_failure(token, rejected, finding),
        };
        let renewed = match sso::refresh(self.calls, self.session, token) {
            Ok(renewed) => renewed.moved_to(place),
            Err(finding) => return self.after_failure(token, rejected, finding),
        };
        if let Some(other) = self.written_meanwhile(token) {
            return Ok(other);
        }
        if let Err(why) = self.write(&renewed) {
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

    /// Where the successor of a token can be saved: where that is, else in our store. Known before
    /// the request goes out, because that spends the token.
    fn place_for(&self, token: &Token) -> Result<TokenSource> {
        let size = token.to_bytes().len() + GROWTH;
        let in_store = || store::check_room(self.store, size).map(|()| TokenSource::Store);
        let place = match token.source() {
            TokenSource::Store => in_store(),
            TokenSource::File => match self.session.check_room(size) {
                Ok(()) => Ok(TokenSource::File),
                Err(e) => in_store().map_err(|why| format!("{e}; {why}")),
            },
        };
        let label = self.session.label();
        place.map_err(|why| Finding::no_room(&format!("token of SSO session `{label}`"), &why))
    }

    /// The token of a new sign-in by the AWS CLI, which takes no lock, in the place of `token`.
    fn written_meanwhile(&self, token: &Token) -> Option<Token> {
        if token.source() != TokenSource::File {
            return None;
        }
        let now = self.session.read().ok()?;
        (now.access() != token.access() && now.is_fresh(self.now())).then_some(now)
    }

    /// Ends the sessions of the tokens in these places at AWS, and removes them here; those of which
    /// AWS could not be told only if `always`. Returns whether there was one, and whether AWS was
    /// told.
    pub(crate) fn end(&self, places: &[TokenSource], always: bool) -> Result<(bool, Result<()>)> {
        let _lock = self.lock_until(Some(Instant::now() + SAVE_TIME))?;
        let (mut found, mut outcome) = (false, Ok(()));
        for token in self.all()? {
            if !places.contains(&token.source()) {
                continue;
            }
            found = true;
            let told = self.end_token(&token);
            if told.is_ok() || always {
                self.remove(token.source())?;
            }
            outcome = outcome.and(told);
        }
        if always && places.contains(&TokenSource::File) {
            found |= self.session.remove()?; // one that cannot be read
        }
        Ok((found, outcome))
    }

    /// Ends the session of a token at AWS. The access token of a session that is still open may have
    /// expired: then it is refreshed for that. Call it under the lock.
    fn end_token(&self, token: &Token) -> Result<()> {
        let end = |token: &Token| {
            let call = sso::end_session(self.calls, self.session, token.access());
            self.calls.run(call)
        };
        if token.is_valid(self.now()) && end(token)? {
            return Ok(());
        }
        if !token.is_refreshable(self.now()) {
            return Ok(());
        }
        match sso::refresh(self.calls, self.session, token) {
            Ok(renewed) => {
                if let Err(why) = self.write(&renewed) {
                    log::debug!("the renewed token is not saved: {why}");
                }
                end(&renewed).map(drop)
            }
            // It has ended, unless the AWS CLI, which takes no lock, has refreshed it meanwhile.
            Err(finding) if finding.class() == Class::NeedsPerson => {
                let again = self.all()?.into_iter().find(|again| {
                    again.source() == token.source() && again.access() != token.access()
                });
                again.map_or(Ok(()), |again| end(&again).map(drop))
            }
            Err(finding) => Err(finding),
        }
    }

    /// Ends the session of a token that is stored under another key: the config files no longer name
    /// it.
    pub(crate) fn end_nameless(&self, token: &Token) -> Result<()> {
        let ended = self.end_token(token);
        let _ = self.store.remove(&self.key); // where a refreshed token was saved
        ended
    }

    fn remove(&self, place: TokenSource) -> Result<()> {
        match place {
            TokenSource::Store => {
                let removed = self.store.remove(&self.key);
                removed.map_err(StoreError::into_finding)?
            }
            TokenSource::File => self.session.remove()?,
        };
        Ok(())
    }

    fn candidates(&self) -> Result<Vec<Token>> {
        candidates(self.session, self.store, self.now())
    }

    /// Puts the token of a new sign-in where it belongs, in the place of every other one there.
    pub(crate) fn replace(&self, token: &Token) -> Result<()> {
        let label = self.session.label();
        let unsaved = |why: String| {
            let summary = format!("the token of SSO session `{label}` could not be saved");
            let finding = Finding::new(Cause::StoreUnavailable, summary).evidence(why);
            match token.source() {
                TokenSource::Store => {
                    finding.remedy(self.session.config().login_command_with("--share-with-cli"))
                }
                TokenSource::File => {
                    let dir = self.session.path().parent();
                    finding.remedy(remedy!("ls -ld {}", dir.unwrap_or(Path::new("."))))
                }
            }
        };
        // The token cannot be had again: it is worth a wait.
        let _lock = self.lock_until(Some(Instant::now() + SAVE_TIME))?;
        self.write(token).map_err(unsaved)?;
        let is_kept = |kept: &Token| kept.access() == token.access();
        if !self.candidates()?.iter().any(is_kept) {
            return Err(unsaved("it cannot be read back".to_owned()));
        }
        if token.source() == TokenSource::File {
            let _ = self.store.remove(&self.key); // an older sign-in: it ranks below the new one
        }
        Ok(())
    }

    /// The tokens of both places that can be read. Fails where the store cannot be read.
    pub(crate) fn all(&self) -> Result<Vec<Token>> {
        match self.candidates() {
            // There is none, or one that no program can read.
            Err(finding) if finding.class() != Class::Store => {
                log::debug!("{finding}");
                Ok(Vec::new())
            }
            outcome => outcome,
        }
    }

    /// Takes the lock of the sign-in to this session, which is another one than that of its token:
    /// callers without a terminal do not wait for a person. Returns whether another process held it.
    pub(crate) fn sign_in_lock(&self, deadline: Instant) -> Result<(Option<RefreshLock>, bool)> {
        lock::take(
            self.calls.world,
            &sign_in_key(self.session),
            Some(deadline),
            &Wait {
                busy: "signing in to the same SSO session",
                what: &format!("sign-in to SSO session `{}`", self.session.label()),
                remedy: "finish or end the other sign-in, then try again",
            },
        )
    }

    /// The lock, where the file system has locks, and whether another process held it. While a valid
    /// token is left, it is not worth waiting for.
    fn lock(&self, is_valid_left: bool) -> Result<(Option<RefreshLock>, bool)> {
        self.lock_until((!is_valid_left).then(|| self.calls.deadline()))
    }

    fn lock_until(&self, deadline: Option<Instant>) -> Result<(Option<RefreshLock>, bool)> {
        lock::take(
            self.calls.world,
            &self.key,
            deadline,
            &Wait {
                busy: lock::RENEWING,
                what: &format!("token of SSO session `{}`", self.session.label()),
                remedy: lock::MORE_TIME,
            },
        )
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
                    .put_only(&self.key, &label, &token.to_bytes())
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
    let stored = store.get_all(&token_key(session));
    let values = stored.as_deref().unwrap_or_default();
    let mut found: Vec<Token> = values.iter().filter_map(|v| Token::from_store(v)).collect();
    match (session.read(), stored) {
        (Ok(shared), Ok(_)) => found.push(shared),
        (Ok(shared), Err(error)) => {
            let label = session.label();
            log::warn!("using the AWS CLI's sign-in to SSO session `{label}`: {error}");
            found.push(shared);
        }
        (Err(_), Err(error)) => return Err(error.into_finding()),
        (Err(finding), _) if found.is_empty() => return Err(finding),
        (Err(finding), _) => log::debug!("{}", finding.summary),
    }
    found.sort_by_key(|token| std::cmp::Reverse(token.rank(now)));
    Ok(found)
}
