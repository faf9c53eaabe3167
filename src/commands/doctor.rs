//! `doctor`: what is wrong, or that nothing is.

use std::thread;
use std::time::Duration;

use super::{Context, answer, parsed, read_bytes};
use crate::config::{Chain, FileKind, ProfileSet};
use crate::diagnosis::facts::{Facts, Given};
use crate::diagnosis::probes::Prober;
use crate::diagnosis::{Report, Result, causes};
use crate::refresh::{Entry, Freshness, freshness, keys, token_key};
use crate::source::sso::{Session, Token};

/// Prints the diagnosis of one profile; the exit code is that of the first error.
pub fn run(context: &Context<'_>, profile: Option<&str>, offline: bool, as_json: bool) -> Result<u8> {
    let report = examine(context, profile, offline);
    if as_json {
        answer(report.to_json().to_string().as_bytes())?;
    } else {
        answer(report.to_text(&context.paint()).as_bytes())?;
    }
    Ok(report.exit_code())
}

/// Gathers, asks, concludes.
fn examine(context: &Context<'_>, profile: Option<&str>, offline: bool) -> Report {
    let mut facts = facts(context, profile, !offline);
    if !offline {
        facts.answers =
            Some(with_progress(context, || Prober { world: context.world, store: &*context.store, tell: context.talk }.ask(&facts)));
    }
    let findings = causes::all(&facts);
    Report::new(&facts, findings)
}

/// Everything that can be seen without asking anybody but the store.
pub(super) fn facts(context: &Context<'_>, profile: Option<&str>, check_store: bool) -> Facts {
    let world = context.world;
    let (mut problems, mut files) = ([None, None], [None, None]);
    let both = [(world.config_file(), FileKind::Config), (world.credentials_file(), FileKind::Credentials)];
    for (n, (path, kind)) in both.into_iter().enumerate() {
        match read_bytes(&path).and_then(|bytes| parsed(&path, kind, bytes.as_ref())) {
            Ok(file) => files[n] = file,
            Err(finding) => problems[n] = Some(finding),
        }
    }
    let [config, credentials] = files;
    let set = ProfileSet::new(config, credentials);
    let (name, named_by) = world.selected_profile(profile);
    let chain = context.resolve(&set, name).map_err(|finding| finding.for_profile(name));
    let session_token = |chain: &Chain| -> Option<Token> {
        let session = Session::of(&chain.base, world)?;
        Token::from_store(&context.store.get(&token_key(&session)).ok()??)
    };
    let cached = |chain: &Chain| -> Option<bool> {
        let key = keys(chain, world).pop()??;
        let entry = Entry::from_bytes(&key, &context.store.get(&key).ok()??)?;
        Some(freshness(entry.obtained, entry.expiration(), world.now()) != Freshness::Expired)
    };
    let given = Given {
        profile: name,
        named_by,
        problems,
        stored_token: chain.as_ref().ok().and_then(session_token),
        cached: chain.as_ref().ok().and_then(cached).unwrap_or(false),
        store: check_store.then(|| context.store.check()),
        set,
        chain,
    };
    Facts::gather(world, given)
}

/// Says on a terminal that something is being waited for.
fn with_progress<T: Send>(context: &Context<'_>, work: impl FnOnce() -> T + Send) -> T {
    if !context.world.attended {
        return work();
    }
    thread::scope(|scope| {
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        let talk = context.talk;
        scope.spawn(move || {
            if waiting.recv_timeout(Duration::from_millis(400)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                talk.note("asking AWS …");
            }
        });
        let outcome = work();
        drop(done);
        outcome
    })
}
