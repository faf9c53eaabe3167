//! What every call to AWS needs: how to connect, until when, and the async runtime, which starts on
//! first use.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use super::connection::Connections;
use crate::config::Network;
use crate::finding::{Cause, Finding, Result};
use crate::limits;
use crate::world::World;

/// The surroundings of calls that share one deadline.
pub(crate) struct Calls<'a> {
    pub(crate) world: &'a World,
    pub(crate) connections: Connections,
    began: Instant,
    deadline: Cell<Instant>,
    runtime: OnceCell<tokio::runtime::Runtime>,
}

impl Drop for Calls<'_> {
    /// A plain drop would wait for a name lookup that is still running.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<'a> Calls<'a> {
    /// Reads nothing and connects nowhere yet.
    pub(crate) fn new(world: &'a World, network: &Network, deadline: Instant) -> Self {
        Self {
            world,
            connections: Connections::new(world, network),
            began: Instant::now(),
            deadline: Cell::new(deadline),
            runtime: OnceCell::new(),
        }
    }

    /// Moves the deadline: the time that a person took does not count.
    pub(crate) fn extend(&self, by: Duration) {
        self.deadline.set(self.deadline.get() + by);
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
        let runtime = match self.runtime.get() {
            Some(runtime) => runtime,
            None => {
                limits::check_room()?;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let runtime =
                    runtime.map_err(|e| limits::reached("start the async runtime", &e))?;
                self.runtime.get_or_init(|| runtime)
            }
        };
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
