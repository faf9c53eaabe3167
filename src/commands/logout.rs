//! `logout`: end SSO sessions at AWS, and delete their tokens and every credential that came from
//! them; delete MFA sessions.

use std::collections::BTreeSet;

use super::Context;
use super::login::{Target, every_session, target};
use crate::cli::Logout;
use crate::config::{Base, Chain, ProfileSet, SsoSession};
use crate::finding::{Finding, Result};
use crate::refresh::{MFA_KIND, SsoTokens, mfa_keys, step_keys};
use crate::source::Calls;
use crate::source::connection::Connections;
use crate::source::sso::{self, Session, TokenSource};
use crate::store::{CacheKey, StoreError};

/// Ends what is named; continues after a failure, and returns the first one.
pub(super) fn run(context: &Context<'_>, args: &Logout) -> Result<()> {
    let files = context.files()?;
    let set = files.profiles();
    let mut targets = Vec::new();
    let mut keys = BTreeSet::new();
    if args.all {
        targets = every_session(context, set);
        let stored = context.store.keys().map_err(StoreError::into_finding)?;
        keys.extend(stored.into_iter().filter(|key| key.kind() == MFA_KIND));
        keys.extend(dependent_keys(context, set, |chain| {
            chain.hops.iter().any(|hop| hop.mfa_serial.is_some())
        }));
    } else if let Some(profile) = &args.profile {
        let chain = context.resolve(set, profile)?;
        keys.extend(keys_of(context, &chain));
        if let Base::Sso { session, .. } = chain.base {
            let network = chain.network;
            targets.push(Target { session, network });
        }
    } else {
        for name in &args.sessions {
            targets.push(target(context, set, name)?);
        }
    }
    let mut first = None;
    for target in &targets {
        keys.extend(dependent_keys(context, set, |chain| {
            is_of(chain, &target.session)
        }));
        if let Err(finding) = end(context, target, args.also_cli) {
            first.get_or_insert(finding);
        }
    }
    let mut deleted = 0;
    for key in keys {
        let was_there = context.store.remove(&key);
        deleted += usize::from(was_there.map_err(StoreError::into_finding)?);
    }
    log::info!(
        "{deleted} cached {} deleted",
        if deleted == 1 {
            "credential"
        } else {
            "credentials"
        }
    );
    first.map_or(Ok(()), Err)
}

/// Whether a chain begins at this session.
fn is_of(chain: &Chain, wanted: &SsoSession) -> bool {
    match &chain.base {
        Base::Sso { session, .. } => {
            session.name == wanted.name && session.start_url == wanted.start_url
        }
        _ => false,
    }
}

/// The cache keys of every profile whose chain fits.
fn dependent_keys(
    context: &Context<'_>,
    set: &ProfileSet,
    fits: impl Fn(&Chain) -> bool,
) -> Vec<CacheKey> {
    let chains = set
        .names()
        .filter_map(|name| context.resolve(set, name).ok());
    let chains = chains.filter(fits);
    chains.flat_map(|chain| keys_of(context, &chain)).collect()
}

fn keys_of(context: &Context<'_>, chain: &Chain) -> Vec<CacheKey> {
    let connections = Connections::new(context.world, &chain.network);
    let steps = step_keys(chain, context.world, &connections);
    let mfa = mfa_keys(chain, context.world, &connections);
    steps.into_iter().chain(mfa).flatten().collect()
}

/// Ends one session at AWS and deletes its tokens here, whether or not AWS could be told.
fn end(context: &Context<'_>, target: &Target, also_cli: bool) -> Result<()> {
    let session = Session::new(&target.session, context.world);
    let calls = Calls::new(context.world, &target.network, context.world.deadline()?);
    let tokens = SsoTokens::new(&session, &calls, &*context.store);
    let label = session.label();
    let is_shared = |source| source == TokenSource::File;
    let mut outcome = Ok(());
    let mut found = false;
    for token in tokens.all() {
        if is_shared(token.source()) && !also_cli {
            log::info!("the AWS CLI is still signed in to `{label}`; --also-cli ends that, too");
            continue;
        }
        found = true;
        if token.is_valid(context.world.now()) {
            let told = calls.run(sso::end_session(&calls, &session, token.access()));
            outcome = outcome.and(told.map_err(|finding| not_told(finding, label)));
        }
        if is_shared(token.source()) {
            tokens.remove_shared()?;
        } else {
            tokens.remove_stored()?;
        }
    }
    if found && outcome.is_ok() {
        log::info!("signed out of SSO session `{label}`");
    } else if !found {
        log::info!("awsfresh was not signed in to SSO session `{label}`");
    }
    outcome
}

/// AWS could not be told; the tokens are deleted all the same.
fn not_told(finding: Finding, label: &str) -> Finding {
    let why = finding.summary.clone();
    let summary = format!("the session `{label}` is deleted here, but may still be open at AWS");
    Finding {
        summary,
        remedy: vec!["sign out in the access portal".to_owned()],
        ..finding
    }
    .evidence(why)
}
