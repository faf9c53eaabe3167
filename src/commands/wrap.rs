//! `-- COMMAND`: the gate, the run, and what is to be said afterwards.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{AwsFiles, Context, write_down};
use crate::cli::{OnRenew, Wrap};
use crate::config::{Base, Chain, DefaultProfile, Overlay};
use crate::credentials::Credentials;
use crate::diagnosis::{Cause, Finding, Result};
use crate::exec::aftermath::Over;
use crate::exec::asked::{self, Answers, Asked};
use crate::exec::{CONFIG, CREDENTIALS, Delivery, Endpoint, Handed, Live, Renewal, RunDir, Spawner, changes, code, not_started};
use crate::refresh::{Refresher, Tell};
use crate::shell::quoted;
use crate::source::Identity;
use crate::store::StoreKind;
use crate::time::{Timestamp, for_people};
use crate::world::{self, World};

/// How long the look back at a failed command may take.
const POST_MORTEM: Duration = Duration::from_secs(2);
/// How long a command that is to be started again has to end.
const TO_END: Duration = Duration::from_secs(10);

/// Runs a command and returns its status. An error means that nothing was started.
pub fn run(context: &Context<'_>, wrap: &Wrap, store: Option<StoreKind>) -> Result<u8> {
    let (profile, _) = context.world.selected_profile(wrap.profile.as_deref());
    let aws = AwsFiles::read(context.world)?;
    let chain = context.resolve(&aws.profiles(context.world)?, profile)?;
    let wrapped = Wrapped { context, wrap, chain: &chain, delivery: wrap.deliver.unwrap_or_default(), store };
    wrapped.run(aws).map_err(|f| f.for_profile(profile))
}

struct Wrapped<'a> {
    context: &'a Context<'a>,
    wrap: &'a Wrap,
    chain: &'a Chain,
    delivery: Delivery,
    store: Option<StoreKind>,
}

/// What a command is given besides credentials; gone after it.
enum Place {
    Profile(Files),
    Endpoint(Files, Endpoint),
    Env,
}

impl Wrapped<'_> {
    fn world(&self) -> &World {
        self.context.world
    }

    fn refresher(&self, deadline: Instant) -> Refresher<'_> {
        Refresher::new(self.world(), self.chain, &*self.context.store, deadline, self.context.talk)
    }

    fn drill(&self) -> Option<i64> {
        self.wrap.drill.map(seconds)
    }

    fn run(&self, aws: AwsFiles) -> Result<u8> {
        let (credentials, obtained) = self.gate()?;
        let live = Arc::new(Live::new(credentials, obtained));
        let place = self.place(aws, &live)?;
        let spawner =
            Spawner::new().map_err(|e| Finding::new(Cause::Unexpected, format!("signals cannot be watched: {e}")).try_this("try again"))?;
        let began = self.world().now();
        let restart = AtomicBool::new(false);
        let code = std::thread::scope(|scope| {
            if self.delivery != Delivery::Env || self.wrap.on_renew.is_some() {
                scope.spawn(|| self.keep_fresh(&live, &spawner, &restart));
            }
            let code = self.run_to_its_end(&place, &live, &spawner, &restart);
            live.stop();
            code
        })?;
        self.look_back(&place, &live, began, code);
        if let Place::Profile(files) | Place::Endpoint(files, _) = place {
            files.keep_changes(self.context);
        }
        Ok(code)
    }

    /// Credentials that may be used: as long as asked for, and of whom is expected.
    fn gate(&self) -> Result<(Credentials, Timestamp)> {
        let world = self.world();
        let refresher = self.refresher(world.deadline()?);
        let mut credentials = refresher.obtain()?;
        let mut obtained = refresher.obtained();
        if let Some(wanted) = self.wrap.min_ttl.map(seconds)
            && self.lasts(&credentials) < wanted
        {
            self.context.talk.trace(&format!("{} left, {} asked for: renewing", for_people(self.lasts(&credentials)), for_people(wanted)));
            let forced = self.refresher(world.deadline()?).force();
            credentials = forced.obtain()?;
            obtained = forced.obtained();
            if self.lasts(&credentials) < wanted {
                return Err(self.too_short(&credentials, wanted));
            }
        }
        if self.wrap.verify || self.wrap.expect_account.is_some() || self.wrap.expect_role.is_some() {
            let identity = match refresher.identity(&credentials) {
                // From our cache, and AWS no longer takes it: once more with new ones.
                Err(finding) if matches!(finding.cause, Cause::AccessKeyUnknown | Cause::SessionExpired) => {
                    self.context.talk.trace(&format!("AWS does not take the cached credentials: asking for new ones\n{finding}"));
                    refresher.distrust();
                    credentials = refresher.obtain()?;
                    obtained = refresher.obtained();
                    refresher.identity(&credentials)?
                }
                outcome => outcome?,
            };
            self.expect(&identity)?;
            if let Some(wanted) = self.wrap.min_ttl.map(seconds)
                && self.lasts(&credentials) < wanted
            {
                return Err(self.too_short(&credentials, wanted));
            }
            self.context.talk.trace(&format!("runs as {}", identity.arn));
        } else {
            self.context.talk.trace(&format!("runs as {}", self.who(&credentials)));
        }
        if self.delivery == Delivery::Endpoint && (credentials.session_token.is_none() || credentials.expiration.is_none()) {
            return Err(Finding::new(
                Cause::Usage,
                "long-lived keys cannot be served by a container endpoint: SDKs ask for a token and an end",
            )
            .try_this("leave out --deliver endpoint"));
        }
        Ok((credentials, obtained.unwrap_or_else(|| world.now())))
    }

    /// Seconds; for ever where nothing says when.
    fn lasts(&self, credentials: &Credentials) -> i64 {
        credentials.expiration.map_or(i64::MAX, |end| end.seconds_from(self.world().now()))
    }

    fn who(&self, credentials: &Credentials) -> String {
        match (self.chain.hops.last(), &self.chain.base, &credentials.account_id) {
            (Some(hop), ..) => hop.role_arn.text.clone(),
            (None, Base::Sso { account_id, role_name, .. }, _) => format!("the SSO role {role_name} in {account_id}"),
            (None, _, Some(account)) => format!("profile `{}` in {account}", self.chain.profile),
            (None, ..) => format!("profile `{}`", self.chain.profile),
        }
    }

    fn too_short(&self, credentials: &Credentials, wanted: i64) -> Finding {
        let left = for_people(self.lasts(credentials));
        let summary = format!("new credentials last {left}, and --min-ttl asks for {}: nothing was started", for_people(wanted));
        let chain = self.chain;
        let renews = "leave out --min-ttl: the command gets new credentials whenever it asks";
        match (chain.hops.last(), &chain.base) {
            (Some(hop), base) if chain.hops.len() > 1 || !matches!(base, Base::Static { .. }) => {
                Finding::new(Cause::RoleChainingLimit, summary)
                    .seen(format!("{} is assumed from a session: AWS allows 1 h at most", hop.role_arn.text))
                    .seen(format!("role_arn at {}", hop.role_arn.origin))
                    .try_this(renews)
            }
            (Some(hop), _) => Finding::new(Cause::DurationTooLong, summary)
                .seen(match hop.duration_seconds {
                    Some(duration) => format!("duration_seconds = {duration} in profile `{}`", hop.profile),
                    None => format!("no duration_seconds in profile `{}`: AWS gives 1 h", hop.profile),
                })
                .seen(format!("role_arn at {}", hop.role_arn.origin))
                .try_this(format!(
                    "duration_seconds = {} in profile `{}`, up to the role's maximum session duration (12 h at most)",
                    wanted.max(900),
                    hop.profile
                ))
                .try_this(renews),
            (None, base) => Finding::new(Cause::DurationTooLong, summary)
                .seen(match base {
                    Base::Sso { role_name, .. } => format!("the session duration of the permission set {role_name} decides"),
                    Base::LoginSession { .. } => "credentials of an `aws login` session last 15 min".to_owned(),
                    Base::WebIdentity { .. } => "duration_seconds decides, 1 h without it".to_owned(),
                    _ => "their source decides".to_owned(),
                })
                .try_this(renews),
        }
    }

    fn expect(&self, identity: &Identity) -> Result<()> {
        let wrong = |what: String| {
            Err(Finding::new(Cause::IdentityUnexpected, format!("{what}: nothing was started"))
                .seen(format!("AWS says: {}", identity.arn))
                .try_this(format!("name another profile, or check its lines: awsfresh status -p {}", self.chain.profile)))
        };
        if let Some(account) = self.wrap.expect_account.as_ref().filter(|account| **account != identity.account) {
            return wrong(format!("these credentials are of account {}, not {account}", identity.account));
        }
        if let Some(role) = self.wrap.expect_role.as_deref().filter(|role| !is_role(identity, role)) {
            return wrong(format!("these credentials are not of the role {role}"));
        }
        Ok(())
    }

    /// The files, which may hold secrets, are let go of here: the command may run for days.
    fn place(&self, aws: AwsFiles, live: &Arc<Live>) -> Result<Place> {
        let default = match self.delivery {
            Delivery::Env => return Ok(Place::Env),
            Delivery::Profile => DefaultProfile::AsChosen,
            Delivery::Endpoint => DefaultProfile::Empty,
        };
        let files = Files::make(self.world(), &aws, &self.chain.profile, default)?;
        match self.delivery {
            Delivery::Endpoint => Ok(Place::Endpoint(files, Endpoint::start(live.clone(), &self.chain.profile, world::now, self.drill())?)),
            _ => Ok(Place::Profile(files)),
        }
    }

    fn keep_fresh(&self, live: &Live, spawner: &Spawner, restart: &AtomicBool) {
        let world = self.world();
        let obtain = || {
            let refresher = match world.time_limit() {
                Ok(limit) => self.refresher(Instant::now() + limit),
                Err(finding) => return Renewal { outcome: Err(finding), failure: None },
            };
            let outcome = refresher.obtain().map(|c| (c, refresher.obtained().unwrap_or_else(|| world.now())));
            Renewal { outcome, failure: refresher.failed_renewal() }
        };
        let renewed = || match self.wrap.on_renew {
            None => {}
            Some(OnRenew::Signal(signal)) => spawner.signal(signal),
            Some(OnRenew::Restart) => self.restart(live, spawner, restart),
        };
        live.keep_fresh(|| world.now(), obtain, renewed);
    }

    fn restart(&self, live: &Live, spawner: &Spawner, restart: &AtomicBool) {
        let Some(before) = spawner.running() else { return };
        self.context.talk.trace("credentials were renewed: ending the command to start it again");
        restart.store(true, Ordering::SeqCst);
        spawner.end();
        let patience = Instant::now() + TO_END;
        while spawner.running() == Some(before) {
            if live.stopped_within(Duration::from_millis(50)) {
                return;
            }
            if Instant::now() > patience {
                spawner.kill();
                return;
            }
        }
    }

    /// Runs the command, and again where a renewal asks for that.
    fn run_to_its_end(&self, place: &Place, live: &Live, spawner: &Spawner, restart: &AtomicBool) -> Result<u8> {
        loop {
            let mut command = self.command(place, live);
            restart.store(false, Ordering::SeqCst);
            let mut child = match spawner.spawn(&mut command) {
                Ok(child) => child,
                Err(e) => {
                    let (code, finding) = not_started(&command, &e);
                    self.context.talk.failure(&finding);
                    return Ok(code);
                }
            };
            let status = spawner.wait(&mut child).map_err(|e| Finding::new(Cause::Unexpected, format!("the command is lost: {e}")))?;
            if !restart.load(Ordering::SeqCst) {
                return Ok(code(status));
            }
        }
    }

    fn command(&self, place: &Place, live: &Live) -> Command {
        let credentials = live.credentials();
        let handed = match place {
            Place::Env => Handed::Env(&credentials),
            Place::Profile(files) => Handed::Profile { run: files.dir.path() },
            Place::Endpoint(files, endpoint) => Handed::Endpoint { run: files.dir.path(), url: endpoint.url(), token: endpoint.token() },
        };
        let (program, args) = self.wrap.command.split_first().map_or((Default::default(), &[][..]), |(first, rest)| (first.clone(), rest));
        let mut command = Command::new(program);
        command.args(args);
        for (name, value) in changes(self.world(), self.chain, &handed, self.drill()) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(store) = self.store {
            command.env("AWSFRESH_STORE", store.name());
        }
        command
    }

    /// After a drill its report; after a failure what is known of the part that credentials had in it.
    fn look_back(&self, place: &Place, live: &Live, began: Timestamp, code: u8) {
        let (world, talk) = (self.world(), self.context.talk);
        let expiration = live.credentials().expiration;
        let answers = match place {
            Place::Env => Some(Answers::and(None, Asked { at: began, expiration })),
            Place::Profile(files) => asked::read(files.dir.path()),
            Place::Endpoint(_, endpoint) => endpoint.answers(),
        };
        let command = self.wrap.command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        let command = Path::new(&*command).file_name().map_or_else(|| command.clone(), |name| name.to_string_lossy());
        let over = Over {
            command: &command,
            profile: &self.chain.profile,
            delivery: self.delivery,
            began,
            ended: world.now(),
            answers,
            expiration,
            failure: live.failure(),
        };
        if let Some(drill) = self.drill() {
            talk.note(&over.drilled(drill));
            return; // the announced end was not the real one: it proves nothing about a failure
        }
        // 126 and 127 may be ours, and more than 128 is what a person or the system did to it.
        if code == 0 || code >= 126 || self.wrap.no_post_mortem || answers.is_none() {
            return;
        }
        if let Some(finding) = over.cause_of_failure().or_else(|| self.rejected(live)) {
            talk.failure(&finding);
            write_down(world, "run", &finding);
        }
    }

    /// What AWS says of the credentials now, if it says that they are at fault.
    fn rejected(&self, live: &Live) -> Option<Finding> {
        let refresher = self.refresher(Instant::now() + POST_MORTEM);
        let finding = refresher.identity(&live.credentials()).err()?;
        let at_fault = matches!(
            finding.cause,
            Cause::AccessKeyUnknown | Cause::SecretWrong | Cause::SessionExpired | Cause::ClockSkew | Cause::RegionDisabled
        );
        if matches!(finding.cause, Cause::AccessKeyUnknown | Cause::SessionExpired) {
            refresher.distrust();
        }
        at_fault.then(|| finding.for_profile(&self.chain.profile))
    }
}

/// `--expect-role` names a role as people know it: with or without the path and suffix of an SSO role.
fn is_role(identity: &Identity, wanted: &str) -> bool {
    let Some(role) = identity.role() else { return false };
    let of_sso = || role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_')).map(|(name, _)| name);
    role == wanted || of_sso() == Some(wanted)
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// The overlay's files.
struct Files {
    dir: RunDir,
    written: String,
}

impl Files {
    fn make(world: &World, aws: &AwsFiles, profile: &str, default: DefaultProfile) -> Result<Self> {
        let program = std::env::current_exe().map_err(|e| {
            Finding::new(Cause::Unexpected, format!("this program does not find itself: {e}"))
                .try_this("--deliver env needs no second call")
        })?;
        let program = quoted(&program.to_string_lossy());
        let process = |profile: &str| format!("{program} credential-process --profile {}", quoted(profile));
        let [config, credentials] = aws.texts();
        let written = Overlay { profile, default, process: &process }.rewrite(&config, &credentials);
        let dir = RunDir::create(&world.runs_dir())?;
        dir.write(CONFIG, &written)?;
        dir.write(CREDENTIALS, "")?;
        dir.write(asked::FILE, "")?;
        Ok(Self { dir, written })
    }

    /// Whatever the command wrote into its copies is kept: they are about to be removed.
    fn keep_changes(self, context: &Context<'_>) {
        for (name, written) in [(CONFIG, self.written.as_str()), (CREDENTIALS, "")] {
            let Ok(now) = std::fs::read(self.dir.path().join(name)) else { continue };
            if now == written.as_bytes() {
                continue;
            }
            let kept = context.world.state_dir().join("kept");
            let target = kept.join(format!("{name}-{}", context.world.now().to_string().replace(':', "")));
            match crate::exec::keep(&kept, &target, &now) {
                Ok(()) => context.talk.note(&format!(
                    "the command changed its private copy of the AWS {name} file, which is removed now; the changed copy is kept as {}",
                    target.display()
                )),
                Err(e) => {
                    context.talk.warn(&format!("the command changed its private copy of the AWS {name} file, and it cannot be kept: {e}"))
                }
            }
        }
    }
}
