//! `credential-process`: the answer that every SDK reads.

use super::Context;
use crate::finding::Result;
use crate::refresh::Refresher;
use crate::{ui, wrap};

/// Prints the credentials of one profile, or fails with a finding and nothing on stdout.
pub(super) fn run(context: &Context<'_>, profile: Option<&str>) -> Result<()> {
    let (profile, _) = context.world.selected_profile(profile);
    let chain = context.chain(profile)?;
    let world = context.world;
    let refresher = Refresher::new(world, &chain, &*context.store, world.deadline()?);
    let credentials = refresher.obtain_for(world.caller());
    log::debug!("store: {}", context.store.status());
    let mut credentials = credentials.map_err(|finding| finding.for_profile(profile))?;
    credentials.expiration = wrap::record_request(world, credentials.expiration);
    ui::print_credentials(&credentials.to_process_json())
}
