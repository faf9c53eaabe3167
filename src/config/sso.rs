//! The SSO session that a profile or an `[sso-session]` describes.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>

use super::base::conflict;
use super::chain::{Base, SsoSession};
use super::parser::Value;
use super::profiles::{Profile, ProfileSet};
use super::validate::{self, invalid};
use crate::finding::{Cause, Finding, Result, remedy};

/// With this scope SSO-OIDC issues a refresh token; it is the default of the AWS CLI.
const DEFAULT_SCOPE: &str = "sso:account:access";

/// SSO, with an `[sso-session]` or in the legacy form.
pub(super) fn sso(set: &ProfileSet, profile: &Profile) -> Result<Base> {
    let section = match profile.get("sso_session") {
        Some(name) => {
            let section = set
                .sso_session(&name.text)
                .ok_or_else(|| no_session(set, name))?;
            section.check()?;
            Some((name.text.as_str(), section))
        }
        None => None,
    };
    let keys = Keys {
        profile: Some(profile),
        session: section,
    };
    Ok(Base::Sso {
        session: keys.session()?,
        account_id: keys.required("sso_account_id")?,
        role_name: keys.required("sso_role_name")?,
    })
}

/// A start URL without what a browser shows behind it.
pub(crate) fn plain_start_url(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    url.trim_end_matches('/')
}

/// The `[sso-session]` of this name.
pub(crate) fn sso_session(set: &ProfileSet, name: &str) -> Result<SsoSession> {
    let Some(section) = set.sso_session(name) else {
        let summary = format!("there is no [sso-session {name}] in the config file");
        let finding = Finding::new(Cause::SourceMissing, summary);
        if let Some(similar) = set.similar_session(name) {
            return Err(finding.remedy(remedy!(
                "did you mean {}, at {}?",
                similar.name,
                similar.origin
            )));
        }
        let names: Vec<&str> = set.sso_session_names().collect();
        return Err(match names.as_slice() {
            [] => finding.remedy("add it: sso_start_url and sso_region are required"),
            _ => finding.remedy(remedy!("use one of: {}", names[..])),
        });
    };
    section.check()?;
    Keys {
        profile: None,
        session: Some((name, section)),
    }
    .session()
}

/// The sections that describe one session. If both have a key, they must agree, as botocore
/// demands.
struct Keys<'a> {
    profile: Option<&'a Profile>,
    session: Option<(&'a str, &'a Profile)>,
}

impl Keys<'_> {
    fn session(&self) -> Result<SsoSession> {
        let scopes = self.optional("sso_registration_scopes");
        let scopes = scopes.map_or("", |value| value.text.as_str()).split(',');
        let mut scopes: Vec<_> = scopes
            .map(|scope| scope.trim().to_owned())
            .filter(|scope| !scope.is_empty())
            .collect();
        if scopes.is_empty() {
            scopes.push(DEFAULT_SCOPE.to_owned());
        }
        let use_fips = self.optional("awsfresh_use_fips_endpoint");
        Ok(SsoSession {
            name: self.session.map(|(name, _)| name.to_owned()),
            profile: self.profile.map(|profile| profile.name.clone()),
            start_url: self.required("sso_start_url")?,
            region: self.required("sso_region")?,
            scopes,
            use_fips: use_fips.map(|value| value.text.eq_ignore_ascii_case("true")),
        })
    }

    fn in_profile(&self, key: &str) -> Option<&Value> {
        self.profile.and_then(|profile| profile.get(key))
    }

    fn in_session(&self, key: &str) -> Option<&Value> {
        self.session.and_then(|(_, section)| section.get(key))
    }

    /// The session's value, else the profile's.
    fn optional(&self, key: &str) -> Option<&Value> {
        self.in_session(key).or_else(|| self.in_profile(key))
    }

    fn required(&self, key: &str) -> Result<String> {
        if let (Some(profile), Some(a), Some(b)) =
            (self.profile, self.in_profile(key), self.in_session(key))
            && a.text != b.text
        {
            let why = "the AWS CLI and boto3 reject it";
            return Err(conflict(profile, (key, a), (key, b), why));
        }
        let value = self.optional(key).ok_or_else(|| self.missing(key))?;
        validate::no_control_chars(key, value)?;
        match key {
            "sso_region" => validate::region(key, value)?,
            "sso_account_id" => validate::account(key, value)?,
            "sso_start_url" if !value.text.starts_with("http") => {
                let fix = "sso_start_url = https://NAME.awsapps.com/start";
                let what = "is not a URL";
                return Err(invalid(Cause::ConfigMalformed, key, value, what, fix));
            }
            _ => {}
        }
        Ok(value.text.clone())
    }

    fn missing(&self, key: &str) -> Finding {
        let finding = match (self.profile, self.session) {
            (Some(profile), _) => {
                let summary = format!("profile `{}` is an SSO profile without {key}", profile.name);
                Finding::new(Cause::ConfigMalformed, summary)
                    .about_profile(&profile.name)
                    .at(&profile.origin)
            }
            (None, Some((name, section))) => {
                let summary = format!("[sso-session {name}] has no {key}");
                Finding::new(Cause::ConfigMalformed, summary).at(&section.origin)
            }
            (None, None) => Finding::new(Cause::ConfigMalformed, format!("{key} is missing")),
        };
        finding.remedy(remedy!("add {}", key))
    }
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
            .remedy(remedy!("write [sso-session {}] at {}", name.text, origin));
    }
    if let Some(similar) = set.similar_session(&name.text) {
        return finding.remedy(remedy!(
            "did you mean {}, at {}?",
            similar.name,
            similar.origin
        ));
    }
    if let Some((what, origin)) = set.misplaced_session(&name.text) {
        return finding.evidence(what).remedy(remedy!(
            "write [sso-session {}] in the config file, in the place of {}",
            name.text,
            origin
        ));
    }
    finding.remedy("add the section, or run: aws configure sso-session")
}
