//! AWS errors in the logs of any client: found by their codes, by the words of their messages, and
//! by what the clients print themselves before they ask AWS. Pure. The forms are those that real
//! clients print; tests/diagnosis-cases/texts has them as they were recorded.
//!
//! `flatten` makes one line of a log; `scan` finds the errors in it: `coded` by their code,
//! `messages` by their words. `phrases` and `client_messages` are the tables; `merge` adds what is
//! wrong on this machine.

mod client_messages;
mod coded;
mod flatten;
mod merge;
mod messages;
mod phrases;
mod scan;

pub(crate) use merge::merge;
pub(crate) use scan::LoggedError;
pub use scan::scan;
