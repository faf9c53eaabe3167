//! IAM Identity Center: role credentials from the portal, and the token that buys them.
//!
//! The token is our own from the store, if there is one, else the AWS CLI's file under `~/.aws/sso/cache`: then one
//! sign-in serves both. A refreshed token goes back to where it came from; refresh tokens rotate, so it is written before
//! anything else is done with it, in one step, keeping the keys this program does not know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_sso::operation::list_accounts::ListAccountsError;
use aws_sdk_ssooidc::config::{Config as OidcConfig, Region};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Endpoints, Service, Sources, network, rejection};
use crate::config::Base;
use crate::credentials::{Credentials, Secret};
use crate::diagnosis::facts::TokenFacts;
use crate::diagnosis::{Cause, Finding, Result};
use crate::digest::sha1_hex;
use crate::files;
use crate::shell::quoted;
use crate::time::{Timestamp, for_people};
use crate::world::World;

/// A token with less left is refreshed before it is used.
const TOKEN_WINDOW: i64 = 5 * 60;
/// Tokens are a few KB.
const FILE_LIMIT: u64 = 256 * 1024;
/// Once the request is out the server may have rotated the token: the answer is waited for beyond the deadline.
const ROTATION_GRACE: Duration = Duration::from_secs(10);

/// An SSO session as a profile names it.
pub struct Session<'a> {
    /// The `sso-session` name; legacy profiles have none.
    pub name: Option<&'a str>,
    start_url: &'a str,
    region: &'a str,
    profile: &'a str,
    use_fips: Option<bool>,
    path: PathBuf,
}

/// Where a token lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// Our store.
    Store,
    /// The AWS CLI's token file.
    File,
}

/// A token, as far as it is understood, with everything else kept. Both homes hold the same JSON.
#[derive(PartialEq)]
pub struct Token {
    /// Where it came from, and goes back to.
    pub home: Home,
    fields: Map<String, Value>,
    access: Secret,
    expires: Timestamp,
}

impl Token {
    /// Reads what lies in the store; `None` for what is no token.
    pub fn from_store(bytes: &[u8]) -> Option<Self> {
        parse_token(bytes, Home::Store).ok()
    }

    /// The form both homes keep.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024)); // growing would leave unwiped copies
        let _ = serde_json::to_writer(&mut *bytes, &self.fields); // writing to memory cannot fail
        bytes
    }

    /// The access token.
    pub fn access(&self) -> &Secret {
        &self.access
    }

    /// Whether it can be used as it is.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires.seconds_from(now) > TOKEN_WINDOW
    }

    /// Whether AWS would still take it.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires > now
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str).filter(|t| !t.is_empty())
    }
}

impl<'a> Session<'a> {
    /// What can be told of a token.
    pub fn facts(&self, token: &Token) -> TokenFacts {
        let renewable = ["clientId", "clientSecret", "refreshToken"].iter().all(|key| token.text(key).is_some());
        TokenFacts {
            label: self.label().to_owned(),
            place: self.place(token),
            expires: token.expires,
            refreshable: renewable,
            registration_expires: token.text("registrationExpiresAt").and_then(Timestamp::parse),
            region: token.text("region").map(str::to_owned),
            configured_region: self.region.to_owned(),
            login: self.login(),
        }
    }

    /// The session behind an SSO base; `None` for every other base.
    pub fn of(base: &'a Base, world: &World) -> Option<Self> {
        let Base::Sso { session, start_url, sso_region, profile, use_fips, .. } = base else { return None };
        // <https://github.com/boto/botocore/blob/develop/botocore/utils.py>: SSOTokenLoader._generate_cache_key
        let name = session.as_deref();
        let file = format!("{}.json", sha1_hex(name.unwrap_or(start_url).as_bytes()));
        let path = world.home.join(".aws/sso/cache").join(file);
        Some(Self { name, start_url, region: sso_region, profile, use_fips: *use_fips, path })
    }

    /// The hosts to ask for `service`: (FIPS, dual-stack). Fails where FIPS is asked for and the service has no such host:
    /// IAM Identity Center has them in GovCloud, and in other regions of the United States with dual-stack only.
    /// <https://docs.aws.amazon.com/general/latest/gr/sso.html>
    pub fn hosts(&self, endpoints: &Endpoints, service: Service) -> Result<(bool, bool)> {
        // <https://docs.aws.amazon.com/singlesignon/latest/userguide/using-the-portal.html>: a start URL of the new form is
        // served by dual-stack hosts, whatever the settings say.
        let of_start_url = matches!(service, Service::SsoOidc) && is_dualstack_url(self.start_url);
        let dualstack = endpoints.dualstack || of_start_url;
        if !self.use_fips.unwrap_or(endpoints.fips) || endpoints.url(service).is_some() {
            return Ok((false, dualstack));
        }
        if self.region.starts_with("us-gov-") || (dualstack && self.region.starts_with("us-")) {
            return Ok((true, dualstack));
        }
        let section = match self.name {
            Some(name) => format!("[sso-session {name}]"),
            None => format!("profile `{}`", self.profile),
        };
        let finding = Finding::new(
            Cause::FipsUnavailable,
            format!("FIPS endpoints are required, and IAM Identity Center has none in {} that can be used", self.region),
        )
        .seen(format!("SSO session `{}`, sso_region = {}", self.label(), self.region))
        .try_this(format!("awsfresh_use_fips_endpoint = false in {section}: FIPS for everything but IAM Identity Center"));
        Err(if self.region.starts_with("us-") { finding.try_this("or AWS_USE_DUALSTACK_ENDPOINT=true") } else { finding })
    }

    /// The AWS CLI's token file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        self.name.unwrap_or(self.start_url)
    }

    /// What tells this session's token from every other.
    pub fn identity(&self) -> String {
        format!("{}\n{}\n{}", self.label(), self.start_url, self.region)
    }

    /// How to sign in.
    pub fn login(&self) -> String {
        match self.name {
            Some(name) => format!("aws sso login --sso-session {}", quoted(name)),
            None => format!("aws sso login --profile {}", quoted(self.profile)),
        }
    }

    /// Reads the AWS CLI's token file. Other tools rewrite it in place, so what does not parse is read once more.
    pub fn read(&self) -> Result<Token> {
        let missing = || {
            Finding::new(Cause::SsoSessionMissing, format!("nobody is signed in to the SSO session `{}` here", self.label()))
                .seen(format!("no token file {}", self.path.display()))
                .try_this(self.login())
        };
        let mut last = None;
        for wait in [0, 50, 100] {
            std::thread::sleep(Duration::from_millis(wait));
            let bytes = match files::read_bounded(&self.path, FILE_LIMIT) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
                Err(e) => {
                    return Err(Finding::new(
                        Cause::ConfigUnreadable,
                        format!("the SSO token file {} cannot be read: {e}", self.path.display()),
                    )
                    .try_this(self.login()));
                }
            };
            match parse_token(&bytes, Home::File) {
                Ok(token) => return Ok(token),
                Err(why) => last = Some(why),
            }
        }
        let why = last.unwrap_or_default();
        Err(Finding::new(Cause::SsoCacheDamaged, format!("the token file of the SSO session `{}` cannot be used", self.label()))
            .seen(format!("{}: {why}", self.path.display()))
            .try_this(self.login()))
    }

    /// The session is over, or never could be prolonged.
    pub fn ended(&self, token: &Token, now: Timestamp) -> Finding {
        let ago = for_people(now.seconds_from(token.expires));
        Finding::new(Cause::SsoSessionExpired, format!("the SSO session `{}` ended {ago} ago", self.label()))
            .seen(format!("token in {}, expired {}", self.place(token), token.expires))
            .try_this(self.login())
    }

    fn place(&self, token: &Token) -> String {
        match token.home {
            Home::Store => "the credential store".to_owned(),
            Home::File => self.path.display().to_string(),
        }
    }

    /// Writes the AWS CLI's token file, by rename.
    pub fn write(&self, token: &Token) -> std::io::Result<()> {
        files::replace(&self.path, &token.to_bytes())
    }

    /// Renews the token with its refresh token. Call it under the lock, and write the answer back before anything else:
    /// the old refresh token may be used up.
    pub fn refresh(&self, sources: &Sources<'_>, token: &Token) -> Result<Token> {
        let now = sources.world.now();
        let (Some(id), Some(secret), Some(refresh)) = (token.text("clientId"), token.text("clientSecret"), token.text("refreshToken"))
        else {
            return Err(Finding::new(Cause::SsoNotRefreshable, format!("the SSO session `{}` cannot be prolonged", self.label()))
                .seen(format!("{} holds no refresh token", self.place(token)))
                .try_this(self.login()));
        };
        if token.text("registrationExpiresAt").and_then(Timestamp::parse).is_some_and(|t| t <= now) {
            return Err(Finding::new(
                Cause::SsoRegistrationExpired,
                format!("the client registration of the SSO session `{}` has run out", self.label()),
            )
            .seen(format!("registrationExpiresAt in {}", self.place(token)))
            .try_this(self.login()));
        }
        let (fips, dualstack) = self.hosts(&sources.endpoints, Service::SsoOidc)?;
        let call = async {
            let mut config = OidcConfig::builder()
                .region(Region::new(self.region.to_owned()))
                .http_client(sources.endpoints.http_client(Service::SsoOidc)?)
                // One try: after a lost answer the old refresh token may be used up.
                .retry_config(network::retries().with_max_attempts(1))
                .timeout_config(network::timeouts())
                .use_fips(fips)
                .use_dual_stack(dualstack);
            config.set_endpoint_url(sources.endpoints.url(Service::SsoOidc).map(str::to_owned));
            let client = aws_sdk_ssooidc::Client::from_conf(config.build());
            let request = client.create_token().client_id(id).client_secret(secret).refresh_token(refresh).grant_type("refresh_token");
            request.send().await.map_err(|e| match rejection::sso_answer(&e, "SSO-OIDC", self.region) {
                Err(finding) => finding,
                Ok((code, message)) => self.refused(&code, &message, token, now),
            })
        };
        let answer = sources.run_within(sources.time_left() + ROTATION_GRACE, call)?;
        let Some(access) = answer.access_token() else {
            return Err(Finding::new(Cause::AwsUnavailable, "SSO-OIDC answered without an access token").try_this("try again"));
        };
        let usable = answer.expires_in() > 0 && !access.is_empty() && access.bytes().all(|b| b.is_ascii_graphic());
        let (access, expires) = match usable {
            true => (access, sources.world.now().plus(i64::from(answer.expires_in()))),
            // What may have been rotated is kept all the same.
            false => (token.access.expose(), token.expires),
        };
        let mut fields = token.fields.clone();
        fields.insert("accessToken".into(), access.into());
        fields.insert("expiresAt".into(), expires.to_string().into());
        if let Some(rotated) = answer.refresh_token() {
            fields.insert("refreshToken".into(), rotated.into());
        }
        Ok(Token { home: token.home, fields, access: Secret::new(access.to_owned()), expires })
    }

    fn refused(&self, code: &str, message: &str, token: &Token, now: Timestamp) -> Finding {
        let said = format!("{code}: {message}");
        match code {
            "InvalidClientException" => Finding::new(
                Cause::SsoRegistrationExpired,
                format!("the client registration of the SSO session `{}` is not accepted", self.label()),
            )
            .seen(said)
            .try_this(self.login()),
            _ if token.is_valid(now) => {
                Finding::new(Cause::SsoNotRefreshable, format!("the SSO session `{}` cannot be prolonged", self.label()))
                    .seen(said)
                    .try_this(self.login())
            }
            "InvalidGrantException" | "ExpiredTokenException" => self.ended(token, now).seen(said),
            _ => self.ended(token, now).seen(said).likely(),
        }
    }
}

/// Whether a start URL is of the form `https://NAME.portal.REGION.app.aws`.
fn is_dualstack_url(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':', '?', '#']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    matches!(labels.as_slice(), [_, "portal", _, "app", "aws"])
}

/// Reads a token; the error quotes none of it.
pub fn parse_token(bytes: &[u8], home: Home) -> Result<Token, String> {
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("larger than {FILE_LIMIT} bytes"));
    }
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|e| format!("not JSON at line {}, column {}", e.line(), e.column()))?;
    let text = |key: &str| fields.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let access = Secret::new(text("accessToken").ok_or("without accessToken")?.to_owned());
    if !access.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Err("white space or control characters in accessToken".into());
    }
    let expires = text("expiresAt").ok_or("without expiresAt")?;
    let expires = Timestamp::parse(expires).ok_or("expiresAt is not a time")?;
    Ok(Token { home, fields, access, expires })
}

/// Pages of a hundred accounts that are asked for.
const PAGES: usize = 10;

/// What the user of a session has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Account ids and names.
    pub accounts: Vec<(String, String)>,
    /// Whether these are all.
    pub all_accounts: bool,
    /// Roles in the account that was asked for.
    pub roles: Vec<String>,
}

/// Asks the portal what there is for `token`, and which roles in `account`.
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccountRoles.html>
pub async fn offers(sources: &Sources<'_>, region: &str, account: &str, token: &Secret) -> Result<Offers> {
    let client = portal(sources, region)?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let roles = client.list_account_roles().access_token(token.expose()).account_id(account).max_results(100).send();
    let accounts = async {
        let (mut accounts, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = client.list_accounts().access_token(token.expose()).max_results(100).set_next_token(next).send().await?;
            accounts.extend(page.account_list().iter().map(|one| (text(one.account_id()), text(one.account_name()))));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok((accounts, next.is_none()))
    };
    let (accounts, roles) = tokio::join!(accounts, roles);
    let (accounts, all_accounts) =
        accounts.map_err(|e| match rejection::sso_answer::<ListAccountsError>(&e, "the SSO portal", region) {
            Err(finding) => finding,
            Ok((code, message)) => Finding::new(Cause::Unexpected, "the SSO portal lists no accounts").seen(format!("{code}: {message}")),
        })?;
    // An account that the user does not have is an error.
    let roles = roles.map(|roles| roles.role_list().iter().map(|one| text(one.role_name())).collect()).unwrap_or_default();
    Ok(Offers { accounts, all_accounts, roles })
}

/// A client of the SSO portal.
fn portal(sources: &Sources<'_>, region: &str) -> Result<aws_sdk_sso::Client> {
    let session = Session::of(&sources.chain.base, sources.world);
    let hosts = session.map(|session| session.hosts(&sources.endpoints, Service::Sso)).transpose()?;
    let (fips, dualstack) = hosts.unwrap_or((sources.endpoints.fips, sources.endpoints.dualstack));
    let mut config = aws_sdk_sso::config::Config::builder()
        .region(aws_sdk_sso::config::Region::new(region.to_owned()))
        .http_client(sources.endpoints.http_client(Service::Sso)?)
        .retry_config(network::retries())
        .timeout_config(network::timeouts())
        .use_fips(fips)
        .use_dual_stack(dualstack);
    config.set_endpoint_url(sources.endpoints.url(Service::Sso).map(str::to_owned));
    Ok(aws_sdk_sso::Client::from_conf(config.build()))
}

/// Role credentials for an access token.
pub async fn role_credentials(sources: &Sources<'_>, region: &str, account: &str, role: &str, token: &Secret) -> Result<Credentials> {
    let client = portal(sources, region)?;
    let request = client.get_role_credentials().account_id(account).role_name(role).access_token(token.expose());
    let answer = request.send().await.map_err(|e| match rejection::sso_answer(&e, "the SSO portal", region) {
        Err(finding) => finding,
        Ok((code, message)) => refused_role(&code, &message, account, role, region),
    })?;
    let Some(c) = answer.role_credentials() else {
        return Err(Finding::new(Cause::AwsUnavailable, "the SSO portal answered without credentials").try_this("try again"));
    };
    let (Some(id), Some(secret), Some(session)) = (c.access_key_id(), c.secret_access_key(), c.session_token()) else {
        return Err(Finding::new(Cause::AwsUnavailable, "the SSO portal answered with incomplete credentials").try_this("try again"));
    };
    Ok(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret.to_owned()),
        session_token: Some(Secret::new(session.to_owned())),
        expiration: Some(Timestamp(c.expiration().div_euclid(1000))), // the portal counts milliseconds
        account_id: Some(account.to_owned()),
    })
}

fn refused_role(code: &str, message: &str, account: &str, role: &str, region: &str) -> Finding {
    let said = format!("{code}: {message}");
    match code {
        "ForbiddenException" | "ResourceNotFoundException" => {
            Finding::new(Cause::SsoAccessRemoved, format!("this SSO user has no role `{role}` in account {account}"))
                .try_this("check sso_account_id and sso_role_name (case matters), or ask an administrator for the assignment")
        }
        "UnauthorizedException" => {
            Finding::new(Cause::SsoSessionExpired, "the SSO session was ended before its time, or sso_region is wrong")
                .seen(format!("sso_region = {region}"))
        }
        "InvalidRequestException" => {
            Finding::new(Cause::ConfigMalformed, format!("the SSO portal finds the role `{role}` in account {account} invalid"))
                .try_this("check sso_account_id, sso_role_name and sso_region")
        }
        _ => Finding::new(Cause::Unexpected, format!("the SSO portal refuses the role `{role}` in account {account}"))
            .try_this("check sso_account_id, sso_role_name and sso_region"),
    }
    .seen(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_files_of_every_age_are_read_and_damage_is_named_without_quoting() {
        for time in ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00UTC", "2030-01-01T00:00:00.5Z"] {
            let text = format!(r#"{{"accessToken":"t","expiresAt":"{time}","unknown":{{"a":1}}}}"#);
            assert!(parse_token(text.as_bytes(), Home::File).is_ok_and(|t| t.fields.contains_key("unknown")), "{time}");
        }
        for bad in [
            "",
            "{",
            "[]",
            "null",
            r#"{"accessToken":"SECRET"}"#,
            r#"{"accessToken":"SECRET","expiresAt":"x"}"#,
            "{\"accessToken\":\"SECRET",
            r#"{"accessToken":"SECRET ","expiresAt":"2030-01-01T00:00:00Z"}"#, // could travel in no header
            r#"{"accessToken":"SECRET\u200b","expiresAt":"2030-01-01T00:00:00Z"}"#,
        ] {
            let why = parse_token(bad.as_bytes(), Home::File).map(|_| ()).unwrap_err();
            assert!(!why.contains("SECRET"), "{why}");
        }
    }
}
