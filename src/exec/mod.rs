//! Wrapping a command: how credentials reach it ([`Delivery`]), the private directory it gets ([`RunDir`]), the server it
//! may ask ([`Endpoint`]), what is renewed meanwhile ([`Live`]), the command itself ([`Spawner`]), and what is to be said
//! about it afterwards ([`aftermath`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod aftermath;
pub mod asked;
mod child;
mod endpoint;
mod live;
mod run_dir;
mod surroundings;

pub use child::{Spawner, code, not_started, signal_of};
pub use endpoint::Endpoint;
pub use live::{Live, Renewal};
pub use run_dir::{CONFIG, CREDENTIALS, RunDir, keep};
pub use surroundings::{Handed, changes};

/// Locks, also where a thread died with the lock: what lies behind these is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How credentials reach a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Delivery {
    /// A private copy of the AWS config in which awsfresh answers for the profile: renews in every SDK
    #[default]
    Profile,
    /// A container credentials server on 127.0.0.1: renews in every SDK that knows it
    Endpoint,
    /// Variables in the environment: for containers and tools that know nothing else; cannot be renewed
    Env,
}
