//! The result of a diagnosis, for people and for programs.

use serde_json::{Value, json};

use super::facts::Facts;
use super::probe_results::{HostRole, StepResult};
use crate::config::{Base, Chain};
use crate::finding::{Finding, Origin, Result, Severity, Tool, finding_json, push_finding};
use crate::source::Identity;
use crate::text::{self, Styled, masked};
use crate::world::SelectedBy;

/// A clock that differs by more, in seconds, is shown.
const VISIBLE_SKEW: i64 = 2;

/// One line of the way from the profile to AWS.
struct Line {
    /// The published name.
    name: &'static str,
    detail: String,
    /// Where it is written.
    origin: Option<String>,
    /// `None` where nothing was asked.
    works: Option<bool>,
}

/// A finished diagnosis.
pub(crate) struct Report {
    profile: String,
    /// The owner of the profile's credentials according to AWS.
    identity: Option<Identity>,
    lines: Vec<Line>,
    /// Most likely culprit first.
    findings: Vec<Finding>,
    /// The tools, and whether each gets the credentials as far as that can be seen.
    tools: Vec<(Tool, bool)>,
}

impl Report {
    /// From the facts and the findings about them.
    pub(super) fn new(facts: &Facts, findings: Vec<Finding>, tools: &[Tool]) -> Self {
        let selected = |tool: &Tool| tools.is_empty() || tools.contains(tool);
        let gets = |tool: Tool| (tool, !findings.iter().any(|finding| finding.stops(tool)));
        let tools = Tool::ALL.into_iter().filter(selected).map(gets).collect();
        let identity = facts
            .probes
            .as_ref()
            .and_then(|probes| probes.identity())
            .cloned();
        Self {
            profile: facts.profile.clone(),
            identity,
            lines: lines(facts),
            findings,
            tools,
        }
    }

    /// The first error.
    pub(crate) fn culprit(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
    }

    /// 0 without an error, else the code of its class.
    pub(crate) fn exit_code(&self) -> u8 {
        self.culprit().map_or(0, Finding::exit_code)
    }

    /// The published JSON form.
    pub(crate) fn to_json(&self) -> Value {
        let identity =
            |id: &Identity| json!({"account": id.account, "arn": id.arn, "user_id": id.user_id});
        let line =
            |line: &Line| json!({"step": line.name, "detail": line.detail, "origin": line.origin});
        json!({
            "profile": self.profile,
            "healthy": self.culprit().is_none(),
            "identity": self.identity.as_ref().map(identity),
            "chain": self.lines.iter().map(line).collect::<Vec<_>>(),
            "tools": self.tools.iter().map(|(tool, gets)| (tool.id().to_owned(), json!(gets)))
                .collect::<serde_json::Map<_, _>>(),
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
        })
    }

    /// Styled text for people.
    pub(crate) fn to_text(&self) -> Styled {
        let mut text = Styled::default();
        text.line(&format!("profile `{}`", self.profile));
        for Line {
            name,
            detail,
            origin,
            works,
        } in &self.lines
        {
            let origin = origin
                .as_ref()
                .map(|origin| format!("  ({origin})"))
                .unwrap_or_default();
            push_mark(&mut text, *works).line(&format!(" {name:12} {detail}{origin}"));
        }
        if let Some(identity) = &self.identity {
            push_mark(&mut text, Some(true)).line(&format!(" {:12} {}", "identity", identity.arn));
        }
        self.push_tools(&mut text);
        for finding in &self.findings {
            text.line("");
            push_finding(&mut text, finding);
        }
        if self.culprit().is_none() {
            text.line("");
            if self.tools.iter().all(|(_, gets)| *gets) {
                let is_warning = |one: &&Finding| one.severity == Severity::Warning;
                match self.findings.iter().filter(is_warning).count() {
                    0 => text.paint(text::GREEN, "nothing is wrong [healthy]"),
                    1 => text.paint(text::YELLOW, "no error, 1 warning [healthy]"),
                    n => text.paint(text::YELLOW, &format!("no error, {n} warnings [healthy]")),
                };
            } else {
                text.paint(
                    text::YELLOW,
                    "awsfresh gets the credentials, some tools do not",
                );
            }
        }
        text
    }
}

impl Report {
    /// Which tools get the credentials, where not all of them do.
    fn push_tools(&self, text: &mut Styled) {
        let (get, others): (Vec<_>, Vec<_>) = self.tools.iter().partition(|(_, gets)| *gets);
        if get.is_empty() || others.is_empty() {
            return;
        }
        for (tools, works) in [(get, true), (others, false)] {
            let names: Vec<&str> = tools.iter().map(|(tool, _)| tool.name()).collect();
            let names = names.join(", ");
            push_mark(text, Some(works)).line(&format!(" {:12} {names}", "tools"));
        }
    }
}

/// Begins a line.
fn push_mark(text: &mut Styled, works: Option<bool>) -> &mut Styled {
    text.push("  ");
    match works {
        Some(true) => text.paint(text::GREEN, "✓"),
        Some(false) => text.paint(text::RED, "✗"),
        None => text.push("·"),
    }
}

fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines: Vec<Line> = files(facts);
    lines.extend(host(facts));
    lines.extend(environment(facts));
    let selected = match facts.selected_by {
        SelectedBy::Nothing => format!("`{}`, because nothing names another", facts.profile),
        by => format!("`{}`, by {by}", facts.profile),
    };
    let origin = facts
        .set
        .profile(&facts.profile)
        .map(|profile| profile.origin.to_string());
    lines.push(Line {
        name: "profile",
        detail: selected,
        origin,
        // Without a profile, tools use what the environment, the container or the machine offers.
        works: (!facts.has_ambient()).then_some(facts.chain.is_ok()),
    });
    let Ok(chain) = &facts.chain else {
        lines.extend(ambient(facts));
        return lines;
    };
    lines.extend(chain_lines(facts, chain));
    lines.extend(network(facts));
    lines.extend(store(facts));
    lines
}

fn files(facts: &Facts) -> Vec<Line> {
    let line = |(name, file): (_, &super::file_facts::FileFacts)| {
        let state = if file.exists { "" } else { " (missing)" };
        let by = file
            .named_by
            .map(|name| format!(", by {name}"))
            .unwrap_or_default();
        let works = (file.exists || file.problem.is_some()).then_some(file.problem.is_none());
        Line {
            name,
            detail: format!("{}{state}{by}", file.path.display()),
            origin: None,
            works,
        }
    };
    ["config", "credentials"]
        .into_iter()
        .zip(&facts.files)
        .map(line)
        .collect()
}

fn host(facts: &Facts) -> Option<Line> {
    let names: Vec<&str> = facts.host.kinds.iter().map(|kind| kind.name()).collect();
    let detail = names.join(", ");
    (!names.is_empty()).then_some(Line {
        name: "surroundings",
        detail,
        origin: None,
        works: None,
    })
}

fn environment(facts: &Facts) -> Option<Line> {
    facts.environment.id.as_ref()?;
    let outcome = facts
        .probes
        .as_ref()
        .and_then(|probes| probes.environment.as_ref());
    let owner = match outcome {
        Some(Ok(identity)) => format!(": {}", identity.arn),
        _ => String::new(),
    };
    Some(Line {
        name: "environment",
        detail: format!("keys{owner}"),
        origin: Some("AWS_ACCESS_KEY_ID".to_owned()),
        works: outcome.map(Result::is_ok),
    })
}

fn chain_lines(facts: &Facts, chain: &Chain) -> Vec<Line> {
    let steps = facts
        .probes
        .as_ref()
        .map(|probes| probes.steps.as_slice())
        .unwrap_or_default();
    let works = |n: usize| steps.get(n).map(StepResult::works);
    let (detail, origin) = base(facts, chain);
    let origin = origin.map(Origin::to_string);
    let mut lines = vec![Line {
        name: "source",
        detail,
        origin,
        works: works(0),
    }];
    if let Some(Ok(token)) = &facts.sso {
        let is_good = token.expires > facts.now || token.refreshable;
        let renewable = if token.refreshable { ", renewable" } else { "" };
        lines.push(Line {
            name: "sso session",
            detail: format!(
                "`{}`, token until {}{renewable}",
                token.label, token.expires
            ),
            origin: Some(token.place.clone()),
            works: Some(is_good),
        });
    }
    for (n, hop) in chain.hops.iter().enumerate() {
        let origin = Some(hop.role_arn.origin.to_string());
        lines.push(Line {
            name: "role",
            detail: hop.role_arn.text.clone(),
            origin,
            works: works(n + 1),
        });
    }
    lines
}

/// What is used without a profile.
fn ambient(facts: &Facts) -> Option<Line> {
    let outcome = facts
        .probes
        .as_ref()
        .and_then(|probes| probes.ambient.as_ref());
    let (detail, origin) = match &facts.ambient_source {
        Some(Base::WebIdentity { role_arn, .. }) => {
            let origin = role_arn.origin.file.to_string();
            (format!("web identity {}", role_arn.text), Some(origin))
        }
        Some(_) => ("the role of the container".to_owned(), None),
        None => ("the role of the machine".to_owned(), None),
    };
    let is_shown = facts.has_ambient() && facts.environment.keys().is_none();
    is_shown.then(|| Line {
        name: "source",
        detail,
        origin,
        works: outcome.map(Result::is_ok),
    })
}

fn network(facts: &Facts) -> Vec<Line> {
    let hosts = facts.probes.iter().flat_map(|probes| &probes.hosts);
    let hosts = hosts.filter(|host| host.role != HostRole::HomeSts);
    let line = |host: &super::probe_results::HostResult| {
        let detail = match (&host.outcome, host.skew) {
            (Ok(_), Some(skew)) if skew.abs() > VISIBLE_SKEW => {
                format!("{}, its clock {skew:+} s", host.name)
            }
            (Ok(_), _) => host.name.clone(),
            (Err(finding), _) => finding.summary.clone(),
        };
        Line {
            name: "network",
            detail,
            origin: None,
            works: Some(host.outcome.is_ok()),
        }
    };
    hosts.map(line).collect()
}

fn store(facts: &Facts) -> Option<Line> {
    let store = facts.store.as_ref()?;
    let detail = format!("{} ({})", store.name, store.reason);
    Some(Line {
        name: "store",
        detail,
        origin: None,
        works: Some(store.state.is_ok()),
    })
}

/// The chain's source in a few words, and where it is written.
fn base<'a>(facts: &'a Facts, chain: &'a Chain) -> (String, Option<&'a Origin>) {
    match &chain.base {
        Base::Static {
            credentials,
            origin,
            ..
        } => (
            format!("the key {}", masked(&credentials.access_key_id)),
            Some(origin),
        ),
        Base::StoredKeys { access_key_id, .. } => (
            format!(
                "the key {}, in the credential store",
                masked(&access_key_id.text)
            ),
            Some(&access_key_id.origin),
        ),
        Base::Environment { origin } => ("credential_source = Environment".into(), Some(origin)),
        Base::InstanceMetadata { origin } => (
            "credential_source = Ec2InstanceMetadata".into(),
            Some(origin),
        ),
        Base::Container { origin } => ("credential_source = EcsContainer".into(), Some(origin)),
        Base::WebIdentity {
            token_file,
            role_arn,
            ..
        } => (
            format!("web identity {}", role_arn.text),
            Some(&token_file.origin),
        ),
        Base::Sso {
            account_id,
            role_name,
            ..
        } => (
            format!("SSO role {role_name} in {account_id}"),
            facts.place_of("sso_role_name"),
        ),
        Base::LoginSession { arn, .. } => (format!("aws login {}", arn.text), Some(&arn.origin)),
        Base::Process { command, .. } => ("credential_process".into(), Some(&command.origin)),
    }
}
