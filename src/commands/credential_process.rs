//! `credential-process`: the answer every SDK reads.

use super::{Context, answer};
use crate::diagnosis::Result;

/// Prints the credentials of one profile, or fails with a diagnosis and nothing on stdout.
pub fn run(context: &Context<'_>, profile: Option<&str>) -> Result<()> {
    let profile = profile.unwrap_or_else(|| context.world.default_profile());
    let chain = context.resolve(&context.profiles()?, profile)?;
    let credentials = context.obtain(&chain, false).map_err(|f| f.for_profile(profile))?;
    answer(&credentials.to_process_json())
}
