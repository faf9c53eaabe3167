//! `export`: credentials as variables for a shell, or in another form.

use super::Context;
use crate::cli;
use crate::export::{Export, Format, removal};
use crate::finding::{Cause, Finding, Result};
use crate::ui;

/// Prints the credentials of one profile, or fails with a finding and nothing on stdout.
#[inline(never)] // else a warm answer pays for the larger stack frame of its caller
pub(super) fn run(context: &Context<'_>, args: &cli::Export) -> Result<()> {
    let world = context.world;
    let shell = world.env("SHELL");
    let format = args.format.or_else(|| Format::of_shell(shell));
    let format = format.ok_or_else(|| unknown_shell(shell.unwrap_or_default()))?;
    if args.unset {
        if !format.is_script() {
            return Err(no_removal(format));
        }
        return ui::print_credentials(&removal(format)?);
    }
    let (profile, _) = world.selected_profile(args.profile.as_deref());
    let chain = context.chain(profile)?;
    let credentials = context.obtain_with_person(&chain, &args.person);
    let credentials = credentials.map_err(|finding| finding.for_profile(profile))?;
    let export = Export {
        profile,
        region: chain.region.as_ref().map(|value| value.text.as_str()),
        credentials: &credentials,
    };
    let text = export.text(format)?;
    if credentials.session_token.is_none() {
        log::warn!(
            "profile `{profile}` has a long-term key: the exported credentials do not expire"
        );
    }
    if ui::shows_stdout() {
        log::warn!("stdout is a terminal: the secret is shown on it");
    }
    ui::print_credentials(&text)
}

fn unknown_shell(shell: &str) -> Finding {
    Finding::new(Cause::Usage, "there is no format for the shell in SHELL")
        .evidence(format!("SHELL={shell}"))
        .remedy("awsfresh export --format NAME; awsfresh export --help lists the formats")
}

fn no_removal(format: Format) -> Finding {
    let summary = format!("--unset is for shells, and `{}` is for none", format.name());
    Finding::new(Cause::Usage, summary).remedy("awsfresh export --unset --format bash")
}
