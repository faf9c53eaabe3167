//! `config.toml`: settings for all runs. Flags and `AWSFRESH_*` variables rank above it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::finding::{Cause, Finding, Result};

/// The settings file; every key is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `auto`, `keyring`, `sealed` or `none`.
    pub(crate) store: Option<String>,
    /// How long a call may take, in seconds.
    pub(crate) timeout: Option<f64>,
    /// A file with the key of the sealed store.
    pub(crate) key_file: Option<PathBuf>,
    /// A command that prints that key.
    pub(crate) key_command: Option<String>,
    /// Whether `login` keeps SSO tokens in the AWS CLI's file.
    pub(crate) share_with_cli: Option<bool>,
}

impl Settings {
    /// Reads the text of `path`. Fails with `config-malformed` and the line.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let what = e.message().lines().next().unwrap_or_default().to_owned();
            Finding::new(Cause::ConfigMalformed, format!("{} does not contain settings: {what}", path.display()))
                .evidence(format!("{}:{line}", path.display()))
                .remedy(r#"it may contain store = "auto", timeout = 4.0, key_file = "FILE", key_command = "COMMAND", share_with_cli = true"#)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_settings_are_read_and_others_refused_with_their_line() {
        let path = Path::new("config.toml");
        let settings = Settings::parse(path, "store = \"sealed\"\ntimeout = 2.5\n").unwrap();
        assert_eq!(
            (settings.store.as_deref(), settings.timeout),
            (Some("sealed"), Some(2.5))
        );
        for (text, line) in [
            ("stoer = 1", 1),
            ("store = \"x\"\ntimeout = \"4\"", 2),
            ("\n\nstore =", 3),
            ("[store]", 1),
        ] {
            let finding = Settings::parse(path, text).unwrap_err();
            assert_eq!(
                (finding.cause, finding.evidence),
                (Cause::ConfigMalformed, vec![format!("config.toml:{line}")]),
                "{text}"
            );
        }
    }
}
