use super::*;

/// The facts of an intact setup.
fn clean() -> Facts {
    facts(&prod(), &base())
}

/// A session token of realistic length.
fn session_token() -> String {
    "t".repeat(400)
}

#[test]
fn keys_in_the_environment_shadow_a_profile_selected_by_variable() {
    let shadowed = || clean().keys("AKIAQSECONDKEYSECOND", None);
    error(shadowed(), Cause::EnvShadowsProfile);
    warning(
        shadowed().with(|facts| facts.selected_by = SelectedBy::Flag),
        Cause::EnvShadowsProfile,
    );
    let exported = shadowed().with(|facts| {
        facts.selected_by = SelectedBy::Variable(crate::world::PROFILE_VARIABLE);
    });
    holds(
        exported,
        Cause::EnvShadowsProfile,
        Severity::Info,
        Certainty::Certain,
    );
}

#[test]
fn the_parts_of_a_key_in_the_environment_belong_together() {
    let token = session_token();
    error(clean().keys(KEY, Some(&token)), Cause::StaleSessionToken);
    let id_alone = clean().with(|facts| {
        facts.selected_by = SelectedBy::Nothing;
        facts.environment.id = Some(KEY.to_owned());
    });
    error(id_alone, Cause::MixedCredentialParts);
    let token_alone =
        clean().with(|facts| facts.environment.session_token = Some(Secret::new(token.clone())));
    warning(token_alone, Cause::MixedCredentialParts);
    let two_tokens = clean()
        .keys(SESSION, Some(&token))
        .with(|facts| facts.environment.security_token = Some(Secret::new("u".repeat(400))));
    error(two_tokens, Cause::SecurityTokenShadows);
}

#[test]
fn an_expiration_date_in_the_past_is_an_error() {
    let expired = clean()
        .keys(SESSION, Some(&session_token()))
        .with(|facts| facts.environment.expiration = Some("2020-01-01T00:00:00Z".into()));
    error(expired, Cause::SessionExpired);
}

#[test]
fn a_region_variable_is_checked() {
    error(
        clean().with_variable("AWS_REGION", "eu-west-1a"),
        Cause::RegionInvalid,
    );
    error(
        clean().with_variable("AWS_REGION", "cn-north-1"),
        Cause::WrongPartition,
    );
    let two_regions = clean()
        .with_variable("AWS_REGION", "eu-west-1")
        .with_variable("AWS_DEFAULT_REGION", "us-east-1");
    warning(two_regions, Cause::RegionConflict);
    let legacy_endpoint = clean()
        .with_variable("AWS_REGION", "me-south-1")
        .with_variable("AWS_STS_REGIONAL_ENDPOINTS", "legacy");
    holds(
        legacy_endpoint,
        Cause::OptInRegionToken,
        Severity::Warning,
        Certainty::Likely,
    );
}

#[test]
fn a_default_profile_shadows_the_credentials_of_a_container() {
    let default_profile = facts_of("default", "", &base().replace("base", "default"))
        .with(|facts| facts.selected_by = SelectedBy::Nothing);
    warning(
        default_profile.with_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x"),
        Cause::DefaultProfileShadows,
    );
}

#[test]
fn an_endpoint_override_ranks_first_if_a_key_is_rejected() {
    let overridden = || clean().with(|facts| facts.overrides = emulator());
    holds(
        overridden(),
        Cause::EndpointOverridden,
        Severity::Info,
        Certainty::Certain,
    );
    let rejected = overridden().probed(vec![fails(Step::Base, Cause::AccessKeyUnknown)]);
    assert_eq!(all(&rejected)[0].cause, Cause::EndpointOverridden);
}

#[test]
fn a_proxy_must_not_apply_to_the_metadata_service() {
    let on_instance =
        format!("[profile prod]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    warning(
        facts(&on_instance, "").with_variable("HTTP_PROXY", "http://proxy:3128"),
        Cause::ProxyMisconfigured,
    );
}
