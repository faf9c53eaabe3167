//! `setup --sso`: the profiles for the roles of an SSO session, in a block of the config file.

use std::time::{Duration, Instant};

use super::{Plan, Run};
use crate::cli::{Cli, Setup, SsoSetup, Subcommand};
use crate::commands::{edits, sessions};
use crate::config::{
    self, AccountRole, Base, Block, Entry, NameTemplate, Network, NewBlock, ProfileSet, Rules,
    SsoProfile, plain_start_url,
};
use crate::finding::{Cause, Finding, Result, remedy};
use crate::refresh::SsoTokens;
use crate::shell::words;
use crate::signin::can_cure;
use crate::source::Calls;
use crate::source::sso::{Lister, Listing, Session, Token};
use crate::text::listed;
use crate::ui::Progress;

/// How long it may take to list the accounts.
const ACCOUNTS_TIME: Duration = Duration::from_secs(120);
/// How long each account may take.
const ACCOUNT_TIME: Duration = Duration::from_secs(2);
/// So many names are written out.
const NAMES: usize = 5;

/// The new file for the session `name`.
pub(super) fn plan(run: &Run<'_>, name: &str) -> Result<Plan> {
    let [config, credentials] = run.files.texts();
    let old = blocks_in(run, &config)?
        .into_iter()
        .find(|(_, args)| args.session.as_deref() == Some(name));
    let remembered = old
        .as_ref()
        .map(|(_, args)| args.clone())
        .unwrap_or_default();
    let old = old.map(|(block, _)| block);
    let args = run.args.sso.or(&remembered);
    let rest = match &old {
        Some(block) => config::remove_block(&config, block, name).text,
        None => config.to_string(),
    };
    let others = edits::parsed(run.context.world, &rest, &credentials)?;
    let target = Target::new(run, &others, &rest, name, &args)?;
    let listing = list(run, &target).map_err(|finding| match &target.section {
        // The session is not in the file yet: `login` would not find it.
        Some(_) if can_cure(&finding) => Finding {
            remedy: vec!["run it at a terminal: it offers to sign in".into()],
            ..finding
        },
        _ => finding,
    })?;

    let old_profiles = old.as_ref().map(|block| block.profiles.as_slice());
    let old_profiles = old_profiles.unwrap_or_default();
    let merged = merged(name, old_profiles, &remembered, &listing, &args)?;
    let (taken, profiles): (Vec<_>, Vec<_>) = merged
        .into_iter()
        .partition(|one| others.profile(&one.name).is_some());
    if !taken.is_empty() {
        let names = listed(taken.iter().map(|one| &one.name), NAMES);
        log::warn!(
            "not written, because there are profiles of this name outside the block: {names}"
        );
    }
    let process = edits::process(run.context.world)?;
    let entries: Vec<Entry> = profiles
        .into_iter()
        .map(|profile| Entry {
            process: process(&profile.name),
            profile,
        })
        .collect();
    let new = NewBlock {
        command: &args.command(),
        session: name,
        section: target
            .section
            .as_ref()
            .map(|(url, region)| (url.as_str(), region.as_str())),
        entries: &entries,
    };
    if entries.is_empty() && listing.is_complete() {
        return Err(nothing_listed(name, &listing));
    }
    let edited = config::write_block(&config, old.as_ref(), &new);
    check(run, &edited.text, name, &entries)?;
    Ok(Plan {
        edited,
        record: None,
        problem: listing
            .problem
            .map(|finding| partial(finding, &listing.missing)),
    })
}

/// The profiles of the block: the old ones, which were written with the arguments `remembered`,
/// merged with what is listed now.
fn merged(
    session: &str,
    old: &[SsoProfile],
    remembered: &SsoSetup,
    listing: &Listing,
    args: &SsoSetup,
) -> Result<Vec<SsoProfile>> {
    let roles = listing
        .roles
        .iter()
        .map(|(account, role)| AccountRole::new(&account.id, &account.name, role));
    let template = |args: &SsoSetup| args.name_template.clone().unwrap_or_default();
    let (old_template, template) = (template(remembered), template(args));
    config::merge(
        old,
        &rules(session, remembered, &old_template),
        roles.collect(),
        &rules(session, args, &template),
        listing.is_complete(),
    )
}

fn rules<'a>(session: &'a str, args: &'a SsoSetup, template: &'a NameTemplate) -> Rules<'a> {
    Rules {
        session,
        template,
        filter: &args.filter,
        exclude: &args.exclude,
        regions: &args.region,
    }
}

/// The blocks of the file, with the arguments that wrote them.
pub(super) fn blocks_in(run: &Run<'_>, config: &str) -> Result<Vec<(Block, SsoSetup)>> {
    let damaged = |line: usize, what: &str| {
        let summary = format!("line {line} of {} {what}", run.path().display());
        Finding::new(Cause::ConfigMalformed, summary)
            .remedy(remedy!("correct or remove line {}", line))
    };
    let blocks = config::blocks(config)
        .map_err(|line| damaged(line, "begins a block of awsfresh setup that has no end"))?;
    let with_arguments = blocks.into_iter().map(|block| {
        let words: Vec<_> = words(&block.command).into_iter().map(Into::into).collect();
        match Cli::from_args(&words).map(|cli| cli.subcommand) {
            Ok(Some(Subcommand::Setup(Setup { sso, .. }))) if sso.session.is_some() => {
                Ok((block, sso))
            }
            _ => Err(damaged(block.line(), "is no command of awsfresh")),
        }
    });
    with_arguments.collect()
}

/// The session, and how it is reached.
struct Target {
    reached: sessions::Target,
    /// The start URL and region, where the section is a part of the block.
    section: Option<(String, String)>,
}

impl Target {
    fn new(
        run: &Run<'_>,
        others: &ProfileSet,
        rest: &str,
        name: &str,
        args: &SsoSetup,
    ) -> Result<Self> {
        let wanted = args.start_url.clone().zip(args.sso_region.clone());
        let is_known = others.sso_session(name).is_some();
        if is_known || wanted.is_none() {
            let reached = sessions::target(run.context, others, name).map_err(|finding| {
                if is_known {
                    return finding;
                }
                finding.remedy(remedy!(
                    "awsfresh setup --sso {} --start-url URL --sso-region REGION adds it",
                    name
                ))
            })?;
            let session = &reached.session;
            if let Some((url, region)) = wanted
                && (plain_start_url(&session.start_url), &session.region)
                    != (plain_start_url(&url), &region)
            {
                let summary =
                    format!("[sso-session {name}] exists, with another start URL or region");
                return Err(Finding::new(Cause::SourceConflict, summary)
                    .evidence(format!("{} in {}", session.start_url, session.region))
                    .remedy("choose another name for the new session"));
            }
            return Ok(Self {
                reached,
                section: None,
            });
        }
        let (url, region) = wanted.unwrap_or_default();
        let text =
            format!("{rest}\n[sso-session {name}]\nsso_start_url = {url}\nsso_region = {region}\n");
        let session = config::sso_session(&edits::parsed(run.context.world, &text, "")?, name)?;
        let network = sessions::target(run.context, run.files.profiles(), name);
        let network = network.map_or_else(|_| Network::default(), |known| known.network);
        Ok(Self {
            reached: sessions::Target { session, network },
            section: Some((url, region)),
        })
    }
}

/// Everything that the user has. Signs in where that is needed and a person is there.
fn list(run: &Run<'_>, target: &Target) -> Result<Listing> {
    let (context, sessions::Target { session, network }) = (run.context, &target.reached);
    context.offering_sign_in_to(Some(session), network, || {
        let calls = Calls::new(context.world, network, context.world.deadline()?);
        let portal = Session::new(session, context.world);
        let tokens = SsoTokens::new(&portal, &calls, &*context.store);
        let token = tokens.obtain(None)?;
        match list_with(&calls, &portal, &token) {
            Err(finding) if finding.cause == Cause::SsoSessionExpired => {
                list_with(&calls, &portal, &tokens.obtain(Some(token.access()))?)
            }
            outcome => outcome,
        }
    })
}

fn list_with(calls: &Calls<'_>, session: &Session<'_>, token: &Token) -> Result<Listing> {
    let lister = Lister::new(calls, session, token.access())?;
    let (accounts, problem) = calls.run_within(ACCOUNTS_TIME, lister.accounts())?;
    let count = accounts.len();
    let progress = Progress::new("listing the roles of the accounts", count);
    let time = ACCOUNTS_TIME + ACCOUNT_TIME * u32::try_from(count).unwrap_or(u32::MAX / 2);
    let roles = async {
        Ok(lister
            .roles(accounts, Instant::now() + time, || progress.advance())
            .await)
    };
    let mut listing = calls.run_within(time + ACCOUNTS_TIME, roles)?;
    listing.problem = problem.or(listing.problem);
    Ok(listing)
}

/// Each profile must be what it is named for.
fn check(run: &Run<'_>, config: &str, session: &str, entries: &[Entry]) -> Result<()> {
    let [_, credentials] = run.files.texts();
    let set = edits::parsed(run.context.world, config, &credentials)?;
    for SsoProfile { name, role, .. } in entries.iter().map(|entry| &entry.profile) {
        let chain = run.context.resolve(&set, name)?;
        let is_right = match &chain.base {
            Base::Sso {
                session: found,
                account_id,
                role_name,
            } => {
                found.name.as_deref() == Some(session)
                    && (account_id, role_name) == (&role.account_id, &role.role_name)
                    && chain.hops.is_empty()
            }
            _ => false,
        };
        if !is_right {
            return Err(edits::other_credentials(name));
        }
    }
    Ok(())
}

fn nothing_listed(session: &str, listing: &Listing) -> Finding {
    let summary = format!("there is no role to write for SSO session `{session}`");
    let seen = match listing.roles.len() {
        0 => "the SSO portal lists none".to_owned(),
        count => format!("the SSO portal lists {count}; none is selected or has a free name"),
    };
    Finding::new(Cause::Usage, summary).evidence(seen).remedy(
        "check --filter and --exclude; awsfresh setup --sso SESSION --undo removes the block",
    )
}

/// What is known was written; nothing was removed.
fn partial(cause: Finding, missing: &[crate::source::sso::Account]) -> Finding {
    let finding = Finding {
        summary: format!("not every role could be listed: {}", cause.summary),
        ..cause
    };
    let names = listed(
        missing
            .iter()
            .map(|account| format!("{} ({})", account.name, account.id)),
        NAMES,
    );
    let finding = match missing.len() {
        0 => finding,
        count => finding.evidence(format!(
            "accounts without a list of roles: {count}: {names}"
        )),
    };
    finding
        .evidence("no profile was removed")
        .remedy("run it again: it adds what is missing")
}
