//! From a profile's name to its chain. Where SDKs would take different sources out of one profile, this one takes
//! none and says so: nobody may end up as somebody else.

use super::chain::{Base, Chain, Hop, Network};
use super::check::{self, bad};
use super::misspelt::{Misspelt, misspelt};
use super::profiles::{Profile, ProfileSet};
use super::reader::{Origin, Value};
use crate::diagnosis::{Cause, Finding, Result};

/// No real chain is longer; each hop costs a call.
const LONGEST: usize = 20;

/// Resolves `profile`.
pub fn resolve(set: &ProfileSet, profile: &str) -> Result<Chain> {
    let mut walk = Walk { set, path: Vec::new(), hops: Vec::new(), region: None };
    let base = walk.base_of(profile, None).map_err(|f| f.for_profile(profile))?;
    let network = set.find(profile).and_then(|p| network(set, p)).map_err(|f| f.for_profile(profile))?;
    walk.hops.reverse();
    Ok(Chain { profile: profile.to_owned(), base, hops: walk.hops, region: walk.region, network })
}

struct Walk<'a> {
    set: &'a ProfileSet,
    /// Profiles passed, with the place that named each.
    path: Vec<(String, Option<Origin>)>,
    /// Roles met, last to assume first.
    hops: Vec<Hop>,
    region: Option<Value>,
}

impl Walk<'_> {
    /// Follows `name`, which `named_by` named, down to the base.
    fn base_of(&mut self, name: &str, named_by: Option<&Value>) -> Result<Base> {
        if self.path.iter().any(|(passed, _)| passed == name) {
            return Err(self.cycle(name, named_by));
        }
        if self.path.len() >= LONGEST {
            return Err(Finding::new(Cause::ConfigMalformed, format!("more than {LONGEST} profiles are chained"))
                .try_this("shorten the chain of source_profile"));
        }
        let profile = self.set.find(name).map_err(|finding| match named_by {
            Some(value) if finding.cause == Cause::ProfileNotFound => {
                let mut missing = Finding::new(Cause::SourceMissing, format!("the source profile `{name}` does not exist"))
                    .seen(value.origin.to_string());
                missing.remedy = finding.remedy;
                missing
            }
            _ => finding,
        })?;
        self.path.push((name.to_owned(), named_by.map(|v| v.origin.clone())));
        if let Some(region) = profile.get("region")
            && self.region.is_none()
        {
            check::region("region", region)?;
            self.region = Some(region.clone());
        }
        // As a source, a profile with keys of its own is those keys, in every SDK.
        let keys_first = self.path.len() > 1 && profile.get("aws_access_key_id").is_some();
        match profile.get("role_arn") {
            Some(role) if !keys_first && profile.get("web_identity_token_file").is_none() => self.role(profile, role),
            _ => self.base(profile),
        }
    }

    fn role(&mut self, profile: &Profile, role: &Value) -> Result<Base> {
        check::role_arn(role)?;
        self.hops.push(hop(profile, role)?);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(a), Some(b)) => Err(conflict(profile, ("source_profile", a), ("credential_source", b), "the SDKs refuse both together")),
            (None, None) => {
                Err(Finding::new(Cause::SourceMissing, format!("profile `{}` has a role and no source to assume it with", profile.name))
                    .seen(format!("role_arn at {}", role.origin))
                    .try_this("add source_profile = NAME, or credential_source = Environment, Ec2InstanceMetadata or EcsContainer"))
            }
            (None, Some(source)) => credential_source(source),
            (Some(source), None) if source.text == profile.name => self.base(profile),
            (Some(source), None) => self.base_of(&source.text, Some(source)),
        }
    }

    /// The profile's own source, its role left aside.
    fn base(&mut self, profile: &Profile) -> Result<Base> {
        let get = |key| profile.get(key).map(|v| (key, v));
        let keys = get("aws_access_key_id").or_else(|| get("aws_secret_access_key"));
        let sso = ["sso_session", "sso_account_id", "sso_role_name", "sso_start_url"].into_iter().find_map(get);
        let process = get("credential_process");
        let (own, process) = match process {
            Some((_, command)) if calls_awsfresh(&command.text) => (Some(command), None),
            other => (None, other),
        };
        let all = [keys, get("web_identity_token_file"), sso, get("login_session"), process];
        let mut present = all.into_iter().flatten();
        let Some(first) = present.next() else {
            return match (own, profile.get("credential_source")) {
                (Some(command), _) => self.alias(profile, command),
                (None, Some(source)) => credential_source(source),
                (None, None) => Err(no_source(profile)),
            };
        };
        if let Some(second) = present.next() {
            return Err(conflict(profile, first, second, "SDKs and the AWS CLI take different ones of them"));
        }
        match first.0 {
            "web_identity_token_file" => web_identity(profile, first.1),
            "login_session" => Ok(Base::LoginSession { arn: first.1.clone(), profile: profile.name.clone() }),
            "credential_process" => {
                check::clean("credential_process", first.1)?;
                Ok(Base::Process { command: first.1.clone(), profile: profile.name.clone() })
            }
            key if key.starts_with("sso_") => sso_base(self.set, profile),
            _ => static_keys(profile),
        }
    }

    /// A profile whose `credential_process` is awsfresh itself stands for the profile it asks for.
    fn alias(&mut self, profile: &Profile, command: &Value) -> Result<Base> {
        let recursion = || {
            Finding::new(
                Cause::ProcessSelfRecursion,
                format!("the credential_process of profile `{}` calls awsfresh for the same profile", profile.name),
            )
            .seen(command.origin.to_string())
            .try_this(format!("let it ask for another one: --profile {}-source, and put the source there", profile.name))
        };
        match asked_profile(&command.text) {
            Some(target) if target != profile.name => self.base_of(&target, Some(command)).map_err(|finding| match finding.cause {
                Cause::ProfileCycle => recursion().seen(finding.summary),
                _ => finding,
            }),
            _ => Err(recursion()),
        }
    }

    fn cycle(&self, name: &str, named_by: Option<&Value>) -> Finding {
        let mut names: Vec<&str> = self.path.iter().map(|(n, _)| n.as_str()).skip_while(|n| *n != name).collect();
        names.push(name);
        let places = self.path.iter().filter_map(|(_, origin)| origin.as_ref()).chain(named_by.map(|v| &v.origin));
        let places: Vec<String> = places.map(ToString::to_string).collect();
        Finding::new(Cause::ProfileCycle, format!("profiles name each other in a ring: {}", names.join(" → ")))
            .seen(places.join(", "))
            .try_this("let one of them name a source outside the ring")
    }
}

fn conflict(profile: &Profile, a: (&str, &Value), b: (&str, &Value), why: &str) -> Finding {
    Finding::new(Cause::SourceConflict, format!("profile `{}` has both {} and {}: {why}", profile.name, a.0, b.0))
        .seen(format!("{} at {}, {} at {}", a.0, a.1.origin, b.0, b.1.origin))
        .try_this("keep one of them")
}

/// A profile without any source, or so it seems to tools.
fn no_source(profile: &Profile) -> Finding {
    let finding = Finding::new(Cause::SourceMissing, format!("profile `{}` has no credentials and names no source", profile.name))
        .seen(profile.origin.to_string());
    if let Some(source) = profile.get("source_profile") {
        return finding
            .seen(format!("source_profile at {} says with what to assume a role; there is no role_arn", source.origin))
            .try_this(format!("role_arn = ARN beside it, or use the profile {} itself", source.text));
    }
    let meant = misspelt(profile);
    if meant.is_empty() {
        return finding.try_this("add role_arn with source_profile, sso_session, credential_process or keys");
    }
    told(finding, meant)
}

/// The finding with the keys that were meant to be others.
fn told(finding: Finding, meant: Vec<Misspelt<'_>>) -> Finding {
    meant.into_iter().fold(finding, |finding, Misspelt { key, origin, meant }| match key == meant {
        true => finding.seen(format!("{key} at {origin} has no value")).try_this(format!("{meant} = VALUE at {origin}")),
        false => finding.seen(format!("no tool knows `{key}`, at {origin}")).try_this(format!("write {meant} at {origin}")),
    })
}

fn credential_source(value: &Value) -> Result<Base> {
    let origin = value.origin.clone();
    match value.text.as_str() {
        "Environment" => Ok(Base::Environment { origin }),
        "Ec2InstanceMetadata" => Ok(Base::InstanceMetadata { origin }),
        "EcsContainer" => Ok(Base::Container { origin }),
        _ => Err(bad(
            Cause::ConfigMalformed,
            "credential_source",
            value,
            "names no source",
            "one of Environment, Ec2InstanceMetadata, EcsContainer",
        )),
    }
}

fn static_keys(profile: &Profile) -> Result<Base> {
    let (id, secret) = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"));
    let (Some(id), Some(secret)) = (id, secret) else {
        let (there, missing) = if id.is_some() { (id, "aws_secret_access_key") } else { (secret, "aws_access_key_id") };
        let mut finding = Finding::new(Cause::SourceMissing, format!("profile `{}` has half a key: {missing} is missing", profile.name));
        finding.evidence.extend(there.map(|v| v.origin.to_string()));
        let meant: Vec<_> = misspelt(profile).into_iter().filter(|one| one.meant == missing).collect();
        return Err(if meant.is_empty() { finding.try_this(format!("add {missing}")) } else { told(finding, meant) });
    };
    let token = profile.get("aws_session_token").or_else(|| profile.get("aws_security_token"));
    Ok(Base::Static { credentials: check::keys(id, secret, token)?, origin: id.origin.clone() })
}

fn web_identity(profile: &Profile, token_file: &Value) -> Result<Base> {
    check::clean("web_identity_token_file", token_file)?;
    let Some(role) = profile.get("role_arn") else {
        return Err(Finding::new(Cause::SourceMissing, format!("profile `{}` has a web identity token and no role_arn", profile.name))
            .seen(token_file.origin.to_string())
            .try_this("add role_arn"));
    };
    check::role_arn(role)?;
    let hop = hop(profile, role)?;
    Ok(Base::WebIdentity {
        token_file: token_file.clone(),
        role_arn: role.clone(),
        session_name: profile.get("role_session_name").cloned(),
        duration_seconds: hop.duration_seconds,
    })
}

/// SSO in either form. Where both places name a key, they must agree, as botocore demands.
fn sso_base(set: &ProfileSet, profile: &Profile) -> Result<Base> {
    let session = match profile.get("sso_session") {
        None => None,
        Some(name) => {
            let section = set.sso_session(&name.text).ok_or_else(|| {
                let finding =
                    Finding::new(Cause::SourceMissing, format!("there is no [sso-session {}]", name.text)).seen(name.origin.to_string());
                match (set.profile(&name.text).filter(|profile| profile.get("sso_start_url").is_some()), set.session_like(&name.text)) {
                    (Some(Profile { origin, .. }), _) => finding
                        .seen(format!("{origin} has [profile {}] with sso_start_url", name.text))
                        .try_this(format!("write [sso-session {}] at {origin}", name.text)),
                    (None, Some(other)) => finding.try_this(format!("did you mean `{}`, at {}?", other.name, other.origin)),
                    (None, None) if let Some((what, origin)) = set.misplaced_session(&name.text) => {
                        finding.seen(what).try_this(format!("[sso-session {}] in the config file, in the place of {origin}", name.text))
                    }
                    (None, None) => finding.try_this("add the section, or run: aws configure sso-session"),
                }
            })?;
            section.check()?;
            Some((name, section))
        }
    };
    let need = |key: &str| -> Result<String> {
        let shared = session.and_then(|(_, section)| section.get(key));
        if let (Some(a), Some(b)) = (profile.get(key), shared)
            && a.text != b.text
        {
            return Err(conflict(profile, (key, a), (key, b), "the profile and its sso-session disagree"));
        }
        let value = shared.or_else(|| profile.get(key)).ok_or_else(|| {
            Finding::new(Cause::ConfigMalformed, format!("profile `{}` is an SSO profile without {key}", profile.name))
                .seen(profile.origin.to_string())
                .try_this(format!("add {key}"))
        })?;
        check::clean(key, value)?;
        match key {
            "sso_region" => check::region(key, value)?,
            "sso_account_id" => check::account(key, value)?,
            "sso_start_url" if !value.text.starts_with("http") => {
                return Err(bad(Cause::ConfigMalformed, key, value, "is not a URL", "sso_start_url = https://NAME.awsapps.com/start"));
            }
            _ => {}
        }
        Ok(value.text.clone())
    };
    Ok(Base::Sso {
        profile: profile.name.clone(),
        start_url: need("sso_start_url")?,
        sso_region: need("sso_region")?,
        account_id: need("sso_account_id")?,
        role_name: need("sso_role_name")?,
        use_fips: session
            .and_then(|(_, section)| section.get("awsfresh_use_fips_endpoint"))
            .or_else(|| profile.get("awsfresh_use_fips_endpoint"))
            .map(|value| value.text.eq_ignore_ascii_case("true")),
        session: session.map(|(name, _)| name.text.clone()),
    })
}

fn hop(profile: &Profile, role: &Value) -> Result<Hop> {
    let word = |key: &str, low, high, extra: &str| -> Result<Option<String>> {
        let Some(value) = profile.get(key) else { return Ok(None) };
        check::word(key, value, low, high, extra)?;
        Ok(Some(value.text.clone()))
    };
    let known = |key: &str| -> Result<Option<String>> {
        let Some((_, low, high, extra)) = check::WORDS.iter().find(|(name, ..)| *name == key) else { return Ok(None) };
        word(key, *low, *high, extra)
    };
    let list = |key: &str| {
        profile.get(key).map(|v| v.text.split([',', '\n']).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect())
    };
    let mut tags = Vec::new();
    for tag in list("awsfresh_tags").unwrap_or_else(Vec::new) {
        match (tag.split_once('='), profile.get("awsfresh_tags")) {
            (Some((key, value)), _) => tags.push((key.trim().to_owned(), value.trim().to_owned())),
            (None, Some(value)) => {
                return Err(bad(
                    Cause::ConfigMalformed,
                    "awsfresh_tags",
                    value,
                    "is not a list of KEY=VALUE",
                    "awsfresh_tags = team=core, env=prod",
                ));
            }
            (None, None) => {}
        }
    }
    if let Some(region) = profile.get("region") {
        check::region("region", region)?;
    }
    Ok(Hop {
        profile: profile.name.clone(),
        role_arn: role.clone(),
        external_id: known("external_id")?,
        mfa_serial: known("mfa_serial")?,
        duration_seconds: profile.get("duration_seconds").map(check::duration).transpose()?,
        session_name: known("role_session_name")?,
        region: profile.get("region").map(|v| v.text.clone()),
        policy: profile.get("awsfresh_policy").map(|v| v.text.clone()),
        policy_arns: list("awsfresh_policy_arns").unwrap_or_default(),
        tags,
        transitive_tag_keys: list("awsfresh_transitive_tag_keys").unwrap_or_default(),
        source_identity: word("awsfresh_source_identity", 2, 64, "+=,.@-")?,
    })
}

fn network(set: &ProfileSet, profile: &Profile) -> Result<Network> {
    let flag = |key: &str| profile.get(key).is_some_and(|v| v.text.eq_ignore_ascii_case("true"));
    let services = match profile.get("services") {
        None => None,
        Some(name) => Some(set.services(&name.text).ok_or_else(|| {
            Finding::new(Cause::ConfigMalformed, format!("there is no [services {}]", name.text))
                .seen(name.origin.to_string())
                .try_this("add the section, or remove the line")
        })?),
    };
    let of = |service: &str| services.and_then(|s| s.nested(service, "endpoint_url")).cloned();
    Ok(Network {
        ca_bundle: profile.get("ca_bundle").cloned(),
        use_fips: flag("use_fips_endpoint"),
        use_dualstack: flag("use_dualstack_endpoint"),
        endpoint_url: profile.get("endpoint_url").cloned(),
        sts_endpoint_url: of("sts"),
        sso_endpoint_url: of("sso"),
        sso_oidc_endpoint_url: of("sso_oidc"),
        ignore_configured_endpoint_urls: flag("ignore_configured_endpoint_urls"),
    })
}

/// The words of a command line, quotes removed; enough to recognise ourselves.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote, mut open) = (vec![String::new()], None, false);
    for c in command.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if open || words.last().is_some_and(|w| !w.is_empty()) {
                    words.push(String::new());
                }
                open = false;
            }
            (_, c) => words.last_mut().into_iter().for_each(|w| w.push(c)),
        }
    }
    words
}

fn calls_awsfresh(command: &str) -> bool {
    let words = words(command);
    let program = words.first().map_or("", |w| w.rsplit(['/', '\\']).next().unwrap_or(w));
    matches!(program, "awsfresh" | "awsfresh.exe")
}

/// The profile that a call of ours asks for.
fn asked_profile(command: &str) -> Option<String> {
    let words = words(command);
    if !words.iter().any(|w| w == "credential-process") {
        return None;
    }
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if let Some(name) = word.strip_prefix("--profile=") {
            return Some(name.to_owned());
        }
        if word == "--profile" || word == "-p" {
            return rest.next().filter(|name| !name.is_empty()).cloned();
        }
    }
    None
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
