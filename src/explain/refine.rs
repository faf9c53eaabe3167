//! What a log says besides the message of a client that decides: the host, the path, the profile.

use std::ops::Range;

use super::flatten::Flat;
use super::hosts::{Host, host_near, region_fault};
use super::names;
use super::process_output;
use super::quote::{finished, shortened};
use super::scan::head;
use super::table::{Meaning, Name};
use crate::aws::names::{SET_REGION, is_region, region_of_zone};
use crate::aws::partition::{self, is_known_region};
use crate::finding::{Cause, Finding, remedy};

/// So much of a header that cannot be sent is looked at, in bytes.
const HEADER: usize = 300;

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
            let host = host_near(flat, place.start, place.end);
            of_container(
                of_metadata(finding, &said, host.as_ref()),
                flat,
                place.start,
            )
        }
        Cause::ContainerEndpointUnreachable => of_silent_endpoint(finding, &said),
        Cause::RegionInvalid => of_host_region(finding, flat, &place),
        Cause::HiddenCharacters => of_header(finding, flat, place.end),
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
                return of_region(&finding, region.as_deref(), summary);
            }
            if finding.cause == Cause::DnsFailure && meaning.named.is_none() {
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
    let named = meaning.named.as_ref().map(|named| named.summary(&name));
    finding.summary = match (finding.cause, named) {
        (_, Some(summary)) => summary,
        (Cause::TlsUntrusted, None) => return finding,
        (Cause::DnsFailure, None) => match name_server(said) {
            Some(server) => format!("the name server {server} does not resolve {name}"),
            None => format!("the name {name} does not resolve"),
        },
        _ if says(&["refused"]) => format!("{name} refused the connection"),
        _ if says(&["timeout", "timed out", "deadline", "expired", "canceled"]) => {
            format!("{name} did not answer in time")
        }
        _ if says(&["reset", "closed"]) => format!("{name} closed the connection"),
        _ => format!("{name} cannot be reached"),
    };
    if name == "sts.amazonaws.com" && finding.summary.ends_with("in time") {
        finding = finding.remedy(
            "in a VPC without a way to the internet: set AWS_STS_REGIONAL_ENDPOINTS=regional, and \
            create a VPC endpoint for STS (it has only the regional host)",
        );
    }
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
        Some((region, summary)) => of_region(&finding, region.as_deref(), summary),
        None => finding,
    }
}

/// A header that cannot be sent, behind the byte `at`: which part has what. Only the key ID and the
/// session token are sent as they are.
fn of_header(mut finding: Finding, flat: &Flat, at: usize) -> Finding {
    let text = head(&flat.text[at..], HEADER);
    let lower = text.to_ascii_lowercase();
    let id = text.split_once("Credential=");
    let id = id
        .and_then(|(_, rest)| rest.split_once("/20"))
        .map(|(id, _)| id);
    let what = match id {
        Some(id) if id.starts_with("-n ") => {
            "the access key ID begins with `-n ` and ends in a line break: from sh's `echo -n`"
        }
        Some(id) if id.ends_with(" ") || id.ends_with("\\n") => {
            "the access key ID ends in a line break"
        }
        None if lower.contains("x-amz-security-token") && !lower.contains("authorization") => {
            "the session token contains a line break or a control character"
        }
        _ => return finding,
    };
    finding.summary = what.to_owned();
    finding.remedy.clear();
    finding
        .remedy("write it again without a line end: printf %s KEY, not echo KEY or echo -n KEY")
        .remedy("in Kubernetes: write the Secret again, with that in front of base64")
        .remedy("if a file has it: it may have Windows line ends; dos2unix FILE removes them")
}

/// The name server in `lookup HOST on ADDRESS:53`.
fn name_server(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once(" on ")?;
    rest.split_once(":53")
        .map(|(address, _)| address)
        .filter(|address| address.len() < 40)
}

fn of_region(finding: &Finding, region: Option<&str>, summary: String) -> Finding {
    let fault = Finding {
        evidence: finding.evidence.clone(),
        ..Finding::new(Cause::RegionInvalid, summary).likely()
    };
    let Some(region) = region else {
        return fault.remedy(SET_REGION);
    };
    match region_of_zone(region) {
        Some(region_of_it) => fault.remedy(remedy!(
            "an availability zone is not a region: set AWS_REGION or region to {}",
            region_of_it
        )),
        None if is_known_region(region) && partition::of_region(region) != "aws" => fault.remedy(
            "update the program: its SDK has to know the host of this service in the partition of \
            the region; or set its endpoint",
        ),
        None if is_region(region) && is_known_region(region) => {
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
        None => is_known_region(&name).then_some(name),
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
        finding
            .remedy(remedy!(
                "look below it with ls {}; what is mounted there (a token, a secret), mount elsewhere",
                path
            ))
            .remedy("if it is empty: it was mounted before the file existed; write the file first")
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
fn of_metadata(mut finding: Finding, said: &str, host: Option<&Host>) -> Finding {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if !says(&["imds", "metadata", "169.254."]) || says(&["source metadata"]) {
        return finding;
    }
    let is_imds = says(&[
        "ec2metadata",
        "ec2 metadata",
        "imds",
        "instance metadata",
        "metadata service",
        "169.254.169.254",
        "fd00:ec2::254",
    ]);
    if is_imds && says(&["status code: 401", "401 - unauthorized", "401 unauthorized"]) {
        let summary = "the metadata service requires a token (IMDSv2), and the program has none";
        return of_hop_limit(finding, summary)
            .remedy("otherwise update the program: its SDK does not know IMDSv2");
    }
    let is_of_another = matches!(host, Some(Host::Aws(_) | Host::Other(_)));
    if is_imds
        && !is_of_another
        && says(&["http read timeout", "read timed out", "read timeout on"])
    {
        let summary = "the metadata service accepted the connection and sent no answer";
        return of_hop_limit(finding, summary)
            .remedy("where kiam, kube2iam or a proxy is in between: look at its log");
    }
    let step = if says(&["disabled"]) {
        "on EC2: unset AWS_EC2_METADATA_DISABLED for the program, or enable the metadata service"
    } else if says(&["deadline", "timeout", "timed out", "etimedout", "canceled"]) {
        "on EC2 in a container: set the metadata hop limit to 2; in a pod, its network policy has to \
            allow 169.254.169.254"
    } else if says(&["404", "no role"]) {
        "on EC2: attach a role to the instance"
    } else if says(&["->169.254.169.254"]) {
        return finding; // no proxy is between
    } else {
        return finding.remedy("on EC2 behind a proxy: add 169.254.169.254 to NO_PROXY");
    };
    finding.remedy.insert(0, step.into());
    finding
}

/// The token of the metadata service does not come through.
fn of_hop_limit(finding: Finding, summary: &str) -> Finding {
    Finding {
        evidence: finding.evidence,
        ..Finding::new(Cause::MetadataHopLimit, summary).likely()
    }
    .remedy(
        "in a container or pod: aws ec2 modify-instance-metadata-options --instance-id ID \
        --http-put-response-hop-limit 2",
    )
}

/// The endpoint of a container that gives no answer: not a matter of its role.
fn of_silent_endpoint(mut finding: Finding, said: &str) -> Finding {
    let words = ["timeout", "timed out", "deadline", "etimedout"];
    if !words.iter().any(|word| said.contains(word)) {
        return finding;
    }
    finding.summary = "the container credentials endpoint gave no answer".into();
    finding.remedy.clear();
    finding.remedy(
        "look for a firewall, iptables rules or a proxy in between: \
        NO_PROXY=169.254.170.2,169.254.170.23",
    )
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
    let Some(name) = name else {
        return finding;
    };
    finding.summary = named.summary(&name);
    if let Name::Profile = named.by {
        finding.name_profile_in_steps(&name);
    }
    finding
}
