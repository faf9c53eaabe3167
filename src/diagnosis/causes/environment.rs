//! The environment: keys in it, and what it changes for everybody.

use crate::config::{Base, is_region, region_fix};
use crate::diagnosis::facts::{Facts, in_environment, is_aws};
use crate::diagnosis::keys::flaws;
use crate::diagnosis::{Cause, Finding, Severity};
use crate::partition;
use crate::shell::quoted;
use crate::time::{Timestamp, for_people};

const UNSET: &str = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = keys(facts);
    let broken = found.iter().any(|finding| finding.severity == Severity::Error);
    if let Some(finding) = shadows(facts, broken) {
        found.insert(0, finding);
    }
    found.extend(two_profiles(facts));
    found.extend(container_or_default(facts));
    found.extend(regions(facts));
    found.extend(overrides(facts));
    found.extend(proxies(facts));
    found
}

/// Whether an explicitly named profile makes the environment's keys idle for tools that are told so.
fn is_idle(facts: &Facts) -> bool {
    facts.named_by == Some("--profile")
}

fn keys(facts: &Facts) -> Vec<Finding> {
    let env = &facts.environment;
    let mut found = Vec::new();
    let graded = |finding: Finding| if is_idle(facts) { finding.warning() } else { finding };
    match (&env.id, &env.secret) {
        (Some(_), None) => found.push(graded(
            in_environment(Cause::MixedCredentialParts, "AWS_ACCESS_KEY_ID", "has no AWS_SECRET_ACCESS_KEY beside it")
                .try_this("unset AWS_ACCESS_KEY_ID")
                .try_this("or export both"),
        )),
        (None, Some(_)) => found.push(graded(
            in_environment(Cause::MixedCredentialParts, "AWS_SECRET_ACCESS_KEY", "has no AWS_ACCESS_KEY_ID beside it")
                .try_this("unset AWS_SECRET_ACCESS_KEY")
                .try_this("or export both"),
        )),
        (None, None) if env.session_token.is_some() => found.push(
            in_environment(Cause::MixedCredentialParts, "AWS_SESSION_TOKEN", "is left over: no key is beside it")
                .try_this("unset AWS_SESSION_TOKEN")
                .warning(),
        ),
        _ => {}
    }
    if let Some(keys) = env.keys() {
        for flaw in flaws(keys) {
            if flaw.cause == Cause::PlaceholderCredentials && facts.goes_elsewhere() {
                continue;
            }
            let finding = in_environment(flaw.cause, flaw.part.variable(), flaw.what);
            let finding = match flaw.cause {
                Cause::StaleSessionToken => finding.try_this("unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN"),
                Cause::PlaceholderCredentials => finding.try_this(UNSET),
                _ => finding.try_this(flaw.fix).try_this(UNSET),
            };
            found.push(graded(if flaw.certain { finding } else { finding.likely() }));
        }
        if let Some(end) = env.expiration.as_deref().and_then(Timestamp::parse).filter(|end| *end <= facts.now) {
            let ago = for_people(facts.now.seconds_from(end));
            found.push(graded(
                in_environment(Cause::SessionExpired, "AWS_CREDENTIAL_EXPIRATION", &format!("says that its credentials ended {ago} ago"))
                    .try_this(UNSET)
                    .try_this("or export fresh ones"),
            ));
        }
    }
    if let Some(security) = &env.security_token
        && (env.id.is_some() || env.session_token.is_some())
        && env.session_token.as_ref() != Some(security)
        && found.iter().all(|finding| finding.cause != Cause::StaleSessionToken)
    {
        let what = "differs from AWS_SESSION_TOKEN: boto3 and the AWS CLI take it instead";
        let finding = in_environment(Cause::SecurityTokenShadows, "AWS_SECURITY_TOKEN", what).try_this("unset AWS_SECURITY_TOKEN");
        if env.session_token.is_some() {
            found.push(graded(finding));
        }
    }
    found
}

/// Keys in the environment win over the profile that was meant, in most tools.
fn shadows(facts: &Facts, broken: bool) -> Option<Finding> {
    let env = &facts.environment;
    let chain = facts.chain.as_ref().ok()?;
    env.keys()?; // half a key is told by itself
    let own = |base: &Base| match base {
        Base::Environment { .. } => true,
        Base::Static { credentials, .. } => chain.hops.is_empty() && Some(&credentials.access_key_id) == env.id.as_ref(),
        _ => false,
    };
    if own(&chain.base) {
        return None;
    }
    let rejected = facts.answers.as_ref().is_some_and(|answers| matches!(&answers.environment, Some(Err(f)) if f.exit_code() == 5));
    let name = &facts.profile;
    let finding = Finding::new(
        Cause::EnvShadowsProfile,
        match is_idle(facts) {
            true => format!("tools that are not told the profile take the keys in the environment, not profile `{name}`"),
            false => format!("the keys in the environment win over profile `{name}` in the AWS CLI, boto3, Terraform and most SDKs"),
        },
    )
    .seen(match facts.named_by {
        Some(by) => format!("the environment variable AWS_ACCESS_KEY_ID; {by} names `{name}`"),
        None => "the environment variable AWS_ACCESS_KEY_ID".to_owned(),
    })
    .try_this(UNSET)
    .try_this(format!("awsfresh -p {} -- COMMAND runs a command without them", quoted(name)));
    let finding = match facts.place.is("lambda") {
        true => finding.seen("this is a Lambda function: they are the keys of its role"),
        false => finding,
    };
    match facts.named_by {
        _ if is_idle(facts) => Some(finding.warning()),
        Some(_) => Some(finding),
        None if broken || rejected => Some(finding),
        None => Some(finding.info()),
    }
}

fn two_profiles(facts: &Facts) -> Option<Finding> {
    let (a, b) = (facts.variable("AWS_PROFILE")?, facts.variable("AWS_DEFAULT_PROFILE")?);
    (a != b).then(|| {
        Finding::new(
            Cause::EnvShadowsProfile,
            "AWS_PROFILE and AWS_DEFAULT_PROFILE name two profiles: boto3 and the AWS CLI v1 take the second",
        )
        .seen(format!("AWS_PROFILE={a}, AWS_DEFAULT_PROFILE={b}"))
        .try_this("unset AWS_DEFAULT_PROFILE")
        .warning()
    })
}

/// `[default]` with keys of its own outranks what a container, a pod or a machine offers.
fn container_or_default(facts: &Facts) -> Option<Finding> {
    let offers = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    let offered = offers.into_iter().find(|name| facts.variable(name).is_some())?;
    if facts.named_by.is_some() || facts.environment.id.is_some() {
        return None;
    }
    let default = facts.set.profile("default")?;
    let keys = default.get("aws_access_key_id").or(default.get("role_arn")).or(default.get("credential_process"))?;
    let failed = facts.answers.as_ref().is_some_and(|answers| answers.failure().is_some());
    let finding =
        Finding::new(Cause::DefaultProfileShadows, format!("[default] has credentials, which win over those that {offered} offers"))
            .seen(format!("{}; the environment variable {offered}", keys.origin))
            .try_this(format!("remove the credentials of [default] at {}, or give the section another name", keys.origin));
    Some(if failed { finding } else { finding.warning() })
}

fn regions(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(text) = facts.variable(name).filter(|text| !is_region(text)) {
            found.push(
                Finding::new(Cause::RegionInvalid, format!("{name} is not a region"))
                    .seen(format!("{name}={text}"))
                    .try_this(region_fix(name, text).replace(" = ", "=")),
            );
        }
    }
    if let (Some(one), Some(other)) = (facts.variable("AWS_REGION"), facts.variable("AWS_DEFAULT_REGION"))
        && one != other
    {
        found.push(
            Finding::new(
                Cause::RegionConflict,
                "AWS_REGION and AWS_DEFAULT_REGION name two regions: boto3 and the AWS CLI v1 take the second, everything else the first",
            )
            .seen(format!("AWS_REGION={one}, AWS_DEFAULT_REGION={other}"))
            .try_this(format!("export AWS_DEFAULT_REGION={}", quoted(one)))
            .warning(),
        );
    }
    let Ok(chain) = &facts.chain else { return found };
    let env = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| Some((name.to_owned(), facts.variable(name)?)));
    let configured = chain.region.as_ref().map(|v| (format!("region at {}", v.origin), v.text.as_str()));
    let Some((place, region)) = env.or(configured).filter(|(_, text)| is_region(text)) else { return found };
    let arns = chain.hops.iter().map(|hop| &hop.role_arn).chain(match &chain.base {
        Base::WebIdentity { role_arn, .. } => Some(role_arn),
        _ => None,
    });
    if let Some((arn, partition)) =
        arns.filter_map(|v| Some((v, partition::of_arn(&v.text)?))).find(|(_, p)| *p != partition::of_region(region))
    {
        let home = partition::home_region(partition);
        found.push(
            Finding::new(
                Cause::WrongPartition,
                format!("the role is in the partition {partition}, and the region {region} is in {}", partition::of_region(region)),
            )
            .seen(format!("{place}: {region}"))
            .seen(format!("role_arn at {}", arn.origin))
            .try_this(format!("use a region of {partition}, such as {home}: in the profile, AWS_REGION and AWS_DEFAULT_REGION")),
        );
    }
    let legacy = facts.profiles().find_map(|p| p.get("sts_regional_endpoints")).map(|v| (v.origin.to_string(), v.text.as_str()));
    let legacy = facts.variable("AWS_STS_REGIONAL_ENDPOINTS").map(|v| ("AWS_STS_REGIONAL_ENDPOINTS".to_owned(), v)).or(legacy);
    if let Some((setting, _)) = legacy.filter(|(_, value)| *value == "legacy")
        && partition::is_opt_in(region)
    {
        found.push(
            Finding::new(
                Cause::OptInRegionToken,
                format!("older tools ask the global STS endpoint here, whose tokens do not work in {region}"),
            )
            .seen(format!("{setting} says `legacy`"))
            .seen(format!("{place}: {region}, a region that has to be switched on"))
            .try_this("remove the setting, or let it say `regional`")
            .likely()
            .warning(),
        );
    }
    found
}

fn overrides(facts: &Facts) -> Vec<Finding> {
    let elsewhere = facts.overrides.iter().filter(|(_, url)| !is_aws(url));
    let failed = facts.answers.as_ref().and_then(|answers| answers.failure());
    elsewhere
        .map(|(place, url)| {
            let finding = Finding::new(Cause::EndpointOverridden, format!("requests go to {url}, not to AWS"))
                .seen(place.clone())
                .try_this(match place.starts_with("AWS_") {
                    true => format!("unset {place}"),
                    false => format!("remove {place}"),
                })
                .try_this("or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true");
            match failed.is_some() {
                true => finding.likely(),
                false => finding.info(),
            }
        })
        .collect()
}

fn proxies(facts: &Facts) -> Vec<Finding> {
    let named = |name: &str| {
        let lower = name.to_ascii_lowercase();
        facts.variable(&lower).map(|value| (lower.clone(), value)).or(facts.variable(name).map(|value| (name.to_owned(), value)))
    };
    let mut found = Vec::new();
    let Ok(chain) = &facts.chain else { return found };
    let metadata = match &chain.base {
        Base::InstanceMetadata { .. } => "169.254.169.254",
        Base::Container { .. } => "169.254.170.2",
        _ => return found,
    };
    let exempt = named("NO_PROXY").map_or("", |(_, value)| value);
    let covered = exempt.split(',').map(str::trim).any(|rule| rule == "*" || rule == metadata || rule.starts_with("169.254."));
    if let Some((name, _)) = named("HTTP_PROXY").filter(|_| !covered) {
        found.push(
            Finding::new(
                Cause::ProxyMisconfigured,
                format!("NO_PROXY lacks {metadata}: some tools ask the proxy for the machine's credentials"),
            )
            .seen(format!("the environment variable {name}, NO_PROXY={exempt}"))
            .try_this(format!("export NO_PROXY={}", quoted(&format!("{metadata}{}{exempt}", if exempt.is_empty() { "" } else { "," }))))
            .warning(),
        );
    }
    found
}
