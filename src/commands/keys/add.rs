//! `keys add`: a key that a person types, or that comes from stdin.

use std::io::{self, IsTerminal, Read};
use std::time::{Duration, Instant};

use serde_json::Value;
use zeroize::Zeroizing;

use super::Run;
use crate::aws::access_key::blocking_flaw;
use crate::commands::edits;
use crate::config::{Base, Chain, FileKind};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Class, Finding, Result};
use crate::refresh::StoredKey;
use crate::source::Identity;
use crate::text::masked;
use crate::ui::{self, Terminal, ask_secret};

/// More than the output of `aws iam create-access-key`, in bytes.
const INPUT_LIMIT: u64 = 64 * 1024;

/// How long AWS may take to accept a key that is given to `add`: it may be new.
const NEW_KEY_TIME: Duration = Duration::from_secs(30);
const NEW_KEY_PAUSE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Stores a new key for a profile.
    pub(super) fn add(&self) -> Result<()> {
        let (profile, set) = (self.profile(), self.files.profiles());
        let old = self.stored_id(set);
        let has_source = match self.context.resolve(set, profile) {
            Ok(chain) => !(matches!(chain.base, Base::StoredKeys { .. }) && chain.hops.is_empty()),
            // A profile without a source gets one, and so does a new one.
            Err(finding) => !matches!(finding.cause, Cause::ProfileNotFound | Cause::SourceMissing),
        };
        if has_source {
            let finding = self.usage("has another source of credentials");
            return Err(finding.remedy("use another name, or keys import if it has keys in a file"));
        }
        // What can fail without the key fails before it is read: a pipe has it only once.
        let can_ask = ui::is_attended() && io::stdin().is_terminal();
        if !self.change.yes && !can_ask {
            let finding = self.usage("gets no key: there is no terminal to ask at");
            return Err(finding.remedy("--yes stores a key from stdin without a question"));
        }
        StoredKey::check_store(&*self.context.store)?;
        let credentials = self.ask()?;
        let [config, secrets] = self.files.texts();
        let new_config = self.with_stored_key(&config, &credentials)?;
        let new = self.check(&new_config, &secrets, &credentials.access_key_id)?;
        let chain = self.context.resolve(&new, profile)?;
        let identity = self.new_identity(&chain, &credentials)?;
        let name = masked(&credentials.access_key_id);
        ui::say(&format!("the key {name} belongs to {}", identity.arn));
        edits::confirm(
            &format!("Store it for profile `{profile}`?"),
            self.change.yes,
        )?;
        self.save(&credentials, &identity)?;
        self.write(FileKind::Config, &config, &new_config)?;
        log::info!(
            "the key {name} of profile `{profile}` is in the store ({})",
            self.context.store.name()
        );
        if let Some(old) = old.filter(|old| *old != credentials.access_key_id) {
            log::info!(
                "the key {} is in the store, too, without a profile",
                masked(&old)
            );
        }
        Ok(())
    }

    /// The same for a key that AWS may have created a moment ago.
    fn new_identity(&self, chain: &Chain, credentials: &Credentials) -> Result<Identity> {
        let until = Instant::now() + NEW_KEY_TIME;
        loop {
            match self.identity(chain, credentials) {
                Err(finding)
                    if Instant::now() < until
                        && (finding.cause == Cause::AccessKeyUnknown
                            || finding.class() == Class::Unreachable) =>
                {
                    log::debug!("not yet: {}", finding.summary);
                    std::thread::sleep(NEW_KEY_PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    /// A key from the terminal, or from stdin.
    fn ask(&self) -> Result<Credentials> {
        let (id, secret) = if io::stdin().is_terminal() {
            let no_terminal = || {
                let finding = self.usage("gets no key: there is no terminal to ask at");
                finding.remedy("aws iam create-access-key | awsfresh keys add PROFILE")
            };
            let mut terminal = Terminal::open().ok_or_else(no_terminal)?;
            let id = terminal.ask("Access key ID: ").ok_or_else(no_terminal)?;
            let secret = ask_secret("Secret access key: ").ok_or_else(no_terminal)?;
            (id.trim().to_owned(), Secret::new(secret.trim().to_owned()))
        } else {
            let mut input = Zeroizing::new(String::with_capacity(4096));
            let read = io::stdin().take(INPUT_LIMIT).read_to_string(&mut input);
            read.map_err(|e| {
                self.usage(&format!("gets no key: {e}"))
                    .remedy("send JSON or two lines")
            })?;
            from_text(&input).ok_or_else(|| {
                self.usage("gets no key: stdin has neither JSON with AccessKeyId and SecretAccessKey nor two lines")
                    .remedy("aws iam create-access-key | awsfresh keys add PROFILE")
            })?
        };
        let credentials = Credentials {
            access_key_id: id,
            secret_access_key: secret,
            session_token: None,
            expiration: None,
            account_id: None,
        };
        if credentials.access_key_id.starts_with("ASIA") {
            let finding = self.usage("gets no key: this one is temporary");
            return Err(
                finding.remedy("only long-term keys can be stored: their IDs begin with AKIA")
            );
        }
        let flaw = blocking_flaw((&credentials).into());
        flaw.map_or(Ok(credentials), |flaw| {
            let summary = format!("{} {}", flaw.part.key(), flaw.what);
            Err(Finding::new(flaw.cause, summary).remedy(flaw.fix))
        })
    }
}

/// The ID and the secret in the output of `aws iam create-access-key`, in the form of
/// `credential_process`, or in two lines.
fn from_text(text: &str) -> Option<(String, Secret)> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let keys = value.get("AccessKey").unwrap_or(&value);
        let field = |name: &str| keys.get(name)?.as_str().map(str::to_owned);
        let secret = Secret::new(field("SecretAccessKey")?);
        return Some((field("AccessKeyId")?, secret));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (id, secret, end) = (lines.next()?, lines.next()?, lines.next());
    end.is_none()
        .then(|| (id.to_owned(), Secret::new(secret.to_owned())))
}
