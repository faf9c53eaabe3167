//! What AWS's own words mean: error codes, key IDs, partitions and names. Pure: nothing here reads
//! a file or connects.

pub(crate) mod access_key;
pub(crate) mod console;
pub(crate) mod denial;
pub(crate) mod denier;
pub(crate) mod error_code;
pub(crate) mod error_finding;
mod key_text;
pub(crate) mod names;
pub(crate) mod partition;
pub(crate) mod shared_findings;
mod signature_finding;
pub(crate) mod variables;
