//! IAM Identity Center: the session that a profile names, the token of that session, SSO-OIDC, which
//! issues the token, the portal, which exchanges it for credentials of a role, and the list of all roles
//! that it has.

mod listing;
mod oidc;
mod oidc_error;
mod portal;
mod session;
mod token;

pub(crate) use listing::{Account, Lister, Listing};
pub(crate) use oidc::{
    Approval, DeviceAuthorization, Flow, NoToken, ROTATION_GRACE, Registration, authorize_url,
    refresh, register, start_device, token,
};
pub(crate) use portal::{Assignments, assignments, check_token, end_session, role_credentials};
pub(crate) use session::Session;
pub(crate) use token::{Token, TokenFacts};
pub use token::{TokenSource, parse_token};
