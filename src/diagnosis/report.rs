//! What a diagnosis found, for people and for programs.

use serde_json::{Value, json};

use super::facts::Facts;
use super::probes::Link;
use super::{Certainty, Finding, Severity, printable};
use crate::config::{Base, Chain};
use crate::source::Identity;

/// One step of the way from the profile to AWS.
pub struct Step {
    /// What it is.
    pub step: &'static str,
    /// In a few words.
    pub detail: String,
    /// Where it is written.
    pub origin: Option<String>,
    /// `None` where nobody was asked.
    pub works: Option<bool>,
}

/// A finished diagnosis.
pub struct Report {
    /// The profile it is about.
    pub profile: String,
    /// Whom AWS takes the profile for.
    pub identity: Option<Identity>,
    /// The way there.
    pub steps: Vec<Step>,
    /// What was found, most likely culprit first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// From the facts and what was concluded of them.
    pub fn new(facts: &Facts, findings: Vec<Finding>) -> Self {
        let identity = facts.answers.as_ref().and_then(|answers| answers.identity()).cloned();
        Self { profile: facts.profile.clone(), identity, steps: steps(facts), findings }
    }

    /// The first error.
    pub fn culprit(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Error)
    }

    /// 0 without an error, else the code of its class.
    pub fn exit_code(&self) -> u8 {
        self.culprit().map_or(0, Finding::exit_code)
    }

    /// The published form.
    pub fn to_json(&self) -> Value {
        json!({
            "profile": self.profile,
            "healthy": self.culprit().is_none(),
            "identity": self.identity.as_ref().map(|id| json!({"account": id.account, "arn": id.arn, "user_id": id.user_id})),
            "chain": self.steps.iter().map(|step| json!({"step": step.step, "detail": step.detail, "origin": step.origin})).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
        })
    }

    /// The form for people; `paint` puts colour codes around words.
    pub fn to_text(&self, paint: &dyn Fn(&str, &str) -> String) -> String {
        let mut lines = vec![format!("profile `{}`", printable(&self.profile))];
        for step in &self.steps {
            let mark = match step.works {
                Some(true) => paint("32", "✓"),
                Some(false) => paint("31", "✗"),
                None => "·".to_owned(),
            };
            let origin = step.origin.as_ref().map(|origin| format!("  ({origin})")).unwrap_or_default();
            lines.push(format!("  {mark} {:12} {}{}", step.step, printable(&step.detail), printable(&origin)));
        }
        if let Some(identity) = &self.identity {
            lines.push(format!("  {} {:12} {}", paint("32", "✓"), "identity", printable(&identity.arn)));
        }
        for finding in &self.findings {
            lines.push(String::new());
            lines.push(finding_text(finding, paint));
        }
        if self.culprit().is_none() {
            lines.push(String::new());
            lines.push(paint("32", "nothing is wrong [healthy]"));
        }
        lines.join("\n")
    }
}

/// One finding in the published form.
pub fn finding_json(finding: &Finding) -> Value {
    json!({
        "cause": finding.cause.id(),
        "severity": finding.severity.word(),
        "summary": finding.summary,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "certainty": finding.certainty.word(),
    })
}

/// One finding for people.
pub fn finding_text(finding: &Finding, paint: &dyn Fn(&str, &str) -> String) -> String {
    let code = match finding.severity {
        Severity::Error => "31",
        Severity::Warning => "33",
        Severity::Info => "36",
    };
    let sure = match finding.certainty {
        Certainty::Certain => String::new(),
        other => format!(" ({})", other.word()),
    };
    let mut lines =
        vec![format!("{}: {} [{}]{sure}", paint(code, finding.severity.word()), printable(&finding.summary), finding.cause.id())];
    lines.extend(finding.evidence.iter().filter(|line| !line.is_empty()).map(|line| format!("  seen: {}", printable(line))));
    lines.extend(finding.remedy.iter().map(|line| format!("  try:  {}", printable(line))));
    lines.join("\n")
}

fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    for (step, file) in ["config", "credentials"].into_iter().zip(&facts.files) {
        let state = if file.exists { "" } else { " (there is none)" };
        let by = file.named_by.map(|name| format!(", by {name}")).unwrap_or_default();
        let works = (file.exists || file.problem.is_some()).then_some(file.problem.is_none());
        steps.push(Step { step, detail: format!("{}{state}{by}", file.path.display()), origin: None, works });
    }
    if !facts.place.names.is_empty() {
        steps.push(Step { step: "surroundings", detail: facts.place.names.join(", "), origin: None, works: None });
    }
    if facts.environment.id.is_some() {
        let outcome = facts.answers.as_ref().and_then(|answers| answers.environment.as_ref());
        let who = outcome.and_then(|outcome| outcome.as_ref().ok()).map(|id| format!(": {}", id.arn)).unwrap_or_default();
        let origin = Some("AWS_ACCESS_KEY_ID".to_owned());
        steps.push(Step { step: "environment", detail: format!("keys{who}"), origin, works: outcome.map(Result::is_ok) });
    }
    let named = match facts.named_by {
        Some(by) => format!("`{}`, by {by}", facts.profile),
        None => format!("`{}`, because nothing names one", facts.profile),
    };
    let origin = facts.set.profile(&facts.profile).map(|profile| profile.origin.to_string());
    steps.push(Step { step: "profile", detail: named, origin, works: Some(facts.chain.is_ok()) });
    let Ok(chain) = &facts.chain else { return steps };
    let links = facts.answers.as_ref().map(|answers| answers.links.as_slice()).unwrap_or_default();
    let works = |n: usize| links.get(n).map(Link::is_good);
    let (detail, origin) = base(facts, chain);
    steps.push(Step { step: "source", detail, origin, works: works(0) });
    if let Some(Ok(token)) = &facts.sso {
        let good = token.expires > facts.now || token.refreshable;
        let detail = format!("`{}`, token until {}{}", token.label, token.expires, if token.refreshable { ", renewable" } else { "" });
        steps.push(Step { step: "sso session", detail, origin: Some(token.place.clone()), works: Some(good) });
    }
    for (n, hop) in chain.hops.iter().enumerate() {
        steps.push(Step {
            step: "role",
            detail: hop.role_arn.text.clone(),
            origin: Some(hop.role_arn.origin.to_string()),
            works: works(n + 1),
        });
    }
    let hosts = facts.answers.iter().flat_map(|answers| &answers.hosts).filter(|host| !host.is_home);
    for host in hosts {
        let detail = match (&host.outcome, host.skew) {
            (Ok(_), Some(skew)) if skew.abs() > 2 => format!("{}, its clock {skew:+} s", host.name),
            (Ok(_), _) => host.name.clone(),
            (Err(finding), _) => finding.summary.clone(),
        };
        steps.push(Step { step: "network", detail, origin: None, works: Some(host.outcome.is_ok()) });
    }
    if let Some(store) = &facts.store {
        steps.push(Step {
            step: "store",
            detail: format!("{} ({})", store.name, store.reason),
            origin: None,
            works: Some(store.warning.is_none()),
        });
    }
    steps
}

/// The chain's source in a few words, and where it is written.
fn base(facts: &Facts, chain: &Chain) -> (String, Option<String>) {
    let line = |key: &str| facts.profiles().find_map(|profile| profile.get(key)).map(|value| value.origin.to_string());
    let at = |origin: &crate::config::Origin| Some(origin.to_string());
    match &chain.base {
        Base::Static { credentials, origin } => (format!("the key {}", crate::credentials::masked(&credentials.access_key_id)), at(origin)),
        Base::Environment { origin } => ("credential_source = Environment".into(), at(origin)),
        Base::InstanceMetadata { origin } => ("credential_source = Ec2InstanceMetadata".into(), at(origin)),
        Base::Container { origin } => ("credential_source = EcsContainer".into(), at(origin)),
        Base::WebIdentity { token_file, role_arn, .. } => (format!("web identity {}", role_arn.text), at(&token_file.origin)),
        Base::Sso { account_id, role_name, .. } => (format!("SSO role {role_name} in {account_id}"), line("sso_role_name")),
        Base::LoginSession { arn, .. } => (format!("aws login {}", arn.text), at(&arn.origin)),
        Base::Process { command, .. } => ("credential_process".into(), at(&command.origin)),
    }
}
