//! What went wrong, as a fact and a next step. A [`Finding`] is the error type of the whole crate:
//! its [`Cause`] has a published id, and the cause's [`Class`] decides the exit code.
//!
//! Code never reads the words of a finding. What it needs to know about one is typed: the cause,
//! the [`Subject`]s it is about, and [`AwsAnswer`] where AWS itself said it. So every message can
//! be reworded.

mod cause;
mod origin;
mod remedy;
mod render;
mod tool;

use serde::{Deserialize, Serialize};

use crate::known_secrets::hide;
use crate::text::{bounded, grouped};

pub use cause::{Cause, Class};
pub use origin::Origin;
pub use remedy::Remedy;
pub(crate) use remedy::{InRemedy, profile_option, remedy};
pub(crate) use render::{finding_json, push_finding};
pub use tool::{Tool, Tools};

/// Lines of evidence and of remedies that leave the process, and bytes per line.
const LINES: usize = 20;
const LINE_BYTES: usize = 1000;

/// The outcome of anything that can fail for a reason a person can act on.
pub type Result<T, E = Finding> = std::result::Result<T, E>;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work.
    #[default]
    Error,
    /// Something does not work with some tools, or will stop working.
    Warning,
    /// Worth knowing.
    Info,
}

/// How far the evidence goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The evidence leaves no other cause.
    #[default]
    Certain,
    /// Other causes are conceivable.
    Likely,
    /// One of several causes that fit.
    Possible,
}

impl Severity {
    /// The published name, as in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Certainty {
    /// The published name, as in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// What a finding is about, for code that compares or groups findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The credentials in the environment variables.
    Environment,
    /// A profile that the summary already names.
    Profile(String),
    /// A step of the chain: 0 is its base, every following number a role.
    Step(usize),
    /// A place in a file.
    File {
        /// The file as the user named it.
        file: String,
        /// Counted from 1; 0 for the file as a whole.
        line: u32,
    },
    /// A host by name.
    Host(String),
    /// The credential store.
    Store,
    /// The MFA device, whatever its code.
    MfaDevice,
}

/// What is known of an answer by AWS that led to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAnswer {
    /// Whether AWS named the policy or rule that denied the request.
    pub(crate) names_denier: bool,
}

/// One diagnosed failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The published id.
    pub cause: Cause,
    /// One line that can be understood alone; names the profile, session or file it is about.
    pub summary: String,
    /// The observations behind it, each with its place.
    pub evidence: Vec<String>,
    /// What to do next: exact commands or file:line.
    pub remedy: Vec<Remedy>,
    /// How much it matters.
    #[serde(default)]
    pub(crate) severity: Severity,
    /// How sure it is.
    #[serde(default)]
    pub(crate) certainty: Certainty,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) subjects: Vec<Subject>,
    /// The tools that it is about; empty for all of them.
    #[serde(default, skip_serializing_if = "Tools::is_empty")]
    pub(crate) tools: Tools,
    /// Set where AWS said it, in an answer with an HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aws_answer: Option<AwsAnswer>,
}

impl Finding {
    /// A certain error with nothing but its summary.
    #[must_use]
    pub(crate) fn new(cause: Cause, summary: impl Into<String>) -> Self {
        Self {
            cause,
            summary: summary.into(),
            evidence: Vec::new(),
            remedy: Vec::new(),
            severity: Severity::Error,
            certainty: Certainty::Certain,
            subjects: Vec::new(),
            tools: Tools::default(),
            aws_answer: None,
        }
    }

    /// Lowers the severity to a warning.
    #[must_use]
    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Lowers the severity to a warning if `condition` holds.
    #[must_use]
    pub(crate) fn warning_if(self, condition: bool) -> Self {
        if condition { self.warning() } else { self }
    }

    /// Lowers the severity to something worth knowing.
    #[must_use]
    pub(crate) fn info(mut self) -> Self {
        self.severity = Severity::Info;
        self
    }

    /// Lowers the certainty: other causes are conceivable.
    #[must_use]
    pub(crate) fn likely(mut self) -> Self {
        self.certainty = Certainty::Likely;
        self
    }

    /// Lowers the certainty to likely if `condition` holds.
    #[must_use]
    pub(crate) fn likely_if(self, condition: bool) -> Self {
        if condition { self.likely() } else { self }
    }

    /// Lowers the certainty: several causes fit.
    #[must_use]
    pub(crate) fn possible(mut self) -> Self {
        self.certainty = Certainty::Possible;
        self
    }

    /// Adds an observation.
    #[must_use]
    pub(crate) fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Adds a place in a file, as an observation and as the subject.
    #[must_use]
    pub(crate) fn at(self, origin: &Origin) -> Self {
        self.evidence(origin.to_string()).about_place(origin)
    }

    /// Adds a place in a file as the subject alone.
    #[must_use]
    pub(crate) fn about_place(self, origin: &Origin) -> Self {
        self.about(Subject::File {
            file: origin.file.to_string(),
            line: origin.line,
        })
    }

    /// Adds a next step.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<Remedy>) -> Self {
        self.remedy.push(remedy.into());
        self
    }

    /// Adds a subject.
    #[must_use]
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subjects.push(subject);
        self
    }

    /// Marks the only tools that do not get the credentials because of this.
    #[must_use]
    pub(crate) fn fails_in(mut self, tools: &[Tool]) -> Self {
        self.tools = Tools::of(tools);
        self
    }

    /// Whether a tool does not get the credentials because of this.
    pub(crate) fn stops(&self, tool: Tool) -> bool {
        if self.tools.is_empty() {
            self.severity == Severity::Error
        } else {
            self.severity != Severity::Info && self.tools.contains(tool)
        }
    }

    /// Marks the profile that the summary names.
    #[must_use]
    pub(crate) fn about_profile(self, profile: &str) -> Self {
        self.about(Subject::Profile(profile.to_owned()))
    }

    /// Says how many more findings are like this one, as an observation.
    #[must_use]
    pub(crate) fn and_more(self, count: usize) -> Self {
        if count == 0 {
            return self;
        }
        self.evidence(format!("and {} more like this", grouped(count)))
    }

    /// This finding as it may leave the process: without secrets, and with few lines of a bounded
    /// length.
    #[must_use]
    pub(crate) fn for_output(&self) -> Self {
        let line = |line: &str| bounded(&hide(line), LINE_BYTES);
        let evidence = self.evidence.iter().take(LINES).map(|text| line(text));
        let remedy = self.remedy.iter().take(LINES);
        let more = |all: usize| (all > LINES).then(|| grouped(all - LINES));
        let more_evidence = more(self.evidence.len()).map(|more| format!("and {more} more lines"));
        let more_remedies =
            more(self.remedy.len()).map(|more| remedy::remedy!("and {} more lines", more));
        Self {
            summary: line(&self.summary),
            evidence: evidence.chain(more_evidence).collect(),
            remedy: remedy
                .map(|text| text.map(line))
                .chain(more_remedies)
                .collect(),
            subjects: self.subjects.iter().take(LINES).cloned().collect(),
            ..self.clone()
        }
    }

    /// Whether it is about `subject`.
    pub(crate) fn is_about(&self, subject: &Subject) -> bool {
        self.subjects.contains(subject)
    }

    /// The place in a file it is about.
    pub(crate) fn place(&self) -> Option<&Subject> {
        self.subjects
            .iter()
            .find(|subject| matches!(subject, Subject::File { .. }))
    }

    /// Puts the requested profile in front of the summary, unless that names it already.
    #[must_use]
    pub(crate) fn for_profile(mut self, profile: &str) -> Self {
        if !self.is_about(&Subject::Profile(profile.to_owned())) {
            self.summary = format!("profile `{profile}`: {}", self.summary);
            self = self.about_profile(profile);
        }
        self
    }

    /// Puts the profile into next steps that leave it open.
    pub(crate) fn name_profile_in_steps(&mut self, profile: &str) {
        for step in &mut self.remedy {
            *step = step.for_profile(profile);
        }
    }

    /// Whether AWS no longer accepts credentials that it issued: they must not be served again.
    pub(crate) fn means_stale_credentials(&self) -> bool {
        matches!(self.cause, Cause::AccessKeyUnknown | Cause::SessionExpired)
    }

    /// The class of its cause.
    pub(crate) fn class(&self) -> Class {
        self.cause.class()
    }

    /// The exit code of its class.
    pub(crate) fn exit_code(&self) -> u8 {
        self.class().code()
    }
}

impl std::error::Error for Finding {}
