//! The diagnosis of a profile. `facts` collects everything that can be read, and `probe` everything
//! that has to be asked; the pure `checks` turn both into findings, ranked; `report` is the result
//! for people and for programs.
//!
//! Behind `facts`: `host` (which kind of machine or container this is) and `aws_cli_cache` (what
//! the AWS CLI has cached). Behind `probe`: `reachability` (hosts, DNS, TLS, clock), `metadata`
//! (the instance metadata service) and `tls_issuer`.

mod aws_cli_cache;
mod checks;
mod environment_keys;
mod facts;
mod file_facts;
mod host;
mod metadata;
mod probe;
mod probe_results;
mod reachability;
mod report;
mod tls_issuer;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::config::{Base, Chain};
use crate::finding::{Finding, Origin, Severity, Tool};
use crate::store::Store;
use crate::world::{SelectedBy, World};
use facts::Facts;
use probe::Prober;
pub(crate) use report::Report;

/// After this time, a terminal shows that AWS is being asked.
const PROGRESS_AFTER: Duration = Duration::from_millis(400);

/// What is diagnosed.
pub(crate) struct Scope<'a> {
    /// The profile, if one is named.
    pub(crate) profile: Option<&'a str>,
    /// Whether AWS is not asked.
    pub(crate) offline: bool,
    /// The tools to judge for; all of them if there is none.
    pub(crate) tools: &'a [Tool],
}

/// Diagnoses the selected profile.
pub(crate) fn run(world: &World, store: &dyn Store, scope: &Scope<'_>) -> Report {
    let mut facts = Facts::collect(world, store, scope.profile, !scope.offline);
    if !scope.offline {
        let probes = with_progress(world, || Prober::new(world, store).run(&facts));
        facts.probes = Some(probes);
    }
    let findings = checks::for_tools(checks::all(&facts), scope.tools);
    let report = Report::new(&facts, findings, scope.tools);
    facts.set.leave();
    report
}

/// What can be found without asking AWS or the store.
pub(crate) struct Local {
    /// The errors of the profile.
    pub(crate) errors: Vec<Finding>,
    /// The profile, if an option or a variable selects one that is whole.
    pub(crate) profile: Option<String>,
    /// Where it signs in with `aws login`.
    pub(crate) login_session: Option<Origin>,
}

/// Diagnoses the selected profile without asking AWS or the store.
pub(crate) fn local(world: &World, store: &dyn Store, profile: Option<&str>) -> Local {
    let facts = Facts::collect(world, store, profile, false);
    let mut errors = checks::all(&facts);
    errors.retain(|finding| finding.severity == Severity::Error);
    let is_selected = facts.selected_by != SelectedBy::Nothing;
    let chain = facts.chain.ok().filter(|_| is_selected);
    let login_session = |chain: &Chain| match &chain.base {
        Base::LoginSession { arn, .. } => Some(arn.origin.clone()),
        _ => None,
    };
    Local {
        errors,
        login_session: chain.as_ref().and_then(login_session),
        profile: chain.map(|chain| chain.profile),
    }
}

/// Reports on a terminal that `work` takes long.
fn with_progress<T: Send>(world: &World, work: impl FnOnce() -> T + Send) -> T {
    if !world.attended {
        return work();
    }
    thread::scope(|scope| {
        let (done, waiting) = channel::<()>();
        // Without a thread there is no report.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if waiting.recv_timeout(PROGRESS_AFTER) == Err(RecvTimeoutError::Timeout) {
                log::info!("asking AWS …");
            }
        });
        let outcome = work();
        drop(done);
        outcome
    })
}
