use super::*;

/// The facts of an intact setup.
fn clean() -> Facts {
    facts(&prod(), &base())
}

/// A first step that succeeds as an IAM user.
fn user() -> StepResult {
    works(Step::Base, "arn:aws:iam::1:user/ann")
}

#[test]
fn a_failure_of_a_source_is_passed_on() {
    for cause in [
        Cause::SsoSessionMissing,
        Cause::SsoCacheDamaged,
        Cause::SsoAccessRemoved,
        Cause::LoginSessionExpired,
        Cause::ProcessOutputInvalid,
        Cause::ContainerEndpointUnreachable,
        Cause::WebIdentityRejected,
        Cause::DurationTooLong,
        Cause::LockTimeout,
        Cause::Throttled,
        Cause::AwsUnavailable,
        Cause::TlsUntrusted,
        Cause::DnsFailure,
        Cause::SecretWrong,
    ] {
        let found = all(&clean().probed(vec![fails(Step::Base, cause)]));
        assert_eq!((found[0].cause, found.len()), (cause, 1), "{found:#?}");
    }
}

#[test]
fn an_unknown_key_may_not_be_propagated_yet_if_its_file_is_new() {
    let unknown = || clean().probed(vec![fails(Step::Base, Cause::AccessKeyUnknown)]);
    assert!(error(unknown(), Cause::AccessKeyUnknown).evidence[0].contains("credentials:2"));
    let new = |facts: &mut Facts| facts.files[1].modified = Some(NOW.plus(-5));
    holds(
        unknown().with(new),
        Cause::KeyNotPropagated,
        Severity::Error,
        Certainty::Possible,
    );
}

#[test]
fn a_denied_role_names_the_caller_and_the_possible_causes() {
    let denied = || clean().probed(vec![user(), fails(Step::Role(0), Cause::AssumeRoleDenied)]);
    let finding = error(denied(), Cause::AssumeRoleDenied);
    assert!(finding.to_string().contains("user/ann"), "{finding}");
    for cause in [Cause::ExternalIdMismatch, Cause::MfaNeeded] {
        holds(denied(), cause, Severity::Info, Certainty::Possible);
    }
}

#[test]
fn a_rejected_cached_session_means_a_deleted_role_or_revoked_sessions() {
    let rejected =
        || Some(Finding::new(Cause::AccessKeyUnknown, "x").evidence("InvalidClientTokenId"));
    let deleted = clean().probed(vec![
        user(),
        StepResult {
            rejected_cached: rejected(),
            ..fails(Step::Role(0), Cause::AssumeRoleDenied)
        },
    ]);
    holds(
        deleted,
        Cause::RoleDeleted,
        Severity::Error,
        Certainty::Likely,
    );
    let revoked = clean().probed(vec![
        user(),
        StepResult {
            rejected_cached: rejected(),
            ..works(Step::Role(0), "arn:aws:sts::2:assumed-role/deploy/x")
        },
    ]);
    holds(
        revoked,
        Cause::RoleDeleted,
        Severity::Info,
        Certainty::Certain,
    );
}

#[test]
fn a_session_as_the_source_is_limited() {
    let session = clean().probed(vec![StepResult {
        is_session: true,
        ..user()
    }]);
    warning(session, Cause::GetSessionTokenLimits);
}

#[test]
fn a_key_that_only_its_home_region_accepts_has_a_region_problem() {
    let rejected_in = |region: &str, is_session| {
        let step = StepResult {
            home_region: Some(("us-east-1".into(), true)),
            is_session,
            ..fails(Step::Base, Cause::AccessKeyUnknown)
        };
        facts(&prod().replace("eu-west-1", region), &base()).probed(vec![step])
    };
    holds(
        rejected_in("me-south-1", true),
        Cause::OptInRegionToken,
        Severity::Error,
        Certainty::Likely,
    );
    holds(
        rejected_in("me-south-1", false),
        Cause::RegionDisabled,
        Severity::Error,
        Certainty::Likely,
    );
}
