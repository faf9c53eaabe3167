//! The sources that a profile can name: one function each, with the errors of an incomplete one.

use super::chain::Base;
use super::hop::hop;
use super::key_typos::{KeyTypo, key_typos};
use super::parser::Value;
use super::profile::Profile;
use super::session_end::SessionEnd;
use super::validate::{self, invalid};
use crate::finding::{Cause, Finding, Result, remedy};

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
        .remedy(remedy!(
            "put # in front of the lines of one of them: at {} or {}",
            a.1.origin,
            b.1.origin
        ))
}

/// A profile with two sources, of which tools read different ones. Keys in the credentials file beside
/// a source in the config file are often what another program wrote there.
pub(super) fn two_sources(profile: &Profile, a: (&str, &Value), b: (&str, &Value)) -> Finding {
    let is_shadowed = profile.is_in_credentials(a.1) && !profile.is_in_credentials(b.1);
    if !is_shadowed {
        let why = "SDKs and the AWS CLI read different ones of them";
        return conflict(profile, a, b, why);
    }
    let name = &profile.name;
    let summary = format!(
        "in some tools, the credentials file overrides {} of profile `{name}`",
        b.0
    );
    let finding = Finding::new(Cause::CredentialsFileShadows, summary)
        .about_profile(name)
        .at(&a.1.origin)
        .evidence(format!("{} at {}", b.0, b.1.origin));
    finding.remedy(remedy!(
        "rename the section [{}] with {} to a name that no other profile has",
        name,
        a.1.origin
    ))
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
            .remedy(remedy!(
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
        // The ID with `awsfresh_` and no secret anywhere: that is in the credential store.
        (Some(id), None) if profile.has_prefixed(id_key) => {
            validate::stored_key_id(id)?;
            return Ok(Base::StoredKeys {
                access_key_id: id.clone(),
                profile: profile.name.to_string(),
            });
        }
        (one, other) => {
            let absent = if one.is_some() { secret_key } else { id_key };
            let finding = missing(profile, &format!("is missing {absent}"));
            let finding = one
                .or(other)
                .into_iter()
                .fold(finding, |f, value| f.at(&value.origin));
            let is_absent = |typo: &KeyTypo<'_>| typo.intended == absent;
            let typos: Vec<_> = key_typos(profile).into_iter().filter(is_absent).collect();
            let finding = profile.with_misplaced(absent, finding);
            if typos.is_empty() && finding.remedy.is_empty() {
                return Err(finding.remedy(remedy!("add {}", absent)));
            }
            return Err(typos
                .iter()
                .fold(finding, |finding, typo| typo.explain(finding)));
        }
    };
    let token = profile
        .get("aws_session_token")
        .or_else(|| profile.get("aws_security_token"));
    let mut credentials = validate::keys(id, secret, token)?;
    let end = SessionEnd::of(profile);
    credentials.expiration = end.as_ref().map(|end| end.time);
    Ok(Base::Static {
        credentials,
        origin: id.origin.clone(),
        end,
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
