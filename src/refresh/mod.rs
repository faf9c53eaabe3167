//! Fresh credentials, fetched once for any number of callers: look, lock, look again, fetch, store.
//!
//! Each step of a chain is cached under its own key and refreshed under its own lock, from the end
//! towards the base, so locks are always taken in the same order. A valid credential is never
//! dropped before its successor is stored, and never withheld because a store cannot be written or
//! a source is down.
//!
//! `refresher` is the algorithm, `decision` its rules under the lock, `fetch` the call of a source; `freshness` decides when a
//! renewal is due; `lock` excludes other processes and shares the outcome of a failure with them;
//! `repeated` notices a caller whose credentials AWS may have rejected; `cache_key` names the entries, `entry` is their content; `sso_token` keeps the token of an SSO
//! session.

mod cache_key;
mod decision;
mod entry;
mod fetch;
mod freshness;
mod lock;
mod mfa;
mod refresher;
mod repeated;
mod sso_token;
mod stored_key;

pub use cache_key::TOKEN_KIND;
pub(crate) use cache_key::{MFA_KIND, REGISTRATION_KIND, mfa_keys, registration_key, step_keys};
pub use entry::Entry;
pub use freshness::{Freshness, freshness};
pub(crate) use lock::lock_aws_files;
pub(crate) use mfa::{CodeSource, Mfa, Renew};
pub(crate) use refresher::Refresher;
pub(crate) use sso_token::{SsoTokens, best_token};
pub(crate) use stored_key::StoredKey;
