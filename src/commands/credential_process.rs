//! `credential-process`: the answer every SDK reads.

use super::{Context, answer};
use crate::diagnosis::Result;
use crate::exec::asked::{self, Asked};

/// Prints the credentials of one profile, or fails with a diagnosis and nothing on stdout.
pub fn run(context: &Context<'_>, profile: Option<&str>) -> Result<()> {
    let world = context.world;
    let (profile, _) = world.selected_profile(profile);
    let chain = context.resolve(&context.profiles()?, profile)?;
    let mut credentials = context.obtain(&chain, false).map_err(|f| f.for_profile(profile))?;
    if let Some(run) = world.run_dir() {
        let now = world.now();
        credentials.expiration = asked::announced(credentials.expiration, now, world.drill());
        asked::note(&run, Asked { at: now, expiration: credentials.expiration });
    }
    answer(&credentials.to_process_json())
}
