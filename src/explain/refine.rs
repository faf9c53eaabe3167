//! What a log says besides the phrase or code that decides: the host, the path, who was denied what.

use std::ops::Range;

use super::flatten::Flat;
use super::hosts::{Host, host_near, is_foreign, region_fault};
use super::names;
use super::process_output;
use super::quote::{finished, shortened};
use super::table::{Meaning, Name};
use crate::aws::denial::Denial;
use crate::aws::error_code::ErrorKind;
use crate::aws::names::{is_region, region_of_zone};
use crate::finding::{Cause, Finding, remedy};
use crate::text::masked;

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

/// An error of AWS with what the log says about it, at its place `at`.
pub(super) fn of_aws(finding: Finding, answer: &Answer<'_>, flat: &Flat, at: usize) -> Finding {
    match finding.cause {
        Cause::AssumeRoleDenied | Cause::PermissionDenied => of_denial(finding, answer),
        Cause::AccessKeyUnknown if is_foreign(flat, at) => of_server(finding, flat, at),
        Cause::AccessKeyUnknown => of_s3(of_iam(finding, answer), answer),
        Cause::SecretWrong => of_server(finding, flat, at),
        _ => finding,
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
        return finding;
    }
    let Some(denial) = Denial::parse(message) else {
        return of_operation(finding, answer);
    };
    let (caller, action) = (denial.caller_in_words(), denial.action);
    if denial.is_own_role() {
        finding.summary = format!("{caller} may not assume itself: it already is this role");
        finding.remedy.clear();
        return finding
            .remedy("remove role_arn or the assume-role step there: the program has this role")
            .remedy("or let the role assume itself, in its trust policy");
    }
    if denial.is_for_user() {
        finding.summary = format!("{caller} asks to assume a user; only roles can be assumed");
        finding.remedy.clear();
        return finding.remedy("write the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME");
    }
    let action = denial.other_action.unwrap_or(action);
    finding.summary = format!("{caller} may not perform {action}");
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
fn of_iam(finding: Finding, answer: &Answer<'_>) -> Finding {
    let names = ["IAM", "IdentityManage"];
    let is_iam = |service: &str| names.iter().any(|name| service.contains(name));
    if answer.service.is_some_and(is_iam) {
        finding.remedy(
            "if other services accept them: get them with MFA; IAM rejects sessions without",
        )
    } else {
        finding
    }
}

/// To S3, the key of a session without its token is a key that does not exist; a token that it
/// rejects has codes of its own.
fn of_s3(finding: Finding, answer: &Answer<'_>) -> Finding {
    let step =
        "pass the session token, too: awsfresh -p PROFILE --deliver env -- COMMAND sets all three";
    if let Some(id) = &answer.temporary_key {
        let summary = format!(
            "the temporary key {} came to S3 without its session token",
            masked(id)
        );
        return Finding {
            evidence: finding.evidence,
            ..Finding::new(Cause::TemporaryKeyWithoutToken, summary).likely()
        }
        .remedy(step);
    }
    if answer.code == "InvalidAccessKeyId" {
        finding
            .remedy("if the key ID begins with ASIA, its session token is missing: pass that, too")
    } else {
        finding
    }
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

/// A finding of the table with what the log says about it: `said` is the sentence, `place` that of
/// the phrase.
pub(super) fn refined(
    finding: Finding,
    meaning: &Meaning,
    said: &str,
    flat: &Flat,
    place: Range<usize>,
) -> Finding {
    let said = said.to_ascii_lowercase();
    match finding.cause {
        Cause::DnsFailure | Cause::ConnectTimeout | Cause::TlsUntrusted => {
            of_network(finding, meaning, &said, flat, &place)
        }
        Cause::ConfigUnreadable => of_file(finding, &said, flat, place.start),
        Cause::CredentialsMissing | Cause::MetadataUnreachable => {
            of_container(of_metadata(finding, &said), flat, place.start)
        }
        Cause::RegionInvalid => of_host_region(finding, flat, &place),
        Cause::ProcessOutputInvalid => process_output::refined(finding, flat, place.start),
        _ => named(finding, meaning, flat, &place),
    }
}

fn of_network(
    mut finding: Finding,
    meaning: &Meaning,
    said: &str,
    flat: &Flat,
    place: &Range<usize>,
) -> Finding {
    let name = match host_near(flat, place.start, place.end) {
        Some(Host::Aws(name)) => {
            if let Some((region, summary)) = region_fault(&name, finding.cause) {
                return of_region(&finding, &region, summary);
            }
            if finding.cause == Cause::DnsFailure {
                finding.remedy =
                    vec!["check DNS, VPN and HTTPS_PROXY where the program runs".into()];
            }
            name
        }
        Some(Host::Other(name)) => name,
        Some(Host::Metadata) | None => return finding,
    };
    let phrase = flat.text[place.clone()].to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| phrase.contains(word));
    finding.summary = match finding.cause {
        Cause::DnsFailure => match name_server(said) {
            Some(server) => format!("the name server {server} does not resolve {name}"),
            None => format!("the name {name} does not resolve"),
        },
        Cause::TlsUntrusted => match &meaning.named {
            Some(named) => named.summary(&name),
            None => return finding,
        },
        _ if says(&["refused"]) => format!("{name} refused the connection"),
        _ if says(&["timeout", "timed out", "deadline", "expired", "canceled"]) => {
            format!("{name} did not answer in time")
        }
        _ if says(&["reset", "closed"]) => format!("{name} closed the connection"),
        _ => format!("{name} cannot be reached"),
    };
    if said.contains(&format!("http://{name}")) && name.ends_with("amazonaws.com") {
        let step = "the request goes to http://: use https:// (disableSSL, secure, endpoint)";
        finding.remedy.insert(0, step.into());
    }
    finding
}

/// The region in the name of the host, where it is none.
fn of_host_region(finding: Finding, flat: &Flat, place: &Range<usize>) -> Finding {
    let fault = match host_near(flat, place.start, place.end) {
        Some(Host::Aws(name)) => region_fault(&name, finding.cause),
        _ => None,
    };
    match fault {
        Some((region, summary)) => of_region(&finding, &region, summary),
        None => finding,
    }
}

/// The name server in `lookup HOST on ADDRESS:53`.
fn name_server(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once(" on ")?;
    rest.split_once(":53")
        .map(|(address, _)| address)
        .filter(|address| address.len() < 40)
}

fn of_region(finding: &Finding, region: &str, summary: String) -> Finding {
    let fault = Finding {
        evidence: finding.evidence.clone(),
        ..Finding::new(Cause::RegionInvalid, summary).likely()
    };
    match region_of_zone(region) {
        Some(region_of_it) => fault.remedy(remedy!(
            "an availability zone is not a region: set AWS_REGION or region to {}",
            region_of_it
        )),
        None if is_region(region) => {
            fault.remedy("use the region of this service for it: us-east-1 in most partitions")
        }
        None => match as_region(region) {
            Some(meant) => fault.remedy(remedy!("set AWS_REGION or region to {}", meant)),
            None => {
                fault.remedy("correct region in the profile, AWS_REGION and AWS_DEFAULT_REGION")
            }
        },
    }
}

/// The region that a name means: `US_EAST_1`, `oregon`.
fn as_region(text: &str) -> Option<String> {
    const PLACES: [(&str, &str); 10] = [
        ("california", "us-west-1"),
        ("frankfurt", "eu-central-1"),
        ("ireland", "eu-west-1"),
        ("london", "eu-west-2"),
        ("mumbai", "ap-south-1"),
        ("ohio", "us-east-2"),
        ("oregon", "us-west-2"),
        ("singapore", "ap-southeast-1"),
        ("sydney", "ap-southeast-2"),
        ("virginia", "us-east-1"),
    ];
    let name = text.to_ascii_lowercase().replace('_', "-");
    let place = PLACES.iter().find(|(place, _)| *place == name);
    match place {
        Some((_, region)) => Some((*region).to_owned()),
        None => is_region(&name).then_some(name),
    }
}

/// A file that cannot be read: which one, and why.
fn of_file(mut finding: Finding, said: &str, flat: &Flat, at: usize) -> Finding {
    let Some(path) = names::path(flat, at) else {
        return finding;
    };
    let says = |words: [&str; 2]| words.iter().any(|word| said.contains(word));
    if says(["is a directory", "eisdir"]) {
        finding.summary = format!("{path} is a directory, not a file");
        finding.remedy.clear();
        finding.remedy("mount or write a file there: a directory is what a missing file becomes")
    } else if path.starts_with("/.aws") {
        finding.summary = format!("HOME is not set for the program, which looks for {path}");
        finding.remedy.clear();
        finding.remedy("set HOME for the program, or name the file in AWS_SHARED_CREDENTIALS_FILE")
    } else {
        let is_forbidden = says(["permission denied", "eacces"]);
        let cannot = if is_forbidden { "may not" } else { "cannot" };
        finding.summary = format!("the program {cannot} read {path}");
        finding
    }
}

/// Why the metadata service gave nothing.
fn of_metadata(mut finding: Finding, said: &str) -> Finding {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if !says(&["imds", "metadata", "169.254."]) {
        return finding;
    }
    let step = if says(&["disabled"]) {
        "on EC2: unset AWS_EC2_METADATA_DISABLED for the program, or enable the metadata service"
    } else if says(&["deadline", "timeout", "timed out", "canceled"]) {
        "on EC2 in a container: set the metadata hop limit to 2"
    } else if says(&["404", "no role"]) {
        "on EC2: attach a role to the instance"
    } else {
        return finding.remedy("on EC2 behind a proxy: add 169.254.169.254 to NO_PROXY");
    };
    finding.remedy.insert(0, step.into());
    finding
}

/// The endpoint that has the credentials of a task, which the program asked and which failed.
fn of_container(mut finding: Finding, flat: &Flat, at: usize) -> Finding {
    let (_, line_end) = flat.line_around(at);
    let line = &flat.text[at..line_end.max(at)];
    let names = [
        "EC2ContainerCredentialsProvider",
        "ContainerCredentialsProvider",
    ];
    let Some(place) = names.iter().find_map(|name| line.find(name)) else {
        return finding;
    };
    let answer = &line[place..];
    let is_error = ["Status Code: 5", "status code 5", "Internal Server Error"];
    if !is_error.iter().any(|words| answer.contains(words)) {
        return finding;
    }
    let end = answer.find([',', ']']).unwrap_or(answer.len());
    finding.evidence = vec![finished(&shortened(&answer[..end], 200), &answer[end..])];
    finding.summary = "the endpoint with the credentials of the task answered with an error".into();
    finding.cause = Cause::ContainerEndpointUnreachable;
    finding.remedy.clear();
    finding.remedy(
        "check the role of the task or connector: it must exist, and its trust policy must name \
        the service that runs it",
    )
}

/// The summary with the name that the log has: behind the phrase, in its line, or beside it.
fn named(mut finding: Finding, meaning: &Meaning, flat: &Flat, place: &Range<usize>) -> Finding {
    let (line, line_end) = flat.line_around(place.start);
    let (at, end) = (place.start, line_end.max(place.end));
    let Some(named) = &meaning.named else {
        return finding;
    };
    let name = match named.by {
        Name::Path => names::path(flat, at),
        Name::Program => names::program(&flat.text[at..])
            .or_else(|| names::program(&flat.text[line..end]))
            .map(str::to_owned),
        Name::Profile => names::profile(&flat.text[at..end])
            .or_else(|| names::profile(&flat.text[line..end]))
            .map(str::to_owned),
        Name::Host => None,
    };
    if let Some(name) = name {
        finding.summary = named.summary(&name);
    }
    finding
}
