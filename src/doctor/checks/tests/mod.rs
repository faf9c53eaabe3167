//! Findings from facts that are built from text. This file has the fixtures; each family of checks
//! has a file of tests.

mod access_keys;
mod chain;
mod environment;
mod files;
mod host;
mod merge;
mod probes;
mod sso;
mod steps;
mod store;

use std::collections::BTreeMap;

use super::all;
use crate::config::{FileKind, ProfileSet, parse, resolve, source_profiles};
use crate::credentials::Secret;
use crate::doctor::environment_keys::EnvironmentKeys;
use crate::doctor::facts::Facts;
use crate::doctor::file_facts::FileFacts;
use crate::doctor::host::HostEnvironment;
use crate::doctor::probe_results::{HostResult, ProbeResults, Step, StepResult};
use crate::finding::{Cause, Certainty, Finding, Severity};
use crate::source::Identity;
use crate::source::endpoint_override::EndpointOverride;
use crate::source::sso::TokenFacts;
use crate::time::Timestamp;
use crate::world::SelectedBy;

const KEY: &str = "AKIAQCANARYCANARYCAN";
const SESSION: &str = "ASIAQCANARYCANARYCAN";
const SECRET: &str = "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";
const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";
const NOW: Timestamp = Timestamp(1_800_000_000);

/// A config file with the SSO session `corp` and the profile `prod` on top of it.
const SSO_CONFIG: &str = "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n\
    [profile prod]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = R\n";

/// The section of `base` in the credentials file: a long-term key.
fn base() -> String {
    format!("[base]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
}

/// The section of `prod` in the config file: a role with `base` as its source.
fn prod() -> String {
    format!("[profile prod]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n")
}

/// The facts for `prod`, selected by `-p`, with these two files and an empty environment.
fn facts(config: &str, credentials: &str) -> Facts {
    facts_of("prod", config, credentials)
}

/// The same for another profile.
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
        empty_variables: Vec::new(),
        has_home: true,
        ca_problems: Vec::new(),
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
        mfa_cached: Vec::new(),
        store: None,
        host: HostEnvironment::default(),
        probes: None,
    }
}

/// A file without a problem.
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
        nowhere: None,
        problem: None,
    }
}

/// A valid SSO token that can be refreshed.
fn token() -> TokenFacts {
    TokenFacts {
        label: "corp".into(),
        place: "token file".into(),
        expires: NOW.plus(3600),
        has_utc_time: false,
        refreshable: true,
        registration_expires: Some(NOW.plus(9999)),
        region: Some("eu-west-1".into()),
        configured_region: "eu-west-1".into(),
        login: "awsfresh login corp".into(),
    }
}

impl Facts {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Sets an environment variable.
    fn with_variable(self, name: &str, value: &str) -> Self {
        self.with(|facts| drop(facts.variables.insert(name.to_owned(), value.to_owned())))
    }

    /// Puts a key into the environment. `AWS_PROFILE` selects the profile instead of `-p`.
    fn keys(self, id: &str, token: Option<&str>) -> Self {
        self.with(|facts| {
            facts.selected_by = SelectedBy::Variable("AWS_PROFILE");
            facts.environment.id = Some(id.to_owned());
            facts.environment.secret = Some(Secret::new(SECRET.to_owned()));
            facts.environment.session_token = token.map(|token| Secret::new(token.to_owned()));
        })
    }

    /// Adds probes with these steps.
    fn probed(self, steps: Vec<StepResult>) -> Self {
        self.with(|facts| facts.probes = Some(probes(steps)))
    }

    /// Adds probes with these hosts to the steps.
    fn with_hosts(self, hosts: Vec<HostResult>) -> Self {
        self.with(|facts| facts.probes.as_mut().unwrap().hosts = hosts)
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

/// A step of the chain that succeeds with this ARN.
fn works(step: Step, arn: &str) -> StepResult {
    let account = "111111111111".to_owned();
    let identity = Identity {
        account,
        arn: arn.into(),
        user_id: String::new(),
    };
    let name = match step {
        Step::Base => "source of `prod`",
        Step::Role(_) => ROLE,
    };
    StepResult::new(step, name.into(), Ok(identity))
}

/// A step of the chain that fails with this cause.
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

/// Asserts a finding with this cause, severity and certainty, and returns it.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "each test builds its facts in the call"
)]
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
    assert!(!finding.remedy.is_empty(), "no remedy: {finding}");
    finding.clone()
}

/// Asserts a certain error.
#[track_caller]
fn error(facts: Facts, cause: Cause) -> Finding {
    holds(facts, cause, Severity::Error, Certainty::Certain)
}

/// Asserts a certain warning.
#[track_caller]
fn warning(facts: Facts, cause: Cause) -> Finding {
    holds(facts, cause, Severity::Warning, Certainty::Certain)
}

/// The causes of all findings, as ranked.
fn causes(facts: &Facts) -> Vec<Cause> {
    all(facts).iter().map(|finding| finding.cause).collect()
}

#[test]
fn an_intact_setup_has_no_findings() {
    assert_eq!(all(&facts(&prod(), &base())), []);
    let all_steps_work = facts(&prod(), &base()).probed(vec![
        works(Step::Base, "arn:aws:iam::1:user/ann"),
        works(Step::Role(0), "arn:aws:sts::2:assumed-role/deploy/x"),
    ]);
    assert_eq!(all(&all_steps_work), []);
}
