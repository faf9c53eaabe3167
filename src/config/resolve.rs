//! From a profile's name to its chain. Where SDKs would read different sources from one profile,
//! the profile is rejected: no caller may end up with the credentials of another identity.

use super::chain::{Base, Chain, Hop};
use super::own_process::{asks_aws_cli_for, calls_awsfresh, requested_profile};
use super::parser::Value;
use super::profile::Profile;
use super::profile_set::ProfileSet;
use super::{base, hop, sso, validate};
use crate::finding::{Cause, Finding, Origin, Result, remedy};

/// No real chain is longer; each hop costs a call.
const MAX_PROFILES: usize = 20;

/// Resolves `profile`.
pub fn resolve(set: &ProfileSet, profile: &str) -> Result<Chain> {
    let mut resolver = Resolver {
        set,
        path: Vec::new(),
        hops: Vec::new(),
        region: None,
    };
    let chain = resolver.resolve_base(profile, None).and_then(|base| {
        // Found, because its base was.
        let network = set
            .profile(profile)
            .map(|section| hop::network(set, section))
            .transpose()?;
        let network = network.unwrap_or_default();
        let Resolver {
            mut hops, region, ..
        } = resolver;
        hops.reverse();
        Ok(Chain {
            profile: profile.to_owned(),
            base,
            hops,
            region,
            network,
        })
    });
    chain.map_err(|finding| finding.for_profile(profile))
}

/// The profiles from `profile` along `source_profile`, as far as they exist and however
/// broken they are.
pub(crate) fn source_profiles(set: &ProfileSet, profile: &str) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut next = Some(profile.to_owned());
    while let Some(name) = next.filter(|name| !path.contains(name)) {
        let Some(section) = set.profile(&name) else {
            break;
        };
        next = section
            .get("source_profile")
            .map(|value| value.text.clone());
        path.push(name);
    }
    path
}

struct Resolver<'a> {
    set: &'a ProfileSet,
    /// The profiles passed so far, each with the place that named it.
    path: Vec<(String, Option<Origin>)>,
    /// The roles met so far, the last one to assume first.
    hops: Vec<Hop>,
    region: Option<Value>,
}

impl Resolver<'_> {
    /// Follows the profile `name`, which `named_by` named, to its base.
    fn resolve_base(&mut self, name: &str, named_by: Option<&Value>) -> Result<Base> {
        if self.path.iter().any(|(passed, _)| passed == name) {
            return Err(self.cycle(name, named_by));
        }
        if self.path.len() >= MAX_PROFILES {
            let summary = format!("more than {MAX_PROFILES} profiles are chained");
            return Err(Finding::new(Cause::ConfigMalformed, summary)
                .remedy("shorten the chain of source_profile"));
        }
        let profile = self.set.find(name).map_err(|finding| match named_by {
            Some(value) if finding.cause == Cause::ProfileNotFound => finding
                .remedy
                .into_iter()
                .fold(validate::missing_source(value), Finding::remedy),
            _ => finding,
        })?;
        self.path
            .push((name.to_owned(), named_by.map(|v| v.origin.clone())));
        if let Some(region) = profile.get("region")
            && self.region.is_none()
        {
            validate::region("region", region)?;
            self.region = Some(region.clone());
        }
        // In every SDK, a source profile with keys of its own means those keys.
        let keys_first = self.path.len() > 1 && profile.get("aws_access_key_id").is_some();
        match profile.get("role_arn") {
            Some(role) if !keys_first && profile.get("web_identity_token_file").is_none() => {
                self.role(profile, role)
            }
            _ => self.base(profile),
        }
    }

    fn role(&mut self, profile: &Profile, role: &Value) -> Result<Base> {
        validate::role_arn(role)?;
        self.hops.push(hop::hop(profile, role)?);
        match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            (Some(a), Some(b)) => {
                let (a, b) = (("source_profile", a), ("credential_source", b));
                Err(base::conflict(
                    profile,
                    a,
                    b,
                    "the SDKs reject a profile with both",
                ))
            }
            (None, None) => {
                let summary = format!(
                    "profile `{}` has a role and no source to assume it with",
                    profile.name
                );
                Err(Finding::new(Cause::SourceMissing, summary)
                    .about_profile(&profile.name)
                    .about_place(&role.origin)
                    .evidence(format!("role_arn at {}", role.origin))
                    .remedy(
                        "add source_profile = NAME, or credential_source = Environment, \
                        Ec2InstanceMetadata or EcsContainer",
                    ))
            }
            (None, Some(source)) => base::credential_source(source),
            (Some(source), None) if *source.text == *profile.name => self.base(profile),
            (Some(source), None) => self.resolve_base(&source.text, Some(source)),
        }
    }

    /// The profile's own source, without its role.
    fn base(&mut self, profile: &Profile) -> Result<Base> {
        let get = |key| profile.get(key).map(|value| (key, value));
        let keys = get("aws_access_key_id").or_else(|| get("aws_secret_access_key"));
        let sso_keys = [
            "sso_session",
            "sso_account_id",
            "sso_role_name",
            "sso_start_url",
        ];
        let sso = sso_keys.into_iter().find_map(get);
        let (own, process) = match get("credential_process") {
            Some((_, command)) if calls_awsfresh(&command.text) => (Some(command), None),
            other => (None, other),
        };
        let web_identity = get("web_identity_token_file");
        let mut present = [keys, web_identity, sso, get("login_session"), process]
            .into_iter()
            .flatten();
        let Some((key, value)) = present.next() else {
            return match (own, profile.get("credential_source")) {
                (Some(command), _) => self.follow_awsfresh(profile, command),
                (None, Some(source)) => base::credential_source(source),
                (None, None) => Err(base::no_source(profile)),
            };
        };
        if let Some(second) = present.next() {
            return Err(base::two_sources(profile, (key, value), second));
        }
        match key {
            "web_identity_token_file" => base::web_identity(profile, value),
            "login_session" => Ok(Base::LoginSession {
                arn: value.clone(),
                profile: profile.name.to_string(),
            }),
            "credential_process" => {
                validate::no_control_chars("credential_process", value)?;
                if asks_aws_cli_for(&value.text, &profile.name) {
                    return Err(aws_cli_recursion(profile, value));
                }
                Ok(Base::Process {
                    command: value.clone(),
                    profile: profile.name.to_string(),
                })
            }
            key if key.starts_with("sso_") => sso::sso(self.set, profile),
            _ => base::static_keys(profile),
        }
    }

    /// A profile whose `credential_process` is awsfresh itself means the profile that the command
    /// names.
    fn follow_awsfresh(&mut self, profile: &Profile, command: &Value) -> Result<Base> {
        let recursion = || {
            let name = &profile.name;
            Finding::self_recursion(name)
                .at(&command.origin)
                .remedy(
                    "add its source with awsfresh_ in front of each key: awsfresh_role_arn and \
                    awsfresh_source_profile, or awsfresh_sso_session and so on",
                )
                .remedy(remedy!(
                    "or name another profile in the command, --profile {}-source, and put the \
                    source there",
                    name
                ))
        };
        match requested_profile(&command.text) {
            Some(target) if *target != *profile.name => self
                .resolve_base(&target, Some(command))
                .map_err(|finding| match finding.cause {
                    Cause::ProfileCycle => recursion().evidence(finding.summary),
                    _ => finding,
                }),
            _ => Err(recursion()),
        }
    }

    fn cycle(&self, name: &str, named_by: Option<&Value>) -> Finding {
        let names = self.path.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = names.skip_while(|passed| *passed != name).collect();
        names.push(name);
        let origins = self.path.iter().filter_map(|(_, origin)| origin.as_ref());
        let origins = origins.chain(named_by.map(|value| &value.origin));
        let places: Vec<String> = origins.map(ToString::to_string).collect();
        Finding::new(
            Cause::ProfileCycle,
            format!("profiles form a cycle: {}", names.join(" → ")),
        )
        .evidence(places.join(", "))
        .remedy("change source_profile in one of them to a profile outside the cycle")
    }
}

/// A `credential_process` that asks the AWS CLI for the profile it belongs to.
fn aws_cli_recursion(profile: &Profile, command: &Value) -> Finding {
    let name = &profile.name;
    let summary =
        format!("the credential_process of profile `{name}` asks the AWS CLI for the same profile");
    Finding::new(Cause::ProcessSelfRecursion, summary)
        .about_profile(name)
        .at(&command.origin)
        .evidence("the AWS CLI runs the process again, until a limit ends it")
        .remedy(remedy!(
            "name the profile that has the source in the command, --profile {}-source",
            name
        ))
}

impl Finding {
    /// A `credential_process` that calls awsfresh for the profile it belongs to.
    pub(crate) fn self_recursion(profile: &str) -> Self {
        let summary = format!(
            "the credential_process of profile `{profile}` calls awsfresh for the same profile"
        );
        Self::new(Cause::ProcessSelfRecursion, summary).about_profile(profile)
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
