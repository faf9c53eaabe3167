//! The SSO session that a profile names: its token file, its hosts, and the findings about it.

use std::path::{Path, PathBuf};

use super::token::{SIZE_LIMIT, Token, TokenFacts, TokenSource, parse_token};
use crate::aws::names::host_of;
use crate::config::{Base, SsoSession};
use crate::digest::sha1_hex;
use crate::files;
use crate::finding::{Cause, Finding, Remedy, Result, remedy};
use crate::source::cli_file::{Unreadable, read_settled, unreadable_file};
use crate::source::connection::{Connections, Hosts, Service};
use crate::time::{Timestamp, human_duration};
use crate::world::World;

/// So many files are searched for another sign-in.
const MAX_NEIGHBOURS: usize = 200;

/// An SSO session, and the place of the AWS CLI's token for it.
pub(crate) struct Session<'a> {
    config: &'a SsoSession,
    path: PathBuf,
    now: Timestamp,
}

impl<'a> Session<'a> {
    /// The session as the config files describe it.
    pub(crate) fn new(config: &'a SsoSession, world: &World) -> Self {
        // <https://github.com/boto/botocore/blob/develop/botocore/utils.py>:
        // SSOTokenLoader._generate_cache_key
        let file = format!("{}.json", sha1_hex(config.label().as_bytes()));
        let path = world.home.join(".aws/sso/cache").join(file);
        Self {
            config,
            path,
            now: world.now(),
        }
    }

    /// The session of an SSO base; `None` for every other base.
    pub(crate) fn of(base: &'a Base, world: &World) -> Option<Self> {
        match base {
            Base::Sso { session, .. } => Some(Self::new(session, world)),
            _ => None,
        }
    }

    /// What the config files say of it.
    pub(crate) fn config(&self) -> &'a SsoSession {
        self.config
    }

    /// The AWS CLI's token file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name that users know: that of the session, else the start URL.
    pub(crate) fn label(&self) -> &'a str {
        self.config.label()
    }

    /// `sso_region`.
    pub(crate) fn region(&self) -> &'a str {
        &self.config.region
    }

    /// The command to sign in.
    pub(crate) fn login(&self) -> Remedy {
        self.config.login_command()
    }

    /// The hosts of `service` to call. Fails where FIPS is required and the service has no such
    /// host: IAM Identity Center has them in GovCloud, and in other regions of the United States
    /// with dual-stack only.
    /// <https://docs.aws.amazon.com/general/latest/gr/sso.html>
    pub(crate) fn hosts(&self, connections: &Connections, service: Service) -> Result<Hosts> {
        // A start URL of the new form belongs to a dual-stack host of SSO-OIDC, whatever the
        // settings say.
        let by_start_url =
            matches!(service, Service::SsoOidc) && is_dualstack_url(&self.config.start_url);
        let dualstack = connections.dualstack || by_start_url;
        let fips =
            self.config.use_fips.unwrap_or(connections.fips) && connections.url(service).is_none();
        let in_us = self.region().starts_with("us-");
        let exists = self.region().starts_with("us-gov-") || (in_us && dualstack);
        if !fips || exists {
            return Ok(Hosts { fips, dualstack });
        }
        let section = self.config.section();
        let summary = format!(
            "FIPS endpoints are required, but IAM Identity Center has none in {}",
            self.region()
        );
        let finding = Finding::new(Cause::FipsUnavailable, summary)
            .evidence(format!(
                "SSO session `{}`, sso_region = {}",
                self.label(),
                self.region()
            ))
            .remedy(remedy!(
                "awsfresh_use_fips_endpoint = false in {}: FIPS for everything but IAM \
                Identity Center",
                section
            ));
        Err(if in_us {
            finding.remedy("or AWS_USE_DUALSTACK_ENDPOINT=true")
        } else {
            finding
        })
    }

    /// Reads the AWS CLI's token file.
    pub(crate) fn read(&self) -> Result<Token> {
        let parse = |bytes: &[u8]| parse_token(bytes, TokenSource::File);
        let token = read_settled(&self.path, SIZE_LIMIT, parse).map_err(|e| match e {
            Unreadable::Missing => self.not_signed_in(),
            Unreadable::Io(e) => unreadable_file("SSO token", &self.path, &e).remedy(self.login()),
            Unreadable::Damaged(why) => {
                let summary = format!(
                    "the token file of SSO session `{}` is damaged",
                    self.label()
                );
                Finding::new(Cause::SsoCacheDamaged, summary)
                    .evidence(format!("{}: {why}", self.path.display()))
                    .remedy(self.login())
            }
        })?;
        let same = |a: &str, b: &str| bare_url(a).eq_ignore_ascii_case(bare_url(b));
        match token.start_url() {
            Some(other) if !same(other, &self.config.start_url) => {
                let file = self.path.display();
                Err(self.no_sign_in(format!("the sign-in in {file} is that to {other}")))
            }
            _ => Ok(token),
        }
    }

    /// Replaces the AWS CLI's token file.
    pub(crate) fn write(&self, token: &Token) -> std::io::Result<()> {
        if let Some(dir) = self.path.parent() {
            files::create_aws_dir(dir)?;
        }
        files::replace(&self.path, &token.to_bytes())
    }

    /// Whether the AWS CLI's token file can be replaced by one of `size` bytes.
    pub(crate) fn check_room(&self, size: usize) -> std::io::Result<()> {
        if let Some(dir) = self.path.parent() {
            files::create_aws_dir(dir)?;
        }
        files::check_room(&self.path, size)
    }

    /// Removes the AWS CLI's token file; returns whether there was one.
    pub(crate) fn remove(&self) -> Result<bool> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => {
                let path = self.path.display();
                let summary = format!("cannot delete the SSO token file {path}: {e}");
                Err(Finding::new(Cause::ConfigUnreadable, summary).remedy("delete it by hand"))
            }
        }
    }

    /// What can be shown of a token.
    pub(crate) fn facts(&self, token: &Token) -> TokenFacts {
        TokenFacts {
            label: self.label().to_owned(),
            place: self.place(token),
            expires: token.expires(),
            has_utc_time: token.has_utc_time(),
            refreshable: token.refresh_parts().is_some(),
            registration_expires: token.registration_expires(),
            region: token.region().map(str::to_owned),
            configured_region: self.region().to_owned(),
            login: self.login(),
        }
    }

    fn place(&self, token: &Token) -> String {
        match token.source {
            TokenSource::Store => "the credential store".to_owned(),
            TokenSource::File => self.path.display().to_string(),
        }
    }

    /// There was no sign-in on this machine.
    pub(crate) fn not_signed_in(&self) -> Finding {
        let file = self.path.display();
        let finding = self.no_sign_in(format!(
            "no token in the credential store, and no file {file}"
        ));
        match self.neighbour() {
            Some((path, token)) => self.with_neighbour(finding, &path, &token),
            None => finding,
        }
    }

    /// A valid sign-in to the same portal under another name or another form of the URL.
    fn neighbour(&self) -> Option<(PathBuf, Token)> {
        let entries = std::fs::read_dir(self.path.parent()?).ok()?.flatten();
        let paths = entries.map(|entry| entry.path()).take(MAX_NEIGHBOURS);
        let mut tokens = paths.filter_map(|path| {
            let bytes = files::read_bounded(&path, SIZE_LIMIT).ok()?;
            let token = parse_token(&bytes, TokenSource::File).ok()?;
            Some((path, token))
        });
        tokens.find(|(path, token)| {
            let is_same = |url| bare_url(url) == bare_url(&self.config.start_url);
            *path != self.path
                && token.start_url().is_some_and(is_same)
                && (token.is_valid(self.now) || token.is_refreshable(self.now))
        })
    }

    fn with_neighbour(&self, finding: Finding, path: &Path, token: &Token) -> Finding {
        let url = token.start_url().unwrap_or_default();
        let by_url = format!("{}.json", sha1_hex(url.as_bytes()));
        let is_by_url = path.file_name().is_some_and(|name| *name == *by_url);
        let how = match is_by_url {
            true if url == self.config.start_url => "without an sso_session",
            true => "under another URL",
            false => "under another name",
        };
        let finding = finding.evidence(format!(
            "there is a sign-in to the same portal {how}: {}",
            path.display()
        ));
        if is_by_url && self.config.name.is_none() {
            finding.remedy(remedy!(
                "or write sso_start_url = {}, as that sign-in has it",
                url
            ))
        } else if is_by_url {
            finding
        } else {
            finding.remedy("or name the [sso-session] of that sign-in in sso_session")
        }
    }

    fn no_sign_in(&self, evidence: String) -> Finding {
        let summary = format!("not signed in to SSO session `{}`", self.label());
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(evidence)
            .remedy(self.login())
    }
}

/// Facts about a token that are reported in several places.
impl TokenFacts {
    /// The session has expired.
    pub(crate) fn expired(&self, now: Timestamp) -> Finding {
        let ago = human_duration(now.seconds_from(self.expires));
        let summary = format!("SSO session `{}` expired {ago} ago", self.label);
        Finding::new(Cause::SsoSessionExpired, summary)
            .evidence(format!("token in {}, expired {}", self.place, self.expires))
            .remedy(self.login.clone())
    }

    /// The registration has expired that a refresh needs.
    pub(crate) fn registration_expired(&self) -> Finding {
        let summary = format!("the client registration of `{}` has expired", self.label);
        Finding::new(Cause::SsoRegistrationExpired, summary)
            .evidence(format!("registrationExpiresAt in {}", self.place))
            .remedy(self.login.clone())
    }

    /// The token cannot be refreshed.
    pub(crate) fn not_refreshable(&self) -> Finding {
        let summary = format!("SSO session `{}` cannot be refreshed", self.label);
        Finding::new(Cause::SsoNotRefreshable, summary).remedy(self.login.clone())
    }

    /// The observation behind a token that cannot be refreshed.
    pub(crate) fn no_refresh_token(&self) -> String {
        format!("{} contains no refresh token", self.place)
    }
}

/// A start URL without fragment and trailing slashes, which mean nothing.
fn bare_url(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or(url);
    url.trim_end_matches('/')
}

/// Whether a start URL is of the form `https://NAME.portal.REGION.app.aws`.
fn is_dualstack_url(url: &str) -> bool {
    let host = host_of(url).unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    matches!(labels.as_slice(), [_, "portal", _, "app", "aws"])
}

#[cfg(test)]
mod tests {
    use super::is_dualstack_url;

    #[test]
    fn start_urls_of_the_new_form_are_recognised() {
        assert!(is_dualstack_url(
            "https://ssoins-1.portal.eu-west-1.app.aws"
        ));
        for url in [
            "https://d-1.awsapps.com/start",
            "https://x/?a.portal.eu-west-1.app.aws",
            "x",
        ] {
            assert!(!is_dualstack_url(url), "{url}");
        }
    }
}
