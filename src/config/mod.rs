//! From the text of the two AWS files to profiles, and from a profile to its chain. Pure: from
//! bytes to a [`Chain`] or to a [`Finding`](crate::finding::Finding) with file:line; nothing here
//! reads a file or the environment.
//!
//! `parser` turns one file into sections with a position for every value, with `encoding` and `line`
//! for bytes and lines and `entries` for keys and values; `outline` finds the sections of one profile
//! in a file of thousands; `profile` is a section of both files, `profile_set` all of them by name, and
//! `suggest` finds what a wrong name may mean; `resolve` follows one profile to its base, with `base` and `sso` for the sources and `hop` for the roles; `validate`
//! checks single values; `bad_line` and `damage` know what happened to lines, and `oddities` what some
//! parsers read differently; `own_process` is awsfresh as a `credential_process`; `key_typos` knows keys
//! that no tool reads; `session_end` says when a session in a file expires; `names` lists the names in a file however broken it is; `overlay` rewrites a
//! config file for a wrapped command, `set_up` changes the user's own for good, `sso_profiles`
//! writes a block of profiles into it, and `key_files` moves keys out of it and back, both by `sections`.

mod bad_line;
mod base;
mod chain;
mod damage;
mod encoding;
mod entries;
mod hop;
mod key_files;
mod key_typos;
mod line;
mod names;
mod oddities;
mod outline;
mod overlay;
mod own_process;
mod parser;
mod profile;
mod profile_set;
mod resolve;
mod sections;
mod session_end;
mod set_up;
mod sso;
mod sso_profiles;
mod suggest;
mod validate;

pub(crate) use chain::CHAINED_SESSION_LIMIT;
pub use chain::{Base, Chain, Hop, Network, SsoSession};
pub(crate) use damage::Repeated;
pub(crate) use key_files::{with_keys, with_stored_key, without_keys, without_stored_key};
pub(crate) use key_typos::key_typos;
pub(crate) use names::Names;
pub(crate) use outline::{Excerpt, Part, excerpt};
pub use outline::{Outline, resolve_needed};
pub(crate) use overlay::{DefaultProfile, Overlay, for_container};
pub(crate) use own_process::{process_of, requested_profile};
pub(crate) use parser::Value;
pub use parser::{File, FileKind, parse};
pub(crate) use profile::{CREDENTIAL_KEYS, Profile};
pub use profile_set::ProfileSet;
pub use resolve::resolve;
pub(crate) use resolve::source_profiles;
pub use session_end::SessionEnd;
pub(crate) use set_up::{Change, Edited, Renamed, set_up, undo};
pub(crate) use sso::{plain_start_url, sso_session};
pub(crate) use sso_profiles::{
    AccountRole, Block, Entry, NameTemplate, NewBlock, RegionRule, RoleGlob, Rules, SsoProfile,
    blocks, merge, remove_block, write_block,
};
pub(crate) use suggest::{FIRST_STEPS, is_general};
pub(crate) use validate::invalid_values;
