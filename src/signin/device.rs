//! The device flow (RFC 8628): a person approves a code in a browser anywhere, and this process asks
//! AWS for the token until then.

use std::time::{Duration, Instant};

use crate::finding::{Cause, Class, Finding, Result};
use crate::source::Calls;
use crate::source::sso::{self, DeviceAuthorization, NoToken, Registration, Session, Token};
use crate::text::printable;
use crate::ui::{self, Countdown};

/// How often the time left is shown.
const TICK: Duration = Duration::from_secs(1);
/// What SSO-OIDC adds to the pause when it asks to slow down (RFC 8628, section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The last call may take longer than the person's time.
const GRACE: Duration = Duration::from_secs(20);

/// One sign-in with a device code.
pub(super) struct DeviceFlow<'a> {
    pub(super) calls: &'a Calls<'a>,
    pub(super) session: &'a Session<'a>,
    pub(super) registration: &'a Registration,
    /// Why not in a browser on this machine.
    pub(super) reason: &'static str,
    pub(super) wait: Duration,
}

impl DeviceFlow<'_> {
    /// Shows the code and polls until it is approved.
    pub(super) fn run(&self) -> Result<Token, NoToken> {
        let device = sso::start_device(self.calls, self.session, self.registration)?;
        self.announce(&device);
        let wait = device.lifetime.min(self.wait);
        let began = Instant::now();
        let polls = self
            .calls
            .run_within(wait + GRACE, async { Ok(self.poll(&device, wait).await) });
        self.calls.extend(began.elapsed());
        polls.map_err(NoToken::Failed)?
    }

    fn announce(&self, device: &DeviceAuthorization) {
        let (label, reason) = (self.session.label(), self.reason);
        ui::say(&format!(
            "awsfresh: signing in to SSO session `{label}` with a device code ({reason})"
        ));
        ui::say(&format!("  open this page in any browser:  {}", device.url));
        if let Some(code) = &device.user_code {
            ui::say(&format!(
                "  it has to show this code:       {}",
                printable(code)
            ));
        }
    }

    async fn poll(&self, device: &DeviceAuthorization, wait: Duration) -> Result<Token, NoToken> {
        let end = Instant::now() + wait;
        let mut countdown = Countdown::new("waiting for the code to be approved", "", wait);
        let mut interval = device.interval;
        let mut trouble: Option<Finding> = None;
        while Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            pause(interval.min(left), &mut countdown).await;
            let approval = sso::Approval::Device(device);
            match sso::token(self.calls, self.session, self.registration, approval).await {
                Err(NoToken::Pending) => trouble = None,
                Err(NoToken::SlowDown) => interval += SLOW_DOWN,
                // The code stays good while AWS cannot be reached.
                Err(NoToken::Failed(finding)) if finding.class() == Class::Unreachable => {
                    log::debug!("the poll failed, trying again:\n{finding}");
                    trouble = Some(finding);
                }
                outcome => return outcome,
            }
        }
        Err(NoToken::Failed(
            trouble.unwrap_or_else(|| self.timed_out(wait)),
        ))
    }

    fn timed_out(&self, wait: Duration) -> Finding {
        let label = self.session.label();
        let summary = format!("the sign-in to `{label}` was not approved in time");
        let waited = humantime::format_duration(wait);
        Finding::new(Cause::SsoSessionMissing, summary)
            .evidence(format!("waited {waited} for the code to be approved"))
            .remedy(self.session.config().login_command_with("--device"))
    }
}

async fn pause(interval: Duration, countdown: &mut Countdown) {
    let end = tokio::time::Instant::now() + interval;
    while tokio::time::Instant::now() < end {
        countdown.show();
        tokio::time::sleep_until(end.min(tokio::time::Instant::now() + TICK)).await;
    }
}
