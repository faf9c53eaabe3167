//! A foreign `credential_process`: run with a time limit and a bounded output, its answer checked as the strictest
//! SDK would. What it writes to stderr is shown to nobody but in a failure, and there only its last line, without what looks like a secret.
//! Contract: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::credentials::{Credentials, Secret, redacted};
use crate::diagnosis::{Cause, Finding, Result};
use crate::time::Timestamp;
use crate::world::World;

/// The Java SDK's limit; an answer is under 4 KB.
const OUTPUT_LIMIT: u64 = 64_000;

/// Names the profiles whose process is running above us, so that a script that calls awsfresh back is noticed.
pub const CHAIN_VARIABLE: &str = "AWSFRESH_PROFILE_CHAIN";

/// Refuses a profile whose process is running above us. Asked before any lock is taken: the call above holds it.
pub fn refuse_recursion(profile: &str, world: &World) -> Result<()> {
    let above = world.env(CHAIN_VARIABLE).unwrap_or_default();
    if !above.split(',').any(|name| name == profile) {
        return Ok(());
    }
    Err(Finding::new(
        Cause::ProcessSelfRecursion,
        format!("the credential_process of profile `{profile}` calls awsfresh for the same profile"),
    )
    .seen(format!("{CHAIN_VARIABLE}={above}"))
    .try_this("let the process use another profile, or name the real source in this one"))
}

/// Runs `command` for `profile` and reads its answer.
pub async fn run(command: &str, profile: &str, world: &World, limit: Duration) -> Result<Credentials> {
    let above = world.env(CHAIN_VARIABLE).unwrap_or_default();
    let failed = |why: String| {
        Finding::new(Cause::ProcessFailed, format!("the credential_process of profile `{profile}` {why}"))
            .try_this("run the command by hand to see what it says")
    };
    let mut child = shell(command)
        .env(CHAIN_VARIABLE, if above.is_empty() { profile.to_owned() } else { format!("{above},{profile}") })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(format!("does not start: {e}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(bounded(stdout), bounded(stderr), child.wait()) };
    let Ok((output, errors, status)) = tokio::time::timeout(limit, work).await else {
        return Err(
            failed(format!("gave no answer within {:.1} s", limit.as_secs_f64())).try_this("AWSFRESH_TIMEOUT=SECONDS allows more time")
        );
    };
    let status = status.map_err(|e| failed(format!("cannot be waited for: {e}")))?;
    // Before its status: we stopped listening, and it may have been killed for writing on.
    if output.len() as u64 > OUTPUT_LIMIT {
        return Err(Finding::new(
            Cause::ProcessOutputInvalid,
            format!("the credential_process of profile `{profile}` answered more than {OUTPUT_LIMIT} bytes"),
        )
        .try_this("print the credentials JSON and nothing else on stdout"));
    }
    if !status.success() {
        let words = String::from_utf8_lossy(&errors);
        let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
        // The first line of ours, else the last of whatever it is: there most programs say what was wrong.
        let line = lines.clone().find(|line| line.starts_with("awsfresh: ")).or(lines.next_back()).unwrap_or("nothing on stderr");
        let finding = failed(format!("failed: {status}")).seen(format!("its stderr: {}", shown(line)));
        // https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html: found, and not executable
        return Err(if status.code() == Some(126) { finding.try_this("chmod +x the program it names") } else { finding });
    }
    parse(&output, world.now()).map_err(|why| {
        Finding::new(Cause::ProcessOutputInvalid, format!("the credential_process of profile `{profile}` {why}")).try_this(
            r#"print {"Version": 1, "AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …, "Expiration": …} and nothing else"#,
        )
    })
}

fn shell(command: &str) -> Command {
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

async fn bounded(stream: Option<impl AsyncRead + Unpin>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    if let Some(stream) = stream {
        // What cannot be read counts as not said; the exit status and the parser judge the rest.
        let _ = stream.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Reads an answer. The error says what is wrong with it, without quoting any of it.
pub fn parse(output: &[u8], now: Timestamp) -> Result<Credentials, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        version: serde_json::Value,
        access_key_id: Option<String>,
        secret_access_key: Option<Secret>,
        session_token: Option<Secret>,
        expiration: Option<String>,
        account_id: Option<String>,
    }
    if output.iter().all(u8::is_ascii_whitespace) {
        return Err("answered nothing".into());
    }
    // serde's message may quote the input; only its position is told.
    let answer: Answer = serde_json::from_slice(output)
        .map_err(|e| format!("answered something that is not the JSON of the contract (line {}, column {})", e.line(), e.column()))?;
    if answer.version != serde_json::json!(1) {
        return Err("answered without `\"Version\": 1`".into());
    }
    let access_key_id = answer.access_key_id.filter(|id| !id.trim().is_empty()).ok_or("answered without AccessKeyId")?;
    let secret_access_key = answer.secret_access_key.filter(|s| !s.expose().trim().is_empty()).ok_or("answered without SecretAccessKey")?;
    let session_token = answer.session_token.filter(|t| !t.expose().is_empty());
    if access_key_id.starts_with("ASIA") && session_token.is_none() {
        return Err("answered a temporary key (ASIA…) without SessionToken".into());
    }
    let expiration = match answer.expiration.filter(|t| !t.is_empty()) {
        None => None,
        Some(text) => Some(Timestamp::parse(&text).ok_or("answered an Expiration that is not an RFC 3339 time")?),
    };
    if let Some(t) = expiration
        && t <= now
    {
        return Err(format!("answered credentials that expired at {t}"));
    }
    let credentials = Credentials { access_key_id, secret_access_key, session_token, expiration, account_id: answer.account_id };
    match credentials.flaw() {
        None => Ok(credentials),
        Some(flaw) => Err(format!("answered {flaw}")),
    }
}

/// A line of a program's stderr as it may be shown: without what looks like a secret, and not at all where it names one.
fn shown(line: &str) -> String {
    const NAMES: [&str; 7] =
        ["secretaccesskey", "sessiontoken", "securitytoken", "accesstoken", "refreshtoken", "clientsecret", "password"];
    let letters: String = line.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if NAMES.iter().any(|name| letters.contains(name)) {
        return "a line that may hold a secret (not shown)".to_owned();
    }
    redacted(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Credentials, String> {
        parse(text.as_bytes(), Timestamp(1_700_000_000))
    }

    #[test]
    fn a_whole_answer_is_read() {
        let c = told(r#"{"Version":1,"AccessKeyId":"ASIAAAAAAAAAAAAAAAAA","SecretAccessKey":"s","SessionToken":"t","Expiration":"2030-01-01T00:00:00+00:00","Extra":[]}"#).unwrap();
        assert_eq!(c.expiration.map(|t| t.to_string()).as_deref(), Some("2030-01-01T00:00:00Z"));
        assert!(told(r#"{"Version":1,"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA","SecretAccessKey":"s"}"#).unwrap().expiration.is_none());
    }

    #[test]
    fn what_a_program_complains_of_is_shown_without_its_secrets() {
        for (line, wanted) in [
            ("out of cheese", "out of cheese"),
            ("no wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY here", "no … here"),
            ("key AKIAIOSFODNN7EXAMPLE is off", "key AKIA…MPLE is off"),
            (
                "cannot open /Users/ann/Library/ApplicationSupport/thing/config",
                "cannot open /Users/ann/Library/ApplicationSupport/thing/config",
            ),
            ("aws_session_token=x", "a line that may hold a secret (not shown)"),
            ("{\"SecretAccessKey\": \"x\"}", "a line that may hold a secret (not shown)"),
            ("ä\u{1f600} …", "ä\u{1f600} …"),
        ] {
            assert_eq!(shown(line), wanted);
        }
    }

    #[test]
    fn whatever_else_is_refused_without_being_quoted() {
        let cases = [
            ("", "nothing"),
            ("  \n", "nothing"),
            ("SECRET", "not the JSON"),
            ("<html>SECRET</html>", "not the JSON"),
            (r#"{"Version":1,"AccessKeyId":"SECRET"#, "not the JSON"),
            (r#"{"Version":"1","AccessKeyId":"A","SecretAccessKey":"SECRET"}"#, "Version"),
            (r#"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"SECRET"}"#, "Version"),
            (r#"{"AccessKeyId":"A","SecretAccessKey":"SECRET"}"#, "not the JSON"),
            (r#"{"Version":1,"SecretAccessKey":"SECRET"}"#, "AccessKeyId"),
            (r#"{"Version":1,"AccessKeyId":"A"}"#, "SecretAccessKey"),
            (r#"{"Version":1,"AccessKeyId":"A\n","SecretAccessKey":"SECRET"}"#, "white space"),
            (r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"SECRET"}"#, "without SessionToken"),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":"soon"}"#, "RFC 3339"),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":"2020-01-01T00:00:00Z"}"#, "expired"),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET"} trailing"#, "not the JSON"),
        ];
        for (text, word) in cases {
            let why = told(text).unwrap_err();
            assert!(why.contains(word) && !why.contains("SECRET"), "{text}: {why}");
        }
    }
}
