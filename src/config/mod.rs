//! The two AWS files as text, then as profiles, then as the chain one profile stands for. Pure: bytes come in, a
//! [`Chain`] or a [`Finding`](crate::diagnosis::Finding) with file:line comes out; nothing here reads a file or the environment.
//!
//! [`reader`](self) turns one file into sections with a position for every value; `profiles` merges both files as the
//! SDKs do; `resolve` follows one profile to its base; `check` judges single values,
//! `misspelt` knows keys that were meant to be others.

mod chain;
mod check;
mod misspelt;
mod overlay;
mod profiles;
mod reader;
mod resolve;

pub use chain::{Base, Chain, Hop, Network};
pub use check::{flaws, is_account, is_region, region_fix};
pub use misspelt::{Misspelt, misspelt};
pub use overlay::{DefaultProfile, Overlay};
pub use profiles::{Profile, ProfileSet, SHAPING};
pub use reader::{File, FileKind, Origin, Section, Value, read};
pub use resolve::resolve;
