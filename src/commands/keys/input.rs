//! A key that a person types, or that comes from stdin.

use std::io::{self, IsTerminal, Read};

use serde_json::Value;
use zeroize::Zeroizing;

use super::Run;
use crate::aws::access_key::blocking_flaw;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Finding, Result};
use crate::ui::{Terminal, ask_secret};

/// More than the output of `aws iam create-access-key`, in bytes.
const INPUT_LIMIT: u64 = 64 * 1024;

impl Run<'_> {
    /// A key from the terminal, or from stdin.
    pub(super) fn ask(&self) -> Result<Credentials> {
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
