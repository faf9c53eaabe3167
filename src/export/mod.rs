//! Credentials as text for a shell or a program; `quoting` knows what each format can express. Pure.

mod quoting;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::aws::variables::{KEY_VARIABLES, of_credentials};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::world::{PROFILE_VARIABLE, REGION_VARIABLES};

/// A form in which credentials are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// eval "$(awsfresh export -p P)", also in zsh, dash and ksh
    #[value(alias = "zsh", alias = "sh")]
    Bash,
    /// awsfresh export -p P --format fish | source
    Fish,
    /// awsfresh export -p P --format powershell | Out-String | Invoke-Expression
    #[value(alias = "pwsh")]
    Powershell,
    /// for /f "delims=" %i in ('awsfresh export -p P --format cmd') do @%i
    Cmd,
    /// awsfresh export -p P --format nushell | from json | load-env
    #[value(alias = "nu")]
    Nushell,
    /// NAME=value, quoted where necessary, for a .env file
    Dotenv,
    /// NAME=value, as it is, for docker --env-file
    Docker,
    /// The answer of a credential_process
    Json,
    /// {"Credentials": {...}}, as aws sts assume-role prints them
    CredentialsJson,
    /// A section of ~/.aws/credentials
    CredentialsFile,
}

impl Format {
    /// The format for a shell, whose path is as in `$SHELL`; `None` where there is none.
    pub(crate) fn of_shell(shell: Option<&str>) -> Option<Self> {
        let Some(shell) = shell else {
            let of_system = if cfg!(windows) {
                Self::Powershell
            } else {
                Self::Bash
            };
            return Some(of_system);
        };
        let name = Path::new(shell).file_stem().unwrap_or_default();
        match name.to_str().unwrap_or_default() {
            "fish" => Some(Self::Fish),
            "pwsh" | "powershell" => Some(Self::Powershell),
            "nu" => Some(Self::Nushell),
            "cmd" => Some(Self::Cmd),
            "csh" | "tcsh" | "elvish" | "xonsh" => None,
            _ => Some(Self::Bash),
        }
    }

    /// The name of the format on the command line.
    pub(crate) fn name(self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self);
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether a shell carries the text out, so that it can remove variables, too.
    pub(crate) fn is_script(self) -> bool {
        matches!(
            self,
            Self::Bash | Self::Fish | Self::Powershell | Self::Cmd | Self::Nushell
        )
    }
}

/// A variable and its value; without one the variable is removed.
type Change<'a> = (&'static str, Option<Cow<'a, str>>);

/// What is exported.
pub(crate) struct Export<'a> {
    pub(crate) profile: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) credentials: &'a Credentials,
}

impl Export<'_> {
    /// The text in a format, without the last line end. Fails where the format cannot express a
    /// value.
    pub(crate) fn text(&self, format: Format) -> Result<Zeroizing<Vec<u8>>> {
        match format {
            Format::Json => Ok(self.credentials.to_process_json()),
            Format::CredentialsJson => Ok(self.as_sts_prints()),
            Format::CredentialsFile => self.section(),
            Format::Dotenv | Format::Docker => rendered(format, &self.variables()),
            _ => {
                let mut changes = self.variables();
                // The next export of this shell is of the same profile.
                changes.push((PROFILE_VARIABLE, Some(self.profile.into())));
                let is_set = |name: &str| changes.iter().any(|(set, _)| *set == name);
                let others = KEY_VARIABLES.iter().filter(|name| !is_set(name));
                let removed: Vec<Change<'_>> = others.map(|name| (*name, None)).collect();
                rendered(format, &[removed, changes].concat())
            }
        }
    }

    fn variables(&self) -> Vec<Change<'_>> {
        let regions = REGION_VARIABLES.map(|name| Some((name, self.region?.into())));
        let variables = regions.into_iter().flatten();
        let variables = variables.chain(of_credentials(self.credentials));
        variables.map(|(name, value)| (name, Some(value))).collect()
    }

    fn as_sts_prints(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Printed<'a> {
            credentials: Fields<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Fields<'a> {
            access_key_id: &'a str,
            secret_access_key: &'a Secret,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_token: Option<&'a Secret>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expiration: Option<String>,
        }
        let credentials = Fields {
            access_key_id: &self.credentials.access_key_id,
            secret_access_key: &self.credentials.secret_access_key,
            session_token: self.credentials.session_token.as_ref(),
            expiration: self.credentials.expiration.map(|end| end.to_string()),
        };
        let mut text = reserved(3072);
        let _ = serde_json::to_writer(&mut *text, &Printed { credentials }); // memory: cannot fail
        text
    }

    fn section(&self) -> Result<Zeroizing<Vec<u8>>> {
        let format = Format::CredentialsFile;
        let credentials = self.credentials;
        let keys = [
            ("aws_access_key_id", Some(&*credentials.access_key_id)),
            (
                "aws_secret_access_key",
                Some(credentials.secret_access_key.expose()),
            ),
            (
                "aws_session_token",
                credentials.session_token.as_ref().map(Secret::expose),
            ),
        ];
        let keys = keys.into_iter().filter(|(_, value)| value.is_some());
        let keys: Vec<Change<'_>> = keys
            .map(|(key, value)| (key, value.map(Cow::Borrowed)))
            .collect();
        let keys = rendered(format, &keys)?;
        if self.profile.contains(['[', ']']) || self.profile.contains(char::is_control) {
            return Err(inexpressible(format, "the name of the profile"));
        }
        let mut text = reserved(self.profile.len() + keys.len());
        let end = credentials.expiration;
        let end = end.map_or_else(String::new, |end| format!("# expires at {end}\n"));
        text.extend_from_slice(format!("[{}]\n{end}", self.profile).as_bytes());
        text.extend_from_slice(&keys);
        Ok(text)
    }
}

/// What removes every variable that an export may have set.
pub(crate) fn removal(format: Format) -> Result<Zeroizing<Vec<u8>>> {
    let names = KEY_VARIABLES.iter().copied().chain(REGION_VARIABLES);
    let names = names.chain([PROFILE_VARIABLE]);
    let changes: Vec<Change<'_>> = names.map(|name| (name, None)).collect();
    rendered(format, &changes)
}

/// The changes in a format. Fails where it cannot express one of them.
fn rendered(format: Format, changes: &[Change<'_>]) -> Result<Zeroizing<Vec<u8>>> {
    let sizes = changes.iter().map(|(name, value)| {
        let value = value.as_ref().map_or(0, |value| value.len());
        name.len() + quoting::GROWTH * value + quoting::AROUND
    });
    let mut text = reserved(sizes.sum());
    if format == Format::Nushell {
        let record: BTreeMap<_, _> = changes.iter().map(|(name, value)| (name, value)).collect();
        let _ = serde_json::to_writer(&mut *text, &record); // memory: cannot fail
        return Ok(text);
    }
    for (name, value) in changes {
        if !text.is_empty() {
            text.push(b'\n');
        }
        if !quoting::push_change(&mut text, format, name, value.as_deref()) {
            return Err(inexpressible(format, name));
        }
    }
    Ok(text)
}

/// Space for a text with secrets: growing would leave copies on the heap that are not wiped.
fn reserved(size: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(size + 1024))
}

fn inexpressible(format: Format, what: &str) -> Finding {
    let name = format.name();
    Finding::new(
        Cause::Usage,
        format!("the format `{name}` cannot express {what}"),
    )
    .evidence("it has a character that readers of this format understand differently")
    .remedy("use another --format, such as json")
}

#[cfg(test)]
mod quoting_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_decides_about_the_format() {
        for (shell, format) in [
            ("/bin/bash", Some(Format::Bash)),
            ("/usr/bin/zsh", Some(Format::Bash)),
            ("/bin/sh", Some(Format::Bash)),
            ("/opt/homebrew/bin/fish", Some(Format::Fish)),
            ("/usr/bin/pwsh", Some(Format::Powershell)),
            ("nu.exe", Some(Format::Nushell)),
            ("/bin/tcsh", None),
        ] {
            assert_eq!(Format::of_shell(Some(shell)), format, "{shell}");
        }
    }
}
