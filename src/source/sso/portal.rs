//! The SSO portal: credentials of a role for an access token, and the accounts and roles that a
//! user has.
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/Welcome.html>

use aws_sdk_sso::Client;
use aws_sdk_sso::operation::list_accounts::ListAccountsError;
use aws_smithy_types::retry::RetryConfig;

use super::Session;
use crate::aws::shared_findings::CHECK_ASSIGNMENT;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::source::connection::{Service, retries};
use crate::source::{Calls, sdk_error};
use crate::time::Timestamp;

/// As messages name it.
pub(super) const PORTAL: &str = "the SSO portal";
/// Accounts and roles per page.
pub(super) const PAGE: i32 = 100;
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
    calls: &Calls<'_>,
    session: &Session<'_>,
    account: &str,
    token: &Secret,
) -> Result<Assignments> {
    let client = client(calls, session, retries())?;
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
        match sdk_error::sso_error::<ListAccountsError>(&e, PORTAL, session.region()) {
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

pub(super) fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

pub(super) fn client(
    calls: &Calls<'_>,
    session: &Session<'_>,
    retries: RetryConfig,
) -> Result<Client> {
    let hosts = session.hosts(&calls.connections, Service::Sso)?;
    let config = calls.sdk_config(Service::Sso, session.region(), hosts, retries)?;
    Ok(Client::new(&config))
}

/// Credentials of a role for an access token.
pub(crate) async fn role_credentials(
    calls: &Calls<'_>,
    session: &Session<'_>,
    account: &str,
    role: &str,
    token: &Secret,
) -> Result<Credentials> {
    let request = client(calls, session, retries())?.get_role_credentials();
    let request = request
        .account_id(account)
        .role_name(role)
        .access_token(token.expose());
    let response = request.send().await.map_err(|e| {
        match sdk_error::sso_error(&e, PORTAL, session.region()) {
            Err(finding) => finding,
            Ok((code, message)) => role_error(&code, account, role, session.region())
                .evidence(format!("{code}: {message}")),
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

/// Asks the portal whether it accepts a token; `false` where the session was revoked or has expired.
pub(crate) async fn check_token(
    calls: &Calls<'_>,
    session: &Session<'_>,
    token: &Secret,
) -> Result<bool> {
    let request = client(calls, session, retries())?.list_accounts();
    let request = request.access_token(token.expose()).max_results(1);
    match request.send().await {
        Ok(_) => Ok(true),
        Err(e) => match sdk_error::sso_error(&e, PORTAL, session.region())? {
            (code, _) if code == "UnauthorizedException" => Ok(false),
            // It knows the token, and does not list accounts.
            _ => Ok(true),
        },
    }
}

/// Ends the session at AWS: none of its tokens is accepted any more. `false` where the portal does
/// not know the token: it has expired, or the session has ended already.
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_Logout.html>
pub(crate) async fn end_session(
    calls: &Calls<'_>,
    session: &Session<'_>,
    token: &Secret,
) -> Result<bool> {
    let request = client(calls, session, retries())?.logout();
    match request.access_token(token.expose()).send().await {
        Ok(_) => Ok(true),
        Err(e) => match sdk_error::sso_error(&e, PORTAL, session.region())? {
            (code, _) if code == "UnauthorizedException" => Ok(false),
            (code, message) => {
                let summary = format!("the SSO portal did not end session `{}`", session.label());
                Err(Finding::new(Cause::Unexpected, summary)
                    .evidence(format!("{code}: {message}"))
                    .remedy("sign out in the access portal"))
            }
        },
    }
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
