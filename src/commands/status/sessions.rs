//! The SSO sessions that `status` shows.

use std::collections::BTreeMap;

use anstyle::Style;

use crate::commands::Context;
use crate::config::{ProfileSet, SsoSession, sso_session};
use crate::finding::Class;
use crate::refresh::best_token;
use crate::source::sso::Session;
use crate::text;
use crate::time::Timestamp;

/// Whether a person is signed in to an SSO session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    SignedIn,
    Expired,
    SignedOut,
    /// The store could not be read.
    Unknown,
}

impl SignIn {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed in",
            Self::Expired => "expired",
            Self::SignedOut => "signed out",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::SignedIn => text::GREEN,
            Self::Expired => text::RED,
            Self::Unknown => text::YELLOW,
            Self::SignedOut => Style::new(),
        }
    }
}

/// An SSO session.
pub(super) struct SessionRow {
    pub(super) name: String,
    pub(super) state: SignIn,
    /// The end of its access token.
    pub(super) expiration: Option<Timestamp>,
    /// Whether the token can be renewed without a person.
    pub(super) is_refreshable: bool,
    /// The command to sign in.
    pub(super) login: String,
}

impl SessionRow {
    /// A session, by its better token.
    pub(super) fn new(context: &Context<'_>, config: &SsoSession) -> Self {
        let now = context.world.now();
        let session = Session::new(config, context.world);
        let token = best_token(&session, &*context.store, now);
        let (state, expiration, is_refreshable) = match token {
            Ok(token) => {
                let is_refreshable = token.is_refreshable(now);
                let state = if token.is_valid(now) || is_refreshable {
                    SignIn::SignedIn
                } else {
                    SignIn::Expired
                };
                (state, Some(token.expires()), is_refreshable)
            }
            Err(finding) if finding.class() == Class::Store => (SignIn::Unknown, None, false),
            Err(_) => (SignIn::SignedOut, None, false),
        };
        Self {
            name: config.label().to_owned(),
            state,
            expiration,
            is_refreshable,
            login: session.login().to_string(),
        }
    }
}

/// Every `[sso-session]` that is complete.
pub(super) fn named_sessions(set: &ProfileSet) -> BTreeMap<String, SsoSession> {
    let sessions = set
        .sso_session_names()
        .filter_map(|name| sso_session(set, name).ok());
    sessions
        .map(|session| (session.label().to_owned(), session))
        .collect()
}
