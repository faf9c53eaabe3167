//! What the probes return.

use super::metadata::Metadata;
use super::reachability::HostReply;
use crate::finding::{Finding, Result};
use crate::source::Identity;
use crate::source::sso::Assignments;

/// The results of all probes.
pub(super) struct ProbeResults {
    /// Step by step from the base, up to the first that failed.
    pub(super) steps: Vec<StepResult>,
    /// The owner of the keys in the environment.
    pub(super) environment: Option<Result<Identity>>,
    /// What the machine or container offers to programs that find nothing else.
    pub(super) ambient: Option<Result<()>>,
    /// The hosts that were contacted without credentials.
    pub(super) hosts: Vec<HostResult>,
    /// The state of the instance metadata service, if the chain starts there.
    pub(super) metadata: Option<Metadata>,
    /// Whether AWS accepts the sessions in the AWS CLI's cache, in the order of the facts.
    pub(super) cli_sessions: Vec<Result<Identity>>,
    /// The version of the AWS CLI, where it matters.
    pub(super) cli_version: Option<String>,
}

impl ProbeResults {
    /// Whether the whole chain yields credentials that AWS accepts.
    pub(super) fn chain_works(&self) -> bool {
        self.steps.last().is_some_and(StepResult::works)
    }

    /// Why the chain does not work.
    pub(super) fn failure(&self) -> Option<&Finding> {
        let steps = self.steps.iter().filter(|step| !step.identity_hidden);
        steps.filter_map(|step| step.outcome.as_ref().err()).next()
    }

    /// The owner of the credentials of the whole chain.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.steps
            .last()
            .and_then(|step| step.outcome.as_ref().ok())
    }
}

/// A step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its base.
    Base,
    /// The role of this number, counted from 0.
    Role(usize),
}

/// The result of one step.
pub(super) struct StepResult {
    pub(super) step: Step,
    /// The step as messages name it: the ARN of the role, or the source of the profile.
    pub(super) name: String,
    /// The owner of its credentials according to AWS, or why there are none.
    pub(super) outcome: Result<Identity>,
    /// Why AWS rejected what was cached; then new credentials were fetched.
    pub(super) rejected_cached: Option<Finding>,
    /// The partition's home region, and whether the credentials are valid there, if the region
    /// rejected them.
    pub(super) home_region: Option<(String, bool)>,
    /// The home region of another partition in which they are valid.
    pub(super) other_partition: Option<&'static str>,
    /// Whether the credentials are those of a session.
    pub(super) is_session: bool,
    /// Whether AWS accepts them and does not reveal their owner: the policy of a VPC endpoint may
    /// deny GetCallerIdentity, nothing else can.
    pub(super) identity_hidden: bool,
    /// What the SSO user has instead of the role that was denied.
    pub(super) assignments: Option<Assignments>,
}

impl StepResult {
    pub(super) fn new(step: Step, name: String, outcome: Result<Identity>) -> Self {
        Self {
            step,
            name,
            outcome,
            rejected_cached: None,
            home_region: None,
            other_partition: None,
            is_session: false,
            identity_hidden: false,
            assignments: None,
        }
    }

    /// Whether the next step can use its credentials.
    pub(super) fn works(&self) -> bool {
        self.outcome.is_ok() || self.identity_hidden
    }
}

/// Why a host is contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostRole {
    /// STS in the region of the chain.
    Sts,
    /// STS in the home region, to compare with.
    HomeSts,
    /// A service of IAM Identity Center.
    Sso,
    /// What an endpoint override names.
    Override,
}

/// The result of one host.
pub(super) struct HostResult {
    pub(super) name: String,
    pub(super) role: HostRole,
    /// Its response, or why there was none.
    pub(super) outcome: Result<HostReply>,
    /// The issuer of its certificate, where that is not trusted.
    pub(super) issuer: Option<Box<str>>,
    /// Seconds by which its clock is ahead of ours.
    pub(super) skew: Option<i64>,
}
