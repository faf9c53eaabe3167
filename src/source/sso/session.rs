//! The SSO session that a profile names: its token file, its hosts, the refresh of its token, and
//! the findings about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::token::{SIZE_LIMIT, Token, TokenFacts, TokenSource, parse_token};
use crate::aws::names::host_of;
use crate::config::Base;
use crate::digest::sha1_hex;
use crate::files;
use crate::finding::{Cause, Finding, Result};
use crate::shell::quoted;
use crate::source::connection::{Connections, Hosts, Service, retries};
use crate::source::{Sources, sdk_error};
use crate::time::{Timestamp, human_duration};
use crate::world::World;

/// Once the request is sent, the server may have rotated the refresh token: the response is waited
/// for beyond the deadline.
const ROTATION_GRACE: Duration = Duration::from_secs(10);
/// Other tools rewrite the token file in place: a file that does not parse is read again after
/// these pauses, in milliseconds.
const READ_ATTEMPTS: [u64; 3] = [0, 50, 100];

/// An SSO session as a profile names it.
pub(crate) struct Session<'a> {
    /// The name of the `[sso-session]`; legacy profiles have none.
    name: Option<&'a str>,
    start_url: &'a str,
    /// `sso_region`.
    pub(crate) region: &'a str,
    profile: &'a str,
    use_fips: Option<bool>,
    path: PathBuf,
}

impl<'a> Session<'a> {
    /// The session of an SSO base; `None` for every other base.
    pub(crate) fn of(base: &'a Base, world: &World) -> Option<Self> {
        let Base::Sso {
            session,
            start_url,
            sso_region,
            profile,
            use_fips,
            ..
        } = base
        else {
            return None;
        };
        // <https://github.com/boto/botocore/blob/develop/botocore/utils.py>:
        // SSOTokenLoader._generate_cache_key
        let name = session.as_deref();
        let file = format!("{}.json", sha1_hex(name.unwrap_or(start_url).as_bytes()));
        let path = world.home.join(".aws/sso/cache").join(file);
        Some(Self {
            name,
            start_url,
            region: sso_region,
            profile,
            use_fips: *use_fips,
            path,
        })
    }

    /// The AWS CLI's token file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name that users know: that of the session, else the start URL.
    pub(crate) fn label(&self) -> &str {
        self.name.unwrap_or(self.start_url)
    }

    /// The text that distinguishes this session's token from every other.
    pub(crate) fn identity(&self) -> String {
        format!("{}\n{}\n{}", self.label(), self.start_url, self.region)
    }

    /// The command to sign in.
    pub(crate) fn login(&self) -> String {
        match self.name {
            Some(name) => format!("aws sso login --sso-session {}", quoted(name)),
            None => format!("aws sso login --profile {}", quoted(self.profile)),
        }
    }

    /// The hosts of `service` to call. Fails where FIPS is required and the service has no such
    /// host: IAM Identity Center has them in GovCloud, and in other regions of the United States
    /// with dual-stack only.
    /// <https://docs.aws.amazon.com/general/latest/gr/sso.html>
    pub(crate) fn hosts(&self, connections: &Connections, service: Service) -> Result<Hosts> {
        // A start URL of the new form belongs to a dual-stack host of SSO-OIDC, whatever the
        // settings say.
        let by_start_url = matches!(service, Service::SsoOidc) && is_dualstack_url(self.start_url);
        let dualstack = connections.dualstack || by_start_url;
        let fips = self.use_fips.unwrap_or(connections.fips) && connections.url(service).is_none();
        let in_us = self.region.starts_with("us-");
        let exists = self.region.starts_with("us-gov-") || (in_us && dualstack);
        if !fips || exists {
            return Ok(Hosts { fips, dualstack });
        }
        let section = match self.name {
            Some(name) => format!("[sso-session {name}]"),
            None => format!("profile `{}`", self.profile),
        };
        let summary = format!(
            "FIPS endpoints are required, but IAM Identity Center has none in {}",
            self.region
        );
        let finding = Finding::new(Cause::FipsUnavailable, summary)
            .evidence(format!(
                "SSO session `{}`, sso_region = {}",
                self.label(),
                self.region
            ))
            .remedy(format!(
                "awsfresh_use_fips_endpoint = false in {section}: FIPS for everything but IAM \
                Identity Center"
            ));
        Err(if in_us {
            finding.remedy("or AWS_USE_DUALSTACK_ENDPOINT=true")
        } else {
            finding
        })
    }

    /// Reads the AWS CLI's token file.
    pub(crate) fn read(&self) -> Result<Token> {
        let mut why = String::new();
        for wait in READ_ATTEMPTS {
            std::thread::sleep(Duration::from_millis(wait));
            let bytes = match files::read_bounded(&self.path, SIZE_LIMIT) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    return Err(self.not_signed_in());
                }
                Err(e) => {
                    let summary = format!(
                        "cannot read the SSO token file {}: {e}",
                        self.path.display()
                    );
                    return Err(Finding::new(Cause::ConfigUnreadable, summary).remedy(self.login()));
                }
            };
            match parse_token(&bytes, TokenSource::File) {
                Ok(token) => return Ok(token),
                Err(damage) => why = damage,
            }
        }
        let summary = format!(
            "the token file of SSO session `{}` is damaged",
            self.label()
        );
        Err(Finding::new(Cause::SsoCacheDamaged, summary)
            .evidence(format!("{}: {why}", self.path.display()))
            .remedy(self.login()))
    }

    /// Replaces the AWS CLI's token file.
    pub(crate) fn write(&self, token: &Token) -> std::io::Result<()> {
        files::write_atomic(&self.path, &token.to_bytes())
    }

    /// What can be shown of a token.
    pub(crate) fn facts(&self, token: &Token) -> TokenFacts {
        TokenFacts {
            label: self.label().to_owned(),
            place: self.place(token),
            expires: token.expires(),
            refreshable: token.refresh_parts().is_some(),
            registration_expires: token.registration_expires(),
            region: token.region().map(str::to_owned),
            configured_region: self.region.to_owned(),
            login: self.login(),
        }
    }

    fn place(&self, token: &Token) -> String {
        match token.source {
            TokenSource::Store => "the credential store".to_owned(),
            TokenSource::File => self.path.display().to_string(),
        }
    }

    /// Refreshes the token. Call it under the lock, and write the result back before anything else:
    /// the old refresh token may be spent.
    pub(crate) fn refresh(&self, sources: &Sources<'_>, token: &Token) -> Result<Token> {
        let now = sources.world.now();
        let facts = self.facts(token);
        let Some((client_id, client_secret, refresh_token)) = token.refresh_parts() else {
            return Err(facts.not_refreshable().evidence(facts.no_refresh_token()));
        };
        if facts.registration_expires.is_some_and(|end| end <= now) {
            return Err(facts.registration_expired());
        }
        let hosts = self.hosts(&sources.connections, Service::SsoOidc)?;
        // One attempt: if its response is lost, the old refresh token may be spent.
        let retries = retries().with_max_attempts(1);
        let call = async {
            let config =
                sources
                    .connections
                    .sdk_config(Service::SsoOidc, self.region, hosts, retries)?;
            let request = aws_sdk_ssooidc::Client::new(&config)
                .create_token()
                .client_id(client_id)
                .client_secret(client_secret)
                .refresh_token(refresh_token)
                .grant_type("refresh_token");
            request.send().await.map_err(|e| {
                match sdk_error::sso_error(&e, "SSO-OIDC", self.region) {
                    Err(finding) => finding,
                    Ok((code, message)) => self.refresh_error(&code, &message, token, now),
                }
            })
        };
        let response = sources.run_within(sources.time_left() + ROTATION_GRACE, call)?;
        let Some(access) = response.access_token() else {
            let summary = "SSO-OIDC returned a response without an access token";
            return Err(Finding::new(Cause::AwsUnavailable, summary).remedy("try again"));
        };
        let is_header = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let (access, expires) = if response.expires_in() > 0 && is_header(access) {
            (
                access,
                sources.world.now().plus(i64::from(response.expires_in())),
            )
        } else {
            // A refresh token that may have been rotated is kept in any case.
            (token.access().expose(), token.expires())
        };
        Ok(token.refreshed(access, expires, response.refresh_token()))
    }

    /// The finding for an error of SSO-OIDC.
    fn refresh_error(&self, code: &str, message: &str, token: &Token, now: Timestamp) -> Finding {
        let facts = self.facts(token);
        let finding = match code {
            "InvalidClientException" => {
                let summary = format!(
                    "SSO-OIDC rejected the client registration of SSO session `{}`",
                    self.label()
                );
                Finding::new(Cause::SsoRegistrationExpired, summary).remedy(self.login())
            }
            _ if token.is_valid(now) => facts.not_refreshable(),
            "InvalidGrantException" | "ExpiredTokenException" => facts.expired(now),
            _ => facts.expired(now).likely(),
        };
        finding.evidence(format!("{code}: {message}"))
    }

    fn not_signed_in(&self) -> Finding {
        let summary = format!("not signed in to SSO session `{}`", self.label());
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(format!("no token file {}", self.path.display()))
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
        let summary = format!(
            "the client registration of SSO session `{}` has expired",
            self.label
        );
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
