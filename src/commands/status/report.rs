//! What is known about profiles and SSO sessions, from the AWS files and the store alone.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use serde_json::{Value, json};

use super::sessions::{SessionRow, named_sessions};
use crate::aws_files::AwsFiles;
use crate::commands::Context;
use crate::config::{Base, Chain, Network, SsoSession};
use crate::finding::{Cause, Finding, Result};
use crate::limits::{cores, side_by_side};
use crate::refresh::{Entry, Freshness, step_keys};
use crate::source::connection::Connections;
use crate::store::{CacheKey, Status, StoreError};
use crate::text::{self, bounded};
use crate::time::Timestamp;

/// More profiles are looked up side by side.
const MANY: usize = 50;
/// So many profiles are listed; of more, a person gets so many, without a wait for all of them.
const MAX_ROWS: usize = 10_000;
const ROWS_OF_MORE: usize = 1000;
/// So much of a source or problem is shown, in bytes.
const MAX_SOURCE: usize = 1000;

/// The state of a profile's credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Static,
    NotCached,
    Fresh,
    RenewSoon,
    Expired,
    /// The store could not be read.
    Unknown,
    /// The profile has settings alone.
    NoSource,
    Unusable,
}

impl State {
    pub(super) const ALL: [Self; 8] = [
        Self::Static,
        Self::NotCached,
        Self::Fresh,
        Self::RenewSoon,
        Self::Expired,
        Self::Unknown,
        Self::NoSource,
        Self::Unusable,
    ];

    /// In words; programs get dashes in the place of spaces.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::NotCached => "not cached",
            Self::Fresh => "fresh",
            Self::RenewSoon => "renew soon",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::NoSource => "no source",
            Self::Unusable => "unusable",
        }
    }

    pub(super) fn id(self) -> String {
        self.name().replace(' ', "-")
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Fresh => text::GREEN,
            Self::RenewSoon | Self::Unknown => text::YELLOW,
            Self::Expired | Self::Unusable => text::RED,
            Self::Static | Self::NotCached | Self::NoSource => Style::new(),
        }
    }
}

/// A profile.
pub(super) struct Row {
    pub(super) profile: String,
    pub(super) source: String,
    pub(super) state: State,
    pub(super) obtained: Option<Timestamp>,
    pub(super) expiration: Option<Timestamp>,
    /// The SSO session that its credentials come from.
    pub(super) session: Option<String>,
    pub(super) problem: Option<(Cause, String)>,
}

impl Row {
    /// A profile whose chain is known.
    pub(super) fn new(context: &Context<'_>, profile: String, chain: &Chain) -> Self {
        let connections = Connections::new(context.world, &chain.network);
        Self::among(context, None, &connections, profile, chain)
    }

    /// The same, where the store has entries of these keys and no others, with the connections of
    /// the chain.
    fn among(
        context: &Context<'_>,
        keys: Option<&BTreeSet<CacheKey>>,
        connections: &Connections,
        profile: String,
        chain: &Chain,
    ) -> Self {
        let key = step_keys(chain, context.world, connections).pop();
        let stored = key.flatten().map(|key| match keys {
            Some(keys) if !keys.contains(&key) => Ok(None),
            _ => context.stored(&key),
        });
        let is_static = chain.base.is_keys() && chain.hops.is_empty();
        let (state, entry) = match stored {
            _ if is_static => match &chain.base {
                Base::Static { end: Some(end), .. } if end.time <= context.world.now() => {
                    (State::Expired, None)
                }
                _ => (State::Static, None),
            },
            None | Some(Ok(None)) => (State::NotCached, None),
            Some(Ok(Some(entry))) => {
                let state = match entry.freshness(context.world.now()) {
                    Freshness::Fresh => State::Fresh,
                    Freshness::RenewSoon(_) => State::RenewSoon,
                    Freshness::Expired => State::Expired,
                };
                (state, Some(entry))
            }
            Some(Err(e)) => {
                log::debug!("{e}");
                (State::Unknown, None)
            }
        };
        let session = chain.sso_session();
        let session = session.map(|session| session.label().to_owned());
        Self {
            profile,
            source: bounded(&source(chain), MAX_SOURCE),
            state,
            obtained: entry.as_ref().map(|entry| entry.obtained),
            expiration: entry.as_ref().map(Entry::expiration),
            session,
            problem: None,
        }
    }

    /// A profile with settings that others or a person's defaults use.
    fn without_source(profile: String) -> Self {
        Self {
            profile,
            source: "-".into(),
            state: State::NoSource,
            obtained: None,
            expiration: None,
            session: None,
            problem: None,
        }
    }

    fn unusable(profile: String, finding: &Finding) -> Self {
        Self {
            state: State::Unusable,
            problem: Some((finding.cause, bounded(&finding.summary, MAX_SOURCE))),
            ..Self::without_source(profile)
        }
    }
}

/// Who reads a report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Who wants an answer at once.
    Person,
    /// Which wants everything.
    Program,
}

/// Everything that `status` shows.
pub(super) struct Report {
    pub(super) now: Timestamp,
    pub(super) store: Status,
    pub(super) rows: Vec<Row>,
    pub(super) sessions: Vec<SessionRow>,
    /// How many profiles are left out.
    pub(super) more: usize,
}

impl Report {
    /// The profiles of these names and their SSO sessions; every profile and session if there is no
    /// name.
    pub(super) fn new(
        context: &Context<'_>,
        files: &AwsFiles,
        only: &[String],
        reader: Reader,
    ) -> Result<Self> {
        let is_for_person = only.is_empty() && reader == Reader::Person;
        let excerpt = is_for_person.then(|| files.excerpt(MAX_ROWS, ROWS_OF_MORE));
        let excerpt = excerpt.flatten();
        let (mut names, mut more) = match (&excerpt, only) {
            (Some(excerpt), _) => (excerpt.names.clone(), excerpt.more),
            (None, []) => {
                files.check()?;
                (files.profiles().names().map(str::to_owned).collect(), 0)
            }
            (None, only) => (only.to_vec(), 0),
        };
        more += names.len().saturating_sub(MAX_ROWS);
        names.truncate(MAX_ROWS);
        let of_excerpt = |name: &str| {
            let excerpt = excerpt.as_ref()?;
            context.resolve(&excerpt.profiles, name).ok()
        };
        // What is wrong with a profile is said by all of them.
        let resolve = |name: &str| match only {
            [] => of_excerpt(name).map_or_else(|| context.resolve(files.profiles(), name), Ok),
            _ => files.chain(context.world, name),
        };
        let (mut rows, mut sessions) = (Vec::new(), BTreeMap::new());
        if only.is_empty() {
            let set = excerpt.as_ref().map(|excerpt| &excerpt.profiles);
            sessions = named_sessions(set.unwrap_or_else(|| files.profiles()));
        }
        let rows_found = looked_up(context, resolve, &names, &sessions);
        for (profile, found) in names.iter().zip(rows_found) {
            match found {
                Ok((row, session)) => {
                    rows.push(row);
                    if let Some(session) = session {
                        let label = session.label().to_owned();
                        sessions.entry(label).or_insert(session);
                    }
                }
                Err(finding) if !only.is_empty() => return Err(finding),
                Err(_)
                    if files
                        .profiles()
                        .profile(profile)
                        .is_some_and(|one| one.has_only_settings() && !one.is_empty()) =>
                {
                    rows.push(Row::without_source(profile.clone()));
                }
                Err(finding) => rows.push(Row::unusable(profile.clone(), &finding)),
            }
        }
        let sessions = sessions.values().take(MAX_ROWS);
        Ok(Self {
            now: context.world.now(),
            sessions: sessions
                .map(|session| SessionRow::new(context, session))
                .collect(),
            store: context.store.check(),
            rows,
            more,
        })
    }

    /// What expires in less than `limit` seconds or has expired, in words. A session that is
    /// renewed without a person does not count.
    pub(super) fn ends_within(&self, limit: i64) -> Vec<String> {
        let is_soon =
            |end: Option<Timestamp>| end.is_some_and(|end| end.seconds_from(self.now) < limit);
        let profiles = self.rows.iter().filter(|row| is_soon(row.expiration));
        let profiles = profiles.map(|row| format!("profile `{}`", row.profile));
        let sessions = self.sessions.iter();
        let sessions = sessions.filter(|row| !row.is_refreshable && is_soon(row.expiration));
        let sessions = sessions.map(|row| format!("SSO session `{}`", row.name));
        profiles.chain(sessions).collect()
    }

    /// One document. Its keys are a published contract.
    pub(super) fn to_json(&self) -> Value {
        let left = |end: Option<Timestamp>| end.map(|end| end.seconds_from(self.now).max(0));
        let text = |end: Option<Timestamp>| end.map(|end| end.to_string());
        let problem =
            |(cause, summary): &(Cause, String)| json!({"cause": cause.id(), "summary": summary});
        let row = |row: &Row| {
            json!({
                "profile": row.profile,
                "source": row.source,
                "state": row.state.id(),
                "expiration": text(row.expiration),
                "seconds_left": left(row.expiration),
                "sso_session": row.session,
                "problem": row.problem.as_ref().map(problem),
            })
        };
        let session = |row: &SessionRow| {
            json!({
                "name": row.name,
                "state": row.state.name().replace(' ', "-"),
                "expiration": text(row.expiration),
                "seconds_left": left(row.expiration),
                "refreshable": row.is_refreshable,
            })
        };
        let warning = self.store.state.as_ref().err().map(StoreError::detail);
        let mut document = json!({
            "store": {"name": self.store.name, "reason": self.store.reason, "warning": warning},
            "profiles": self.rows.iter().map(row).collect::<Vec<_>>(),
            "sso_sessions": self.sessions.iter().map(session).collect::<Vec<_>>(),
        });
        if self.more > 0 {
            document["more_profiles"] = self.more.into();
        }
        document
    }
}

/// The row of each profile, with its SSO session if that is not among `sessions`, or why there is no
/// chain. Many are looked up side by side, and the store is asked once which entries it has.
fn looked_up(
    context: &Context<'_>,
    resolve: impl Fn(&str) -> Result<Chain> + Sync,
    names: &[String],
    sessions: &BTreeMap<String, SsoSession>,
) -> Vec<Result<(Row, Option<SsoSession>)>> {
    let keys = (names.len() > MANY).then(|| context.store.keys().ok());
    let keys: Option<BTreeSet<_>> = keys.flatten().map(BTreeSet::from_iter);
    // Nearly every profile has these settings.
    let usual = Network::default();
    let usual_connections = Connections::new(context.world, &usual);
    let look_up = |name: &String| {
        let chain = resolve(name)?;
        let network = Some(&chain.network).filter(|network| **network != usual);
        let own = network.map(|network| Connections::new(context.world, network));
        let connections = own.as_ref().unwrap_or(&usual_connections);
        let row = Row::among(context, keys.as_ref(), connections, name.clone(), &chain);
        let session = chain.sso_session();
        let session = session.filter(|session| !sessions.contains_key(session.label()));
        Ok((row, session.cloned()))
    };
    let part = names.len().div_ceil(cores()).max(MANY);
    if names.len() <= part {
        return names.iter().map(look_up).collect();
    }
    let parts: Vec<_> = names.chunks(part).collect();
    let rows = side_by_side(&parts, |part| part.iter().map(look_up).collect::<Vec<_>>());
    rows.into_iter().flatten().flatten().collect()
}

/// The chain in a few words.
fn source(chain: &Chain) -> String {
    let base = match &chain.base {
        Base::Static { .. } => "static keys".to_owned(),
        Base::StoredKeys { .. } => "stored keys".to_owned(),
        Base::Environment { .. } => "environment".to_owned(),
        Base::InstanceMetadata { .. } => "instance metadata".to_owned(),
        Base::Container { .. } => "container endpoint".to_owned(),
        Base::WebIdentity { role_arn, .. } => format!("web identity {}", role_arn.text),
        Base::Sso {
            session,
            account_id,
            role_name,
        } => {
            format!("sso {} {account_id} {role_name}", session.label())
        }
        Base::LoginSession { arn, .. } => format!("aws login {}", arn.text),
        Base::Process { .. } => "process".to_owned(),
    };
    let hops = chain.hops.iter().map(|hop| hop.role_arn.text.clone());
    std::iter::once(base)
        .chain(hops)
        .collect::<Vec<_>>()
        .join(" → ")
}
