//! `check`: whether the credentials of a profile will last, without a person. Gets them now, as an
//! unattended caller would, and looks at what will end before the time is up.

use std::process::{Command, Stdio};

use super::Context;
use crate::cli::Check;
use crate::config::{Base, Chain, SsoSession};
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result, profile_option, remedy};
use crate::refresh::{best_token, mfa_keys};
use crate::source::connection::Connections;
use crate::source::sso::Session;
use crate::time::{Timestamp, human_duration};
use crate::ui;

/// The variables that cron sets.
const OF_CRON: [&str; 2] = ["HOME", "LOGNAME"];

/// Reports that the credentials last, or fails with what ends before. Returns the exit code.
pub(super) fn run(context: &Context<'_>, args: &Check) -> Result<u8> {
    let (profile, _) = context.world.selected_profile(args.profile.as_deref());
    if args.as_cron {
        return as_cron(context, args, profile);
    }
    let chain = context.chain(profile)?;
    let credentials = context.obtain(&chain, false, None);
    let credentials = credentials.map_err(|finding| finding.for_profile(profile))?;
    let now = context.world.now();
    let until = Timestamp(now.0.saturating_add(args.duration.as_secs().cast_signed()));
    let outlook = Outlook {
        context,
        chain: &chain,
        credentials: &credentials,
        now,
        until,
    };
    outlook
        .check()
        .map_err(|finding| finding.for_profile(profile))?;
    let wanted = human_duration(until.seconds_from(now));
    let how = match credentials.expiration {
        None => "they do not expire",
        Some(_) if outlook.present_ones_last() => "the present ones last",
        Some(_) => "they are renewed without a person",
    };
    ui::print_line(&format!(
        "profile `{profile}` has credentials for {wanted}: {how}"
    ))?;
    if let Some(limit) = outlook.unknown() {
        ui::print_line(&format!("  not known: {limit}"))?;
    }
    Ok(0)
}

/// What will end, and when.
struct Outlook<'a> {
    context: &'a Context<'a>,
    chain: &'a Chain,
    credentials: &'a Credentials,
    now: Timestamp,
    until: Timestamp,
}

impl Outlook<'_> {
    fn present_ones_last(&self) -> bool {
        let expiration = self.credentials.expiration;
        expiration.is_none_or(|end| end >= self.until)
    }

    /// Fails if a person is needed before the time is up.
    fn check(&self) -> Result<()> {
        if self.present_ones_last() {
            return Ok(());
        }
        if let Some(session) = self.chain.sso_session() {
            self.check_session(session)?;
        }
        self.check_mfa()
    }

    fn check_session(&self, config: &SsoSession) -> Result<()> {
        let session = Session::new(config, self.context.world);
        let token = best_token(&session, &*self.context.store, self.now)?;
        if token.is_refreshable(self.until) || token.expires() >= self.until {
            return Ok(());
        }
        let label = session.label();
        let what = format!("the sign-in to SSO session `{label}` ends");
        let finding = self.ends(Cause::SsoSessionExpired, &what, token.expires());
        let finding = finding.evidence("its token cannot be refreshed until then");
        Err(finding.remedy(session.login()))
    }

    fn check_mfa(&self) -> Result<()> {
        let connections = Connections::new(self.context.world, &self.chain.network);
        let keys = mfa_keys(self.chain, self.context.world, &connections);
        for (hop, key) in self.chain.hops.iter().zip(keys.into_iter().skip(1)) {
            let (Some(key), None) = (key, &hop.mfa_process) else {
                continue;
            };
            let session = self.context.stored(&key).ok().flatten();
            // Without a session, the role was cached.
            let end = session.map(|entry| entry.expiration());
            let end = end.or(self.credentials.expiration).unwrap_or(self.until);
            if end < self.until {
                let serial = hop.mfa_serial.as_deref().unwrap_or_default();
                let finding = self.ends(Cause::MfaNeeded, "the MFA session ends", end);
                let finding = finding.evidence(format!("mfa_serial = {serial}"));
                let option = profile_option("-p", &self.chain.profile);
                return Err(finding
                    .remedy(remedy!("awsfresh login {} --duration 36h", option))
                    .remedy("unattended: mfa_process = COMMAND in the profile prints the code"));
            }
        }
        Ok(())
    }

    fn ends(&self, cause: Cause, what: &str, end: Timestamp) -> Finding {
        let left = human_duration(end.seconds_from(self.now).max(0));
        Finding::new(
            cause,
            format!("{what} in {left}, and then a person is needed"),
        )
    }

    /// What AWS or another program decides, and does not tell.
    fn unknown(&self) -> Option<&'static str> {
        match &self.chain.base {
            _ if self.present_ones_last() => None,
            Base::Sso { .. } => {
                Some("how long an administrator of IAM Identity Center lets a sign-in last")
            }
            Base::LoginSession { .. } => {
                Some("how long the session of aws login lasts: 12 h at most")
            }
            Base::Process { .. } => Some("whether the external process needs a person"),
            Base::WebIdentity { .. } => Some("whether the token file is renewed"),
            _ => None,
        }
    }
}

/// Does the same in the environment of a cron job: two variables, no terminal, no session bus.
fn as_cron(context: &Context<'_>, args: &Check, profile: &str) -> Result<u8> {
    let world = context.world;
    let failed = |e: std::io::Error| {
        Finding::new(
            Cause::Unexpected,
            format!("cannot start awsfresh as cron would: {e}"),
        )
        .remedy("try again")
    };
    let mut command = Command::new(world.installed_program().map_err(failed)?);
    command.arg("check").arg(format!("--profile={profile}"));
    command.arg(format!("--for={}s", args.duration.as_secs()));
    command
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("SHELL", "/bin/sh")]);
    command.envs(
        OF_CRON
            .into_iter()
            .filter_map(|name| Some((name, world.env(name)?))),
    );
    command.stdin(Stdio::null());
    // In another process group, so that no terminal can be asked.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let output = command.output().map_err(failed)?;
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (stdout, stderr) = (lines(&output.stdout), lines(&output.stderr));
    if !stderr.is_empty() {
        ui::say(&stderr);
    }
    if !stdout.is_empty() {
        ui::print_line(&format!("as cron: {stdout}"))?;
    }
    let code = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(Cause::Unexpected.class().code()))
}
