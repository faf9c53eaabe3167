//! The SSO session that a profile or an `[sso-session]` describes.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>

use super::base::conflict;
use super::chain::{Base, SsoSession};
use super::parser::Value;
use super::profile::Profile;
use super::profile_set::ProfileSet;
use super::validate::{self, invalid};
use crate::finding::{Cause, Finding, Result, remedy};
use crate::text::listed;

/// With this scope SSO-OIDC issues a refresh token; it is the default of the AWS CLI.
const DEFAULT_SCOPE: &str = "sso:account:access";
/// So many sessions are listed.
const MAX_SESSIONS: usize = 10;

/// SSO, with an `[sso-session]` or in the legacy form.
pub(super) fn sso(set: &ProfileSet, profile: &Profile) -> Result<Base> {
    let section = match profile.get("sso_session") {
        Some(name) => {
            let section = set
                .sso_session(&name.text)
                .ok_or_else(|| no_session(set, profile, name))?;
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
            profile: self.profile.map(|profile| profile.name.to_string()),
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
            let finding = conflict(profile, (key, a), (key, b), why);
            return Err(self.with_other_conflicts(key, finding));
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
            "sso_start_url" => url_characters(key, value)?,
            _ => {}
        }
        Ok(value.text.clone())
    }

    /// Adds the other keys that the two sections do not agree on.
    fn with_other_conflicts(&self, reported: &str, finding: Finding) -> Finding {
        let others = ["sso_start_url", "sso_region"].into_iter();
        others
            .filter(|key| *key != reported)
            .filter_map(|key| Some((key, self.in_profile(key)?, self.in_session(key)?)))
            .filter(|(_, a, b)| a.text != b.text)
            .fold(finding, |finding, (key, a, b)| {
                finding.evidence(format!(
                    "{key} differs as well: at {} and {}",
                    a.origin, b.origin
                ))
            })
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

/// Rejects a URL with characters that no URL has: it names another portal than the one that was
/// meant, and the sign-in is looked for under its text.
fn url_characters(key: &str, value: &Value) -> Result<()> {
    let (what, fix) = match value.text.chars().find(|c| !is_url_character(*c)) {
        None => return Ok(()),
        Some('\\') => {
            let fix = "remove each backslash from the URL: a shell may have put it there";
            ("contains a `\\`, which no URL has", fix)
        }
        Some(_) => (
            "contains characters that no URL has",
            "copy the URL again, from the access portal",
        ),
    };
    Err(invalid(Cause::ConfigMalformed, key, value, what, fix))
}

fn is_url_character(c: char) -> bool {
    c.is_ascii_graphic() && !"\\\"<>^`{|}".contains(c)
}

/// The finding for an `sso_session` that does not exist, with what the user may have written
/// instead.
fn no_session(set: &ProfileSet, profile: &Profile, name: &Value) -> Finding {
    let summary = format!("[sso-session {}] does not exist", name.text);
    let finding = Finding::new(Cause::SourceMissing, summary).at(&name.origin);
    // A section with nothing but the settings of a session is one with the wrong kind of header.
    let settings = set
        .profile(&name.text)
        .filter(|one| one.get("sso_start_url").is_some() && is_session_alone(one));
    if let Some(Profile { origin, .. }) = settings {
        return finding
            .evidence(format!(
                "{origin} has [profile {}] with sso_start_url",
                name.text
            ))
            .remedy(remedy!("write [sso-session {}] at {}", name.text, origin));
    }
    if let Some(same) = same_portal(set, profile) {
        return finding
            .evidence(format!(
                "[sso-session {}] at {} has the same sso_start_url",
                same.name, same.origin
            ))
            .remedy(remedy!(
                "write sso_session = {} at {}",
                same.name,
                name.origin
            ));
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
    let known: Vec<&str> = set.sso_session_names().collect();
    let finding = match (known.as_slice(), profile.get("sso_start_url")) {
        ([], _) => finding,
        (_, Some(_)) => finding.remedy(remedy!(
            "put # in front of {}: the profile has its own sso_start_url",
            name.origin
        )),
        (known, None) => finding
            .evidence(format!(
                "the config file has {}",
                listed(known, MAX_SESSIONS)
            ))
            .remedy(remedy!(
                "write one of them in sso_session at {}",
                name.origin
            )),
    };
    finding.remedy("add the section, or run: aws configure sso-session")
}

/// Whether a section has nothing but what an `[sso-session]` has.
fn is_session_alone(profile: &Profile) -> bool {
    let of_session = ["sso_start_url", "sso_region", "sso_registration_scopes"];
    let mut keys = profile.all_values();
    keys.all(|(key, _)| of_session.contains(&key))
}

/// The session with the portal that a profile names itself.
fn same_portal<'a>(set: &'a ProfileSet, profile: &Profile) -> Option<&'a Profile> {
    let wanted = plain_start_url(&profile.get("sso_start_url")?.text);
    let sessions = set.sso_session_names();
    let mut sessions = sessions.filter_map(|name| set.sso_session(name));
    sessions.find(|session| {
        let url = session.get("sso_start_url");
        url.is_some_and(|url| plain_start_url(&url.text) == wanted)
    })
}
