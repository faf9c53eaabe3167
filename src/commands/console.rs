//! `console`: the AWS console in a browser, signed in as a profile.

use super::Context;
use crate::aws::console::{Console, portal_link};
use crate::aws::names::{invalid_region_variable, is_region};
use crate::aws::partition;
use crate::cli;
use crate::config::{Base, Chain};
use crate::credentials::Secret;
use crate::finding::{Cause, Class, Finding, Result, remedy};
use crate::signin::Browser;
use crate::source::Sources;
use crate::ui;
use crate::world::REGION_VARIABLES;

/// Opens the console, or prints its address.
#[inline(never)] // else a warm answer pays for the larger stack frame of its caller
pub(super) fn run(context: &Context<'_>, args: &cli::Console) -> Result<()> {
    let (profile, _) = context.world.selected_profile(args.profile.as_deref());
    let chain = context.chain(profile)?;
    let visit = Visit {
        context,
        args,
        chain: &chain,
    };
    visit.run().map_err(|finding| finding.for_profile(profile))
}

/// One visit to the console.
struct Visit<'a> {
    context: &'a Context<'a>,
    args: &'a cli::Console,
    chain: &'a Chain,
}

impl Visit<'_> {
    fn run(&self) -> Result<()> {
        let region = self.region()?;
        let console = self.console(region)?;
        let service = self.args.service.as_deref();
        // First: without a browser no token is needed.
        let browser = if self.args.print {
            None
        } else {
            let command = self.args.browser.as_deref();
            Some(Browser::find(self.context.world, command)?)
        };
        let name = &self.chain.profile;
        match (&self.chain.base, self.chain.hops.as_slice()) {
            (
                Base::Sso {
                    session,
                    account_id,
                    role_name,
                },
                [],
            ) => {
                let page =
                    (service.is_some() || region.is_some()).then(|| console.page(service, region));
                let link = portal_link(&session.start_url, account_id, role_name, page.as_deref());
                match browser {
                    Some(browser) => browser.open(&link)?,
                    None => return ui::print_line(&link),
                }
            }
            _ => {
                let token = self.signin_token(console)?;
                let url = console.sign_in(token.expose(), &console.page(service, region));
                let url = Secret::new(url);
                match browser {
                    Some(browser) => browser.open_secret(self.context.world, url)?,
                    None => {
                        log::info!("whoever has this URL is signed in, for 15 minutes");
                        return ui::print_credentials(url.expose().as_bytes());
                    }
                }
            }
        }
        log::info!("the console of profile `{name}` is in the browser");
        Ok(())
    }

    /// The region of the page: of the option, the environment, the profile.
    fn region(&self) -> Result<Option<&str>> {
        if let Some(region) = &self.args.region {
            return Ok(Some(region));
        }
        match self.context.world.first_env(REGION_VARIABLES) {
            Some((name, text)) if !is_region(text) => Err(invalid_region_variable(name, text)),
            Some((_, text)) => Ok(Some(text)),
            None => Ok(self.chain.region.as_ref().map(|value| value.text.as_str())),
        }
    }

    /// The console of the credentials' partition.
    fn console(&self, region: Option<&str>) -> Result<Console> {
        let of_chain = match (&self.chain.base, self.chain.last_role()) {
            (Base::Sso { session, .. }, "") => Some(partition::of_region(&session.region)),
            (Base::WebIdentity { role_arn, .. }, "") => partition::of_arn(&role_arn.text),
            (_, role) => partition::of_arn(role),
        };
        let of_region = region.map(partition::of_region);
        if let (Some(own), Some(other), Some(region)) = (of_chain, of_region, region)
            && own != other
        {
            let summary = format!("{region} is a region of {other}, the credentials are of {own}");
            return Err(Finding::new(Cause::WrongPartition, summary)
                .remedy(remedy!("name a region of {} with --region", own)));
        }
        let partition = of_chain.or(of_region).unwrap_or("aws");
        Console::of_partition(partition).ok_or_else(|| {
            let summary = format!("awsfresh does not know the console of partition {partition}");
            Finding::new(Cause::Usage, summary).remedy("open it by its own address")
        })
    }

    fn signin_token(&self, console: Console) -> Result<Secret> {
        let credentials = self
            .context
            .obtain_with_person(self.chain, &self.args.person)?;
        let world = self.context.world;
        let sources = Sources::new(world, self.chain, world.deadline()?);
        if credentials.session_token.is_none() {
            return Err(self.no_role());
        }
        if !self.is_role() {
            let identity = sources.identity(&credentials, None)?;
            if identity.is_user() || identity.is_root() {
                return Err(self.no_role());
            }
        }
        let token = sources.signin_token(console, &credentials, self.duration());
        token.map_err(|finding| match finding.class() {
            // The endpoint does not say why; STS does.
            Class::Denied => sources
                .identity(&credentials, None)
                .err()
                .unwrap_or(finding),
            _ => finding,
        })
    }

    /// Whether the chain alone shows that the credentials are those of a role.
    fn is_role(&self) -> bool {
        let is_role = match &self.chain.base {
            Base::Sso { .. } | Base::WebIdentity { .. } => true,
            Base::InstanceMetadata { .. } | Base::Container { .. } => true,
            Base::Static { .. } | Base::StoredKeys { .. } | Base::Environment { .. } => false,
            Base::Process { .. } | Base::LoginSession { .. } => false,
        };
        is_role || !self.chain.hops.is_empty()
    }

    /// The duration of the console's session, in seconds. AWS rejects one for a role that was
    /// assumed with a session.
    fn duration(&self) -> Option<u32> {
        match (&self.chain.base, self.chain.hops.as_slice()) {
            (
                Base::WebIdentity {
                    duration_seconds, ..
                },
                [],
            ) => *duration_seconds,
            (Base::Static { credentials, .. }, [hop])
                if credentials.session_token.is_none() && hop.mfa_serial.is_none() =>
            {
                hop.duration_seconds
            }
            _ => None,
        }
    }

    fn no_role(&self) -> Finding {
        let name = &self.chain.profile;
        let summary = format!("profile `{name}` has the keys of a user, not of a role");
        Finding::new(Cause::Usage, summary)
            .about_profile(name)
            .evidence("the console signs in with a password, or with credentials of a role")
            .remedy(remedy!(
                "add a profile with role_arn and source_profile = {}, and name that",
                name
            ))
            .remedy("or sign in with the user's password: https://console.aws.amazon.com")
    }
}
