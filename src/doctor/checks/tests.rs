//! Findings from facts that are made of text.

use std::collections::BTreeMap;

use super::all;
use crate::config::{FileKind, ProfileSet, parse, resolve, source_profiles};
use crate::credentials::Secret;
use crate::doctor::facts::{EnvironmentKeys, Facts, FileFacts};
use crate::doctor::host::{HostEnvironment, HostKind};
use crate::doctor::metadata::Metadata;
use crate::doctor::probe::{HostResult, HostRole, ProbeResults, Step, StepResult};
use crate::doctor::reachability::HostReply;
use crate::finding::{Cause, Certainty, Finding, Severity};
use crate::source::Identity;
use crate::source::connection::EndpointOverride;
use crate::source::sso::TokenFacts;
use crate::source::web_identity::Claims;
use crate::store::{Status, StoreError};
use crate::time::Timestamp;
use crate::world::SelectedBy;

const KEY: &str = "AKIAQCANARYCANARYCAN";
const SESSION: &str = "ASIAQCANARYCANARYCAN";
const SECRET: &str = "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";
const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";
const NOW: Timestamp = Timestamp(1_800_000_000);

fn base() -> String {
    format!("[base]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
}

fn prod() -> String {
    format!("[profile prod]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n")
}

/// The facts of these files for `prod`, selected by `-p`, with nothing in the environment.
fn facts(config: &str, credentials: &str) -> Facts {
    facts_of("prod", config, credentials)
}

fn facts_of(profile: &str, config: &str, credentials: &str) -> Facts {
    let parsed = |file: &str, kind, text: &str| match parse(file, kind, text.as_bytes()) {
        Ok(parsed) => (Some(parsed), intact(file)),
        Err(problem) => (
            None,
            FileFacts {
                problem: Some(problem),
                ..intact(file)
            },
        ),
    };
    let (config, config_file) = parsed("config", FileKind::Config, config);
    let (credentials, credentials_file) = parsed("credentials", FileKind::Credentials, credentials);
    let set = ProfileSet::new(config, credentials);
    Facts {
        now: NOW,
        profile: profile.to_owned(),
        selected_by: SelectedBy::Flag,
        variables: BTreeMap::new(),
        environment: EnvironmentKeys::default(),
        files: [config_file, credentials_file],
        chain: resolve(&set, profile),
        path: source_profiles(&set, profile),
        set,
        overrides: Vec::new(),
        sso: None,
        sso_blocked: None,
        web_identity: None,
        ambient_source: None,
        program_missing: None,
        cli_sessions: Vec::new(),
        cli_files: Vec::new(),
        cached: false,
        store: None,
        host: HostEnvironment::default(),
        probes: None,
    }
}

/// A file with nothing wrong.
fn intact(path: &str) -> FileFacts {
    let mode = Some((0o600, 0));
    FileFacts {
        path: path.into(),
        named_by: None,
        exists: true,
        mode,
        is_dir: false,
        writable: true,
        modified: None,
        problem: None,
    }
}

/// An SSO token with nothing wrong.
fn token() -> TokenFacts {
    TokenFacts {
        label: "corp".into(),
        place: "token file".into(),
        expires: NOW.plus(3600),
        refreshable: true,
        registration_expires: Some(NOW.plus(9999)),
        region: Some("eu-west-1".into()),
        configured_region: "eu-west-1".into(),
        login: "aws sso login".into(),
    }
}

impl Facts {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn keys(self, id: &str, token: Option<&str>) -> Self {
        self.with(|facts| {
            facts.selected_by = SelectedBy::Variable("AWS_PROFILE");
            facts.environment.id = Some(id.to_owned());
            facts.environment.secret = Some(Secret::new(SECRET.to_owned()));
            facts.environment.session_token = token.map(|token| Secret::new(token.to_owned()));
        })
    }

    fn probed(self, steps: Vec<StepResult>) -> Self {
        self.with(|facts| facts.probes = Some(probes(steps)))
    }
}

fn probes(steps: Vec<StepResult>) -> ProbeResults {
    ProbeResults {
        steps,
        environment: None,
        ambient: None,
        hosts: Vec::new(),
        metadata: None,
        cli_sessions: Vec::new(),
        cli_version: None,
    }
}

/// A step of the chain that works.
fn works(step: Step, arn: &str) -> StepResult {
    let account = "111111111111".to_owned();
    let identity = Identity {
        account,
        arn: arn.into(),
        user_id: String::new(),
    };
    StepResult {
        step,
        name: if step == Step::Base {
            "source of `prod`".into()
        } else {
            ROLE.into()
        },
        outcome: Ok(identity),
        rejected_cached: None,
        home_region: None,
        other_partition: None,
        is_session: false,
        identity_hidden: false,
        assignments: None,
    }
}

/// A step that fails with this cause.
fn fails(step: Step, cause: Cause) -> StepResult {
    let finding = Finding::new(cause, "said")
        .evidence("AWS's words")
        .remedy("do");
    StepResult {
        outcome: Err(finding),
        ..works(step, "")
    }
}

/// An override that names an emulator.
fn emulator() -> Vec<EndpointOverride> {
    vec![EndpointOverride::of_variable(
        "AWS_ENDPOINT_URL",
        "http://localhost:4566",
    )]
}

/// What is found, as cause, severity and certainty.
#[track_caller]
fn holds(facts: Facts, cause: Cause, severity: Severity, certainty: Certainty) -> Finding {
    let found = all(&facts);
    let finding = found.iter().find(|finding| finding.cause == cause);
    let finding = finding.unwrap_or_else(|| panic!("{cause:?} is not in {found:#?}"));
    assert_eq!(
        (finding.severity, finding.certainty),
        (severity, certainty),
        "{finding:#?}"
    );
    assert!(!finding.to_string().contains(SECRET));
    assert!(!finding.remedy.is_empty(), "no next step: {finding}");
    finding.clone()
}

fn error(facts: Facts, cause: Cause) -> Finding {
    holds(facts, cause, Severity::Error, Certainty::Certain)
}

fn warning(facts: Facts, cause: Cause) -> Finding {
    holds(facts, cause, Severity::Warning, Certainty::Certain)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(all(&facts(&prod(), &base())), []);
    let all_is_well = facts(&prod(), &base()).probed(vec![
        works(Step::Base, "arn:aws:iam::1:user/ann"),
        works(Step::Role(0), "arn:aws:sts::2:assumed-role/deploy/x"),
    ]);
    assert_eq!(all(&all_is_well), []);
}

#[test]
fn files() {
    let gone = |facts: &mut Facts| {
        facts.files[0] = FileFacts {
            named_by: Some("AWS_CONFIG_FILE"),
            exists: false,
            mode: None,
            ..intact("gone")
        };
    };
    error(facts("", "").with(gone), Cause::ConfigUnreadable);
    warning(facts(&prod(), &base()).with(gone), Cause::ConfigUnreadable);
    error(facts("[profile prod\n", ""), Cause::ConfigMalformed);
    error(facts("\u{feff}[profile prod]\n", ""), Cause::ConfigEncoding);
    error(facts(&(prod() + &prod()), &base()), Cause::ConfigDuplicate);
    warning(
        facts(&prod(), &base()).with(|facts| facts.files[1].mode = Some((0o644, 0))),
        Cause::FilePermissions,
    );
    warning(
        facts(&prod(), &base()).with(|facts| facts.files[0].mode = Some((0o600, 7))),
        Cause::FilePermissions,
    );
    let commented = prod().replace("eu-west-1", "eu-west-1 # Dublin");
    error(facts(&commented, &base()), Cause::InlineCommentInValue);
    warning(
        facts(&(prod() + "output = json # x\n"), &base()),
        Cause::InlineCommentInValue,
    );
    warning(
        facts(&(prod() + "[staging]\nregion = eu-west-1\n"), &base()),
        Cause::ConfigMalformed,
    );
}

#[test]
fn keys_in_files() {
    let with = |from: &str, to: &str| facts(&prod(), &base().replace(from, to));
    assert_eq!(
        error(with(KEY, "AKIAQCANARY"), Cause::KeyIdMalformed).evidence,
        ["credentials:2"]
    );
    holds(
        with(SECRET, "cut"),
        Cause::SecretMalformed,
        Severity::Error,
        Certainty::Likely,
    );
    error(
        with(KEY, "AKIAIOSFODNN7EXAMPLE"),
        Cause::PlaceholderCredentials,
    );
    let to_emulator = |facts: &mut Facts| facts.overrides = emulator();
    assert!(
        all(&with(KEY, "AKIAIOSFODNN7EXAMPLE").with(to_emulator))
            .iter()
            .all(|f| f.cause != Cause::PlaceholderCredentials)
    );
    error(with(KEY, SESSION), Cause::TemporaryKeyWithoutToken);
    error(
        facts(&prod(), &(base() + "aws_session_token = old\n")),
        Cause::StaleSessionToken,
    );
    let two_files = facts_of(
        "base",
        &format!("[profile base]\naws_access_key_id = {KEY}\n"),
        &format!("[base]\naws_secret_access_key = {SECRET}\n"),
    );
    warning(two_files, Cause::MixedCredentialParts);
}

#[test]
fn the_environment() {
    let token = "t".repeat(400);
    let clean = || facts(&prod(), &base());
    error(
        clean().keys("AKIAQSECONDKEYSECOND", None),
        Cause::EnvShadowsProfile,
    );
    warning(
        clean()
            .keys("AKIAQSECONDKEYSECOND", None)
            .with(|facts| facts.selected_by = SelectedBy::Flag),
        Cause::EnvShadowsProfile,
    );
    error(clean().keys(KEY, Some(&token)), Cause::StaleSessionToken);
    let half = |facts: &mut Facts| {
        facts.selected_by = SelectedBy::Nothing;
        facts.environment.id = Some(KEY.to_owned());
    };
    error(clean().with(half), Cause::MixedCredentialParts);
    warning(
        clean().with(|facts| facts.environment.session_token = Some(Secret::new(token.clone()))),
        Cause::MixedCredentialParts,
    );
    let security =
        |facts: &mut Facts| facts.environment.security_token = Some(Secret::new("u".repeat(400)));
    error(
        clean().keys(SESSION, Some(&token)).with(security),
        Cause::SecurityTokenShadows,
    );
    let ended =
        |facts: &mut Facts| facts.environment.expiration = Some("2020-01-01T00:00:00Z".into());
    error(
        clean().keys(SESSION, Some(&token)).with(ended),
        Cause::SessionExpired,
    );
    let set = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        move |facts: &mut Facts| drop(facts.variables.insert(name, value))
    };
    error(
        clean().with(set("AWS_REGION", "eu-west-1a")),
        Cause::RegionInvalid,
    );
    error(
        clean().with(set("AWS_REGION", "cn-north-1")),
        Cause::WrongPartition,
    );
    let legacy = clean()
        .with(set("AWS_REGION", "me-south-1"))
        .with(set("AWS_STS_REGIONAL_ENDPOINTS", "legacy"));
    holds(
        legacy,
        Cause::OptInRegionToken,
        Severity::Warning,
        Certainty::Likely,
    );
    let offered = facts_of("default", "", &base().replace("base", "default"))
        .with(|facts| facts.selected_by = SelectedBy::Nothing);
    warning(
        offered.with(set(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://127.0.0.1/x",
        )),
        Cause::DefaultProfileShadows,
    );
    let elsewhere = |facts: &mut Facts| facts.overrides = emulator();
    holds(
        clean().with(elsewhere),
        Cause::EndpointOverridden,
        Severity::Info,
        Certainty::Certain,
    );
    let refused = clean()
        .with(elsewhere)
        .probed(vec![fails(Step::Base, Cause::AccessKeyUnknown)]);
    assert_eq!(all(&refused)[0].cause, Cause::EndpointOverridden);
    let machine =
        format!("[profile prod]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    warning(
        facts(&machine, "").with(set("HTTP_PROXY", "http://proxy:3128")),
        Cause::ProxyMisconfigured,
    );
}

#[test]
fn the_chain() {
    error(facts("", &base()), Cause::ProfileNotFound);
    let nothing = facts_of("default", "", "").with(|facts| facts.selected_by = SelectedBy::Nothing);
    error(nothing, Cause::CredentialsMissing);
    error(
        facts(&prod().replace("= base", "= bas"), &base()),
        Cause::SourceMissing,
    );
    error(
        facts(&(prod() + "credential_source = Environment\n"), &base()),
        Cause::SourceConflict,
    );
    error(
        facts(
            &format!(
                "[profile prod]\nrole_arn = {ROLE}\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}\nsource_profile = prod\n"
            ),
            "",
        ),
        Cause::ProfileCycle,
    );
    error(
        facts(
            "[profile prod]\ncredential_process = awsfresh credential-process -p prod\n",
            "",
        ),
        Cause::ProcessSelfRecursion,
    );
    let shadowed = facts(
        "[profile prod]\ncredential_process = /bin/x\n",
        &base().replace("base", "prod"),
    );
    error(shadowed, Cause::CredentialsFileShadows);
    let mfa = || facts(&(prod() + "mfa_serial = arn:aws:iam::1:mfa/ann\n"), &base());
    error(mfa(), Cause::MfaNeeded);
    assert_eq!(all(&mfa().with(|facts| facts.cached = true)), []);
    let next = format!(
        "{}[profile next]\nrole_arn = {ROLE}2\nsource_profile = prod\nduration_seconds = 7200\n",
        prod()
    );
    warning(facts_of("next", &next, &base()), Cause::RoleChainingLimit);
    let process = facts("[profile prod]\ncredential_process = /bin/gone\n", "")
        .with(|facts| facts.program_missing = Some("/bin/gone".into()));
    error(process, Cause::ProcessFailed);
    let web = facts(
        &format!("[profile prod]\nrole_arn = {ROLE}\nweb_identity_token_file = /t\n"),
        "",
    );
    let claims = Claims {
        place: "/t".into(),
        expires: Some(NOW.plus(-60)),
        issuer: "i".into(),
        subject: "s".into(),
        audience: "a".into(),
    };
    error(
        web.with(|facts| facts.web_identity = Some(Ok(claims))),
        Cause::WebIdentityExpired,
    );
    let sudo = facts("", "").with(|facts| facts.host.sudo_user = Some("ann".into()));
    assert!(
        error(sudo, Cause::ProfileNotFound)
            .to_string()
            .contains("sudo for ann")
    );
}

#[test]
fn sso_tokens() {
    let config = "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n\
        [profile prod]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = R\n";
    let with = |token: TokenFacts| facts(config, "").with(|facts| facts.sso = Some(Ok(token)));
    assert_eq!(all(&with(token())), []);
    assert_eq!(
        all(&with(TokenFacts {
            expires: NOW.plus(-9),
            ..token()
        })),
        [],
        "it renews itself"
    );
    let over = || TokenFacts {
        expires: NOW.plus(-9),
        refreshable: false,
        ..token()
    };
    error(with(over()), Cause::SsoSessionExpired);
    warning(
        with(over()).with(|facts| facts.cached = true),
        Cause::SsoSessionExpired,
    );
    error(
        with(TokenFacts {
            expires: NOW.plus(-9),
            registration_expires: Some(NOW),
            ..token()
        }),
        Cause::SsoRegistrationExpired,
    );
    holds(
        with(TokenFacts {
            refreshable: false,
            ..token()
        }),
        Cause::SsoNotRefreshable,
        Severity::Info,
        Certainty::Certain,
    );
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

#[test]
fn fips_without_a_host_is_told_once() {
    let config = "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n\
        [profile prod]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = R\n";
    let blocked = Finding::new(Cause::FipsUnavailable, "no host").remedy("x");
    let facts = facts(config, "").with(|facts| facts.sso_blocked = Some(blocked.clone()));
    let link = StepResult {
        outcome: Err(blocked),
        ..works(Step::Base, "")
    };
    let found = all(&facts.probed(vec![link]));
    assert_eq!(
        found
            .iter()
            .map(|finding| finding.cause)
            .collect::<Vec<_>>(),
        [Cause::FipsUnavailable]
    );
}

/// What a source says for itself is passed on.
#[test]
fn failures_of_sources() {
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
        let found = all(&facts(&prod(), &base()).probed(vec![fails(Step::Base, cause)]));
        assert_eq!((found[0].cause, found.len()), (cause, 1), "{found:#?}");
    }
    let metadata = |state: Metadata| {
        let facts =
            facts(&prod(), &base()).probed(vec![fails(Step::Base, Cause::MetadataUnreachable)]);
        facts.with(|facts| facts.probes.as_mut().unwrap().metadata = Some(state))
    };
    error(metadata(Metadata::HopLimit), Cause::MetadataHopLimit);
    error(
        metadata(Metadata::NoRole("HTTP 404".into())),
        Cause::MetadataNoRole,
    );
    error(
        metadata(Metadata::RoleDenied("AssumeRoleUnauthorizedAccess".into())),
        Cause::MetadataNoRole,
    );
    error(metadata(Metadata::Disabled), Cause::MetadataUnreachable);
    error(
        metadata(Metadata::Unreachable("refused".into())),
        Cause::MetadataUnreachable,
    );
}

#[test]
fn answers_of_aws() {
    let clean = || facts(&prod(), &base());
    let user = || works(Step::Base, "arn:aws:iam::1:user/ann");
    let new = |facts: &mut Facts| facts.files[1].modified = Some(NOW.plus(-5));
    let unknown = || clean().probed(vec![fails(Step::Base, Cause::AccessKeyUnknown)]);
    assert!(error(unknown(), Cause::AccessKeyUnknown).evidence[0].contains("credentials:2"));
    holds(
        unknown().with(new),
        Cause::KeyNotPropagated,
        Severity::Error,
        Certainty::Possible,
    );
    let denied = || clean().probed(vec![user(), fails(Step::Role(0), Cause::AssumeRoleDenied)]);
    assert!(
        error(denied(), Cause::AssumeRoleDenied)
            .to_string()
            .contains("user/ann")
    );
    holds(
        denied(),
        Cause::ExternalIdMismatch,
        Severity::Info,
        Certainty::Possible,
    );
    holds(
        denied(),
        Cause::MfaNeeded,
        Severity::Info,
        Certainty::Possible,
    );
    let replaced =
        Some(Finding::new(Cause::AccessKeyUnknown, "x").evidence("InvalidClientTokenId"));
    let deleted = clean().probed(vec![
        user(),
        StepResult {
            rejected_cached: replaced.clone(),
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
            rejected_cached: replaced,
            ..works(Step::Role(0), "arn:aws:sts::2:assumed-role/deploy/x")
        },
    ]);
    holds(
        revoked,
        Cause::RoleDeleted,
        Severity::Info,
        Certainty::Certain,
    );
    let session = clean().probed(vec![StepResult {
        is_session: true,
        ..user()
    }]);
    warning(session, Cause::GetSessionTokenLimits);
    let home_region = |region: &str, is_session| {
        let link = StepResult {
            home_region: Some(("us-east-1".into(), true)),
            is_session,
            ..fails(Step::Base, Cause::AccessKeyUnknown)
        };
        facts(&prod().replace("eu-west-1", region), &base()).probed(vec![link])
    };
    holds(
        home_region("me-south-1", true),
        Cause::OptInRegionToken,
        Severity::Error,
        Certainty::Likely,
    );
    holds(
        home_region("me-south-1", false),
        Cause::RegionDisabled,
        Severity::Error,
        Certainty::Likely,
    );
}

#[test]
fn a_silent_name_server_is_told_once() {
    let outcome = Err(Finding::new(Cause::DnsFailure, "no name server answers"));
    let silent = HostResult {
        name: "sts.eu-west-1.amazonaws.com".into(),
        role: HostRole::Sts,
        outcome,
        issuer: None,
        skew: None,
    };
    let facts = facts(&prod(), &base()).probed(vec![fails(Step::Base, Cause::ConnectTimeout)]);
    let found = all(&facts.with(|facts| facts.probes.as_mut().unwrap().hosts = vec![silent]));
    assert_eq!(
        found
            .iter()
            .map(|finding| finding.cause)
            .collect::<Vec<_>>(),
        [Cause::DnsFailure]
    );
}

#[test]
fn hosts_and_clocks() {
    let host = |name: &str, skew: i64| {
        let contact = HostReply {
            status: 302,
            date: None,
            is_aws: true,
        };
        HostResult {
            name: name.into(),
            role: HostRole::Sts,
            outcome: Ok(contact),
            issuer: None,
            skew: Some(skew),
        }
    };
    let with = |hosts: Vec<HostResult>| {
        let facts = facts(&prod(), &base()).probed(Vec::new());
        facts.with(|facts| facts.probes.as_mut().unwrap().hosts = hosts)
    };
    error(
        with(vec![host("sts.eu-west-1.amazonaws.com", 400)]),
        Cause::ClockSkew,
    );
    warning(
        with(vec![host("sts.eu-west-1.amazonaws.com", -200)]),
        Cause::ClockSkew,
    );
    assert_eq!(all(&with(vec![host("sts.eu-west-1.amazonaws.com", 3)])), []);
    let dead = |cause| HostResult {
        outcome: Err(Finding::new(cause, "no such name").remedy("x")),
        skew: None,
        ..host("sts.eu-west-9.amazonaws.com", 0)
    };
    error(with(vec![dead(Cause::DnsFailure)]), Cause::DnsFailure);
    error(
        with(vec![dead(Cause::ConnectTimeout)]),
        Cause::ConnectTimeout,
    );
    let home = HostResult {
        role: HostRole::HomeSts,
        ..host("sts.us-east-1.amazonaws.com", 0)
    };
    holds(
        with(vec![dead(Cause::DnsFailure), home]),
        Cause::RegionInvalid,
        Severity::Error,
        Certainty::Likely,
    );
    let page = HostResult {
        outcome: Ok(HostReply {
            status: 200,
            date: None,
            is_aws: false,
        }),
        skew: None,
        ..host("sts.eu-west-1.amazonaws.com", 0)
    };
    error(with(vec![page]), Cause::CaptivePortal);
}

#[test]
fn stores() {
    let store = |error: StoreError| {
        let status = Status {
            name: "keyring",
            reason: "as configured".into(),
            state: Err(error),
        };
        facts(&prod(), &base()).with(|facts| facts.store = Some(status))
    };
    let detail = || "x".to_owned();
    warning(
        store(StoreError::Locked { detail: detail() }),
        Cause::StoreLocked,
    );
    warning(
        store(StoreError::Unavailable { detail: detail() }),
        Cause::StoreUnavailable,
    );
}

#[test]
fn errors_come_first_and_the_certain_before_the_possible() {
    let rank = |facts: Facts| {
        all(&facts)
            .into_iter()
            .map(|f| (f.severity, f.certainty))
            .collect::<Vec<_>>()
    };
    let ranked = rank(facts(
        &(prod() + "[staging]\n"),
        &base().replace(KEY, "AKIAQCUT").replace(SECRET, "cut"),
    ));
    let mut sorted = ranked.clone();
    sorted.sort();
    assert_eq!(ranked, sorted);
    assert!(ranked.len() > 2);
}

#[test]
fn what_variables_and_values_disagree_on_is_told() {
    let two = facts(&prod(), &base()).with(|facts| {
        facts
            .variables
            .insert("AWS_REGION".into(), "eu-west-1".into());
        facts
            .variables
            .insert("AWS_DEFAULT_REGION".into(), "us-east-1".into());
    });
    warning(two, Cause::RegionConflict);
    let serial = facts(
        &(prod() + "mfa_serial = arn:aws:iam::111111111111:user/ann\n"),
        &base(),
    );
    error(serial, Cause::ConfigMalformed);
    let keys = "[prod]\naws_access_key_id = AKIARZPUZDIKGB2VALC4\naws_secret_access_key = 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\n";
    let account = || facts("[profile prod]\naws_account_id = 111111111111\n", keys);
    holds(
        account(),
        Cause::IdentityUnexpected,
        Severity::Error,
        Certainty::Likely,
    );
    let link = works(Step::Base, "arn:aws:iam::111111111111:user/ann");
    let found = all(&account().probed(vec![link]));
    assert!(
        found
            .iter()
            .all(|finding| finding.cause != Cause::IdentityUnexpected),
        "AWS knows better than the id: {found:?}"
    );
}

#[test]
fn what_is_missing_may_be_elsewhere() {
    let missing = || {
        facts("", "")
            .with(|facts| facts.files.iter_mut().for_each(|file| file.exists = false))
            .with(|facts| {
                facts.host.windows = vec!["/mnt/c/Users/ann/.aws".into()];
                facts.host.own_home = Some("/home/ann".into());
                facts.host.kinds = vec![HostKind::Wsl, HostKind::Container];
            })
    };
    let finding = error(missing(), Cause::ProfileNotFound);
    let seen = finding.evidence.join("\n");
    for place in ["/mnt/c/Users/ann/.aws", "in a container", "/home/ann/.aws"] {
        assert!(seen.contains(place), "{finding:?}");
    }
}

#[test]
fn directories_of_another_user_and_read_only_ones_are_told() {
    let beside = |change: &dyn Fn(&mut FileFacts)| {
        facts(&prod(), &base()).with(|facts| {
            facts.sso = Some(Ok(token()));
            let mut file = FileFacts {
                is_dir: true,
                ..intact("/home/ann/.aws/sso/cache")
            };
            change(&mut file);
            facts.cli_files = vec![file];
        })
    };
    let finding = warning(
        beside(&|file| file.mode = Some((0o755, 7))),
        Cause::FilePermissions,
    );
    assert!(
        finding.remedy[0].starts_with("sudo chown -R 0 /home/ann"),
        "{finding:?}"
    );
    warning(
        beside(&|file| file.mode = Some((0o777, 0))),
        Cause::FilePermissions,
    );
    let finding = warning(
        beside(&|file| file.writable = false),
        Cause::FilePermissions,
    );
    assert!(finding.summary.contains("would be lost"), "{finding:?}");
}
