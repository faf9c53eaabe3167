//! Failures of `aws sts get-caller-identity`: `doctor` names the cause, and after its remedy the
//! AWS CLI succeeds.

use std::process::{Command, Output};

use serde_json::Value;

use super::clients::{Client, Suite};
use super::lab::{self, set_up};
use super::support::double::Double;
use super::support::fixtures::AWSFRESH;
use super::support::sandbox::Sandbox;
use super::{Case, Outcome};

/// Cases of the lab whose remedy a script can apply.
const WAYS: [&str; 20] = [
    "key-id-cut",
    "key-secret-cut",
    "key-swapped",
    "key-stale-token",
    "key-temporary-alone",
    "file-comment-after-secret",
    "file-duplicate-section",
    "file-profile-without-prefix",
    "chain-cycle",
    "chain-source-gone",
    "env-stale-over-profile",
    "env-security-token",
    "env-half",
    "env-emulator-gone",
    "aws-role-denied",
    "aws-global-token-opt-in-region",
    "sso-role-in-wrong-case",
    "sso-account-misspelt",
    "host-windows-home",
    "host-function-with-profile",
];

/// One case per way, named `ways: NAME`.
pub fn cases<'a>(suite: &'a Suite, cases: &mut Vec<Case<'a>>) {
    for name in WAYS {
        let missing = suite.missing(Client::CliV1);
        cases.push((
            format!("ways: {name}"),
            missing,
            Box::new(move || is_fixed(suite, name)),
        ));
    }
    for client in [Client::CliV1, Client::CliV2] {
        let name = format!("ways: a revoked session in the cache of {}", client.name());
        cases.push((
            name,
            suite.missing(client),
            Box::new(move || revoked(suite, client)),
        ));
    }
}

/// The AWS CLI keeps using a cached session after AWS has revoked it.
fn revoked(suite: &Suite, client: Client) -> Outcome {
    let case = lab::case("healthy-role")?;
    let aws = Double::start();
    let home = set_up(&case, &aws);
    home.env("AWS_MAX_ATTEMPTS", "1");
    let ask = format!(
        "{} sts get-caller-identity --profile prod",
        suite.identity(client, 0).get_program().display()
    );
    let first = run(&home, &ask);
    if !first.status.success() {
        return Err(text(&first));
    }
    aws.forget_sessions();
    let failed = run(&home, &ask);
    if failed.status.success() {
        return Err("the AWS CLI requests a new session by itself".into());
    }
    let report = run(&home, &format!("{AWSFRESH} doctor --json -p prod"));
    let report: Value = serde_json::from_slice(&report.stdout).map_err(|e| e.to_string())?;
    let first = &report["findings"][0];
    let Some(command) = first["remedy"][0]
        .as_str()
        .filter(|_| first["cause"] == "role-deleted")
    else {
        return Err(format!("the diagnosis is {report}"));
    };
    println!(
        "{}: {}\n  {}: {}",
        client.name(),
        text(&failed).trim().lines().last().unwrap_or_default(),
        first["cause"],
        first["summary"]
    );
    let now = run(&home, &format!("{command}\n{ask}"));
    if now.status.success() {
        Ok(())
    } else {
        Err(format!("after the remedy: {}", text(&now)))
    }
}

fn is_fixed(suite: &Suite, name: &str) -> Outcome {
    let case = lab::case(name)?;
    let aws = Double::start();
    let home = set_up(&case, &aws);
    // One attempt is enough: no failure here is temporary.
    home.env("AWS_MAX_ATTEMPTS", "1");
    let flag = |args: &[String]| match args {
        [option, profile, ..] if option == "-p" => format!(" --profile {profile}"),
        _ => String::new(),
    };
    let cli = suite.venv("aws");
    let ask = |args: &[String]| format!("{} sts get-caller-identity{}", cli.display(), flag(args));
    let failed = run(&home, &ask(&case.args));
    if failed.status.success() {
        return Err(format!("the AWS CLI succeeds: {}", text(&failed)));
    }
    let remedy = case.remedy.as_ref().ok_or("the case has no remedy")?;
    let doctor = format!("{AWSFRESH} doctor --json {}", case.args.join(" "));
    let report: Value =
        serde_json::from_slice(&run(&home, &doctor).stdout).map_err(|e| e.to_string())?;
    let first = &report["findings"][0];
    if first["cause"].as_str() != case.expect.error.as_deref() {
        return Err(format!("the diagnosis is {first}"));
    }
    println!(
        "{name}: {}\n  {}: {}",
        text(&failed).trim().lines().last().unwrap_or_default(),
        first["cause"],
        first["summary"]
    );
    let command = remedy.apply(&home, &aws)?.unwrap_or_default();
    let now = run(
        &home,
        &format!(
            "{command}\n{}",
            ask(remedy.args.as_ref().unwrap_or(&case.args))
        ),
    );
    if now.status.success() {
        Ok(())
    } else {
        Err(format!("after the remedy: {}", text(&now)))
    }
}

fn run(home: &Sandbox, script: &str) -> Output {
    let like = home.command(&[]);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .env_clear()
        .envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .current_dir(home.home());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}
