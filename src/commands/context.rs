//! What every subcommand works with.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::sessions::renew_credentials_from;
use crate::aws_files::{self, AwsFiles};
use crate::cli::{Person, ProfileSelection};
use crate::config::{Chain, Network, ProfileSet, SsoSession};
use crate::credentials::Credentials;
use crate::finding::{Finding, Result};
use crate::refresh::{Entry, Mfa, Refresher};
use crate::signin::{Codes, Options, SignIn, can_cure, offer};
use crate::source::Http;
use crate::store::{CacheKey, Store, StoreError};
use crate::sync::lock;
use crate::world::World;

/// The surroundings and the store of this run.
pub(super) struct Context<'a> {
    pub(super) world: &'a World,
    pub(super) store: Box<dyn Store>,
    /// The SSO sessions to which the person did not want to sign in.
    declined: Mutex<BTreeSet<String>>,
}

impl<'a> Context<'a> {
    /// A context in which nothing was declined.
    pub(super) fn new(world: &'a World, store: Box<dyn Store>) -> Self {
        Self {
            world,
            store,
            declined: Mutex::default(),
        }
    }

    /// Both AWS files; fails if one cannot be used.
    pub(super) fn files(&self) -> Result<AwsFiles> {
        AwsFiles::read(self.world).checked()
    }

    /// The chain of a profile, for which the files are read as far as it needs them.
    pub(super) fn chain(&self, profile: &str) -> Result<Chain> {
        AwsFiles::read(self.world).chain(self.world, profile)
    }

    /// The chain of a profile in a set.
    pub(super) fn resolve(&self, set: &ProfileSet, profile: &str) -> Result<Chain> {
        aws_files::resolve(self.world, set, profile)
    }

    /// The credentials of a chain; `force` renews them even if they are fresh. `codes` may have MFA
    /// codes.
    pub(super) fn obtain(
        &self,
        chain: &Chain,
        force: bool,
        codes: Option<&Codes>,
    ) -> Result<Credentials> {
        self.obtain_over(&Arc::default(), chain, force, codes)
    }

    /// The same, over connections that are shared.
    pub(super) fn obtain_over(
        &self,
        http: &Arc<Http>,
        chain: &Chain,
        force: bool,
        codes: Option<&Codes>,
    ) -> Result<Credentials> {
        let deadline = self.world.deadline()?;
        let refresher = Refresher::new(self.world, chain, &*self.store, deadline);
        let mut refresher = refresher.sharing(http);
        if force {
            refresher = refresher.force();
        }
        if let Some(codes) = codes {
            refresher = refresher.mfa(Mfa::new(codes));
        }
        let credentials = refresher.obtain();
        log::debug!("store: {}", self.store.status());
        credentials
    }

    /// The same, with the help of a person: an MFA code, or a sign-in.
    pub(super) fn obtain_with_person(&self, chain: &Chain, person: &Person) -> Result<Credentials> {
        let codes = Codes::new(person.mfa_code.clone(), !person.no_login);
        self.offering_sign_in(chain, !person.no_login, || {
            self.obtain(chain, false, Some(&codes))
        })
    }

    /// What is stored under a key; `None` where that is nothing that can be used.
    pub(super) fn stored(&self, key: &CacheKey) -> Result<Option<Entry>, StoreError> {
        let bytes = self.store.get(key)?;
        Ok(bytes.and_then(|bytes| Entry::from_bytes(key, &bytes)))
    }

    /// Does `work`, and once more after a sign-in where that cures its failure and a person at the
    /// terminal agrees.
    pub(super) fn offering_sign_in<T>(
        &self,
        chain: &Chain,
        may_offer: bool,
        work: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let session = chain.sso_session().filter(|_| may_offer);
        self.offering_sign_in_to(session, &chain.network, work)
    }

    /// The same for a session, if there is one.
    pub(super) fn offering_sign_in_to<T>(
        &self,
        session: Option<&SsoSession>,
        network: &Network,
        mut work: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        match (work(), session) {
            (Err(finding), Some(session)) if can_cure(&finding) => {
                if self.sign_in_if_wanted(session, network, &finding)? {
                    work()
                } else {
                    Err(finding)
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// Offers to sign in, once per session; returns whether the session is valid now.
    pub(super) fn offer_sign_in(&self, chain: &Chain, finding: &Finding) -> Result<bool> {
        match chain.sso_session() {
            Some(session) => self.sign_in_if_wanted(session, &chain.network, finding),
            None => Ok(false),
        }
    }

    fn sign_in_if_wanted(
        &self,
        session: &SsoSession,
        network: &Network,
        finding: &Finding,
    ) -> Result<bool> {
        let label = session.label().to_owned();
        if lock(&self.declined).contains(&label) {
            return Ok(false);
        }
        let options = Options {
            share_with_cli: self.world.share_with_cli(),
            ..Options::default()
        };
        let sign_in = SignIn {
            world: self.world,
            store: &*self.store,
            options: &options,
        };
        match offer(&sign_in, session, network, finding)? {
            Some(signed_in) => {
                if !signed_in.was_valid {
                    renew_credentials_from(self, self.files()?.profiles(), session);
                }
                Ok(true)
            }
            None => {
                lock(&self.declined).insert(label);
                Ok(false)
            }
        }
    }
}

/// The selected profiles.
pub(super) fn selected(set: &ProfileSet, selection: &ProfileSelection) -> Vec<String> {
    if selection.all {
        return set.names().map(str::to_owned).collect();
    }
    selection.profile.clone()
}
