//! What AWS and the network answer: every probe beside the others, each with a limit of its own.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::aws_cli::{self, CliSession};
use super::facts::{EnvironmentKeys, Facts, is_aws, the_environment};
use super::{Cause, Certainty, Finding, Result};
use crate::config::{Base, Chain, Network};
use crate::credentials::Credentials;
use crate::partition;
use crate::refresh::{Refresher, Tell};
use crate::source::sso::Offers;
use crate::source::{Contact, Identity, Metadata, Sources};
use crate::store::Store;
use crate::time::Timestamp;
use crate::world::World;

/// No probe takes longer.
const LIMIT: Duration = Duration::from_secs(3);

/// Everything that was answered.
pub struct Answers {
    /// Link by link, from the base on, up to the first that failed.
    pub links: Vec<Link>,
    /// Whom the keys in the environment belong to.
    pub environment: Option<Result<Identity>>,
    /// What the machine or container offers to programs that find nothing else.
    pub ambient: Option<Result<()>>,
    /// The hosts that were asked without credentials.
    pub hosts: Vec<Host>,
    /// What the instance metadata service says, where the chain starts there.
    pub metadata: Option<Metadata>,
    /// Whether AWS takes the sessions that the AWS CLI has cached, in the order of the facts.
    pub cli_sessions: Vec<Result<Identity>>,
    /// The version of the AWS CLI, where it matters.
    pub cli_version: Option<String>,
}

/// One link of the chain.
pub struct Link {
    /// The role, or what the base is.
    pub name: String,
    /// Whom AWS takes its credentials for, or why there are none.
    pub outcome: Result<Identity>,
    /// Why AWS did not take what was cached; new credentials were got then.
    pub replaced: Option<Finding>,
    /// The same question at the partition's home region, where the region refused.
    pub at_home: Option<(String, bool)>,
    /// The home region of another partition, which knows the key.
    pub elsewhere: Option<&'static str>,
    /// Whether the credentials are those of a session.
    pub is_session: bool,
    /// Whether AWS knows them and does not say whose they are: a VPC endpoint may refuse GetCallerIdentity, nobody else can.
    pub is_unnamed: bool,
    /// What the SSO user has instead of the role that was refused.
    pub offers: Option<Offers>,
}

/// One host.
pub struct Host {
    /// Its name.
    pub name: String,
    /// What answered, or why nothing did.
    pub outcome: Result<Contact>,
    /// Seconds by which its clock is ahead of ours.
    pub skew: Option<i64>,
    /// Whether it is only there to compare with.
    pub is_home: bool,
}

impl Link {
    /// Whether the next link can be asked for with its credentials.
    pub fn is_good(&self) -> bool {
        self.outcome.is_ok() || self.is_unnamed
    }
}

impl Answers {
    /// Whether the whole chain gives credentials that AWS takes.
    pub fn work(&self) -> bool {
        self.links.last().is_some_and(Link::is_good)
    }

    /// Why the chain does not work.
    pub fn failure(&self) -> Option<&Finding> {
        self.links.iter().filter(|link| !link.is_unnamed).find_map(|link| link.outcome.as_ref().err())
    }

    /// Whom the whole chain leads to.
    pub fn identity(&self) -> Option<&Identity> {
        self.links.last().and_then(|link| link.outcome.as_ref().ok())
    }
}

/// What probing needs besides the facts.
pub struct Prober<'a> {
    /// The surroundings.
    pub world: &'a World,
    /// Where credentials are cached.
    pub store: &'a dyn Store,
    /// Who listens.
    pub tell: &'a (dyn Tell + Sync),
}

impl Prober<'_> {
    /// Asks everybody at once. Where nobody answers that takes little more than the limit of one probe; the links of a
    /// chain are asked one after the other, as each needs the one before.
    pub fn ask(&self, facts: &Facts) -> Answers {
        let chain = facts.chain.as_ref().ok();
        let bare = bare_chain(chain);
        thread::scope(|scope| {
            let links = scope.spawn(|| chain.map_or_else(Vec::new, |chain| self.walk(chain)));
            let environment = scope.spawn(|| self.environment(&facts.environment, &bare));
            let nothing = facts.named_by.is_none() && chain.is_none() && facts.environment.id.is_none();
            let ambient = scope.spawn(move || nothing.then(|| self.ambient(facts.offered.as_ref())).flatten());
            let on_machine = chain.is_some_and(|chain| matches!(chain.base, Base::InstanceMetadata { .. }))
                && !self.world.env_flag("AWS_EC2_METADATA_DISABLED");
            let metadata = scope.spawn(move || (on_machine).then(|| self.sources(&bare_chain(None)).metadata().ok()).flatten());
            // An emulator knows none of them, and need not see them.
            let of_aws = chain.filter(|_| !facts.goes_elsewhere());
            let cli_sessions: Vec<ScopedJoinHandle<'_, Result<Identity>>> = of_aws.map_or_else(Vec::new, |chain| {
                let ask = |session: &'_ CliSession| self.sources(chain).identity(&session.credentials, None);
                facts.cli_sessions.iter().map(|session| scope.spawn(move || ask(session))).collect()
            });
            let cli_version = scope.spawn(|| self.cli_version(chain?));
            let hosts: Vec<ScopedJoinHandle<'_, Host>> = hosts(self.world, chain, facts.sso_blocked.is_some())
                .into_iter()
                .map(|(url, is_home)| scope.spawn(move || self.host(&url, chain, is_home)))
                .collect();
            Answers {
                links: links.join().unwrap_or_default(),
                environment: environment.join().unwrap_or_default(),
                ambient: ambient.join().unwrap_or_default(),
                metadata: metadata.join().unwrap_or_default(),
                cli_sessions: cli_sessions.into_iter().filter_map(|session| session.join().ok()).collect(),
                cli_version: cli_version.join().unwrap_or_default(),
                hosts: hosts.into_iter().filter_map(|host| host.join().ok()).collect(),
            }
        })
    }

    fn sources<'b>(&'b self, chain: &'b Chain) -> Sources<'b> {
        Sources::new(self.world, chain, Instant::now() + LIMIT)
    }

    /// From the base to the last role, as a call for credentials would go.
    fn walk(&self, chain: &Chain) -> Vec<Link> {
        let refresher = || Refresher::new(self.world, chain, self.store, Instant::now() + LIMIT, self.tell);
        let mut links = Vec::new();
        for n in 0..refresher().links() {
            let name = match n.checked_sub(1).and_then(|i| chain.hops.get(i)) {
                Some(hop) => hop.role_arn.text.clone(),
                None => format!("source of `{}`", chain.profile),
            };
            let link = self.link(n, name, &refresher);
            let failed = !link.is_good();
            links.push(link);
            if failed {
                break;
            }
        }
        links
    }

    fn link<'b>(&self, n: usize, name: String, refresher: &dyn Fn() -> Refresher<'b>) -> Link {
        let first = refresher();
        let was_cached = first.is_cached(n);
        let mut link = Link {
            name,
            outcome: Err(Finding::new(Cause::Unexpected, "")),
            replaced: None,
            at_home: None,
            elsewhere: None,
            is_session: false,
            is_unnamed: false,
            offers: None,
        };
        let mut credentials = match first.obtain_link(n) {
            Ok(credentials) => credentials,
            Err(finding) => {
                link.offers = (finding.cause == Cause::SsoAccessRemoved).then(|| first.offers()).flatten();
                link.outcome = Err(finding);
                return link;
            }
        };
        link.outcome = self.identity(&first, &credentials, &mut link);
        let rejected = |f: &Finding| f.exit_code() == 5 && f.cause != Cause::ClockSkew && f.cause != Cause::RegionDisabled;
        // What AWS does not take is not handed out again, whoever asks next.
        if was_cached && link.at_home.as_ref().is_none_or(|(_, works)| !works) && link.outcome.as_ref().is_err_and(rejected) {
            first.distrust_link(n);
            link.replaced = link.outcome.as_ref().err().cloned();
            let again = refresher();
            match again.obtain_link(n) {
                Ok(new) => {
                    (link.at_home, link.elsewhere) = (None, None);
                    link.outcome = self.identity(&again, &new, &mut link);
                    credentials = new;
                }
                Err(finding) => {
                    link.outcome = Err(finding);
                    return link;
                }
            }
        }
        link.is_session = credentials.session_token.is_some();
        link.is_unnamed =
            link.outcome.as_ref().is_err_and(|finding| finding.cause == Cause::PermissionDenied && finding.certainty == Certainty::Certain);
        link
    }

    /// Asks in the region; where that does not know the key, at home; and where that does not, in other partitions.
    fn identity(&self, refresher: &Refresher<'_>, credentials: &Credentials, link: &mut Link) -> Result<Identity> {
        let outcome = refresher.identity(credentials);
        if let Err(finding) = &outcome
            && matches!(finding.cause, Cause::AccessKeyUnknown | Cause::RegionDisabled | Cause::SessionTokenDamaged)
            && let Ok(region) = refresher.sources().region()
        {
            let knows = |region: &str| refresher.sources().identity(credentials, Some(region)).is_ok();
            let home = partition::home_region(partition::of_region(&region));
            if home != region {
                link.at_home = Some((home.to_owned(), knows(home)));
            }
            if finding.cause == Cause::AccessKeyUnknown && !link.at_home.as_ref().is_some_and(|(_, works)| *works) {
                link.elsewhere = partition::HOMES.iter().copied().filter(|other| *other != home).find(|other| knows(other));
            }
        }
        outcome
    }

    fn environment(&self, keys: &EnvironmentKeys, chain: &Chain) -> Option<Result<Identity>> {
        let parts = keys.keys()?;
        let credentials = Credentials {
            access_key_id: parts.id.to_owned(),
            secret_access_key: keys.secret.clone()?,
            session_token: keys.session_token.clone().or(keys.security_token.clone()),
            expiration: None,
            account_id: None,
        };
        if credentials.flaw().is_some() {
            return None; // no request can be made with them, and that is told already
        }
        Some(self.sources(chain).identity(&credentials, None))
    }

    /// What SDKs fall back to.
    fn ambient(&self, offered: Option<&Base>) -> Option<Result<()>> {
        if let Some(base) = offered {
            let chain = Chain { base: base.clone(), ..bare_chain(None) };
            return Some(self.sources(&chain).base(None).map(|_| ()));
        }
        if self.world.env_flag("AWS_EC2_METADATA_DISABLED") {
            return None;
        }
        Some(match self.sources(&bare_chain(None)).metadata() {
            Ok(state) => state.finding().map_or(Ok(()), Err),
            Err(finding) => Err(finding),
        })
    }

    /// Only SSO sessions ask for a new one.
    fn cli_version(&self, chain: &Chain) -> Option<String> {
        let Base::Sso { session: Some(_), .. } = &chain.base else { return None };
        self.sources(chain).run(async { Ok(aws_cli::version(self.world, LIMIT).await) }).ok()?
    }

    fn host(&self, url: &str, chain: Option<&Chain>, is_home: bool) -> Host {
        let bare = bare_chain(chain);
        let name = url.split("://").nth(1).unwrap_or(url).trim_end_matches('/').to_owned();
        let before = self.world.now();
        let outcome = self.sources(&bare).contact(url, &name);
        let after = self.world.now();
        let midpoint = Timestamp(before.0.midpoint(after.0));
        let skew = outcome.as_ref().ok().and_then(|contact| contact.date).map(|date| date.seconds_from(midpoint));
        Host { name, outcome, skew, is_home }
    }
}

/// A chain that stands for nothing but the way to AWS.
fn bare_chain(like: Option<&Chain>) -> Chain {
    Chain {
        profile: like.map_or_else(String::new, |chain| chain.profile.clone()),
        base: Base::Environment { origin: the_environment() },
        hops: Vec::new(),
        region: like.and_then(|chain| chain.region.clone()),
        network: like.map_or_else(Network::default, |chain| chain.network.clone()),
    }
}

/// Whom to ask: STS where everything is asked, STS at home to compare with, and both SSO services where they are in the
/// way. Hosts that an override replaces are asked where that points.
fn hosts(world: &World, chain: Option<&Chain>, sso_blocked: bool) -> Vec<(String, bool)> {
    let bare = bare_chain(chain);
    let with_hops = chain.unwrap_or(&bare);
    let sources = Sources::new(world, with_hops, Instant::now());
    let Ok(region) = sources.region() else { return Vec::new() };
    let overrides = sources.overrides();
    if let Some((_, url)) = overrides.first().filter(|(_, url)| !is_aws(url)) {
        return vec![(url.clone(), false)];
    }
    let host = |service: &str, region: &str| format!("https://{service}.{region}.{}/", partition::dns_suffix(partition::of_region(region)));
    let sts = if sources.fips() { "sts-fips" } else { "sts" };
    let mut all = vec![(host(sts, &region), false)];
    let home = partition::home_region(partition::of_region(&region));
    if home != region {
        all.push((host(sts, home), true));
    }
    if let Some(Base::Sso { sso_region, .. }) = chain.map(|chain| &chain.base).filter(|_| !sso_blocked) {
        all.push((host("oidc", sso_region), false));
        all.push((host("portal.sso", sso_region), false));
    }
    all
}
