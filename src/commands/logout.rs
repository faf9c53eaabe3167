//! `logout`: end SSO sessions at AWS, and delete their tokens and every credential that came from
//! them; delete MFA sessions.

use std::collections::BTreeSet;

use super::Context;
use super::sessions::{Target, chains, every_session, keys_from, target};
use crate::cli::Logout;
use crate::config::{Base, Chain, Network, ProfileSet};
use crate::finding::{Finding, Result};
use crate::refresh::{MFA_KIND, SsoTokens, TOKEN_KIND, mfa_keys, step_keys};
use crate::source::Calls;
use crate::source::connection::Connections;
use crate::source::sso::{Session, Token, TokenSource};
use crate::store::{CacheKey, StoreError};

/// Ends what is named; continues after a failure, and returns the first one.
pub(super) fn run(context: &Context<'_>, args: &Logout) -> Result<()> {
    let files = context.files()?;
    let set = files.profiles();
    let mut run = Run {
        context,
        set,
        also_cli: args.also_cli,
        keys: BTreeSet::new(),
        first: None,
    };
    if args.all {
        run.end_all();
    } else if let Some(profile) = &args.profile {
        let chain = context.resolve(set, profile)?;
        run.keys.extend(run.keys_of(&chain));
        if let Base::Sso { session, .. } = chain.base {
            let network = chain.network;
            run.end(&Target { session, network });
        }
    } else {
        let targets = args.sessions.iter().map(|name| target(context, set, name));
        for target in targets.collect::<Result<Vec<_>>>()? {
            run.end(&target);
        }
    }
    run.delete();
    run.first.map_or(Ok(()), Err)
}

/// One run of the subcommand.
struct Run<'a> {
    context: &'a Context<'a>,
    set: &'a ProfileSet,
    also_cli: bool,
    /// What is deleted from the cache in the end.
    keys: BTreeSet<CacheKey>,
    /// The first failure.
    first: Option<Finding>,
}

impl Run<'_> {
    fn note<T>(&mut self, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(finding) => {
                self.first.get_or_insert(finding);
                None
            }
        }
    }

    fn end_all(&mut self) {
        for target in every_session(self.context, self.set) {
            if let Some(target) = self.note(target) {
                self.end(&target);
            }
        }
        let with_mfa = |chain: &Chain| chain.hops.iter().any(|hop| hop.mfa_serial.is_some());
        let of_mfa: Vec<Chain> = chains(self.context, self.set).filter(with_mfa).collect();
        for chain in of_mfa {
            self.keys.extend(self.keys_of(&chain));
        }
        let stored = self.context.store.keys().map_err(StoreError::into_finding);
        for key in self.note(stored).unwrap_or_default() {
            match key.kind() {
                MFA_KIND => drop(self.keys.insert(key)),
                // The token of a session that the config file no longer names.
                TOKEN_KIND => self.end_nameless(key),
                _ => {}
            }
        }
    }

    /// The keys of everything that a chain caches.
    fn keys_of(&self, chain: &Chain) -> Vec<CacheKey> {
        let world = self.context.world;
        let connections = Connections::new(world, &chain.network);
        let steps = step_keys(chain, world, &connections);
        let mfa = mfa_keys(chain, world, &connections);
        steps.into_iter().chain(mfa).flatten().collect()
    }

    /// Ends one session at AWS and deletes its tokens here, whether or not AWS could be told.
    fn end(&mut self, target: &Target) {
        self.keys
            .extend(keys_from(self.context, self.set, &target.session));
        let outcome = self.end_session(target);
        self.note(outcome);
    }

    fn end_session(&self, target: &Target) -> Result<()> {
        let world = self.context.world;
        let session = Session::new(&target.session, world);
        let calls = Calls::new(world, &target.network, world.deadline()?);
        let tokens = SsoTokens::new(&session, &calls, &*self.context.store);
        let label = session.label();
        let is_shared = |token: &Token| token.source() == TokenSource::File;
        if !self.also_cli && tokens.all()?.iter().any(is_shared) {
            log::info!("the AWS CLI is still signed in to `{label}`: see --also-cli");
        }
        let places: &[TokenSource] = if self.also_cli {
            &[TokenSource::Store, TokenSource::File]
        } else {
            &[TokenSource::Store]
        };
        let (found, told) = tokens.end(places, true)?;
        told.map_err(|finding| not_told(finding, label))?;
        if found {
            log::info!("signed out of SSO session `{label}`");
        } else {
            log::info!("awsfresh was not signed in to SSO session `{label}`");
        }
        Ok(())
    }

    fn end_nameless(&mut self, key: CacheKey) {
        let world = self.context.world;
        let stored = self.context.store.get(&key).ok().flatten();
        let token = stored.and_then(|bytes| Token::from_store(&bytes));
        if let Some(token) = token
            && let Some(session) = token.session()
            && let Some(deadline) = self.note(world.deadline())
        {
            let session = Session::new(&session, world);
            let calls = Calls::new(world, &Network::default(), deadline);
            let tokens = SsoTokens::new(&session, &calls, &*self.context.store);
            let ended = tokens.end_nameless(&token);
            let ended = ended.map_err(|finding| not_told(finding, session.label()));
            if self.note(ended).is_some() {
                log::info!("signed out of {}", session.label());
            }
        }
        self.keys.insert(key);
    }

    fn delete(&mut self) {
        let mut deleted = 0;
        for key in std::mem::take(&mut self.keys) {
            let removed = self.context.store.remove(&key);
            let removed = self.note(removed.map_err(StoreError::into_finding));
            deleted += usize::from(removed == Some(true));
        }
        log::info!(
            "{deleted} cached {} deleted",
            if deleted == 1 {
                "credential"
            } else {
                "credentials"
            }
        );
    }
}

/// AWS could not be told; the tokens are deleted all the same.
fn not_told(finding: Finding, label: &str) -> Finding {
    let why = finding.summary.clone();
    let summary = format!("the session `{label}` is deleted here, but may still be open at AWS");
    Finding {
        summary,
        remedy: vec!["sign out in the access portal".into()],
        ..finding
    }
    .evidence(why)
}
