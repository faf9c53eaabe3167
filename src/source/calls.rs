//! What every call to AWS needs: how to connect, over which connections, and until when.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;

use super::connection::{Connections, Hosts, Service};
use super::http::Http;
use crate::config::Network;
use crate::finding::{Cause, Finding, Result};
use crate::world::World;

/// The surroundings of calls that share one deadline.
pub(crate) struct Calls<'a> {
    pub(crate) world: &'a World,
    pub(crate) connections: Connections,
    http: Arc<Http>,
    began: Instant,
    deadline: Cell<Instant>,
}

impl<'a> Calls<'a> {
    /// Reads nothing and connects nowhere yet.
    pub(crate) fn new(world: &'a World, network: &Network, deadline: Instant) -> Self {
        Self {
            world,
            connections: Connections::new(world, network),
            http: Arc::default(),
            began: Instant::now(),
            deadline: Cell::new(deadline),
        }
    }

    /// Uses the connections of other calls.
    pub(crate) fn share(&mut self, http: &Arc<Http>) {
        self.http = Arc::clone(http);
    }

    /// The connections of these calls.
    pub(crate) fn http(&self) -> &Arc<Http> {
        &self.http
    }

    /// The configuration of an SDK client for `service`, without credentials.
    pub(super) fn sdk_config(
        &self,
        service: Service,
        region: &str,
        hosts: Hosts,
        retries: RetryConfig,
    ) -> Result<SdkConfig> {
        self.connections
            .sdk_config(&self.http, service, region, hosts, retries)
    }

    /// Connects to the host of `service` as soon as another one is asked.
    pub(super) fn expect(&self, service: Service, region: &str, hosts: Hosts) {
        self.connections.expect(&self.http, service, region, hosts);
    }

    /// Moves the deadline: the time that a person took does not count.
    pub(crate) fn extend(&self, by: Duration) {
        self.deadline.set(self.deadline.get() + by);
        self.http.leave_connections();
    }

    /// When calls have to end.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.get()
    }

    /// Runs one call to its end, or to the deadline.
    pub(crate) fn run<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.run_within(self.time_left(), call)
    }

    /// Runs one call to its end, or for as long as `limit`.
    pub(crate) fn run_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let runtime = self.http.runtime()?;
        let outcome = runtime.block_on(async { tokio::time::timeout(limit, call).await });
        outcome.unwrap_or_else(|_| {
            let waited = self.began.elapsed().as_secs_f64();
            Err(Finding::new(
                Cause::ConnectTimeout,
                "no response from AWS before the deadline",
            )
            .evidence(format!("gave up after {waited:.1} s"))
            .remedy("check the network; AWSFRESH_TIMEOUT=SECONDS allows more time"))
        })
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.deadline
            .get()
            .saturating_duration_since(Instant::now())
    }
}
