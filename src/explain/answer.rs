//! What a log says besides the code of an answer by AWS: who was denied what, by which server.

use super::context::{Place, place};
use super::flatten::Flat;
use super::hosts::{Host, host_near, is_foreign};
use super::phrases::OWN_KEYS;
use super::scan::{REACH, around, head, tail};
use crate::aws::denial::Denial;
use crate::aws::error_code::ErrorKind;
use crate::aws::partition;
use crate::aws::shared_findings::RUN_DOCTOR;
use crate::finding::{Cause, Finding, remedy};
use crate::text::{cut, masked};

/// What is known of an answer by AWS.
pub(super) struct Answer<'a> {
    pub(super) kind: ErrorKind,
    pub(super) code: &'a str,
    /// The ID of the key that signed, if S3 says it and it is one of a session.
    pub(super) temporary_key: Option<String>,
    pub(super) message: &'a str,
    /// As the client names them, if it does.
    pub(super) service: Option<&'a str>,
    pub(super) operation: Option<&'a str>,
}

/// So far around an error, the program that had it shows its name, in bytes.
const OWN_KEYS_REACH: usize = 1000;

/// The room in a first line, and the least of it for the name of a caller, in columns.
const FIRST_LINE: usize = 88;
const LEAST_NAME: usize = 24;
/// What programs print in one line when they have created a key.
const NEW_KEYS: [[&str; 2]; 2] = [
    ["aws_iam_access_key.", "Creation complete"],
    ["AWS::IAM::AccessKey", "CREATE_COMPLETE"],
];
/// So far before an error a new key is looked for, in bytes.
const NEW_KEY_REACH: usize = 4000;

/// Operations that IAM alone has among the services that answer with `InvalidClientTokenId`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html>
const IAM_OPERATIONS: [&str; 17] = [
    "CreateAccessKey",
    "CreateRole",
    "CreateServiceLinkedRole",
    "GetAccountSummary",
    "GetInstanceProfile",
    "GetRole",
    "GetUser",
    "ListAccessKeys",
    "ListAccountAliases",
    "ListAttachedRolePolicies",
    "ListInstanceProfiles",
    "ListMFADevices",
    "ListRolePolicies",
    "ListRoles",
    "ListUserPolicies",
    "ListUsers",
    "ListVirtualMFADevices",
];

/// An error of AWS with what the log says about it, at its place `at`.
pub(super) fn of_aws(finding: Finding, answer: &Answer<'_>, flat: &Flat, at: usize) -> Finding {
    match finding.cause {
        Cause::AssumeRoleDenied | Cause::PermissionDenied => of_denial(finding, answer),
        Cause::AccessKeyUnknown if is_foreign(flat, at) => of_server(finding, flat, at),
        Cause::AccessKeyUnknown => {
            let finding = of_new_key(of_iam(finding, answer, flat, at), flat, at);
            let finding = in_opt_in_region(of_session_key(finding, answer), flat, at);
            with_own_keys(finding, flat, at)
        }
        Cause::SessionExpired => of_session(finding, flat, at),
        Cause::ClockSkew => Finding {
            summary: "the clock where the program runs differs from AWS by more than AWS allows".into(),
            ..finding.remedy("if that is a VM (minikube, Docker Desktop, WSL): restart it")
        },
        Cause::RoleChainingLimit | Cause::DurationTooLong => {
            finding.remedy("or lower it in the program's own option for the length of a session")
        }
        Cause::Throttled if answer.operation == Some("AssumeRole") => finding.remedy(
            "assume the role once and keep the session, as awsfresh does: awsfresh -p PROFILE -- COMMAND",
        ),
        Cause::SsoSessionExpired => {
            finding.remedy("or let awsfresh renew it: awsfresh -p PROFILE -- COMMAND")
        }
        Cause::SecretWrong => with_own_keys(of_server(finding, flat, at), flat, at),
        _ => finding,
    }
}

/// What renews a session where the program ran.
fn of_session(finding: Finding, flat: &Flat, at: usize) -> Finding {
    match place(&flat.text, at) {
        Place::Elsewhere | Place::Ci => {
            finding.remedy("or let awsfresh renew them: awsfresh -p PROFILE -- COMMAND")
        }
        Place::Kubernetes | Place::Lambda => finding.remedy(
            "a program that keeps credentials which it got once: restart it, and let its SDK renew \
            them",
        ),
    }
}

/// Who was denied what.
fn of_denial(mut finding: Finding, answer: &Answer<'_>) -> Finding {
    let message = answer.message;
    if message.contains("Roles may not be assumed by root accounts") {
        finding.summary = "the caller is the root user, which cannot assume roles".to_owned();
        return finding;
    }
    if message.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity") {
        finding.summary = "the role's trust policy does not accept this web identity".to_owned();
        return finding
            .remedy(
                "in Kubernetes the subject is system:serviceaccount:NAMESPACE:NAME; a * in it needs \
                StringLike",
            )
            .remedy("check the ARN of the role, too: AWS says the same if there is none")
            .likely();
    }
    let Some(denial) = Denial::parse(message) else {
        return of_operation(finding, answer);
    };
    let name = denial.caller_in_words();
    // The evidence has the whole name; the first line has to fit.
    let with_caller = |what: &str| {
        let room = FIRST_LINE.saturating_sub(what.chars().count());
        format!("{} {what}", cut(&name, room.max(LEAST_NAME)))
    };
    if denial.is_own_role() {
        finding.summary = with_caller("may not assume itself: it already is this role");
        finding.remedy.clear();
        return finding
            .remedy("remove role_arn or the assume-role step there: the program has this role")
            .remedy("or let the role assume itself, in its trust policy");
    }
    if denial.is_for_user() {
        finding.summary = with_caller("asks to assume a user; only roles can be assumed");
        finding.remedy.clear();
        return finding.remedy("write the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME");
    }
    let action = denial.other_action.unwrap_or(denial.action);
    finding.summary = with_caller(&format!("may not perform {action}"));
    if denial.is_by_instance() {
        let step = "if another role was meant: the program used the role of the instance or node";
        return finding.remedy(step);
    }
    finding
}

/// The operation that was denied, where AWS's sentence does not say it.
fn of_operation(mut finding: Finding, answer: &Answer<'_>) -> Finding {
    if answer.kind == ErrorKind::Denied
        && let Some(operation) = answer.operation
    {
        let service = answer.service.map(|name| format!("{name} "));
        let service = service.unwrap_or_default();
        finding.summary = format!("AWS denies {service}{operation} to these credentials");
    }
    finding
}

/// IAM accepts no session of GetSessionToken without MFA.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
fn of_iam(finding: Finding, answer: &Answer<'_>, flat: &Flat, at: usize) -> Finding {
    let names = ["IAM", "IdentityManage"];
    let is_iam = |service: &str| names.iter().any(|name| service.contains(name));
    let is_operation =
        |name: &str| answer.code == "InvalidClientTokenId" && IAM_OPERATIONS.contains(&name);
    if !answer.service.is_some_and(is_iam) && !answer.operation.is_some_and(is_operation) {
        return finding;
    }
    // CloudFormation, which makes the request, has accepted the same credentials; aws-vault gets a
    // session of GetSessionToken.
    let around = around(&flat.text, at, REACH);
    let is_by_vault = around.contains("aws-vault exec")
        && ![" --no-session", " -n "]
            .iter()
            .any(|option| around.contains(option));
    if around.contains("aws::iam::") || is_by_vault {
        let summary =
            "IAM alone rejects these credentials: a session of GetSessionToken without MFA";
        return Finding {
            evidence: finding.evidence,
            ..Finding::new(Cause::GetSessionTokenLimits, summary).likely()
        }
        .remedy(
            "get the session with an MFA code: IAM rejects those of GetSessionToken without one",
        )
        .remedy("or use a role, or SSO: awsfresh -p PROFILE -- COMMAND");
    }
    finding.remedy(
        "if other services accept them: get the session with an MFA code; IAM rejects those of \
        GetSessionToken without one",
    )
}

/// A key that was created moments before is not known everywhere.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>: eventual consistency
fn of_new_key(finding: Finding, flat: &Flat, at: usize) -> Finding {
    let from = at - tail(&flat.text[..at], NEW_KEY_REACH).len();
    let mut is_new = false;
    let mut start = from;
    while start < at && !is_new {
        let (line, end) = flat.line_around(start);
        let (line, end) = (line.max(from), end.min(at));
        let text = &flat.text[line..end];
        let says = |words: &[&str; 2]| words.iter().all(|word| text.contains(word));
        is_new = NEW_KEYS.iter().any(says);
        start = end.max(start + 1);
    }
    if !is_new || finding.cause != Cause::AccessKeyUnknown {
        return finding;
    }
    let summary = "AWS does not know the key yet: it was created moments ago";
    Finding {
        evidence: finding.evidence,
        ..Finding::new(Cause::KeyNotPropagated, summary).likely()
    }
    .remedy("run it again in half a minute; in one run, wait after the key is created")
}

/// A token of the global STS endpoint is not valid in regions that have to be enabled.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html>
fn in_opt_in_region(finding: Finding, flat: &Flat, at: usize) -> Finding {
    let around = around(&flat.text, at, REACH);
    let is_part = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let region = around
        .split(is_part)
        .find(|word| partition::is_opt_in(word));
    // A long-term key is valid in every region that is enabled.
    let words = |text: &str| text.split(is_part).any(|word| word.starts_with("AKIA"));
    let is_long_term = words(tail(&flat.text[..at], REACH)) || words(head(&flat.text[at..], REACH));
    match region {
        Some(region) if finding.cause == Cause::AccessKeyUnknown && !is_long_term => {
            finding.remedy(remedy!(
                "enable the region {} in the account; if it is: AWS_STS_REGIONAL_ENDPOINTS=regional, \
                and get a new session",
                region
            ))
        }
        _ => finding,
    }
}

/// The key of a session without its token is a key that AWS does not know; a token that S3
/// rejects has codes of its own.
fn of_session_key(mut finding: Finding, answer: &Answer<'_>) -> Finding {
    let step =
        "pass the session token, too: awsfresh -p PROFILE --deliver env -- COMMAND sets all three";
    if let Some(id) = &answer.temporary_key {
        let summary = format!(
            "the temporary key {} was sent to S3 without its session token",
            masked(id)
        );
        return Finding {
            evidence: finding.evidence,
            ..Finding::new(Cause::TemporaryKeyWithoutToken, summary).likely()
        }
        .remedy(step);
    }
    if finding.cause != Cause::AccessKeyUnknown {
        return finding;
    }
    let steps = match answer.code {
        "InvalidAccessKeyId" => &[
            "if the key ID begins with ASIA, pass its session token, too",
            "if the key is of China or GovCloud, set a region there",
        ][..],
        _ => &[
            "if doctor finds nothing: the program drops the session token, or asks another \
            partition or an opt-in region",
        ],
    };
    // Behind doctor, and before the key is looked for: in public reports these are more often right.
    let doctor = finding.remedy.iter().position(|step| **step == *RUN_DOCTOR);
    let at = doctor.map_or(0, |at| at + 1);
    let steps = steps.iter().map(|step| (*step).into());
    finding.remedy.splice(at..at, steps);
    finding
}

/// Where the key is, if the program has a copy of its own.
pub(super) fn with_own_keys(mut finding: Finding, flat: &Flat, at: usize) -> Finding {
    let around = around(&flat.text, at, OWN_KEYS_REACH);
    let step = OWN_KEYS.iter().find(|(words, _)| around.contains(words));
    finding
        .remedy
        .splice(0..0, step.map(|(_, step)| (*step).into()));
    finding
}

/// A server that speaks the protocol of S3 has keys of its own.
fn of_server(mut finding: Finding, flat: &Flat, at: usize) -> Finding {
    if !is_foreign(flat, at) {
        return finding;
    }
    let server = match host_near(flat, at, at) {
        Some(Host::Other(host)) => format!("{host}, which is not AWS,"),
        _ => "a server that is not AWS".to_owned(),
    };
    finding.summary = match finding.cause {
        Cause::SecretWrong => format!("{server} rejects the secret of this key"),
        _ => format!("{server} does not know this key"),
    };
    finding.remedy.clear();
    finding
        .likely()
        .remedy("use a key of that server; if AWS is meant, correct the endpoint of the program")
}
