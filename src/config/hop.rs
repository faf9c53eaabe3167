//! What a profile says of the role it assumes, and of the network.

use super::chain::{Hop, Network};
use super::parser::Value;
use super::profile::Profile;
use super::profile_set::ProfileSet;
use super::validate::{self, CHARSETS, invalid};
use crate::finding::{Cause, Finding, Result};

/// The role of a profile, with the keys that decide about its session.
pub(super) fn hop(profile: &Profile, role: &Value) -> Result<Hop> {
    let checked = |key: &str| -> Result<Option<String>> {
        let Some(value) = profile.get(key) else {
            return Ok(None);
        };
        CHARSETS
            .iter()
            .filter(|charset| charset.key == key)
            .try_for_each(|set| set.check(value))?;
        Ok(Some(value.text.clone()))
    };
    if let Some(region) = profile.get("region") {
        validate::region("region", region)?;
    }
    let mfa_process = profile
        .get("awsfresh_mfa_process")
        .or_else(|| profile.get("mfa_process"));
    if let Some(command) = mfa_process {
        validate::no_control_chars("mfa_process", command)?;
    }
    let text = |key: &str| profile.get(key).map(|value| value.text.clone());
    Ok(Hop {
        profile: profile.name.to_string(),
        role_arn: role.clone(),
        external_id: checked("external_id")?,
        mfa_serial: checked("mfa_serial")?,
        mfa_process: mfa_process.cloned(),
        duration_seconds: profile
            .get("duration_seconds")
            .map(validate::duration)
            .transpose()?,
        session_name: checked("role_session_name")?,
        region: text("region"),
        policy: text("awsfresh_policy"),
        policy_arns: profile
            .get("awsfresh_policy_arns")
            .map(list)
            .unwrap_or_default(),
        tags: profile
            .get("awsfresh_tags")
            .map(tags)
            .transpose()?
            .unwrap_or_default(),
        transitive_tag_keys: profile
            .get("awsfresh_transitive_tag_keys")
            .map(list)
            .unwrap_or_default(),
        source_identity: checked("awsfresh_source_identity")?,
    })
}

/// The items of a list, which are separated by commas or lines.
fn list(value: &Value) -> Vec<String> {
    let items = value
        .text
        .split([',', '\n'])
        .map(str::trim)
        .filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn tags(value: &Value) -> Result<Vec<(String, String)>> {
    let tag = |item: String| match item.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => {
            let (what, fix) = (
                "is not a list of KEY=VALUE",
                "awsfresh_tags = team=core, env=prod",
            );
            Err(invalid(
                Cause::ConfigMalformed,
                "awsfresh_tags",
                value,
                what,
                fix,
            ))
        }
    };
    list(value).into_iter().map(tag).collect()
}

/// The endpoint and TLS settings of a profile and its `services` section.
pub(super) fn network(set: &ProfileSet, profile: &Profile) -> Result<Network> {
    let flag = |key: &str| {
        profile
            .get(key)
            .is_some_and(|v| v.text.eq_ignore_ascii_case("true"))
    };
    let services = match profile.get("services") {
        None => None,
        Some(name) => Some(set.services(&name.text).ok_or_else(|| {
            let summary = format!("[services {}] does not exist", name.text);
            Finding::new(Cause::ConfigMalformed, summary)
                .at(&name.origin)
                .remedy("add the section, or put # in front of the line")
        })?),
    };
    let url = |service: &str| {
        services
            .and_then(|s| s.nested(service, "endpoint_url"))
            .cloned()
    };
    Ok(Network {
        ca_bundle: profile.get("ca_bundle").cloned(),
        use_fips: flag("use_fips_endpoint"),
        use_dualstack: flag("use_dualstack_endpoint"),
        endpoint_url: profile.get("endpoint_url").cloned(),
        sts_endpoint_url: url("sts"),
        sso_endpoint_url: url("sso"),
        sso_oidc_endpoint_url: url("sso_oidc"),
        ignore_configured_endpoint_urls: flag("ignore_configured_endpoint_urls"),
    })
}
