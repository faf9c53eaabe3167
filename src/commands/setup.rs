//! `setup`: makes awsfresh the `credential_process` of profiles that exist, and takes that back.

mod check;
mod record;
mod verdict;

use std::collections::BTreeSet;

use super::Context;
use crate::aws_files::AwsFiles;
use crate::cli::Setup;
use crate::config::{self, Change, Edited, FileKind, ProfileSet, process_of};
use crate::files;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::refresh::step_keys;
use crate::shell::quoted;
use crate::source::connection::Connections;
use crate::store::CacheKey;
use crate::text::{self, Styled};
use crate::ui::{self, Terminal};
use record::Record;
use verdict::{Verdict, verdict};

/// Changes the config file, or shows what would be changed. Returns the exit code.
pub(super) fn run(context: &Context<'_>, args: &Setup) -> Result<u8> {
    let files = context.files()?;
    let run = Run {
        context,
        args,
        files: &files,
    };
    if args.check {
        return check::run(context, &files, &args.profiles);
    }
    let record = Record::read(context.world)?;
    let (edited, record) = if args.undo {
        run.undo(record)?
    } else {
        run.set_up(record)?
    };
    if edited.changes.is_empty() {
        log::info!("nothing to change in {}", run.path().display());
        return Ok(0);
    }
    ui::print_styled(&run.diff(&edited.changes))?;
    if args.dry_run {
        return Ok(0);
    }
    run.confirm()?;
    run.write(&edited, &record)?;
    Ok(0)
}

/// One run of the subcommand.
struct Run<'a> {
    context: &'a Context<'a>,
    args: &'a Setup,
    files: &'a AwsFiles,
}

impl Run<'_> {
    fn path(&self) -> std::path::PathBuf {
        self.context.world.config_file()
    }

    /// The new file, and the record of everything that was ever changed in it.
    fn set_up(&self, mut record: Record) -> Result<(Edited, Record)> {
        let set = self.files.profiles();
        let all = self.args.profiles.is_empty();
        let names: Vec<&str> = if all {
            set.names().collect()
        } else {
            self.args.profiles.iter().map(String::as_str).collect()
        };
        let process = self.process()?;
        let mut chosen = BTreeSet::new();
        for name in names {
            match verdict(self.context, set, name, &process(name)) {
                Verdict::Change => drop(chosen.insert(name.to_owned())),
                Verdict::Done => {}
                Verdict::Refused(finding) if !all => return Err(finding.for_profile(name)),
                Verdict::Refused(finding) => {
                    log::info!("not changed: {}", finding.summary);
                }
            }
        }
        let [config, credentials] = self.files.texts();
        let edited = config::set_up(&config, &chosen, process);
        self.check_identities(&edited.text, &credentials, &chosen)?;
        record.add(&edited.renamed);
        Ok((edited, record))
    }

    fn undo(&self, mut record: Record) -> Result<(Edited, Record)> {
        let undone = record.take(&self.args.profiles);
        if undone.is_empty() {
            let summary = format!("awsfresh has set up nothing in {}", self.path().display());
            return Err(Finding::new(Cause::Usage, summary)
                .remedy("awsfresh setup --check lists the profiles"));
        }
        let [config, _] = self.files.texts();
        Ok((config::undo(&config, &undone), record))
    }

    /// What tools are to run for a profile.
    fn process(&self) -> Result<impl Fn(&str) -> String + use<>> {
        let program = self.context.world.installed_program().map_err(|e| {
            Finding::new(
                Cause::Unexpected,
                format!("cannot locate the awsfresh executable: {e}"),
            )
            .remedy("start it with its whole path")
        })?;
        let Some(program) = program.to_str().map(quoted) else {
            let summary = format!("the path {} is not valid UTF-8", program.display());
            return Err(Finding::new(Cause::Usage, summary).remedy("install it elsewhere"));
        };
        Ok(move |profile: &str| process_of(&program, profile))
    }

    /// The new file must mean the same credentials: no caller may end up with those of another
    /// identity.
    fn check_identities(
        &self,
        config: &str,
        credentials: &str,
        chosen: &BTreeSet<String>,
    ) -> Result<()> {
        let parse =
            |kind, text: &str| config::parse(&self.path().to_string_lossy(), kind, text.as_bytes());
        let set = ProfileSet::new(
            Some(parse(FileKind::Config, config)?),
            Some(parse(FileKind::Credentials, credentials)?),
        );
        for name in chosen {
            let (before, after) = (
                self.keys(self.files.profiles(), name)?,
                self.keys(&set, name)?,
            );
            if before != after {
                let summary = "the changed profile would have other credentials";
                return Err(Finding::new(Cause::Unexpected, summary)
                    .about_profile(name)
                    .remedy("this is a bug; please report it with the section of the profile"));
            }
        }
        Ok(())
    }

    /// What decides about the credentials of a profile.
    fn keys(&self, set: &ProfileSet, name: &str) -> Result<Vec<Option<CacheKey>>> {
        let chain = self.context.resolve(set, name)?;
        let connections = Connections::new(self.context.world, &chain.network);
        Ok(step_keys(&chain, self.context.world, &connections))
    }

    fn diff(&self, changes: &[Change]) -> Styled {
        let mut text = Styled::default();
        let path = self.path();
        let mut profile = None;
        for change in changes {
            if profile != Some(&change.profile) {
                profile = Some(&change.profile);
                let place = format!(
                    "@@ {}:{} [{}] @@",
                    path.display(),
                    change.line,
                    change.profile
                );
                text.paint(text::CYAN, &place).line("");
            }
            if let Some(old) = &change.old {
                text.paint(text::RED, &format!("-{old}")).line("");
            }
            if let Some(new) = &change.new {
                text.paint(text::GREEN, &format!("+{new}")).line("");
            }
        }
        text
    }

    fn confirm(&self) -> Result<()> {
        if self.args.yes {
            return Ok(());
        }
        let terminal = ui::is_attended().then(Terminal::open).flatten();
        let Some(mut terminal) = terminal else {
            let summary = "nothing is changed: there is no terminal to ask at";
            return Err(Finding::new(Cause::Usage, summary)
                .remedy("--yes changes the file without a question"));
        };
        let question = format!("Change {}?", self.path().display());
        if terminal.confirm(&question) {
            return Ok(());
        }
        Err(Finding::new(Cause::Usage, "nothing is changed").remedy("--dry-run asks no question"))
    }

    fn write(&self, edited: &Edited, record: &Record) -> Result<()> {
        let path = self.path();
        let failed = |e: std::io::Error| {
            let summary = format!("cannot change {}: {e}", path.display());
            Finding::new(Cause::FilePermissions, summary).remedy(remedy!("ls -l {}", path))
        };
        let [config, _] = self.files.texts();
        if AwsFiles::read(self.context.world).texts()[0] != config {
            let summary = format!("{} was changed meanwhile", path.display());
            return Err(Finding::new(Cause::ConfigUnreadable, summary).remedy("try again"));
        }
        // First: a change that is not recorded could not be taken back.
        let added = (!self.args.undo).then_some(record);
        added.map_or(Ok(()), |record| record.write(self.context.world))?;
        files::rewrite(&path, edited.text.as_bytes()).map_err(failed)?;
        if self.args.undo {
            record.write(self.context.world)?;
        }
        let profiles: BTreeSet<&str> = edited.changes.iter().map(|c| c.profile.as_str()).collect();
        let (count, path) = (profiles.len(), path.display());
        let noun = if count == 1 { "profile" } else { "profiles" };
        if self.args.undo {
            log::info!("{count} {noun} in {path} as before");
        } else {
            log::info!("{count} {noun} set up in {path}; awsfresh setup --undo takes it back");
        }
        Ok(())
    }
}
