//! Sign-ins that real programs share with awsfresh, and a real browser.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::clients::{Client, Suite};
use super::support::browser::Browser;
use super::support::double::SsoSession;
use super::support::fixtures::{ACCOUNT, AWSFRESH, START, sso_cache};
use super::{Case, Outcome, Scene, expect};

const ROLE: &str = "assumed-role/AWSReservedSSO_Admin_";

/// The cases, named `CLIENT: …` and `Chromium: …`.
pub fn cases<'a>(suite: &'a Suite, cases: &mut Vec<Case<'a>>) {
    cases.push((
        "CliV2: its sign-in is used, refreshed in place, and still works".into(),
        suite.missing(Client::CliV2),
        Box::new(move || shares_the_sign_in_of_the_cli(suite)),
    ));
    for client in [Client::CliV2, Client::Boto3, Client::JavaScript] {
        cases.push((
            format!("{client:?}: reads the token of login --share-with-cli"),
            suite.missing(client),
            Box::new(move || reads_a_shared_token(suite, client)),
        ));
    }
    let missing = (!Path::new(CHROMIUM).exists()).then(|| "Debian's chromium".to_owned());
    cases.push((
        "Chromium: signs in, and shows a page".into(),
        missing.clone(),
        Box::new(signs_in_by_browser),
    ));
    cases.push((
        "Chromium: shows why a sign-in failed".into(),
        missing,
        Box::new(shows_a_refusal),
    ));
}

/// A home whose profile `tool` has the SSO session itself, for clients that read it natively.
fn native(client: Client) -> Scene {
    let scene = Scene::new(client);
    scene.aws.approve_every_device();
    scene.aws.add_sso(SsoSession {
        access_token: "unused".into(),
        refresh_token: None,
        token_expires: 0,
        assignments: vec![(ACCOUNT.into(), "Admin".into())],
        ..SsoSession::default()
    });
    scene.home.config(format!(
        "[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n\
         [profile tool]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = {ACCOUNT}\n\
         sso_role_name = Admin\n"
    ));
    scene
}

fn shares_the_sign_in_of_the_cli(suite: &Suite) -> Outcome {
    let scene = native(Client::CliV2);
    let (aws, home) = (&scene.aws, &scene.home);
    let mut login = Command::new("/usr/bin/aws");
    login.args(["sso", "login", "--profile", "tool", "--no-browser"]);
    scene.run(login)?;
    home.credentials_of("tool").answer();
    let file = home.home().join(sso_cache("corp"));
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
    let mut token = read();
    token["expiresAt"] = "2020-01-01T00:00:00Z".into();
    home.file(&sso_cache("corp"), token.to_string());
    home.run(&["forget", "--all"]);
    home.credentials_of("tool").answer();
    if read()["refreshToken"] != aws.sso_current(START).1.unwrap() {
        return Err("the rotated token is not in the CLI's file".into());
    }
    expect(&scene.run(suite.identity(Client::CliV2, 0))?, ROLE)?;
    // The CLI signs out; awsfresh does not go on.
    let mut logout = Command::new("/usr/bin/aws");
    logout.args(["sso", "logout"]);
    scene.run(logout)?;
    home.run(&["forget", "--all"]);
    home.credentials_of("tool").failed(4, "sso-session-missing");
    Ok(())
}

fn reads_a_shared_token(suite: &Suite, client: Client) -> Outcome {
    let scene = native(client);
    let login = ["login", "corp", "--device", "--share-with-cli"];
    let run = scene.home.wrap(&login);
    if run.code != Some(0) {
        return Err(run.stderr);
    }
    let calls = scene.aws.calls().len();
    expect(&scene.run(suite.identity(client, 0))?, ROLE)?;
    match scene.aws.count("GetRoleCredentials") {
        1 if scene.aws.calls().len() > calls => Ok(()),
        n => Err(format!("{n} requests for role credentials by the client")),
    }
}

const CHROMIUM: &str = "/usr/bin/chromium";

/// Opens a page in a headless browser: what it shows in the end.
fn page(scene: &Scene, url: &str) -> Result<String, String> {
    let profile = scene.home.home().join("chromium");
    let mut command = Command::new(CHROMIUM);
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url);
    scene.run(command)
}

fn start(scene: &Scene) -> (Browser, Child) {
    let browser = Browser::install(&scene.home);
    let mut command = scene.home.command(&["login", "corp"]);
    command.stderr(Stdio::piped());
    (
        browser,
        command
            .spawn()
            .unwrap_or_else(|e| panic!("{AWSFRESH}: {e}")),
    )
}

fn signs_in_by_browser() -> Outcome {
    let scene = native(Client::Boto3);
    let (browser, child) = start(&scene);
    let shown = page(&scene, &browser.page())?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || !shown.contains("You are signed in") {
        return Err(format!("{said}\n{shown}"));
    }
    scene.home.credentials_of("tool").answer();
    match scene.aws.count("CreateToken") {
        1 => Ok(()),
        n => Err(format!("{n} tokens")),
    }
}

fn shows_a_refusal() -> Outcome {
    let scene = native(Client::Boto3);
    scene.aws.refuse_authorization("access_denied", "not today");
    let (browser, child) = start(&scene);
    let shown = page(&scene, &browser.page())?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(4) || !said.contains("access_denied: not today") {
        return Err(said);
    }
    if shown.contains("You are not signed in") && shown.contains("not today") {
        Ok(())
    } else {
        Err(shown)
    }
}
