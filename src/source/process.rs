//! Another program's `credential_process`: run with a time limit and a bounded output, its output
//! checked as the strictest SDK would. Its stderr is shown only in a failure, and there at most one
//! line, without what looks like a secret. Contract:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::process_output;
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result};
use crate::shell::words;
use crate::text::redacted;
use crate::world::World;

/// The Java SDK's limit in bytes; an answer is under 4 KB.
const OUTPUT_LIMIT: u64 = 64_000;
/// What a process wrote is read within this time of its end; and it has this time to end when asked.
const DRAIN: Duration = Duration::from_millis(100);
/// The profiles whose process is running above this call, so that a script which calls awsfresh
/// back is recognised.
const CHAIN_VARIABLE: &str = "AWSFRESH_PROFILE_CHAIN";

/// Rejects a profile whose process is running above this call. Checked before any lock is taken:
/// the call above holds it.
pub(crate) fn reject_recursion(profile: &str, world: &World) -> Result<()> {
    let above = world.env(CHAIN_VARIABLE).unwrap_or_default();
    if !above.split(',').any(|name| name == profile) {
        return Ok(());
    }
    Err(Finding::self_recursion(profile)
        .evidence(format!("{CHAIN_VARIABLE}={above}"))
        .remedy("use another profile in the process, or name the real source in this one"))
}

/// Runs `command` for `profile` and parses its output.
pub(super) async fn run(
    command: &str,
    profile: &str,
    world: &World,
    limit: Duration,
) -> Result<Credentials> {
    let finding = |cause, what: String| {
        let summary = format!("credential_process of profile `{profile}` {what}");
        Finding::new(cause, summary).about_profile(profile)
    };
    let failed = |what: String| {
        finding(Cause::ProcessFailed, what).remedy("run the command by hand to see what it says")
    };
    let mut child =
        start(command, profile, world).map_err(|e| failed(format!("cannot be started: {e}")))?;
    let work = finish(&mut child);
    let Ok((output, errors, status)) = tokio::time::timeout(limit, work).await else {
        if !world.attended {
            end_group(&child).await;
        }
        let what = format!("did not finish within {:.1} s", limit.as_secs_f64());
        let names_itself = words(command).iter().any(|word| word == profile);
        let finding = failed(what);
        return Err(if names_itself {
            finding
                .evidence("the command names this profile: an AWS tool would run it again")
                .remedy("name the profile that has the source in the command")
        } else {
            finding.remedy("AWSFRESH_TIMEOUT=SECONDS allows more time")
        });
    };
    let status = status.map_err(|e| failed(format!("cannot be waited for: {e}")))?;
    // Checked before the status: after the limit no one reads, and the process may have been killed
    // for writing on.
    if output.len() as u64 > OUTPUT_LIMIT {
        return Err(finding(
            Cause::ProcessOutputInvalid,
            format!("printed more than {OUTPUT_LIMIT} bytes"),
        )
        .remedy("print the credentials JSON and nothing else on stdout"));
    }
    // First: so the secrets in it are known, which its stderr may repeat.
    let credentials = process_output::parse(&output, world.now());
    if !status.success() {
        return Err(with_stderr(
            failed(format!("failed: {status}")),
            profile,
            &errors,
            status,
        ));
    }
    credentials.map_err(|what| {
        finding(Cause::ProcessOutputInvalid, what)
            .remedy(r#"print {"Version": 1, "AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …, "Expiration": "2026-01-31T12:00:00Z"} and nothing else"#)
    })
}

fn start(command: &str, profile: &str, world: &World) -> io::Result<Child> {
    let above = world.env(CHAIN_VARIABLE);
    let chain = above.map_or(profile.to_owned(), |above| format!("{above},{profile}"));
    let mut shell = shell(command);
    shell
        .env(CHAIN_VARIABLE, chain)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // At a terminal it stays in our process group: in another one it could not ask the person.
    #[cfg(unix)]
    if !world.attended {
        shell.process_group(0);
    }
    shell.spawn()
}

/// Adds the most telling line of a failed program's stderr.
fn with_stderr(finding: Finding, profile: &str, errors: &[u8], status: ExitStatus) -> Finding {
    let text = String::from_utf8_lossy(errors);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    // The first line of awsfresh, else the last line: most programs say there what was wrong.
    let own = lines.clone().find(|line| line.starts_with("awsfresh: "));
    let line = own.or(lines.next_back()).unwrap_or("nothing on stderr");
    let mut finding = finding.evidence(format!("its stderr: {}", shown(line)));
    if line.contains("AWS_VAULT to force") {
        finding.summary = format!(
            "aws-vault refuses the credential_process of profile `{profile}` in an aws-vault shell"
        );
        finding.remedy.clear();
        return finding
            .remedy("exit the shell of aws-vault, or start this there with env -u AWS_VAULT");
    }
    // <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>: found, and not
    // executable
    if status.code() == Some(126) {
        finding.remedy("chmod +x the program")
    } else {
        finding
    }
}

/// Runs a command line of a config file as the SDKs do.
pub(super) fn shell(command: &str) -> Command {
    if cfg!(windows) {
        let mut shell = Command::new("cmd.exe");
        shell.arg("/C").arg(command);
        shell
    } else {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command);
        shell
    }
}

type Bytes = Zeroizing<Vec<u8>>;

/// Waits for the end of a process: its output, its stderr, its status. A program that it started and
/// that goes on may keep the pipes open: what the process itself wrote is there at its end.
async fn finish(child: &mut Child) -> (Bytes, Bytes, io::Result<ExitStatus>) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let buffer = || Zeroizing::new(Vec::with_capacity(8192));
    let (mut output, mut errors) = (buffer(), buffer());
    let status = {
        let reading = async {
            tokio::join!(read(stdout, &mut output), read(stderr, &mut errors));
        };
        tokio::pin!(reading);
        let mut is_read = false;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = &mut reading, if !is_read => is_read = true,
            }
        };
        if !is_read {
            let _ = tokio::time::timeout(DRAIN, reading).await;
        }
        status
    };
    (output, errors, status)
}

async fn read(stream: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    if let Some(stream) = stream {
        // What cannot be read counts as not printed; exit status and output are checked.
        let _ = stream.take(OUTPUT_LIMIT + 1).read_to_end(bytes).await;
    }
}

/// Ends a process that leads a group, and the programs that it started.
async fn end_group(child: &Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM); // it may have ended by itself
            tokio::time::sleep(DRAIN).await;
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    #[cfg(not(unix))]
    let _ = child;
}

/// A line of a program's stderr as people may see it: without what looks like a secret, and not at
/// all if it names one.
fn shown(line: &str) -> String {
    const NAMES: [&str; 7] = [
        "secretaccesskey",
        "sessiontoken",
        "securitytoken",
        "accesstoken",
        "refreshtoken",
        "clientsecret",
        "password",
    ];
    let letters: String = line
        .to_ascii_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    if NAMES.iter().any(|name| letters.contains(name)) {
        return "a line that may hold a secret (not shown)".to_owned();
    }
    redacted(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_is_shown_without_secrets() {
        for (line, wanted) in [
            ("out of cheese", "out of cheese"),
            (
                "no wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY here",
                "no … here",
            ),
            ("key AKIAIOSFODNN7EXAMPLE is off", "key AKIA…MPLE is off"),
            (
                "cannot open /Users/ann/Library/ApplicationSupport/thing/config",
                "cannot open /Users/ann/Library/ApplicationSupport/thing/config",
            ),
            (
                "aws_session_token=x",
                "a line that may hold a secret (not shown)",
            ),
            (
                "{\"SecretAccessKey\": \"x\"}",
                "a line that may hold a secret (not shown)",
            ),
            ("ä\u{1f600} …", "ä\u{1f600} …"),
        ] {
            assert_eq!(shown(line), wanted);
        }
    }
}
