//! MFA codes: what AWS accepts, and the program of the user that prints one.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::Calls;
use super::process::shell;
use crate::config::Value;
use crate::credentials::Secret;
use crate::finding::{Cause, Finding, Result};

/// Programs print a code and a line end; in bytes.
const OUTPUT_LIMIT: u64 = 256;
/// How long a person may need to touch a key or to unlock a password manager.
const ATTENDED_TIME: Duration = Duration::from_secs(60);

/// Whether an `mfa_serial` is that of a FIDO2 security key, which STS does not accept.
pub(crate) fn is_security_key(serial: &str) -> bool {
    serial.contains(":u2f/")
}

/// The code in `text`: six digits. `place` is where it came from.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(crate) fn checked_code(text: &str, place: &str) -> Result<String> {
    let code: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        Secret::register(&code);
        return Ok(code);
    }
    Err(Finding::new(
        Cause::MfaCodeRejected,
        format!("{place} is not an MFA code"),
    )
    .evidence(format!("{} characters", code.chars().count()))
    .remedy("an MFA code has six digits"))
}

/// Runs the `mfa_process` of a profile and returns the code that it prints. Where there is a person,
/// it reads from the `terminal`, and its stderr is shown.
pub(crate) fn run(
    calls: &Calls<'_>,
    command: &Value,
    profile: &str,
    terminal: Option<File>,
) -> Result<String> {
    let failed = |what: String| {
        Finding::new(
            Cause::ProcessFailed,
            format!("mfa_process of profile `{profile}` {what}"),
        )
        .about_profile(profile)
        .evidence(format!("mfa_process at {}", command.origin))
        .remedy("run the command by hand to see what it says")
    };
    let attended = calls.world.attended;
    let limit = if attended {
        ATTENDED_TIME
    } else {
        calls.time_left()
    };
    let work = async {
        let errors = if attended {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        let mut child = shell(&command.text)
            // Our own input is that of the wrapped command.
            .stdin(terminal.map_or_else(Stdio::null, Stdio::from))
            .stderr(errors)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| failed(format!("cannot be started: {e}")))?;
        let stdout = child.stdout.take();
        let read = async {
            let mut bytes = Vec::new();
            if let Some(stdout) = stdout {
                // What cannot be read counts as not printed.
                let _ = stdout.take(OUTPUT_LIMIT).read_to_end(&mut bytes).await;
            }
            bytes
        };
        let both = async { tokio::join!(read, child.wait()) };
        let Ok((output, status)) = tokio::time::timeout(limit, both).await else {
            let seconds = limit.as_secs_f64();
            return Err(failed(format!("did not finish within {seconds:.1} s")));
        };
        match status {
            // After the limit no one reads, and the process may have been killed for writing on.
            _ if output.len() as u64 == OUTPUT_LIMIT => Ok(output),
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(failed(format!("failed: {status}"))),
            Err(e) => Err(failed(format!("cannot be waited for: {e}"))),
        }
    };
    let output = calls.run_within(limit + super::GRACE, work)?;
    let place = format!("the output of mfa_process of profile `{profile}`");
    checked_code(&String::from_utf8_lossy(&output), &place)
        .map_err(|finding| finding.about_profile(profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_digits() {
        assert_eq!(
            checked_code(" 123 456\n", "it").ok().as_deref(),
            Some("123456")
        );
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            let finding = checked_code(bad, "it").unwrap_err();
            assert_eq!(finding.cause, Cause::MfaCodeRejected, "{bad}");
        }
    }

    #[test]
    fn security_keys_are_told_by_their_arn() {
        assert!(is_security_key(
            "arn:aws:iam::111111111111:u2f/user/ann/key-1"
        ));
        assert!(!is_security_key("arn:aws:iam::111111111111:mfa/ann"));
    }
}
