//! Everything that an SSO user has: the accounts, and the roles in each. Made for hundreds of
//! accounts: the portal accepts 20 requests a second for the whole organization, and answers the
//! others with HTTP 429.
//! <https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html>

use std::cell::{Cell, RefCell};
use std::time::Duration;

use aws_sdk_sso::Client;
use aws_sdk_sso::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use tokio::time::{Instant, sleep_until};

use super::Session;
use super::portal::{PAGE, PORTAL, client, text};
use crate::aws::names::is_account;
use crate::credentials::Secret;
use crate::finding::{Cause, Class, Finding, Remedy, Result};
use crate::source::{Calls, sdk_error};

/// The time between two requests: 15 a second.
const PACE: Duration = Duration::from_millis(67);
/// How often a request is sent that AWS throttles.
const THROTTLED_TRIES: u32 = 7;
/// How often a request is sent that fails otherwise, where it may work later.
const TRIES: u32 = 3;
/// The pause after the first of them; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No longer pause than this, whatever AWS says.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// After so many accounts in a row the others are not asked for.
const FAILED_ACCOUNTS: usize = 3;
/// Pages of one list: more than AWS has.
const MAX_PAGES: usize = 1000;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Account {
    /// Twelve digits.
    pub(crate) id: String,
    pub(crate) name: String,
}

/// What a listing found, and what it did not.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Account, and name of the role.
    pub(crate) roles: Vec<(Account, String)>,
    /// The accounts whose roles are not known.
    pub(crate) missing: Vec<Account>,
    /// Why something is missing.
    pub(crate) problem: Option<Finding>,
}

impl Listing {
    /// Whether nothing is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.problem.is_none() && self.missing.is_empty()
    }
}

/// Lists the portal for one token.
pub(crate) struct Lister<'a> {
    client: Client,
    region: &'a str,
    login: Remedy,
    token: &'a Secret,
    /// When the next request may be sent.
    next: Cell<Instant>,
}

impl<'a> Lister<'a> {
    /// Connects nowhere yet.
    pub(crate) fn new(calls: &Calls<'_>, session: &Session<'a>, token: &'a Secret) -> Result<Self> {
        Ok(Self {
            // Its own retries would not keep the pace.
            client: client(calls, session, RetryConfig::disabled())?,
            region: session.region(),
            login: session.login(),
            token,
            next: Cell::new(Instant::now()),
        })
    }

    /// The accounts of the user, and why they are not all.
    pub(crate) async fn accounts(&self) -> Result<(Vec<Account>, Option<Finding>)> {
        let (mut accounts, mut next, mut unusable) = (Vec::new(), None, None);
        for _ in 0..MAX_PAGES {
            let request = || {
                let request = self
                    .client
                    .list_accounts()
                    .access_token(self.token.expose());
                request
                    .max_results(PAGE)
                    .set_next_token(next.clone())
                    .send()
            };
            let page = match self.send(request, "accounts").await {
                Ok(page) => page,
                Err(finding) if accounts.is_empty() => return Err(finding),
                Err(finding) => return Ok((accounts, Some(finding))),
            };
            let listed = page.account_list().iter().map(|one| Account {
                id: text(one.account_id()),
                name: text(one.account_name()),
            });
            let (valid, other): (Vec<_>, Vec<_>) = listed.partition(|one| is_account(&one.id));
            if let Some(account) = other.first() {
                unusable.get_or_insert(invalid("the ID of an account", &account.id));
            }
            accounts.extend(valid);
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok((accounts, unusable))
    }

    /// The roles in these accounts, as far as they are listed `until` then. `done` is called after each
    /// account.
    pub(crate) async fn roles(
        &self,
        accounts: Vec<Account>,
        until: std::time::Instant,
        done: impl Fn(),
    ) -> Listing {
        let listing = RefCell::new(Listing::default());
        let (queue, failed) = (RefCell::new(accounts.into_iter()), Cell::new(0));
        let worker = || async {
            while failed.get() < FAILED_ACCOUNTS && std::time::Instant::now() < until {
                let Some(account) = queue.borrow_mut().next() else {
                    break;
                };
                let roles = self.roles_in(&account.id).await;
                let mut listing = listing.borrow_mut();
                match roles {
                    Ok(roles) => {
                        failed.set(0);
                        let roles = roles.into_iter().map(|role| (account.clone(), role));
                        listing.roles.extend(roles);
                    }
                    Err(finding) => {
                        failed.set(match finding.cause {
                            Cause::SsoSessionExpired => FAILED_ACCOUNTS, // for all others, too
                            _ if finding.class() == Class::Unreachable => failed.get() + 1,
                            _ => 0, // about this account alone
                        });
                        listing.missing.push(account);
                        listing.problem.get_or_insert(finding);
                    }
                }
                done();
            }
        };
        // So many at once that the pace is kept where a response takes a third of a second.
        tokio::join!(worker(), worker(), worker(), worker(), worker());
        let mut listing = listing.into_inner();
        listing.missing.extend(queue.into_inner());
        if !listing.missing.is_empty() && listing.problem.is_none() {
            let summary = "the SSO portal did not list every account in time";
            listing.problem = Some(Finding::new(Cause::Throttled, summary));
        }
        listing
    }

    async fn roles_in(&self, account: &str) -> Result<Vec<String>> {
        let (mut roles, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = || {
                let request = self
                    .client
                    .list_account_roles()
                    .access_token(self.token.expose());
                let request = request.account_id(account).max_results(PAGE);
                request.set_next_token(next.clone()).send()
            };
            let what = format!("roles in account {account}");
            let page = self.send(request, &what).await?;
            let listed = page.role_list().iter().map(|one| text(one.role_name()));
            roles.extend(listed);
            if let Some(name) = roles.iter().find(|name| !is_role_name(name)) {
                return Err(invalid("the name of a role", name));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(roles)
    }

    /// Sends a request when it is its turn, and again where that may help.
    async fn send<T, E, F>(&self, request: impl Fn() -> F, what: &str) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (mut throttled, mut failed) = (0, 0);
        loop {
            let turn = self.next.get().max(Instant::now());
            self.next.set(turn + PACE);
            sleep_until(turn).await;
            let error = match request().await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            let finding = self.finding(&error, what);
            let (tries, limit) = match finding.cause {
                Cause::Throttled => (&mut throttled, THROTTLED_TRIES),
                _ if finding.class() == Class::Unreachable => (&mut failed, TRIES),
                _ => return Err(finding),
            };
            *tries += 1;
            if *tries == limit {
                return Err(finding);
            }
            let pause = wanted_pause(&error).unwrap_or(FIRST_PAUSE * (1 << (*tries - 1)));
            log::debug!("{}: again in {:.1} s", finding.summary, pause.as_secs_f64());
            self.next.set(
                self.next
                    .get()
                    .max(Instant::now() + pause.min(LONGEST_PAUSE)),
            );
        }
    }

    fn finding<E>(&self, error: &SdkError<E, HttpResponse>, what: &str) -> Finding
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match sdk_error::sso_error(error, PORTAL, self.region) {
            Err(finding) => finding,
            Ok((code, message)) => {
                let cause = match code.as_str() {
                    "UnauthorizedException" => Cause::SsoSessionExpired,
                    "ForbiddenException" => Cause::SsoAccessRemoved,
                    _ => Cause::Unexpected,
                };
                let summary = format!("the SSO portal does not list the {what}");
                let finding = Finding::new(cause, summary).evidence(format!("{code}: {message}"));
                if cause == Cause::SsoSessionExpired {
                    return finding.remedy(self.login.clone());
                }
                finding.remedy("try again; awsfresh -v shows each request")
            }
        }
    }
}

fn invalid(what: &str, text: &str) -> Finding {
    let summary = format!("the SSO portal returned something else as {what}");
    Finding::new(Cause::AwsUnavailable, summary)
        .evidence(format!("{text:?}"))
        .remedy("try again")
}

/// Whether `text` can be the name of a role.
/// <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionSet.html>
fn is_role_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// What AWS says in `Retry-After`, in seconds.
fn wanted_pause<E>(error: &SdkError<E, HttpResponse>) -> Option<Duration> {
    let value = error.raw_response()?.headers().get("retry-after")?;
    value.parse().ok().map(Duration::from_secs)
}
