//! What `setup` and `keys` need to change the AWS files: what tools are to run, what a new text means,
//! and the question before it is written.

use super::Context;
use crate::aws_files::AwsFiles;
use crate::config::{self, FileKind, ProfileSet, process_of};
use crate::finding::{Cause, Finding, Result};
use crate::refresh::step_keys;
use crate::shell::quoted;
use crate::source::connection::Connections;
use crate::store::CacheKey;
use crate::ui::{self, Terminal};
use crate::world::World;

/// What tools are to run for a profile.
pub(super) fn process(world: &World) -> Result<impl Fn(&str) -> String + use<>> {
    let program = world.installed_program().map_err(|e| {
        let summary = format!("cannot locate the awsfresh executable: {e}");
        Finding::new(Cause::Unexpected, summary).remedy("start it with its whole path")
    })?;
    let Some(program) = program.to_str().map(quoted) else {
        let summary = format!("the path {} is not valid UTF-8", program.display());
        return Err(Finding::new(Cause::Usage, summary).remedy("install it elsewhere"));
    };
    Ok(move |profile: &str| process_of(&program, profile))
}

/// Fails where a line ends with CR alone: the whole file would be one line.
pub(super) fn check_line_ends(files: &AwsFiles) -> Result<()> {
    let has_old_ends = |text: &str| text.replace("\r\n", "").contains('\r');
    if files.texts().iter().any(|text| has_old_ends(text)) {
        let summary = "an AWS file has line ends that no tool reads (CR alone)";
        return Err(
            Finding::new(Cause::ConfigMalformed, summary).remedy("save both files with LF or CRLF")
        );
    }
    Ok(())
}

/// The profiles that both files would have with these texts.
pub(super) fn parsed(world: &World, config: &str, credentials: &str) -> Result<ProfileSet> {
    let parse = |path: std::path::PathBuf, kind, text: &str| {
        config::parse(&path.to_string_lossy(), kind, text.as_bytes())
    };
    Ok(ProfileSet::new(
        Some(parse(world.config_file(), FileKind::Config, config)?),
        Some(parse(
            world.credentials_file(),
            FileKind::Credentials,
            credentials,
        )?),
    ))
}

/// What decides about the credentials of a profile.
pub(super) fn identity(
    context: &Context<'_>,
    set: &ProfileSet,
    name: &str,
) -> Result<Vec<Option<CacheKey>>> {
    let chain = context.resolve(set, name)?;
    let connections = Connections::new(context.world, &chain.network);
    Ok(step_keys(&chain, context.world, &connections))
}

/// The finding for a change that must not be made.
pub(super) fn other_credentials(profile: &str) -> Finding {
    let summary = "the changed profile would have other credentials";
    Finding::new(Cause::Unexpected, summary)
        .about_profile(profile)
        .remedy("this is a bug; please report it with the section of the profile")
}

/// Asks before something changes; `is_agreed` is the answer that was given in advance.
pub(super) fn confirm(question: &str, is_agreed: bool) -> Result<()> {
    if is_agreed {
        return Ok(());
    }
    let Some(mut terminal) = ui::is_attended().then(Terminal::open).flatten() else {
        let summary = "nothing is changed: there is no terminal to ask at";
        return Err(Finding::new(Cause::Usage, summary).remedy("--yes does it without a question"));
    };
    if terminal.confirm(question) {
        return Ok(());
    }
    let summary = "nothing is changed: the answer was no";
    Err(Finding::new(Cause::Usage, summary).remedy("run it again to be asked again"))
}
