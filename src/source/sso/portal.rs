//! The SSO portal: credentials of a role for an access token, and the accounts and roles that a
//! user has.
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/Welcome.html>

use aws_sdk_sso::Client;
use aws_sdk_sso::operation::list_accounts::ListAccountsError;

use super::Session;
use crate::aws::shared_findings::CHECK_ASSIGNMENT;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::source::connection::{Service, retries};
use crate::source::{Sources, sdk_error};
use crate::time::Timestamp;

/// As messages name it.
const PORTAL: &str = "the SSO portal";
/// Accounts and roles per page.
const PAGE: i32 = 100;
/// Pages of accounts that are requested.
const MAX_PAGES: usize = 10;

/// The accounts and roles that a user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignments {
    /// Account IDs and names.
    pub(crate) accounts: Vec<(String, String)>,
    /// Whether these are all accounts.
    pub(crate) all_accounts: bool,
    /// The roles in the requested account.
    pub(crate) roles: Vec<String>,
}

/// Lists the accounts of the user, and the roles in `account`.
pub(crate) async fn assignments(
    sources: &Sources<'_>,
    region: &str,
    account: &str,
    token: &Secret,
) -> Result<Assignments> {
    let client = client(sources, region)?;
    let roles = client.list_account_roles().access_token(token.expose());
    let roles = roles.account_id(account).max_results(PAGE).send();
    let accounts = async {
        let (mut accounts, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = client.list_accounts().access_token(token.expose());
            let page = request
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await?;
            let listed = page.account_list().iter();
            accounts.extend(listed.map(|one| (text(one.account_id()), text(one.account_name()))));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok((accounts, next.is_none()))
    };
    let (accounts, roles) = tokio::join!(accounts, roles);
    let (accounts, all_accounts) = accounts.map_err(|e| {
        match sdk_error::sso_error::<ListAccountsError>(&e, PORTAL, region) {
            Err(finding) => finding,
            Ok((code, message)) => {
                Finding::new(Cause::Unexpected, "the SSO portal lists no accounts")
                    .evidence(format!("{code}: {message}"))
            }
        }
    })?;
    // An account that the user does not have is an error.
    let roles = roles.map(|roles| {
        roles
            .role_list()
            .iter()
            .map(|one| text(one.role_name()))
            .collect()
    });
    Ok(Assignments {
        accounts,
        all_accounts,
        roles: roles.unwrap_or_default(),
    })
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

fn client(sources: &Sources<'_>, region: &str) -> Result<Client> {
    let connections = &sources.connections;
    let hosts = match Session::of(&sources.chain.base, sources.world) {
        Some(session) => session.hosts(connections, Service::Sso)?,
        None => connections.hosts(),
    };
    let config = connections.sdk_config(Service::Sso, region, hosts, retries())?;
    Ok(Client::new(&config))
}

/// Credentials of a role for an access token.
pub(crate) async fn role_credentials(
    sources: &Sources<'_>,
    region: &str,
    account: &str,
    role: &str,
    token: &Secret,
) -> Result<Credentials> {
    let request = client(sources, region)?.get_role_credentials();
    let request = request
        .account_id(account)
        .role_name(role)
        .access_token(token.expose());
    let response =
        request
            .send()
            .await
            .map_err(|e| match sdk_error::sso_error(&e, PORTAL, region) {
                Err(finding) => finding,
                Ok((code, message)) => {
                    role_error(&code, account, role, region).evidence(format!("{code}: {message}"))
                }
            })?;
    let incomplete = |what: &str| {
        let summary = format!("the SSO portal returned {what}");
        Finding::new(Cause::AwsUnavailable, summary).remedy("try again")
    };
    let credentials = response
        .role_credentials()
        .ok_or_else(|| incomplete("no credentials"))?;
    let (Some(id), Some(secret), Some(session)) = (
        credentials.access_key_id(),
        credentials.secret_access_key(),
        credentials.session_token(),
    ) else {
        return Err(incomplete("incomplete credentials"));
    };
    Ok(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret.to_owned()),
        session_token: Some(Secret::new(session.to_owned())),
        expiration: Some(Timestamp(credentials.expiration().div_euclid(1000))), // milliseconds
        account_id: Some(account.to_owned()),
    })
}

fn role_error(code: &str, account: &str, role: &str, region: &str) -> Finding {
    let check = "check sso_account_id, sso_role_name and sso_region";
    match code {
        "ForbiddenException" | "ResourceNotFoundException" => {
            let summary = format!("this SSO user does not have role `{role}` in account {account}");
            Finding::new(Cause::SsoAccessRemoved, summary).remedy(CHECK_ASSIGNMENT)
        }
        "UnauthorizedException" => {
            let summary = "the SSO session was revoked, or sso_region is wrong";
            Finding::new(Cause::SsoSessionExpired, summary)
                .evidence(format!("sso_region = {region}"))
        }
        "InvalidRequestException" => {
            let summary =
                format!("the SSO portal rejected role `{role}` in account {account} as invalid");
            Finding::new(Cause::ConfigMalformed, summary).remedy(check)
        }
        _ => {
            let summary = format!("the SSO portal rejected role `{role}` in account {account}");
            Finding::new(Cause::Unexpected, summary).remedy(check)
        }
    }
}
