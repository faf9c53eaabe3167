//! IAM Identity Center: the session that a profile names, the token of that session, and the portal
//! that exchanges the token for credentials of a role.

mod portal;
mod session;
mod token;

pub(crate) use portal::{Assignments, assignments, role_credentials};
pub(crate) use session::Session;
pub(crate) use token::{Token, TokenFacts};
pub use token::{TokenSource, parse_token};
