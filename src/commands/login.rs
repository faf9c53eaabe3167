//! `login`: sign in to SSO sessions, or start the MFA sessions of a profile.

use serde_json::{Value, json};

use super::Context;
use crate::cli::Login;
use crate::config::{self, Base, Chain, Network, ProfileSet, SsoSession};
use crate::finding::{Cause, Finding, Result};
use crate::refresh::{Refresher, SsoTokens};
use crate::signin::{Codes, Options, SignIn, SignedIn};
use crate::source::Calls;
use crate::source::sso::Session;
use crate::time::{Timestamp, human_duration};
use crate::ui::{self, Terminal};

/// An SSO session, and how it is reached.
pub(super) struct Target {
    pub(super) session: SsoSession,
    pub(super) network: Network,
}

/// Signs in to what is named, to what the profile needs, or to what a person chooses.
pub(super) fn run(context: &Context<'_>, args: &Login) -> Result<()> {
    let files = context.files()?;
    let set = files.profiles();
    let options = Options {
        device: args.device,
        no_browser: args.no_browser,
        browser: args.browser.clone(),
        port: args.port,
        force: args.force,
        share_with_cli: args.share_with_cli || context.world.share_with_cli(),
        wait: args.wait,
    };
    let sign_in = SignIn {
        world: context.world,
        store: &*context.store,
        options: &options,
    };
    let mut done = Vec::new();
    match selection(context, set, args)? {
        Selection::Profile(profile) => {
            let chain = context.resolve(set, &profile)?;
            let signed_in = for_chain(context, &sign_in, &chain, args);
            done.extend(signed_in.map_err(|finding| finding.for_profile(&profile))?);
        }
        Selection::Sessions(sessions) => {
            for target in sessions {
                let signed_in = sign_in.session(&target.session, &target.network)?;
                report(&signed_in, context.world.now());
                done.push(sso_json(&signed_in));
            }
        }
    }
    if args.json {
        ui::print_stdout(json!({"sessions": done}).to_string().as_bytes())?;
    }
    Ok(())
}

/// What to sign in to.
enum Selection {
    Profile(String),
    Sessions(Vec<Target>),
}

fn selection(context: &Context<'_>, set: &ProfileSet, args: &Login) -> Result<Selection> {
    if let Some(profile) = &args.profile {
        return Ok(Selection::Profile(profile.clone()));
    }
    if !args.sessions.is_empty() {
        let named = args.sessions.iter().map(|name| target(context, set, name));
        return named.collect::<Result<_>>().map(Selection::Sessions);
    }
    let all = every_session(context, set);
    if args.all {
        return if all.is_empty() {
            Err(no_sessions())
        } else {
            Ok(Selection::Sessions(all))
        };
    }
    let (profile, selected_by) = context.world.selected_profile(None);
    if selected_by != crate::world::SelectedBy::Nothing {
        return Ok(Selection::Profile(profile.to_owned()));
    }
    let names: Vec<String> = all
        .iter()
        .map(|one| one.session.label().to_owned())
        .collect();
    match all.len() {
        0 if set.names().any(|name| name == profile) => Ok(Selection::Profile(profile.to_owned())),
        0 => Err(no_sessions()),
        1 => Ok(Selection::Sessions(all)),
        _ => choose(context, all)
            .map(Selection::Sessions)
            .ok_or_else(|| {
                Finding::new(Cause::Usage, "there are several SSO sessions to sign in to")
                    .evidence(names.join(", "))
                    .remedy("awsfresh login SESSION, or: awsfresh login --all")
            }),
    }
}

fn no_sessions() -> Finding {
    Finding::new(Cause::Usage, "there is no SSO session to sign in to")
        .evidence("no [sso-session NAME] in the config file")
        .remedy("awsfresh login -p PROFILE, for a profile with SSO or MFA")
}

/// The `[sso-session]` of this name, reached as the first profile that names it is.
pub(super) fn target(context: &Context<'_>, set: &ProfileSet, name: &str) -> Result<Target> {
    let session = config::sso_session(set, name)?;
    let network = set.names().find_map(|profile| {
        let chain = context.resolve(set, profile).ok()?;
        match &chain.base {
            Base::Sso { session, .. } if session.name.as_deref() == Some(name) => {
                Some(chain.network)
            }
            _ => None,
        }
    });
    Ok(Target {
        session,
        network: network.unwrap_or_default(),
    })
}

/// Every `[sso-session]`, and every session of the legacy form, each once.
pub(super) fn every_session(context: &Context<'_>, set: &ProfileSet) -> Vec<Target> {
    let named = set.sso_session_names();
    let mut all: Vec<Target> = named
        .filter_map(|name| target(context, set, name).ok())
        .collect();
    for profile in set.names() {
        let Ok(chain) = context.resolve(set, profile) else {
            continue;
        };
        if let Base::Sso { session, .. } = chain.base
            && session.name.is_none()
            && all.iter().all(|known| {
                known.session.name.is_some() || known.session.start_url != session.start_url
            })
        {
            let network = chain.network;
            all.push(Target { session, network });
        }
    }
    all
}

/// Lets a person choose a session; `None` where there is none to ask.
fn choose(context: &Context<'_>, all: Vec<Target>) -> Option<Vec<Target>> {
    if !ui::is_attended() {
        return None;
    }
    let mut terminal = Terminal::open()?;
    let now = context.world.now();
    let width = all
        .iter()
        .map(|one| one.session.label().chars().count())
        .max()?;
    for (number, one) in (1..).zip(&all) {
        let label = one.session.label();
        ui::say(&format!(
            "{number:3}  {label:width$}  {}",
            state(context, one, now)
        ));
    }
    let answer = terminal.ask(&format!("Sign in to which (1-{}, or a name)? ", all.len()))?;
    let number = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let mut chosen = all
        .into_iter()
        .enumerate()
        .filter(|(at, one)| number == Some(*at) || one.session.label() == answer);
    let (_, target) = chosen.next()?;
    Some(vec![target])
}

/// The state of a session in a few words, without asking AWS.
fn state(context: &Context<'_>, target: &Target, now: Timestamp) -> String {
    let session = Session::new(&target.session, context.world);
    let Ok(deadline) = context.world.deadline() else {
        return String::new();
    };
    let calls = Calls::new(context.world, &target.network, deadline);
    let tokens = SsoTokens::new(&session, &calls, &*context.store).all();
    match tokens.first() {
        None => "not signed in".to_owned(),
        Some(token) if token.is_valid(now) => {
            let left = human_duration(token.expires().seconds_from(now));
            format!("signed in, {left} left")
        }
        Some(token) if token.is_refreshable(now) => "can be renewed".to_owned(),
        Some(token) => {
            let ago = human_duration(now.seconds_from(token.expires()));
            format!("expired {ago} ago")
        }
    }
}

/// Signs in to all that a chain needs.
fn for_chain(
    context: &Context<'_>,
    sign_in: &SignIn<'_>,
    chain: &Chain,
    args: &Login,
) -> Result<Vec<Value>> {
    let mut done = Vec::new();
    if let Base::Sso { session, .. } = &chain.base {
        let signed_in = sign_in.session(session, &chain.network)?;
        report(&signed_in, context.world.now());
        done.push(sso_json(&signed_in));
    }
    if chain.hops.iter().any(|hop| hop.mfa_serial.is_some()) {
        done.extend(start_mfa(context, chain, args)?);
    }
    if let (Base::LoginSession { arn, profile }, true) = (&chain.base, done.is_empty()) {
        let summary = format!("profile `{profile}` signs in with `aws login`, of the AWS CLI");
        return Err(Finding::new(Cause::Usage, summary)
            .about_profile(&chain.profile)
            .evidence(format!("login_session at {}", arn.origin))
            .remedy(format!(
                "aws login --profile {}",
                crate::shell::quoted(profile)
            )));
    }
    if done.is_empty() {
        let name = &chain.profile;
        log::info!("profile `{name}` needs no sign-in: it has neither SSO nor mfa_serial");
    }
    Ok(done)
}

/// Starts the MFA sessions of a chain by obtaining its credentials.
fn start_mfa(context: &Context<'_>, chain: &Chain, args: &Login) -> Result<Vec<Value>> {
    let mut codes = Codes::new(args.mfa_code.clone(), true).renew(args.force);
    if let Some(seconds) = args.duration {
        codes = codes.duration(seconds);
    }
    let (world, store) = (context.world, &*context.store);
    let refresher = Refresher::new(world, chain, store, world.deadline()?).codes(&codes);
    let refresher = if args.force {
        refresher.force()
    } else {
        refresher
    };
    let role = refresher.obtain()?;
    let was_valid = refresher.codes_needed() == 0;
    let mut done = Vec::new();
    for (step, hop) in (1..).zip(&chain.hops) {
        let Some(serial) = &hop.mfa_serial else {
            continue;
        };
        let (what, end) = match refresher.cached_mfa_session(step) {
            Some(entry) => ("MFA session", Some(entry.expiration())),
            // The code went into AssumeRole itself, or nothing is cached.
            None => ("role", role.expiration),
        };
        let left = end.map_or("no expiration".to_owned(), |end| {
            format!("{} left", human_duration(end.seconds_from(world.now())))
        });
        let already = if was_valid { "already valid: " } else { "" };
        log::info!("{already}{what} of {serial}, {left}");
        done.push(json!({
            "kind": "mfa",
            "session": serial,
            "was_valid": was_valid,
            "expiration": end.map(|end| end.to_string()),
            "renewable": hop.mfa_process.is_some(),
        }));
    }
    Ok(done)
}

fn report(signed_in: &SignedIn, now: Timestamp) {
    let SignedIn {
        label,
        expires,
        refreshable,
        was_valid,
        place,
    } = signed_in;
    let left = human_duration(expires.seconds_from(now));
    let already = if *was_valid { "already " } else { "" };
    let renewal = if *refreshable {
        "renewed without a person until the session ends"
    } else {
        "not renewable: sign in again then"
    };
    log::info!("{already}signed in to SSO session `{label}`: {left} left, {renewal}");
    log::debug!("the token is in {place}");
}

fn sso_json(signed_in: &SignedIn) -> Value {
    json!({
        "kind": "sso",
        "session": signed_in.label,
        "was_valid": signed_in.was_valid,
        "expiration": signed_in.expires.to_string(),
        "renewable": signed_in.refreshable,
    })
}
