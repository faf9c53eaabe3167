//! `credential-process`: the answer that every SDK reads.

use super::Context;
use crate::finding::Result;
use crate::{ui, wrap};

/// Prints the credentials of one profile, or fails with a finding and nothing on stdout.
pub(super) fn run(context: &Context<'_>, profile: Option<&str>) -> Result<()> {
    let (profile, _) = context.world.selected_profile(profile);
    let files = context.files()?;
    let chain = context.resolve(files.profiles(), profile)?;
    let credentials = context.obtain(&chain, false, None);
    let mut credentials = credentials.map_err(|finding| finding.for_profile(profile))?;
    credentials.expiration = wrap::record_request(context.world, credentials.expiration);
    ui::print_stdout(&credentials.to_process_json())
}
