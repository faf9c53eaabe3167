//! IAM Identity Center: hosts and token, as far as they can be checked here.

use crate::doctor::facts::Facts;
use crate::finding::{Cause, Finding, Severity, Tool, remedy};
use crate::source::sso::TokenFacts;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.sso_blocked.iter().cloned().collect();
    match &facts.sso {
        None => {}
        Some(Err(finding)) => found.push(finding.clone()),
        Some(Ok(token)) => found.extend(of_token(facts, token)),
    }
    // While credentials of the role are cached and valid, nothing fails yet.
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let warning_if_cached = |finding: Finding| {
        let lower = facts.cached && is_error(&finding) && finding.cause != Cause::SsoRegionMismatch;
        finding.warning_if(lower)
    };
    found.into_iter().map(warning_if_cached).collect()
}

fn of_token(facts: &Facts, token: &TokenFacts) -> Vec<Finding> {
    let found = region_mismatch(token).into_iter().chain(utc_time(token));
    let mut found: Vec<Finding> = found.collect();
    let is_expired = token.expires <= facts.now;
    let registration_expired = token
        .registration_expires
        .is_some_and(|end| end <= facts.now);
    if is_expired && token.refreshable && registration_expired {
        found.push(token.registration_expired());
    } else if is_expired && !token.refreshable {
        found.push(token.expired(facts.now));
    } else if !token.refreshable {
        let finding = token.not_refreshable().info();
        let finding = finding.evidence(format!(
            "{}; it expires at {}",
            token.no_refresh_token(),
            token.expires
        ));
        let remedy = "use an [sso-session] with sso_registration_scopes = sso:account:access, which can \
            be refreshed";
        found.push(Finding {
            remedy: vec![remedy.into()],
            ..finding
        });
    }
    found
}

/// `2030-01-01T00:00:00UTC`, which the SDKs for Go and Rust do not read as a time.
/// <https://github.com/hashicorp/terraform-provider-aws/issues/22176>
fn utc_time(token: &TokenFacts) -> Option<Finding> {
    if !token.has_utc_time {
        return None;
    }
    let summary = format!(
        "Go and Rust programs cannot read expiresAt of `{}`, which ends in UTC",
        token.label
    );
    let finding = Finding::new(Cause::SsoCacheDamaged, summary)
        .evidence(format!("expiresAt in {}", token.place))
        .fails_in(&[Tool::Go, Tool::Rust])
        .warning();
    let finding = finding.remedy(token.login.clone());
    Some(finding.remedy("update the AWS CLI that wrote it"))
}

/// The sign-in was made in another region than the profile names.
fn region_mismatch(token: &TokenFacts) -> Option<Finding> {
    let region = token
        .region
        .as_ref()
        .filter(|region| **region != token.configured_region)?;
    let (configured, label) = (&token.configured_region, &token.label);
    let summary =
        format!("sso_region is {configured}, but the sign-in to `{label}` was made in {region}");
    let finding = Finding::new(Cause::SsoRegionMismatch, summary).likely();
    let finding = finding.evidence(format!("region in {}", token.place));
    Some(finding.remedy(remedy!("set sso_region = {}, then {}", region, token.login)))
}
