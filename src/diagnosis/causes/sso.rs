//! IAM Identity Center: the token, as far as it can be judged here.

use crate::diagnosis::facts::Facts;
use crate::diagnosis::{Cause, Finding, Severity};
use crate::time::for_people;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.sso_blocked.iter().map(|finding| graded(facts, finding.clone())).collect();
    let token = match &facts.sso {
        None => return found,
        // While the role's credentials are good nothing fails yet.
        Some(Err(finding)) => {
            found.push(graded(facts, finding.clone()));
            return found;
        }
        Some(Ok(token)) => token,
    };
    if token.region.as_ref().is_some_and(|region| *region != token.configured_region) {
        let region = token.region.as_deref().unwrap_or_default();
        found.push(
            Finding::new(
                Cause::SsoRegionMismatch,
                format!("sso_region is {}, and the sign-in to `{}` was made in {region}", token.configured_region, token.label),
            )
            .seen(format!("region in {}", token.place))
            .try_this(format!("sso_region = {region}, then {}", token.login))
            .likely(),
        );
    }
    let over = token.expires <= facts.now;
    let registration_over = token.registration_expires.is_some_and(|end| end <= facts.now);
    if over && token.refreshable && registration_over {
        found.push(graded(
            facts,
            Finding::new(
                Cause::SsoRegistrationExpired,
                format!("the client registration of the SSO session `{}` has run out", token.label),
            )
            .seen(format!("registrationExpiresAt in {}", token.place))
            .try_this(token.login.clone()),
        ));
    } else if over && !token.refreshable {
        let ago = for_people(facts.now.seconds_from(token.expires));
        found.push(graded(
            facts,
            Finding::new(Cause::SsoSessionExpired, format!("the SSO session `{}` ended {ago} ago", token.label))
                .seen(format!("token in {}, expired {}", token.place, token.expires))
                .try_this(token.login.clone()),
        ));
    } else if !token.refreshable {
        found.push(
            Finding::new(
                Cause::SsoNotRefreshable,
                format!("the SSO session `{}` cannot be prolonged: it ends at {}", token.label, token.expires),
            )
            .seen(format!("{} holds no refresh token", token.place))
            .try_this("an [sso-session] with sso_registration_scopes = sso:account:access renews by itself")
            .info(),
        );
    }
    found
}

fn graded(facts: &Facts, finding: Finding) -> Finding {
    match facts.cached && finding.severity == Severity::Error {
        true => finding.warning(),
        false => finding,
    }
}
