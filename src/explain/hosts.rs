//! The hosts that a log names, and what their names say.

use super::flatten::Flat;
use super::scan::{head, tail};
use crate::aws::names::{is_aws_host_name, is_region, region_of_zone};
use crate::aws::partition::is_known_region;
use crate::finding::Cause;

/// So far around a phrase its host is searched for, in bytes.
const REACH: usize = 260;
/// So far around an error its line is looked at, in bytes.
const LINE: usize = 2000;
/// A host that is not of AWS has to be as near as this.
const FOREIGN_REACH: usize = 140;

/// A host that a log names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The metadata service of an instance, or the endpoint of a container.
    Metadata,
    /// A host of AWS.
    Aws(String),
    /// Any other, as a proxy.
    Other(String),
}

/// Marks in front of the name of a host.
const HOST_MARKS: &[&str] = &[
    "https://",
    "http://",
    "dial tcp: lookup ",
    "lookup ",
    "dial tcp ",
    "ENOTFOUND ",
    "EAI_AGAIN ",
    "ECONNREFUSED ",
    "ETIMEDOUT ",
    "Inaccessible host: `",
    "host='",
    "hostname: '",
    "UnknownHostException: ",
    "Connect to ",
    "connect to ",
    "Failed to resolve '",
    "resolve host: ",
    "resolve host ",
    "TCP connection to ",
    "Host: ",
    "host: ",
    "certificate for <",
    "hostname '",
    "address: '",
    "host is known. (",
    "service not known (",
    "Unknown Host. (",
    "not ",
];

/// Parts of the names of hosts that messages refer to for help.
const DOCUMENTATION: &[&str] = &[
    "curl.haxx.se",
    "curl.se",
    "docs.",
    "www.",
    "github.com",
    "terraform.io",
    "hashicorp.com",
    "microsoft.com",
    "readthedocs",
    "pulumi.",
    "boto3.amazonaws.com",
    "stackoverflow.",
];

/// The host nearest to a phrase; an address counts only where there is no name.
pub(super) fn host_near(flat: &Flat, at: usize, end: usize) -> Option<Host> {
    let text = flat.text.as_str();
    let from = at - tail(&text[..at], REACH).len();
    let to = end + head(&text[end..], REACH).len();
    let window = &text[from..to];
    let named = |mark: &&str| {
        window
            .match_indices(*mark)
            .filter_map(|(offset, mark)| {
                let start = from + offset + mark.len();
                let name = name_at(&text[start..])?;
                let distance = match start {
                    before if before < at => at.saturating_sub(start + name.len()),
                    behind => behind.saturating_sub(end),
                };
                if matches!(Host::of(name), Host::Other(_)) && distance > FOREIGN_REACH {
                    return None;
                }
                let is_address = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                Some((is_address && !name.starts_with("169.254."), distance, name))
            })
            .collect::<Vec<_>>()
    };
    let nearest = HOST_MARKS.iter().flat_map(named).min();
    nearest.map(|(_, _, name)| Host::of(name))
}

/// The name or address of a host at the beginning of a text.
fn name_at(text: &str) -> Option<&str> {
    let name = head(text, 255);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = name.find(|c| !is_part(c)).unwrap_or(name.len());
    let name = name[..end].trim_end_matches('.');
    let is_host = name == "localhost" || name.contains('.') && !name.starts_with('.');
    let files = [".go", ".py", ".js", ".java", ".rb", ".html"];
    let is_file = files.iter().any(|end| name.ends_with(end));
    let is_documentation = DOCUMENTATION.iter().any(|host| name.contains(host));
    (is_host && !is_file && !is_documentation).then_some(name)
}

impl Host {
    fn of(name: &str) -> Self {
        // Of the access portal.
        const PORTAL: [&str; 2] = [".awsapps.com", ".app.aws"];
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("169.254.") {
            Self::Metadata
        } else if is_aws_host_name(&lower) || PORTAL.iter().any(|end| lower.ends_with(end)) {
            Self::Aws(lower)
        } else {
            Self::Other(name.to_owned())
        }
    }
}

/// What servers other than those of AWS write, which say "The AWS Access Key Id".
const NOT_OF_AWS: &str = "The Access Key ID you provided";

/// Whether the server that answered is not one of AWS, by its host, or by what AWS never writes.
pub(super) fn is_foreign(flat: &Flat, at: usize) -> bool {
    let (start, end) = flat.line_around(at);
    let near = [
        tail(&flat.text[start..at], LINE),
        head(&flat.text[at..end], LINE),
    ];
    let line = near.concat().to_ascii_lowercase();
    let marks = [
        "server: minio",
        "minio",
        "request id: tx0",
        "<requestid>tx0",
        "not entitled",
    ];
    let has_mark = marks.iter().any(|mark| line.contains(mark));
    let is_other_text = line.contains(&NOT_OF_AWS.to_ascii_lowercase());
    let is_other_host = matches!(host_near(flat, at, at), Some(Host::Other(_)));
    has_mark || is_other_text || is_other_host && !line.contains("amazon")
}

/// Services whose hosts have a region in their names.
const REGIONAL: &[&str] = &[
    "athena",
    "bedrock",
    "bedrock-runtime",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "eks",
    "glue",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "oidc",
    "rds",
    "s3",
    "sagemaker",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sso",
    "sts",
];

/// Services that have a host in one region alone, which is the same for every account.
/// <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html>
const IN_ONE_REGION: &[&str] = &[
    "budgets",
    "ce",
    "cloudfront",
    "iam",
    "organizations",
    "route53",
    "support",
];

/// Their hosts in regions of other partitions.
const ALSO_THERE: &[(&str, &str)] = &[
    ("ce", "cn-northwest-1"),
    ("cloudfront", "cn-northwest-1"),
    ("iam", "cn-north-1"),
    ("organizations", "cn-northwest-1"),
    ("organizations", "us-gov-west-1"),
    ("support", "cn-north-1"),
    ("support", "us-gov-west-1"),
];

/// What programs write in the place of a region that is not set.
const NO_VALUES: &[&str] = &["undefined", "null", "none", "nil"];

/// Why a host of AWS has no name that resolves, as its region, if it has one, and a summary: the
/// part of it that should be a region is none, or its service is not there. Every region of a service has
/// a host.
pub(super) fn region_fault(host: &str, cause: Cause) -> Option<(Option<String>, String)> {
    let bare = host
        .trim_end_matches(".cn")
        .strip_suffix(".amazonaws.com")?;
    let labels: Vec<&str> = bare.split('.').collect();
    let no_region = |label: &str| {
        let summary = format!("`{label}` is not a region, so the host {host} does not exist");
        (Some(label.to_owned()), summary)
    };
    let is_zone = |label: &&&str| region_of_zone(label).is_some_and(is_region);
    if let Some(zone) = labels.iter().find(is_zone) {
        return Some(no_region(zone));
    }
    let is_unresolved = matches!(
        cause,
        Cause::DnsFailure | Cause::ConnectTimeout | Cause::RegionInvalid
    );
    let last = labels.last()?;
    let value = last.rsplit_once('-').map_or(*last, |(_, value)| value);
    if is_unresolved && (last.is_empty() || NO_VALUES.contains(&value)) {
        let summary = format!("the program has no region, so it asks {host}, which does not exist");
        return Some((None, summary));
    }
    let [.., service, region] = labels.as_slice() else {
        return None;
    };
    let is_there = *region == "us-east-1" || ALSO_THERE.contains(&(service, region));
    if is_unresolved && IN_ONE_REGION.contains(service) && is_known_region(region) && !is_there {
        let summary = format!("{service} has no host in {region}: {host} does not exist");
        return Some((Some((*region).to_owned()), summary));
    }
    let is_unknown = !is_region(region) || !is_known_region(region);
    (is_unresolved && is_unknown && REGIONAL.contains(service)).then(|| no_region(region))
}
