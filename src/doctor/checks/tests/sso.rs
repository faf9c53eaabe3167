use super::*;

/// The facts of a profile with this SSO token.
fn with(token: TokenFacts) -> Facts {
    facts(SSO_CONFIG, "").with(|facts| facts.sso = Some(Ok(token)))
}

#[test]
fn a_token_that_is_valid_or_can_be_refreshed_has_no_findings() {
    assert_eq!(all(&with(token())), []);
    let refreshable = TokenFacts {
        expires: NOW.plus(-9),
        ..token()
    };
    assert_eq!(all(&with(refreshable)), []);
}

#[test]
fn an_expired_token_that_cannot_be_refreshed_is_an_error() {
    let expired = || TokenFacts {
        expires: NOW.plus(-9),
        refreshable: false,
        ..token()
    };
    error(with(expired()), Cause::SsoSessionExpired);
    warning(
        with(expired()).with(|facts| facts.cached = true),
        Cause::SsoSessionExpired,
    );
    let registration = TokenFacts {
        expires: NOW.plus(-9),
        registration_expires: Some(NOW),
        ..token()
    };
    error(with(registration), Cause::SsoRegistrationExpired);
}

#[test]
fn a_valid_token_that_cannot_be_refreshed_is_a_note() {
    let not_refreshable = TokenFacts {
        refreshable: false,
        ..token()
    };
    holds(
        with(not_refreshable),
        Cause::SsoNotRefreshable,
        Severity::Info,
        Certainty::Certain,
    );
}

#[test]
fn a_token_of_another_region_is_probably_an_error() {
    let elsewhere = TokenFacts {
        region: Some("us-east-1".into()),
        ..token()
    };
    holds(
        with(elsewhere),
        Cause::SsoRegionMismatch,
        Severity::Error,
        Certainty::Likely,
    );
}
