//! AWS errors in the logs of any client: found by their codes, by the words of their messages, and
//! by what the clients print themselves before they ask AWS. Pure. The forms are those that real
//! clients print; tests/diagnosis-cases/texts has them as they were recorded.
//!
//! `flatten` makes one line of a log; `scan` finds the errors in it: `coded` by their code,
//! `messages` by the words of AWS and of clients. `answer` and `refine` add what the log says
//! besides: `hosts`, `names`, who was denied what; `context` tells where the program ran. `phrases` and the two tables
//! (`table`) are the data; `quote` cuts evidence out of a log; `merge` adds what is wrong on this
//! machine.

mod answer;
mod coded;
mod context;
mod flatten;
mod hosts;
mod merge;
mod messages;
mod names;
mod phrases;
mod process_output;
mod quote;
mod refine;
mod scan;
mod table;

pub(crate) use merge::{Selected, merge};
pub(crate) use scan::LoggedError;
pub use scan::scan;
