//! What every subcommand works with.

use crate::aws_files::{self, AwsFiles};
use crate::cli::ProfileSelection;
use crate::config::{Chain, ProfileSet};
use crate::credentials::Credentials;
use crate::finding::Result;
use crate::refresh::Refresher;
use crate::store::Store;
use crate::world::World;

/// The surroundings and the store of this run.
pub(super) struct Context<'a> {
    pub(super) world: &'a World,
    pub(super) store: Box<dyn Store>,
}

impl Context<'_> {
    /// Both AWS files; fails if one cannot be used.
    pub(super) fn files(&self) -> Result<AwsFiles> {
        AwsFiles::read(self.world).checked()
    }

    /// The chain of a profile.
    pub(super) fn resolve(&self, set: &ProfileSet, profile: &str) -> Result<Chain> {
        aws_files::resolve(self.world, set, profile)
    }

    /// The credentials of a chain; `force` renews them even if they are fresh.
    pub(super) fn obtain(&self, chain: &Chain, force: bool) -> Result<Credentials> {
        let deadline = self.world.deadline()?;
        let refresher = Refresher::new(self.world, chain, &*self.store, deadline);
        let refresher = if force { refresher.force() } else { refresher };
        let credentials = refresher.obtain();
        log::debug!("store: {}", self.store.status());
        credentials
    }
}

/// The selected profiles.
pub(super) fn selected(set: &ProfileSet, selection: &ProfileSelection) -> Vec<String> {
    if selection.all {
        return set.names().map(str::to_owned).collect();
    }
    selection.profile.clone()
}
