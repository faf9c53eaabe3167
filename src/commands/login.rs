//! `login`: sign in to SSO sessions, or start the MFA sessions of a profile.

use serde_json::{Value, json};

use super::Context;
use super::sessions::{Target, every_session, renew_credentials_from, target};
use crate::cli::Login;
use crate::config::{Base, Chain, Network, ProfileSet, SsoSession};
use crate::finding::{Cause, Finding, Result, profile_option, remedy};
use crate::refresh::{Mfa, Refresher, Renew};
use crate::signin::{Codes, Options, SignIn, SignedIn, choose, require_store};
use crate::time::{Timestamp, human_duration};
use crate::ui;
use crate::world::SelectedBy;

/// Signs in to what is named, to what the profile needs, or to what a person chooses. Continues
/// after a failure, and returns the first one.
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
    let login = Run {
        context,
        set,
        sign_in: SignIn {
            world: context.world,
            store: &*context.store,
            options: &options,
        },
        args,
    };
    let (mut done, mut first) = (Vec::new(), None);
    let outcomes = match selection(context, set, args)? {
        Selection::Profile(profile) => {
            let chain = context.resolve(set, &profile)?;
            login.chain(&chain)
        }
        Selection::Sessions(sessions) => sessions
            .into_iter()
            .map(|target| {
                let target = target?;
                login.sso(&target.session, &target.network)
            })
            .collect(),
    };
    for outcome in outcomes {
        match outcome {
            Ok(signed_in) => done.push(signed_in),
            Err(finding) if first.is_none() => first = Some(finding),
            Err(finding) => ui::error(&finding),
        }
    }
    if args.json && (!done.is_empty() || first.is_none()) {
        ui::print_json(json!({"sessions": done}))?;
    }
    first.map_or(Ok(()), Err)
}

/// What to sign in to.
enum Selection {
    Profile(String),
    Sessions(Vec<Result<Target>>),
}

fn selection(context: &Context<'_>, set: &ProfileSet, args: &Login) -> Result<Selection> {
    if let Some(profile) = &args.profile {
        return Ok(Selection::Profile(profile.clone()));
    }
    if !args.sessions.is_empty() {
        // A name that is wrong is told before a browser opens.
        let named = args.sessions.iter().map(|name| target(context, set, name));
        let named = named.collect::<Result<Vec<_>>>()?;
        return Ok(Selection::Sessions(named.into_iter().map(Ok).collect()));
    }
    let all = every_session(context, set);
    let none = || {
        Finding::new(Cause::Usage, "there is no SSO session to sign in to")
            .evidence("no [sso-session NAME] in the config file")
            .remedy("awsfresh login -p PROFILE, for a profile with SSO or MFA")
            .remedy("or awsfresh setup --sso NAME --start-url URL --sso-region REGION")
    };
    if args.all {
        return if all.is_empty() {
            Err(none())
        } else {
            Ok(Selection::Sessions(all))
        };
    }
    let (profile, selected_by) = context.world.selected_profile(None);
    if selected_by != SelectedBy::Nothing {
        return Ok(Selection::Profile(profile.to_owned()));
    }
    match all.len() {
        0 if set.names().any(|name| name == profile) => Ok(Selection::Profile(profile.to_owned())),
        0 => Err(none()),
        1 => Ok(Selection::Sessions(all)),
        _ => {
            let usable: Vec<Target> = all.into_iter().filter_map(Result::ok).collect();
            let listed: Vec<_> = usable
                .iter()
                .map(|one| (&one.session, &one.network))
                .collect();
            let chosen = choose(context.world, &*context.store, &listed);
            let names: Vec<&str> = usable.iter().map(|one| one.session.label()).collect();
            let several =
                Finding::new(Cause::Usage, "there are several SSO sessions to sign in to")
                    .evidence(names.join(", "))
                    .remedy("awsfresh login SESSION, or: awsfresh login --all");
            let chosen = chosen.and_then(|at| usable.into_iter().nth(at));
            let chosen = chosen.ok_or(several)?;
            Ok(Selection::Sessions(vec![Ok(chosen)]))
        }
    }
}

/// One run of the subcommand.
struct Run<'a> {
    context: &'a Context<'a>,
    set: &'a ProfileSet,
    sign_in: SignIn<'a>,
    args: &'a Login,
}

impl Run<'_> {
    fn now(&self) -> Timestamp {
        self.context.world.now()
    }

    /// Signs in to one session.
    fn sso(&self, session: &SsoSession, network: &Network) -> Result<Value> {
        let SignedIn { facts, was_valid } = self.sign_in.sign_in(session, network)?;
        if !was_valid {
            renew_credentials_from(self.context, self.set, session);
        }
        let already = if was_valid { "already " } else { "" };
        let renewal = if facts.refreshable {
            "; then renewed without a person"
        } else {
            "; then sign in again"
        };
        log::info!(
            "{already}signed in to SSO session `{}` until {}{renewal}",
            facts.label,
            self.until(facts.expires)
        );
        log::debug!("the token is in {}", facts.place);
        Ok(json!({
            "kind": "sso",
            "session": facts.label,
            "was_valid": was_valid,
            "expiration": facts.expires.to_string(),
            "renewable": facts.refreshable,
        }))
    }

    /// A time and the time left until then.
    fn until(&self, end: Timestamp) -> String {
        format!("{end} ({})", human_duration(end.seconds_from(self.now())))
    }

    /// Signs in to all that a chain needs; stops at the first failure, because every step needs the
    /// one before.
    fn chain(&self, chain: &Chain) -> Vec<Result<Value>> {
        let name = &chain.profile;
        let mut done = Vec::new();
        if let Some(session) = chain.sso_session() {
            done.push(self.sso(session, &chain.network));
        }
        if done.iter().all(Result::is_ok) && chain.hops.iter().any(|hop| hop.mfa_serial.is_some()) {
            match self.mfa(chain) {
                Ok(started) => done.extend(started.into_iter().map(Ok)),
                Err(finding) => done.push(Err(finding)),
            }
        }
        if let (Base::LoginSession { arn, profile }, true) = (&chain.base, done.is_empty()) {
            let summary = format!("profile `{profile}` signs in with `aws login`, of the AWS CLI");
            let finding = Finding::new(Cause::Usage, summary)
                .about_profile(name)
                .evidence(format!("login_session at {}", arn.origin))
                .remedy(remedy!(
                    "aws login {}",
                    profile_option("--profile", profile)
                ));
            done.push(Err(finding));
        }
        if done.is_empty() {
            log::info!("profile `{name}` needs no sign-in: it has neither SSO nor mfa_serial");
        }
        let named = |outcome: Result<Value>| outcome.map_err(|finding| finding.for_profile(name));
        done.into_iter().map(named).collect()
    }

    /// Starts the MFA sessions of a chain, and checks that its roles can be assumed with them.
    fn mfa(&self, chain: &Chain) -> Result<Vec<Value>> {
        let (world, args) = (self.context.world, self.args);
        require_store(&*self.context.store, "MFA session")?;
        let codes = Codes::new(args.mfa_code.clone(), true);
        let mut mfa = Mfa::new(&codes);
        mfa.renew = if args.force {
            Renew::Always
        } else {
            Renew::Due
        };
        if let Some(seconds) = args.duration {
            mfa.duration = seconds;
        }
        let refresher = Refresher::new(world, chain, &*self.context.store, world.deadline()?);
        let refresher = refresher.mfa(mfa);
        let started = refresher.start_mfa()?;
        refresher.obtain()?;
        let mut done = Vec::new();
        for one in started {
            let until = match one.expiration {
                Some(end) => format!("until {}", self.until(end)),
                None => "without an end".to_owned(),
            };
            let what = if one.was_valid {
                "MFA session is already valid"
            } else {
                "MFA session started"
            };
            log::info!("{what}, {until}: {}", one.serial);
            done.push(json!({
                "kind": "mfa",
                "session": one.serial,
                "was_valid": one.was_valid,
                "expiration": one.expiration.map(|end| end.to_string()),
                "renewable": one.unattended,
            }));
        }
        Ok(done)
    }
}
