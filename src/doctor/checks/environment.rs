//! The environment: keys in it, and what it changes for every tool.

use crate::aws::access_key::{Flaw, flaws};
use crate::aws::names::{invalid_region_variable, is_region};
use crate::aws::partition;
use crate::aws::shared_findings::region_of;
use crate::config::{Base, Chain};
use crate::doctor::environment_keys::in_environment;
use crate::doctor::facts::Facts;
use crate::finding::{
    Cause, Class, Finding, Remedy, Severity, Subject, Tool, profile_option, remedy,
};
use crate::host_kind::HostKind;
use crate::source::endpoint_override::{EndpointOverride, SettingPlace};
use crate::time::{Timestamp, human_duration};
use crate::world::{PROFILE_VARIABLE, REGION_VARIABLES, SelectedBy};

/// For a shell; [`unset`] has it for other places.
const UNSET: &str = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN \
    AWS_CREDENTIAL_EXPIRATION";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = keys(facts)
        .into_iter()
        .map(|finding| warning_if_idle(facts, finding))
        .collect();
    let is_broken = found
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if let Some(finding) = shadows_profile(facts, is_broken) {
        found.insert(0, finding);
    }
    found.extend(two_profiles(facts));
    found.extend(default_shadows_ambient(facts));
    found.extend(regions(facts));
    found.extend(overrides(facts));
    found.extend(metadata_through_proxy(facts));
    found
}

/// Whether the profile is selected so explicitly that the keys in the environment are idle for
/// tools that are set to do so.
pub(super) fn is_idle(facts: &Facts) -> bool {
    facts.selected_by == SelectedBy::Flag
}

fn warning_if_idle(facts: &Facts, finding: Finding) -> Finding {
    finding.warning_if(is_idle(facts))
}

/// What is wrong with the keys in the environment.
fn keys(facts: &Facts) -> Vec<Finding> {
    let env = &facts.environment;
    let half = |name: &str, other: &str| {
        in_environment(
            Cause::MixedCredentialParts,
            name,
            &format!("is set without {other}"),
        )
        .remedy(out_of_place(facts).map_or_else(|| remedy!("unset {}", name), Remedy::from))
        .remedy(out_of_place(facts).map_or("or export both", |_| "or set both there"))
    };
    let mut found = Vec::new();
    match (&env.id, &env.secret) {
        (Some(_), None) => found.push(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => found.push(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
        (None, None) if env.session_token.is_some() => {
            let what = "is left over: no key belongs to it";
            let finding = in_environment(Cause::MixedCredentialParts, "AWS_SESSION_TOKEN", what);
            found.push(
                finding
                    .remedy(unset(facts, "unset AWS_SESSION_TOKEN"))
                    .warning(),
            );
        }
        _ => {}
    }
    if let Some(keys) = env.keys() {
        let counts =
            |flaw: &Flaw| flaw.cause != Cause::PlaceholderCredentials || !facts.is_overridden();
        let flaws = flaws(keys).into_iter().filter(counts);
        found.extend(flaws.map(|flaw| of_flaw(facts, flaw)));
        found.extend(expired(facts));
    }
    let is_stale = found
        .iter()
        .any(|finding| finding.cause == Cause::StaleSessionToken);
    found.extend(security_token(facts).filter(|_| !is_stale));
    found
}

/// What to do with variables that must not be set.
fn unset(facts: &Facts, shell: &'static str) -> Remedy {
    out_of_place(facts).unwrap_or(shell).into()
}

/// Where the keys are set, in a place without a shell: nothing can be unset from inside a function,
/// a pod or a task.
pub(super) fn out_of_place(facts: &Facts) -> Option<&'static str> {
    let places = [
        (HostKind::Lambda, IN_LAMBDA),
        (
            HostKind::Kubernetes,
            "take the AWS keys out of env or envFrom of the pod: kubectl set env",
        ),
        (
            HostKind::Ecs,
            "take the AWS keys out of environment or secrets of the task definition",
        ),
        (
            HostKind::GithubActions,
            "take the AWS keys out of env in the workflow",
        ),
        (
            HostKind::CodeBuild,
            "take the AWS keys out of the environment variables of the project",
        ),
    ];
    let mut places = places.into_iter();
    let place = places.find(|(kind, _)| facts.host.is(*kind));
    place.map(|(_, what)| what)
}

/// Lambda sets the keys of the role itself; a function that has others got them from its code.
const IN_LAMBDA: &str = "let the code use the role of the function, and pass keys of its own as an \
    argument, with their own token";

fn of_flaw(facts: &Facts, flaw: Flaw) -> Finding {
    let finding = in_environment(flaw.cause, flaw.part.variable(), flaw.what);
    let finding = match flaw.cause {
        Cause::StaleSessionToken if facts.host.is(HostKind::Lambda) => finding
            .remedy("let the code use the role of the function, and set no key of its own")
            .remedy("or unset AWS_SESSION_TOKEN in the code before its own key is used"),
        Cause::StaleSessionToken => {
            finding.remedy(unset(facts, "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN"))
        }
        Cause::PlaceholderCredentials => finding.remedy(unset(facts, UNSET)),
        _ => finding.remedy(flaw.fix).remedy(unset(facts, UNSET)),
    };
    finding.likely_if(!flaw.certain)
}

fn expired(facts: &Facts) -> Option<Finding> {
    let end = Timestamp::parse(facts.environment.expiration.as_deref()?)?;
    let ago = facts.now.seconds_from(end);
    let variable = "AWS_CREDENTIAL_EXPIRATION";
    let summary = format!(
        "the credentials in the environment expired {} ago, by {variable}",
        human_duration(ago)
    );
    let finding = Finding::new(Cause::SessionExpired, summary)
        .about(Subject::Environment)
        .evidence(format!("the environment variable {variable}, {end}"));
    (end <= facts.now).then(|| {
        let finding = finding.remedy(unset(facts, UNSET));
        finding.remedy("or export fresh ones")
    })
}

/// `AWS_SECURITY_TOKEN` with another token than `AWS_SESSION_TOKEN`.
fn security_token(facts: &Facts) -> Option<Finding> {
    let env = &facts.environment;
    let (security, session) = (env.security_token.as_ref()?, env.session_token.as_ref()?);
    let summary = "AWS_SECURITY_TOKEN differs from AWS_SESSION_TOKEN, and Python tools use it";
    let finding = Finding::new(Cause::SecurityTokenShadows, summary)
        .about(Subject::Environment)
        .evidence("the environment variable AWS_SECURITY_TOKEN");
    let finding = finding.fails_in(&[Tool::Cli, Tool::Python]);
    (security != session).then(|| finding.remedy("unset AWS_SECURITY_TOKEN"))
}

/// Keys in the environment take precedence over the selected profile in most tools.
fn shadows_profile(facts: &Facts, is_broken: bool) -> Option<Finding> {
    let env = &facts.environment;
    let chain = facts.chain.as_ref().ok()?;
    env.keys()?; // half a key is a finding of its own
    let is_own = match &chain.base {
        Base::Environment { .. } => true,
        Base::Static { credentials, .. } => {
            chain.hops.is_empty() && Some(&credentials.access_key_id) == env.id.as_ref()
        }
        _ => false,
    };
    if is_own {
        return None;
    }
    let name = &facts.profile;
    let summary = if is_idle(facts) {
        format!("without --profile, tools use the keys in the environment, not profile `{name}`")
    } else {
        format!("the keys in the environment override profile `{name}` in most tools")
    };
    let variable = "the environment variable AWS_ACCESS_KEY_ID";
    let finding = Finding::new(Cause::EnvShadowsProfile, summary)
        .about_profile(name)
        .about(Subject::Environment)
        .evidence(match facts.selected_by {
            SelectedBy::Nothing => variable.to_owned(),
            by => format!("{variable}; {by} selects `{name}`"),
        })
        .evidence("the AWS CLI, boto3, Terraform and most SDKs use the environment first")
        .remedy(unset(facts, UNSET))
        .remedy(remedy!(
            "awsfresh {} -- COMMAND runs a command without them",
            profile_option("-p", name)
        ));
    let finding = if facts.host.is(HostKind::Lambda) {
        finding.evidence("this is a Lambda function: these are the keys of its role")
    } else {
        finding
    };
    let environment = facts
        .probes
        .as_ref()
        .and_then(|probes| probes.environment.as_ref());
    let is_rejected =
        matches!(environment, Some(Err(finding)) if finding.class() == Class::Rejected);
    Some(match facts.selected_by {
        SelectedBy::Flag => finding.warning(),
        // `export` and `--deliver env` set it together with the keys.
        SelectedBy::Nothing | SelectedBy::Variable(PROFILE_VARIABLE)
            if !is_broken && !is_rejected =>
        {
            finding.info()
        }
        SelectedBy::Nothing | SelectedBy::Variable(_) => finding,
    })
}

fn two_profiles(facts: &Facts) -> Option<Finding> {
    let (a, b) = (
        facts.variable("AWS_PROFILE")?,
        facts.variable("AWS_DEFAULT_PROFILE")?,
    );
    let summary =
        "AWS_PROFILE and AWS_DEFAULT_PROFILE differ: boto3 and the AWS CLI v1 use the second";
    let finding = Finding::new(Cause::EnvShadowsProfile, summary).warning();
    let finding = finding.evidence(format!("AWS_PROFILE={a}, AWS_DEFAULT_PROFILE={b}"));
    (a != b).then(|| finding.remedy("unset AWS_DEFAULT_PROFILE"))
}

/// `[default]` with credentials takes precedence over what a container, a pod or a machine offers.
fn default_shadows_ambient(facts: &Facts) -> Option<Finding> {
    let offers = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ];
    let offered = offers
        .into_iter()
        .find(|name| facts.variable(name).is_some())?;
    if facts.selected_by != SelectedBy::Nothing || facts.environment.id.is_some() {
        return None;
    }
    let default = facts.set.profile("default")?;
    let sources = ["aws_access_key_id", "role_arn", "credential_process"];
    let origin = &sources.into_iter().find_map(|key| default.get(key))?.origin;
    let summary = format!("[default] has credentials, which override those of {offered}");
    let remedy = remedy!(
        "rename the section [default] with {}, so that nothing selects it",
        origin
    );
    let finding = Finding::new(Cause::DefaultProfileShadows, summary)
        .about_place(origin)
        .evidence(format!("{origin}; the environment variable {offered}"))
        .remedy(remedy);
    Some(finding.warning_if(facts.failure().is_none()))
}

fn regions(facts: &Facts) -> Vec<Finding> {
    let set = REGION_VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, facts.variable(name)?)));
    let invalid = set.filter(|(_, text)| !is_region(text));
    let mut found: Vec<Finding> = invalid
        .map(|(name, text)| invalid_region_variable(name, text))
        .collect();
    found.extend(two_regions(facts));
    let Ok(chain) = &facts.chain else {
        return found;
    };
    let env = facts
        .region_variable()
        .map(|(name, text)| (name.to_owned(), text));
    let configured = chain.region.as_ref();
    let configured =
        configured.map(|value| (format!("region at {}", value.origin), value.text.as_str()));
    if let Some((place, region)) = env.or(configured).filter(|(_, text)| is_region(text)) {
        found.extend(role_of_another_partition(chain, &place, region));
        found.extend(global_endpoint(facts, &place, region));
    }
    found
}

fn two_regions(facts: &Facts) -> Option<Finding> {
    let [a, b] = REGION_VARIABLES.map(|name| facts.variable(name));
    let (a, b) = (a?, b?);
    let summary =
        "AWS_REGION and AWS_DEFAULT_REGION differ: boto3 and the AWS CLI v1 use the second";
    let finding = Finding::new(Cause::RegionConflict, summary).warning();
    let finding = finding.evidence(format!("AWS_REGION={a}, AWS_DEFAULT_REGION={b}"));
    (a != b).then(|| finding.remedy(remedy!("export AWS_DEFAULT_REGION={}", a)))
}

fn role_of_another_partition(chain: &Chain, place: &str, region: &str) -> Option<Finding> {
    let base = match &chain.base {
        Base::WebIdentity { role_arn, .. } => Some(role_arn),
        _ => None,
    };
    let arns = chain.hops.iter().map(|hop| &hop.role_arn).chain(base);
    let of_region = partition::of_region(region);
    let mut partitions = arns.filter_map(|arn| Some((arn, partition::of_arn(&arn.text)?)));
    let (arn, partition) = partitions.find(|(_, partition)| *partition != of_region)?;
    let summary =
        format!("the role is in the partition {partition}, but region {region} is in {of_region}");
    let finding = Finding::new(Cause::WrongPartition, summary)
        .evidence(format!("{place}: {region}"))
        .evidence(format!("role_arn at {}", arn.origin));
    Some(finding.remedy(region_of(partition, partition::home_region(partition))))
}

/// The setting with which older tools use the global STS endpoint.
fn global_endpoint(facts: &Facts, place: &str, region: &str) -> Option<Finding> {
    let variable = "AWS_STS_REGIONAL_ENDPOINTS";
    let in_files = facts
        .profiles()
        .find_map(|profile| profile.get("sts_regional_endpoints"));
    let in_files = in_files.map(|value| (value.origin.to_string(), value.text.as_str()));
    let in_environment = facts
        .variable(variable)
        .map(|text| (variable.to_owned(), text));
    let (setting, value) = in_environment.or(in_files)?;
    if value != "legacy" || !partition::is_opt_in(region) {
        return None;
    }
    let summary = format!(
        "older tools use the global STS endpoint here, whose tokens are not valid in {region}"
    );
    let finding = Finding::new(Cause::OptInRegionToken, summary)
        .likely()
        .warning();
    let finding = finding
        .evidence(format!("{setting} is `legacy`"))
        .evidence(format!("{place}: {region}, an opt-in region"));
    Some(finding.remedy("set it to regional"))
}

/// Requests that go to a host which is not AWS: an emulator, or a mistake.
fn overrides(facts: &Facts) -> Vec<Finding> {
    let elsewhere = facts.overrides.iter().filter(|endpoint| !endpoint.is_aws());
    let finding = |endpoint: &EndpointOverride| {
        let place = &endpoint.place;
        let summary = format!("requests go to {}, not to AWS", endpoint.shown());
        let finding = Finding::new(Cause::EndpointOverridden, summary).evidence(place.to_string());
        let finding = finding.remedy(match place {
            SettingPlace::Variable(name) => remedy!("unset {}", name),
            SettingPlace::File(_) => remedy!("put # in front of {}", place.to_string()),
        });
        let finding = finding.remedy("or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true");
        if facts.failure().is_some() {
            finding.likely()
        } else {
            finding.info()
        }
    };
    elsewhere.map(finding).collect()
}

/// A proxy that some tools use for the metadata of the machine.
fn metadata_through_proxy(facts: &Facts) -> Option<Finding> {
    let address = match &facts.chain.as_ref().ok()?.base {
        Base::InstanceMetadata { .. } => "169.254.169.254",
        Base::Container { .. } => "169.254.170.2",
        _ => return None,
    };
    let exempt = ["no_proxy", "NO_PROXY"]
        .into_iter()
        .find_map(|name| facts.variable(name));
    let exempt = exempt.unwrap_or_default();
    let covers = |rule: &str| rule == "*" || rule == address || rule.starts_with("169.254.");
    let proxy = ["http_proxy", "HTTP_PROXY"]
        .into_iter()
        .find(|name| facts.variable(name).is_some())?;
    if exempt.split(',').map(str::trim).any(covers) {
        return None;
    }
    let rules: Vec<&str> = [address, exempt]
        .into_iter()
        .filter(|rule| !rule.is_empty())
        .collect();
    let summary =
        format!("NO_PROXY lacks {address}: some tools ask the proxy for the machine's credentials");
    let finding = Finding::new(Cause::ProxyMisconfigured, summary).warning();
    let finding = finding.evidence(format!(
        "the environment variable {proxy}, NO_PROXY={exempt}"
    ));
    Some(finding.remedy(remedy!("export NO_PROXY={}", rules.join(","))))
}
