//! An endpoint override: a URL that a setting names in the place of AWS's own host.

use std::fmt;

use hyper::Uri;

use crate::aws::names::is_aws_host;
use crate::finding::{Cause, Finding, Origin, Result};

/// The place of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingPlace {
    /// An environment variable.
    Variable(&'static str),
    /// `endpoint_url` in a file.
    File(Origin),
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(origin) => write!(f, "endpoint_url at {origin}"),
        }
    }
}

/// An endpoint override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointOverride {
    pub(super) url: String,
    /// The setting that has it.
    pub(crate) place: SettingPlace,
}

impl EndpointOverride {
    /// For tests of other modules.
    #[cfg(test)]
    pub(crate) fn of_variable(name: &'static str, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            place: SettingPlace::Variable(name),
        }
    }

    /// Whether it names a host of AWS.
    pub(crate) fn is_aws(&self) -> bool {
        is_aws_host(&self.url)
    }

    /// The URL without anything that may be a password: user, query, fragment.
    pub(crate) fn shown(&self) -> String {
        let uri: Option<Uri> = self.url.parse().ok();
        let shown = uri.and_then(|uri| {
            let (scheme, authority) = (uri.scheme()?, uri.authority()?);
            let port = authority
                .port()
                .map_or(String::new(), |port| format!(":{port}"));
            let path = uri.path().trim_end_matches('/');
            Some(format!("{scheme}://{}{port}{path}", authority.host()))
        });
        shown.unwrap_or_else(|| self.after_userinfo())
    }

    /// What can be shown of text that is not a URL.
    fn after_userinfo(&self) -> String {
        let bare = self.url.split(['?', '#']).next().unwrap_or_default();
        bare.rsplit('@').next().unwrap_or_default().to_owned()
    }

    /// Rejects what the SDK would fail on, with the whole request in its error.
    pub(super) fn check(&self) -> Result<()> {
        let fits = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b);
        let uri: Option<Uri> = self.url.parse().ok().filter(|_| self.url.bytes().all(fits));
        let is_http = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        };
        if uri.as_ref().is_some_and(is_http) {
            return Ok(());
        }
        Err(
            Finding::new(Cause::ConfigMalformed, "the endpoint is not a URL")
                .evidence(format!("{}, {}", self.place, self.shown()))
                .remedy("write https://HOST or http://HOST:PORT, or remove the setting"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> EndpointOverride {
        EndpointOverride::of_variable("AWS_ENDPOINT_URL", url)
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for (url, shown) in [
            (
                "http://bob:pass@127.0.0.1:9/a?sig=secret",
                "http://127.0.0.1:9/a",
            ),
            ("http://127.0.0.1:9", "http://127.0.0.1:9"),
            ("bob:p@ss@host", "host"),
        ] {
            assert_eq!(endpoint(url).shown(), shown);
        }
    }

    #[test]
    fn only_a_url_that_the_sdk_can_use_is_an_endpoint() {
        for url in [
            "http://127.0.0.1:9",
            "https://host/path",
            "http://bob:pass@host",
        ] {
            assert!(endpoint(url).check().is_ok(), "{url}");
        }
        for url in [
            "",
            "host",
            "ftp://host",
            "http://",
            "http:///x",
            "http://:9",
            "http://a b",
            "http://a{b}",
        ] {
            assert!(endpoint(url).check().is_err(), "{url}");
        }
    }
}
