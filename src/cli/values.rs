//! Values of arguments: each parser names what is accepted.

use std::time::Duration;

use crate::aws::names::{is_account, is_region};
use crate::config::plain_start_url;
use crate::finding::Tool;
use crate::source::mfa::checked_code;
use crate::store::StoreKind;
use crate::wrap::{OnRenew, signal_number};

/// The lengths that GetSessionToken grants, in seconds.
const MFA_DURATIONS: std::ops::RangeInclusive<u64> = 900..=129_600;

/// The values that the parser of an argument accepts, where it accepts no others.
pub(super) fn known_values(arg: &str) -> &'static [&'static str] {
    match arg {
        "store" => &["auto", "keyring", "sealed", "none"],
        "on_renew" => &[
            "restart",
            "signal:HUP",
            "signal:INT",
            "signal:QUIT",
            "signal:TERM",
            "signal:USR1",
            "signal:USR2",
        ],
        "tool" => &["cli", "python", "go", "js", "java", "rust"],
        _ => &[],
    }
}

/// A family of tools, or a program of one.
pub(super) fn parse_tool(text: &str) -> Result<Tool, String> {
    let name = text.to_ascii_lowercase();
    let of_family = Tool::ALL.into_iter().find(|tool| tool.id() == name);
    let known = of_family.or(match name.as_str() {
        "aws" | "awscli" | "aws-cli" => Some(Tool::Cli),
        "boto3" | "boto" | "botocore" | "ansible" | "dbt" => Some(Tool::Python),
        "terraform" | "tofu" | "opentofu" | "kubectl" | "packer" | "golang" => Some(Tool::Go),
        "node" | "nodejs" | "javascript" | "typescript" | "cdk" | "serverless" => Some(Tool::Js),
        "spark" | "hadoop" | "kafka" | "scala" => Some(Tool::Java),
        _ => None,
    });
    known.ok_or_else(|| "use cli, python, go, js, java or rust".to_owned())
}

pub(super) fn parse_store(text: &str) -> Result<StoreKind, String> {
    text.parse()
        .map_err(|_| "use one of: auto, keyring, sealed, none".to_owned())
}

pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        _ => Err("write a duration, such as 45m or 1h30m".to_owned()),
    }
}

/// How long a person may take.
pub(super) fn parse_wait(text: &str) -> Result<Duration, String> {
    let day = Duration::from_secs(24 * 3600);
    parse_time(text)
        .ok()
        .filter(|time| *time <= day)
        .ok_or_else(|| "write a duration from 1s to 24h, such as 2m".to_owned())
}

pub(super) fn parse_account(text: &str) -> Result<String, String> {
    if is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("an account ID has twelve digits".to_owned())
    }
}

pub(super) fn parse_region(text: &str) -> Result<String, String> {
    if is_region(text) {
        Ok(text.to_owned())
    } else {
        Err("write a region, such as eu-west-1".to_owned())
    }
}

/// Without what a browser shows behind it.
pub(super) fn parse_start_url(text: &str) -> Result<String, String> {
    let url = plain_start_url(text);
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'\\;[]".contains(c);
    if url.starts_with("https://") && url.chars().all(is_plain) {
        Ok(url.to_owned())
    } else {
        Err("write a URL, such as https://NAME.awsapps.com/start".to_owned())
    }
}

/// The name of a section that awsfresh may write.
pub(super) fn parse_session(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || " ._/:@+=-".contains(c);
    let fits = text.trim() == text && !text.is_empty() && !text.starts_with('-');
    if fits && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("use letters, digits and . _ / : @ + = -".to_owned())
    }
}

/// A part of a URL of the console.
pub(super) fn parse_service(text: &str) -> Result<String, String> {
    let fits = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if text.split('/').all(fits) {
        Ok(text.to_owned())
    } else {
        Err("write the name in the URL of the console, such as s3".to_owned())
    }
}

pub(super) fn parse_on_renew(text: &str) -> Result<OnRenew, String> {
    let wrong = || "use restart, or signal:NAME with HUP, INT, QUIT, TERM, USR1 or USR2".to_owned();
    match text.split_once(':') {
        None if text == "restart" => Ok(OnRenew::Restart),
        Some(("signal", name)) => signal_number(name).map(OnRenew::Signal).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

pub(super) fn parse_mfa_code(text: &str) -> Result<String, String> {
    checked_code(text, "it").map_err(|_| "an MFA code has six digits".to_owned())
}

/// Seconds.
pub(super) fn parse_mfa_duration(text: &str) -> Result<u32, String> {
    let seconds = humantime::parse_duration(text).map(|time| time.as_secs());
    let seconds = seconds
        .ok()
        .filter(|seconds| MFA_DURATIONS.contains(seconds));
    seconds
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| "write a duration from 15m to 36h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "there are no signals")]
    fn the_parsers_accept_what_is_known() {
        let stores = known_values("store")
            .iter()
            .map(|text| parse_store(text).is_ok());
        let renewals = known_values("on_renew")
            .iter()
            .map(|text| parse_on_renew(text).is_ok());
        assert!(stores.chain(renewals).all(|is_accepted| is_accepted));
    }
}
