//! The sources that a profile can name: one function each, with the errors of an incomplete one.

use super::chain::Base;
use super::hop::hop;
use super::key_typos::{KeyTypo, key_typos};
use super::parser::Value;
use super::profiles::{Profile, ProfileSet};
use super::validate::{self, invalid};
use crate::finding::{Cause, Finding, Result};

/// A profile with two sources, or two values that must agree.
pub(super) fn conflict(
    profile: &Profile,
    a: (&str, &Value),
    b: (&str, &Value),
    why: &str,
) -> Finding {
    let summary = if a.0 == b.0 {
        format!(
            "profile `{}` and its sso-session have different {}",
            profile.name, a.0
        )
    } else {
        format!("profile `{}` has both {} and {}", profile.name, a.0, b.0)
    };
    let places = format!("{} at {}, {} at {}", a.0, a.1.origin, b.0, b.1.origin);
    Finding::new(Cause::SourceConflict, summary)
        .about_profile(&profile.name)
        .about_place(&a.1.origin)
        .evidence(places)
        .evidence(why)
        .remedy("keep one of them")
}

/// A finding that something is missing in a profile.
fn missing(profile: &Profile, what: &str) -> Finding {
    Finding::new(
        Cause::SourceMissing,
        format!("profile `{}` {what}", profile.name),
    )
    .about_profile(&profile.name)
}

/// A profile without any source, or with one that no tool reads.
pub(super) fn no_source(profile: &Profile) -> Finding {
    let finding = missing(profile, "has no credentials and names no source").at(&profile.origin);
    if let Some(source) = profile.get("source_profile") {
        return finding
            .evidence(format!(
                "source_profile at {} is for assuming a role; there is no role_arn",
                source.origin
            ))
            .remedy(format!(
                "add role_arn = ARN, or use the profile {} itself",
                source.text
            ));
    }
    let typos = key_typos(profile);
    if typos.is_empty() {
        return finding
            .remedy("add role_arn with source_profile, sso_session, credential_process or keys");
    }
    typos
        .iter()
        .fold(finding, |finding, typo| typo.explain(finding))
}

/// `credential_source`.
pub(super) fn credential_source(value: &Value) -> Result<Base> {
    let origin = value.origin.clone();
    match value.text.as_str() {
        "Environment" => Ok(Base::Environment { origin }),
        "Ec2InstanceMetadata" => Ok(Base::InstanceMetadata { origin }),
        "EcsContainer" => Ok(Base::Container { origin }),
        _ => {
            let fix = "use one of Environment, Ec2InstanceMetadata, EcsContainer";
            let what = "is not a credential source";
            Err(invalid(
                Cause::ConfigMalformed,
                "credential_source",
                value,
                what,
                fix,
            ))
        }
    }
}

/// `aws_access_key_id` and `aws_secret_access_key`.
pub(super) fn static_keys(profile: &Profile) -> Result<Base> {
    let (id_key, secret_key) = ("aws_access_key_id", "aws_secret_access_key");
    let (id, secret) = match (profile.get(id_key), profile.get(secret_key)) {
        (Some(id), Some(secret)) => (id, secret),
        (one, other) => {
            let absent = if one.is_some() { secret_key } else { id_key };
            let finding = missing(profile, &format!("is missing {absent}"));
            let finding = one
                .or(other)
                .into_iter()
                .fold(finding, |f, value| f.at(&value.origin));
            let is_absent = |typo: &KeyTypo<'_>| typo.intended == absent;
            let typos: Vec<_> = key_typos(profile).into_iter().filter(is_absent).collect();
            if typos.is_empty() {
                return Err(finding.remedy(format!("add {absent}")));
            }
            return Err(typos
                .iter()
                .fold(finding, |finding, typo| typo.explain(finding)));
        }
    };
    let token = profile
        .get("aws_session_token")
        .or_else(|| profile.get("aws_security_token"));
    let credentials = validate::keys(id, secret, token)?;
    Ok(Base::Static {
        credentials,
        origin: id.origin.clone(),
    })
}

/// `web_identity_token_file`.
pub(super) fn web_identity(profile: &Profile, token_file: &Value) -> Result<Base> {
    validate::no_control_chars("web_identity_token_file", token_file)?;
    let Some(role) = profile.get("role_arn") else {
        return Err(missing(profile, "has a web identity token and no role_arn")
            .at(&token_file.origin)
            .remedy("add role_arn"));
    };
    validate::role_arn(role)?;
    let hop = hop(profile, role)?;
    Ok(Base::WebIdentity {
        token_file: token_file.clone(),
        role_arn: role.clone(),
        session_name: profile.get("role_session_name").cloned(),
        duration_seconds: hop.duration_seconds,
    })
}

/// SSO, with an `[sso-session]` or in the legacy form. If both sections have a key, they must
/// agree, as botocore demands.
pub(super) fn sso(set: &ProfileSet, profile: &Profile) -> Result<Base> {
    let session = match profile.get("sso_session") {
        Some(name) => {
            let section = set
                .sso_session(&name.text)
                .ok_or_else(|| no_session(set, name))?;
            section.check()?;
            Some((name, section))
        }
        None => None,
    };
    let in_session = |key: &str| session.and_then(|(_, section)| section.get(key));
    let required = |key: &str| -> Result<String> {
        let value = match (profile.get(key), in_session(key)) {
            (Some(a), Some(b)) if a.text != b.text => {
                let why = "the AWS CLI and boto3 reject it";
                return Err(conflict(profile, (key, a), (key, b), why));
            }
            (own, shared) => shared.or(own).ok_or_else(|| {
                let summary = format!("profile `{}` is an SSO profile without {key}", profile.name);
                Finding::new(Cause::ConfigMalformed, summary)
                    .about_profile(&profile.name)
                    .at(&profile.origin)
                    .remedy(format!("add {key}"))
            })?,
        };
        validate::no_control_chars(key, value)?;
        match key {
            "sso_region" => validate::region(key, value)?,
            "sso_account_id" => validate::account(key, value)?,
            "sso_start_url" if !value.text.starts_with("http") => {
                let fix = "sso_start_url = https://NAME.awsapps.com/start";
                return Err(invalid(
                    Cause::ConfigMalformed,
                    key,
                    value,
                    "is not a URL",
                    fix,
                ));
            }
            _ => {}
        }
        Ok(value.text.clone())
    };
    let use_fips = "awsfresh_use_fips_endpoint";
    let use_fips = in_session(use_fips).or_else(|| profile.get(use_fips));
    Ok(Base::Sso {
        profile: profile.name.clone(),
        start_url: required("sso_start_url")?,
        sso_region: required("sso_region")?,
        account_id: required("sso_account_id")?,
        role_name: required("sso_role_name")?,
        use_fips: use_fips.map(|value| value.text.eq_ignore_ascii_case("true")),
        session: session.map(|(name, _)| name.text.clone()),
    })
}

/// The finding for an `sso_session` that does not exist, with what the user may have written
/// instead.
fn no_session(set: &ProfileSet, name: &Value) -> Finding {
    let summary = format!("[sso-session {}] does not exist", name.text);
    let finding = Finding::new(Cause::SourceMissing, summary).at(&name.origin);
    let profile = set
        .profile(&name.text)
        .filter(|one| one.get("sso_start_url").is_some());
    if let Some(Profile { origin, .. }) = profile {
        return finding
            .evidence(format!(
                "{origin} has [profile {}] with sso_start_url",
                name.text
            ))
            .remedy(format!("write [sso-session {}] at {origin}", name.text));
    }
    if let Some(similar) = set.similar_session(&name.text) {
        return finding.remedy(format!(
            "did you mean `{}`, at {}?",
            similar.name, similar.origin
        ));
    }
    if let Some((what, origin)) = set.misplaced_session(&name.text) {
        return finding.evidence(what).remedy(format!(
            "write [sso-session {}] in the config file, in the place of {origin}",
            name.text
        ));
    }
    finding.remedy("add the section, or run: aws configure sso-session")
}
