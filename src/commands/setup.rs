//! `setup`: makes awsfresh the `credential_process` of profiles that exist, or writes those of an SSO
//! session, and takes that back.

mod check;
mod record;
mod sso;
mod verdict;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Context, edits};
use crate::aws_files::{self, AwsFiles};
use crate::cli::Setup;
use crate::config::{self, Change, Edited, FileKind, Profile, ProfileSet};
use crate::finding::{Cause, Finding, Result};
use crate::refresh::lock_aws_files;
use crate::shell::quoted;
use crate::text::{self, Styled};
use crate::ui;
use record::Record;
use verdict::{Verdict, verdict};

/// Changes the config file, or shows what would be changed. Returns the exit code.
pub(super) fn run(context: &Context<'_>, args: &Setup) -> Result<u8> {
    if args.check {
        return check::run(context, &context.files()?, &args.profiles);
    }
    // While a person is thinking, others go on: the file is compared before it is written.
    let lock = args
        .yes
        .then(|| lock_aws_files(context.world))
        .transpose()?;
    let files = context.files()?;
    edits::check_line_ends(&files)?;
    let run = Run {
        context,
        args,
        files: &files,
        is_locked: lock.is_some(),
    };
    let plan = match &args.sso.session {
        _ if args.undo => run.undo()?,
        Some(session) => sso::plan(&run, session)?,
        None => run.set_up()?,
    };
    if plan.edited.changes.is_empty() {
        log::info!("nothing to change in {}", run.path().display());
    } else {
        ui::print_styled(&run.diff(&plan.edited.changes))?;
        if !args.dry_run {
            edits::confirm(&format!("Change {}?", run.path().display()), args.yes)?;
            run.write(&plan)?;
        }
    }
    plan.problem.map_or(Ok(0), Err)
}

/// What is to be done.
struct Plan {
    edited: Edited,
    /// Everything that was ever renamed in the file, if that changes.
    record: Option<Record>,
    /// What could not be done.
    problem: Option<Finding>,
}

/// One run of the subcommand.
struct Run<'a> {
    context: &'a Context<'a>,
    args: &'a Setup,
    files: &'a AwsFiles,
    /// Whether the AWS files are locked.
    is_locked: bool,
}

impl Run<'_> {
    fn path(&self) -> std::path::PathBuf {
        self.context.world.config_file()
    }

    /// Makes awsfresh the `credential_process` of profiles.
    fn set_up(&self) -> Result<Plan> {
        let set = self.files.profiles();
        let all = self.args.profiles.is_empty();
        let names: Vec<&str> = if all {
            set.names().collect()
        } else {
            self.args.profiles.iter().map(String::as_str).collect()
        };
        let process = edits::process(self.context.world)?;
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
        let edited = loop {
            let edited = config::set_up(&config, &chosen, &process);
            let new = edits::parsed(self.context.world, &edited.text, &credentials)?;
            match self.first_changed(&new, &chosen) {
                None => break edited,
                Some((name, finding)) if all => {
                    log::warn!("not changed: profile `{name}`: {}", finding.summary);
                    chosen.remove(&name);
                }
                Some((_, finding)) => return Err(finding),
            }
        };
        let mut record = Record::read(self.context.world)?;
        record.add(&edited.renamed);
        Ok(Plan {
            edited,
            record: Some(record),
            problem: None,
        })
    }

    /// Takes back what was done to the named profiles, or for the named session; else everything.
    fn undo(&self) -> Result<Plan> {
        let (profiles, session) = (&self.args.profiles, self.args.sso.session.as_deref());
        let [mut config, _] = self.files.texts().map(Cow::into_owned);
        let mut edited = Edited::default();
        if profiles.is_empty() {
            // From the last one to the first: line numbers stay those of the file.
            for (block, args) in sso::blocks_in(self, &config)?.iter().rev() {
                if session.is_none() || args.session.as_deref() == session {
                    let removed = config::remove_block(
                        &config,
                        block,
                        args.session.as_deref().unwrap_or_default(),
                    );
                    edited.changes.splice(0..0, removed.changes);
                    config = removed.text;
                }
            }
        }
        let mut record = None;
        if session.is_none() {
            let mut known = Record::read(self.context.world)?;
            let undone = config::undo(&config, &known.take(profiles));
            edited.changes.extend(undone.changes);
            edited.changes.sort_by_key(|change| change.line);
            config = undone.text;
            record = Some(known);
        }
        if edited.changes.is_empty() {
            let summary = format!("awsfresh has set up nothing in {}", self.path().display());
            return Err(Finding::new(Cause::Usage, summary)
                .remedy("awsfresh setup --check lists the profiles"));
        }
        self.refuse_new_duplicates(&config, &edited.changes)?;
        edited.text = config;
        Ok(Plan {
            edited,
            record,
            problem: None,
        })
    }

    /// A key that was added beside the renamed one would be there twice: Python tools would reject the
    /// whole file.
    fn refuse_new_duplicates(&self, config: &str, changes: &[Change]) -> Result<()> {
        let [_, credentials] = self.files.texts();
        let new = edits::parsed(self.context.world, config, &credentials)?;
        let (old, names) = (
            self.files.profiles(),
            changes.iter().map(|change| &change.profile),
        );
        for name in names.collect::<BTreeSet<_>>() {
            let count = |set: &ProfileSet| set.profile(name).map_or(0, |one| one.repeated().len());
            if count(&new) > count(old) {
                let summary = format!("profile `{name}` would have a key twice");
                return Err(Finding::new(Cause::ConfigDuplicate, summary)
                    .about_profile(name)
                    .remedy("remove the key that was added beside the one with awsfresh_"));
            }
        }
        Ok(())
    }

    /// The new file must mean the same credentials: no caller may end up with those of another
    /// identity. Returns the first profile for which it does not, and why.
    fn first_changed(
        &self,
        new: &ProfileSet,
        chosen: &BTreeSet<String>,
    ) -> Option<(String, Finding)> {
        let check = |name: &String| {
            let set = self.files.profiles();
            // Tools and awsfresh do not agree on what it means now.
            let is_ambiguous = set.profile(name).is_some_and(Profile::has_foreign_process);
            let after = edits::identity(self.context, new, name)?;
            if !is_ambiguous && edits::identity(self.context, set, name)? != after {
                return Err(edits::other_credentials(name));
            }
            Ok(())
        };
        chosen
            .iter()
            .find_map(|name| Some((name.clone(), check(name).err()?)))
    }

    fn diff(&self, changes: &[Change]) -> Styled {
        let mut text = Styled::default();
        let path = self.path();
        let mut profile = None;
        for change in changes {
            if profile != Some(&change.profile) {
                profile = Some(&change.profile);
                let mut place = format!("@@ {}:{}", path.display(), change.line);
                if !change.profile.is_empty() {
                    place = format!("{place} [{}]", change.profile);
                }
                let place = format!("{place} @@");
                text.paint(text::CYAN, &place).line("");
            }
            if let Some(old) = &change.old {
                text.paint(text::RED, &format!("-{}", shown(old))).line("");
            }
            if let Some(new) = &change.new {
                text.paint(text::GREEN, &format!("+{}", shown(new)))
                    .line("");
            }
        }
        text
    }

    fn write(&self, plan: &Plan) -> Result<()> {
        let world = self.context.world;
        let _lock = (!self.is_locked)
            .then(|| lock_aws_files(world))
            .transpose()?;
        let [config, _] = self.files.texts();
        aws_files::check_unchanged(world, FileKind::Config, &config)?;
        let record = || match &plan.record {
            Some(record) => record.write(self.context.world),
            None => Ok(()),
        };
        // First: a change that is not recorded could not be taken back.
        if !self.args.undo {
            record()?;
        }
        aws_files::replace(world, FileKind::Config, &config, &plan.edited.text)?;
        if self.args.undo {
            record()?;
        }
        log::info!("{}", self.summary(&plan.edited.changes));
        Ok(())
    }

    /// What was done, in one line.
    fn summary(&self, changes: &[Change]) -> String {
        let mut profiles: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for change in changes.iter().filter(|change| !change.profile.is_empty()) {
            let (has_old, has_new) = profiles.entry(&change.profile).or_insert((false, false));
            *has_old |= change.old.is_some();
            *has_new |= change.new.is_some();
        }
        let of = |kind: (bool, bool)| profiles.values().filter(|one| **one == kind).count();
        let counted = |count: usize, done: &str| match count {
            1 => format!("1 profile {done}"),
            _ => format!("{count} profiles {done}"),
        };
        let path = self.path();
        let path = path.display();
        if self.args.undo {
            return format!("{} in {path}", counted(profiles.len(), "as before"));
        }
        let takes_back = "awsfresh setup --undo takes it back";
        if self.args.sso.session.is_none() {
            return format!(
                "{} in {path}; {takes_back}",
                counted(profiles.len(), "set up")
            );
        }
        let parts = [
            (of((false, true)), "added"),
            (of((true, true)), "changed"),
            (of((true, false)), "removed"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, done)| counted(count, done)).collect();
        let session = self.args.sso.session.as_deref().unwrap_or_default();
        let undo = format!(
            "awsfresh setup --sso {} --undo removes the block",
            quoted(session)
        );
        format!("{} in {path}; {undo}", parts.join(", "))
    }
}

/// A line without the value of a secret.
fn shown(line: &str) -> &str {
    let end = line.find('=').unwrap_or(line.len());
    let key = line[..end].trim().to_ascii_lowercase();
    let is_secret = ["secret_access_key", "session_token", "security_token"];
    if is_secret.iter().any(|name| key.ends_with(name)) {
        &line[..end]
    } else {
        line
    }
}
