//! The forms of AWS's names: account IDs, regions, hosts.

use hyper::Uri;

use crate::finding::{Cause, Finding, Remedy, remedy};

/// Suffixes of the hosts of AWS services, in every partition that is reached over the internet.
const HOST_SUFFIXES: &[&str] = &[
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".amazonaws.eu",
    ".on.aws",
];

/// What to do about a request without a region.
pub(crate) const SET_REGION: &str = "set AWS_REGION, or region in the profile or in the program";

/// Whether `text` is an account ID: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `text` has the form of a region, as in `eu-west-1`.
pub(crate) fn is_region(text: &str) -> bool {
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() >= 2
                && !middle.is_empty()
                && is_number(number)
                && middle.iter().chain([area]).all(is_word)
        }
        _ => false,
    }
}

/// The region of an availability zone, if `text` is the name of one.
pub(crate) fn region_of_zone(text: &str) -> Option<&str> {
    let bare = text.trim_matches(['"', '\'']);
    let region = bare.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    region
        .ends_with(|c: char| c.is_ascii_digit())
        .then_some(region)
}

/// What to write instead of `text`, which is not a region, as the value of `key`.
pub(crate) fn region_fix(key: &str, text: &str) -> Remedy {
    match region_of_zone(text) {
        Some(region) => {
            remedy!(
                "an availability zone is not a region; write {} = {}",
                key,
                region
            )
        }
        None => remedy!(
            "write it without quotes and in lower case, as in {} = eu-west-1",
            key
        ),
    }
}

/// The finding for an environment variable that should name a region.
pub(crate) fn invalid_region_variable(variable: &str, text: &str) -> Finding {
    let fix = match region_of_zone(text) {
        Some(region) => {
            remedy!(
                "an availability zone is not a region; write {}={}",
                variable,
                region
            )
        }
        None => remedy!(
            "write it without quotes and in lower case, as in {}=eu-west-1",
            variable
        ),
    };
    Finding::new(Cause::RegionInvalid, format!("{variable} is not a region"))
        .evidence(format!("{variable}={text}"))
        .remedy(fix)
}

/// Whether a URL names a host of AWS.
pub(crate) fn is_aws_host(url: &str) -> bool {
    host_of(url).is_some_and(|host| is_aws_host_name(&host))
}

/// Whether a host, in lower case, is one of AWS.
pub(crate) fn is_aws_host_name(host: &str) -> bool {
    HOST_SUFFIXES.iter().any(|suffix| host.ends_with(suffix))
}

/// The host that a URL names, in lower case; `None` for text that is not a URL with a host.
pub(crate) fn host_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    url.scheme().and(url.host()).map(str::to_ascii_lowercase)
}

/// Whether a text is `arn:PARTITION:iam::ACCOUNT:role/NAME`.
pub(crate) fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    matches!(parts.as_slice(), ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws")
            && is_account(account)
            && role.strip_prefix("role/").is_some_and(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_aws_count() {
        for url in [
            "https://sts.eu-west-1.amazonaws.com",
            "https://vpce-1.sts.us-east-1.vpce.amazonaws.com:443/x",
        ] {
            assert!(is_aws_host(url), "{url}");
        }
        for url in [
            "http://localhost:4566",
            "https://evil?x.amazonaws.com",
            "https://evil/#.amazonaws.com",
            "sts.amazonaws.com",
        ] {
            assert!(!is_aws_host(url), "{url}");
        }
    }

    #[test]
    fn regions_have_a_form() {
        for region in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            "eu-west",
            "eu-west-1a",
            "EU-WEST-1",
            "\"eu-west-1\"",
            "eu--1",
            "1-west-1",
        ] {
            assert!(!is_region(text), "{text}");
        }
        assert!(region_fix("region", "eu-west-1a").ends_with("region = eu-west-1"));
    }
}
