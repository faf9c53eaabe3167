//! `refresh`: renew ahead of time, for cron and before a journey.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::context::{Context, selected};
use crate::cli::{Person, ProfileSelection};
use crate::config::{Chain, ProfileSet};
use crate::credentials::Credentials;
use crate::finding::{Class, Finding, Result};
use crate::refresh::step_keys;
use crate::signin::Codes;
use crate::source::Http;
use crate::source::connection::Connections;
use crate::sync::lock;
use crate::time::human_duration;
use crate::ui::{self, Progress};

/// So many are renewed side by side: AWS throttles those who ask for more at once.
const SIDE_BY_SIDE: usize = 8;

/// Profiles with the same credentials.
struct Renewal {
    profiles: Vec<String>,
    chain: Result<Chain>,
    /// The outcome of the last attempt.
    outcome: Mutex<Option<Result<Credentials>>>,
}

impl Renewal {
    fn new(profile: String, chain: Result<Chain>) -> Self {
        Self {
            profiles: vec![profile],
            chain,
            outcome: Mutex::default(),
        }
    }

    /// Renews the credentials without a person.
    fn attempt(&self, context: &Context<'_>, http: &Arc<Http>) {
        let chain = self.chain.as_ref().map_err(Clone::clone);
        let outcome = chain.and_then(|chain| context.obtain_over(http, chain, true, None));
        lock(&self.outcome).replace(outcome);
    }

    fn needs_person(&self) -> bool {
        let outcome = lock(&self.outcome);
        matches!(&*outcome, Some(Err(finding)) if finding.class() == Class::NeedsPerson)
    }
}

/// Renews the selected profiles; continues after a failure, and returns the first one.
pub(super) fn run(
    context: &Context<'_>,
    selection: &ProfileSelection,
    person: &Person,
) -> Result<()> {
    let files = context.files()?;
    let renewals = renewals(context, files.profiles(), selection);
    side_by_side(context, &renewals.iter().collect::<Vec<_>>());
    if context.world.attended || person.mfa_code.is_some() {
        ask_person(context, &renewals, person);
    }
    report(context, renewals)
}

/// The renewals of the selected profiles: one for those with the same cache key.
fn renewals(context: &Context<'_>, set: &ProfileSet, selection: &ProfileSelection) -> Vec<Renewal> {
    let (mut renewals, mut places) = (Vec::<Renewal>::new(), BTreeMap::new());
    for profile in selected(set, selection) {
        let chain = context.resolve(set, &profile);
        let key = chain.as_ref().ok().and_then(|chain| {
            let connections = Connections::new(context.world, &chain.network);
            step_keys(chain, context.world, &connections)
                .pop()
                .flatten()
        });
        match key.map(|key| *places.entry(key).or_insert(renewals.len())) {
            Some(place) if place < renewals.len() => renewals[place].profiles.push(profile),
            _ => renewals.push(Renewal::new(profile, chain)),
        }
    }
    renewals
}

/// Renews without a person. Each attempt has its own deadline.
fn side_by_side(context: &Context<'_>, renewals: &[&Renewal]) {
    let progress = Progress::new("renewing", renewals.len());
    let (next, http) = (AtomicUsize::new(0), Arc::default());
    let work = || {
        while let Some(renewal) = renewals.get(next.fetch_add(1, Ordering::Relaxed)) {
            renewal.attempt(context, &http);
            progress.advance();
        }
    };
    thread::scope(|scope| {
        for _ in 1..SIDE_BY_SIDE.min(renewals.len()) {
            // Where no more threads can be started, the others do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

/// Tries again, one after the other, what a person can help with. One sign-in may help many.
fn ask_person(context: &Context<'_>, renewals: &[Renewal], person: &Person) {
    let codes = Codes::new(person.mfa_code.clone(), !person.no_login);
    let mut left: Vec<&Renewal> = renewals.iter().filter(|r| r.needs_person()).collect();
    while !left.is_empty() {
        let renewal = left.remove(0);
        let Ok(chain) = &renewal.chain else { continue };
        let outcome = context.offering_sign_in(chain, !person.no_login, || {
            context.obtain(chain, true, Some(&codes))
        });
        let helped = outcome.is_ok();
        lock(&renewal.outcome).replace(outcome);
        if helped {
            side_by_side(context, &left);
            left.retain(|renewal| renewal.needs_person());
        }
    }
}

/// Prints every outcome, one failure once for all profiles that have it; returns the first failure.
fn report(context: &Context<'_>, renewals: Vec<Renewal>) -> Result<()> {
    let mut failures: Vec<(Finding, Vec<String>)> = Vec::new();
    for renewal in renewals {
        let outcome = lock(&renewal.outcome).take();
        match outcome {
            Some(Ok(credentials)) => {
                let left = match credentials.expiration {
                    Some(end) => human_duration(end.seconds_from(context.world.now())),
                    None => "no expiration".to_owned(),
                };
                for profile in &renewal.profiles {
                    log::info!("profile `{profile}`: {left}");
                }
            }
            Some(Err(finding)) => match failures.iter_mut().find(|(other, _)| *other == finding) {
                Some((_, profiles)) => profiles.extend(renewal.profiles),
                None => failures.push((finding, renewal.profiles)),
            },
            None => {}
        }
    }
    let mut failures = failures.into_iter().map(|(finding, profiles)| {
        let finding = finding.for_profile(&profiles[0]);
        match &profiles[1..] {
            [] => finding,
            others => finding.evidence(format!("the same for {}", others.join(", "))),
        }
    });
    let first = failures.next();
    failures.for_each(|finding| ui::error(&finding));
    first.map_or(Ok(()), Err)
}
