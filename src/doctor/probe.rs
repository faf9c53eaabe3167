//! What AWS and the network respond: all probes at once, each with its own time limit.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::aws_cli_cache::{self, CliSession};
use super::environment_keys::EnvironmentKeys;
use super::facts::{Facts, environment_origin};
use super::metadata::{self, Metadata};
use super::probe_results::{HostResult, HostRole, ProbeResults, Step, StepResult};
use super::reachability::{Unreachable, contact};
use crate::aws::partition;
use crate::config::{Base, Chain, Network};
use crate::credentials::Credentials;
use crate::finding::{Cause, Certainty, Class, Finding, Result};
use crate::limits::Aside;
use crate::refresh::Refresher;
use crate::source::aws_host::aws_url;
use crate::source::connection::Service;
use crate::source::sso::Session;
use crate::source::{Http, Identity, Sources};
use crate::store::Store;
use crate::time::Timestamp;
use crate::world::{SelectedBy, World};

/// No probe takes longer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What probing needs besides the facts.
pub(super) struct Prober<'a> {
    world: &'a World,
    store: &'a dyn Store,
    /// Shared by all probes.
    http: Arc<Http>,
}

impl<'a> Prober<'a> {
    /// Connects nowhere yet.
    pub(super) fn new(world: &'a World, store: &'a dyn Store) -> Self {
        Self {
            world,
            store,
            http: Arc::default(),
        }
    }

    /// Runs all probes at once. Where nothing responds, that takes little more than the limit of
    /// one probe; the steps of a chain are probed one after the other, as each needs the one
    /// before.
    pub(super) fn run(&self, facts: &Facts) -> ProbeResults {
        let chain = facts.chain.as_ref().ok();
        let bare = bare_chain(chain);
        thread::scope(|scope| {
            let steps = || chain.map_or_else(Vec::new, |chain| self.steps(chain));
            let steps = Aside::start(scope, steps);
            let environment = Aside::start(scope, || self.environment(&facts.environment, &bare));
            let ambient = Aside::start(scope, || self.ambient(facts));
            let metadata = Aside::start(scope, || self.metadata(chain?));
            let cli_sessions = cli_sessions(facts).into_iter();
            let cli_sessions: Vec<_> = cli_sessions
                .map(|(session, chain)| {
                    Aside::start(scope, move || self.cli_session(session, chain))
                })
                .collect();
            let cli_version = Aside::start(scope, || self.cli_version(chain?));
            let hosts = hosts(self.world, chain).into_iter();
            let hosts: Vec<Aside<'_, HostResult>> = hosts
                .map(|(url, role)| Aside::start(scope, move || self.host(&url, chain, role)))
                .collect();
            ProbeResults {
                steps: steps.join().unwrap_or_default(),
                environment: environment.join().unwrap_or_default(),
                ambient: ambient.join().unwrap_or_default(),
                metadata: metadata.join().unwrap_or_default(),
                cli_sessions: cli_sessions.into_iter().filter_map(Aside::join).collect(),
                cli_version: cli_version.join().unwrap_or_default(),
                hosts: hosts.into_iter().filter_map(Aside::join).collect(),
            }
        })
    }

    fn sources<'b>(&'b self, chain: &'b Chain) -> Sources<'b> {
        Sources::new(self.world, chain, Instant::now() + TIMEOUT).sharing(&self.http)
    }

    /// From the base to the last role, as a call for credentials would go.
    fn steps(&self, chain: &Chain) -> Vec<StepResult> {
        let mut results = Vec::new();
        let roles = (0..chain.hops.len()).map(Step::Role);
        for step in std::iter::once(Step::Base).chain(roles) {
            let result = self.step(chain, step);
            let works = result.works();
            results.push(result);
            if !works {
                break;
            }
        }
        results
    }

    fn step(&self, chain: &Chain, step: Step) -> StepResult {
        let refresher = || {
            let deadline = Instant::now() + TIMEOUT;
            Refresher::new(self.world, chain, self.store, deadline).sharing(&self.http)
        };
        let (n, name) = match step {
            Step::Base => (0, chain.step_name(0)),
            Step::Role(n) => (n + 1, chain.hops[n].role_arn.text.clone()),
        };
        let first = refresher();
        let was_cached = first.is_step_cached(n);
        let mut credentials = match first.obtain_step(n) {
            Ok(credentials) => credentials,
            Err(finding) => {
                let has_list = finding.cause == Cause::SsoAccessRemoved;
                let assignments = has_list.then(|| first.assignments()).flatten();
                return StepResult {
                    assignments,
                    ..StepResult::new(step, name, Err(finding))
                };
            }
        };
        let mut result = identify(
            &first,
            &credentials,
            StepResult::new(step, name, no_outcome()),
        );
        // What AWS rejects must not be served to the next caller.
        let works_at_home = result.home_region.as_ref().is_some_and(|(_, works)| *works);
        if was_cached && !works_at_home && result.outcome.as_ref().is_err_and(is_rejection) {
            first.invalidate_step(n);
            let rejected = result.outcome.as_ref().err().cloned();
            let again = refresher();
            let bare = StepResult::new(step, result.name, no_outcome());
            let bare = StepResult {
                rejected_cached: rejected,
                ..bare
            };
            credentials = match again.obtain_step(n) {
                Ok(credentials) => credentials,
                Err(finding) => {
                    return StepResult {
                        outcome: Err(finding),
                        ..bare
                    };
                }
            };
            result = identify(&again, &credentials, bare);
        }
        result.is_session = credentials.session_token.is_some();
        result.identity_hidden = result.outcome.as_ref().is_err_and(|finding| {
            finding.cause == Cause::PermissionDenied && finding.certainty == Certainty::Certain
        });
        result
    }

    fn environment(&self, keys: &EnvironmentKeys, chain: &Chain) -> Option<Result<Identity>> {
        let credentials = Credentials {
            access_key_id: keys.id.clone()?,
            secret_access_key: keys.secret.clone()?,
            session_token: keys.session_token.clone().or(keys.security_token.clone()),
            expiration: None,
            account_id: None,
        };
        // Without a request that could be made, the checks of the keys say enough.
        let is_usable = credentials.flaw().is_none();
        is_usable.then(|| self.sources(chain).identity(&credentials, None))
    }

    /// What SDKs fall back to where nothing is configured.
    fn ambient(&self, facts: &Facts) -> Option<Result<()>> {
        let nothing_selected = facts.selected_by == SelectedBy::Nothing
            && facts.chain.is_err()
            && facts.environment.id.is_none();
        if !nothing_selected {
            return None;
        }
        if let Some(base) = &facts.ambient_source {
            let chain = Chain {
                base: base.clone(),
                ..bare_chain(None)
            };
            return Some(self.sources(&chain).base(None).map(|_| ()));
        }
        if self.world.env_flag("AWS_EC2_METADATA_DISABLED") {
            return None;
        }
        Some(
            match metadata::probe(&self.sources(&bare_chain(None)).calls) {
                Ok(state) => state.finding().map_or(Ok(()), Err),
                Err(finding) => Err(finding),
            },
        )
    }

    fn metadata(&self, chain: &Chain) -> Option<Metadata> {
        let is_source = matches!(chain.base, Base::InstanceMetadata { .. });
        if !is_source || self.world.env_flag("AWS_EC2_METADATA_DISABLED") {
            return None;
        }
        metadata::probe(&self.sources(&bare_chain(None)).calls).ok()
    }

    fn cli_session(&self, session: &CliSession, chain: &Chain) -> Result<Identity> {
        self.sources(chain).identity(&session.credentials, None)
    }

    /// Only SSO sessions need a new version.
    fn cli_version(&self, chain: &Chain) -> Option<String> {
        match &chain.base {
            Base::Sso { session, .. } if session.name.is_some() => {}
            _ => return None,
        }
        let version = async { Ok(aws_cli_cache::version(self.world, TIMEOUT).await) };
        self.sources(chain).calls.run(version).ok()?
    }

    fn host(&self, url: &str, chain: Option<&Chain>, role: HostRole) -> HostResult {
        let bare = bare_chain(chain);
        let name = url
            .split("://")
            .nth(1)
            .unwrap_or(url)
            .trim_end_matches('/')
            .to_owned();
        let before = self.world.now();
        let (outcome, issuer) = match contact(&self.sources(&bare).calls, url, &name) {
            Ok(reply) => (Ok(reply), None),
            Err(Unreachable { finding, issuer }) => (Err(finding), issuer),
        };
        let midpoint = Timestamp(before.0.midpoint(self.world.now().0));
        let date = outcome.as_ref().ok().and_then(|reply| reply.date);
        let skew = date.map(|date| date.seconds_from(midpoint));
        HostResult {
            name,
            role,
            outcome,
            issuer,
            skew,
        }
    }
}

/// Asks in the region; if that does not know the key, in the home region, and then in other
/// partitions.
fn identify(
    refresher: &Refresher<'_>,
    credentials: &Credentials,
    result: StepResult,
) -> StepResult {
    let mut result = StepResult {
        outcome: refresher.identity(credentials),
        ..result
    };
    let Err(finding) = &result.outcome else {
        return result;
    };
    let depends_on_region = [
        Cause::AccessKeyUnknown,
        Cause::RegionDisabled,
        Cause::SessionTokenDamaged,
    ];
    if !depends_on_region.contains(&finding.cause) {
        return result;
    }
    let sources = refresher.sources();
    let Ok(region) = sources.region() else {
        return result;
    };
    let knows = |region: &str| sources.identity(credentials, Some(region)).is_ok();
    let home = partition::home_region(partition::of_region(&region));
    let works_at_home = home != region && knows(home);
    if finding.cause == Cause::AccessKeyUnknown && !works_at_home {
        let others = partition::HOMES
            .iter()
            .copied()
            .filter(|other| *other != home);
        result.other_partition = others.into_iter().find(|other| knows(other));
    }
    if home != region {
        result.home_region = Some((home.to_owned(), works_at_home));
    }
    result
}

/// The sessions to check: an emulator knows none of them, and need not see them.
fn cli_sessions(facts: &Facts) -> Vec<(&CliSession, &Chain)> {
    match &facts.chain {
        Ok(chain) if !facts.is_overridden() => facts
            .cli_sessions
            .iter()
            .map(|session| (session, chain))
            .collect(),
        _ => Vec::new(),
    }
}

/// Before AWS is asked.
fn no_outcome() -> Result<Identity> {
    Err(Finding::new(Cause::Unexpected, "AWS was not asked"))
}

/// Whether a finding means that AWS does not accept the credentials themselves.
fn is_rejection(finding: &Finding) -> bool {
    finding.class() == Class::Rejected
        && !matches!(finding.cause, Cause::ClockSkew | Cause::RegionDisabled)
}

/// A chain with the region and network settings of another, and nothing else.
fn bare_chain(like: Option<&Chain>) -> Chain {
    Chain {
        profile: like.map_or_else(String::new, |chain| chain.profile.clone()),
        base: Base::Environment {
            origin: environment_origin(),
        },
        hops: Vec::new(),
        region: like.and_then(|chain| chain.region.clone()),
        network: like.map_or_else(Network::default, |chain| chain.network.clone()),
    }
}

/// The hosts to contact: STS in the region, STS at home to compare with, and both SSO services if
/// the chain needs them. With an endpoint override, the host that it names.
fn hosts(world: &World, chain: Option<&Chain>) -> Vec<(String, HostRole)> {
    let bare = bare_chain(chain);
    let sources = Sources::new(world, chain.unwrap_or(&bare), Instant::now());
    let Ok(region) = sources.region() else {
        return Vec::new();
    };
    let connections = &sources.calls.connections;
    let overrides = connections.overrides();
    if let Some(endpoint) = overrides.first().filter(|endpoint| !endpoint.is_aws()) {
        return vec![(endpoint.shown(), HostRole::Override)];
    }
    let sts = |region: &str| aws_url(Service::Sts, region, connections.hosts());
    let home = partition::home_region(partition::of_region(&region));
    let mut hosts = vec![(sts(&region), HostRole::Sts)];
    if home != region {
        hosts.push((sts(home), HostRole::HomeSts));
    }
    if let Some(session) = chain.and_then(|chain| Session::of(&chain.base, world)) {
        for service in [Service::SsoOidc, Service::Sso] {
            let called = session.hosts(connections, service).ok();
            let url = called.and_then(|called| aws_url(service, session.region(), called));
            hosts.push((url, HostRole::Sso));
        }
    }
    let known = |(url, role): (Option<String>, HostRole)| Some((url?, role));
    hosts.into_iter().filter_map(known).collect()
}
