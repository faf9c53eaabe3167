//! `awsfresh setup` on forty config files, and every client afterwards: the same identity as before,
//! and the same bytes after `--undo`.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::clients::{Client, Suite};
use super::support::double::SsoSession;
use super::support::fixtures::{
    ACCOUNT, AWSFRESH, KEY, ROLE, SECRET, START, USER, keys_of, open_role,
};
use super::{Case, Outcome, Scene, expect, expired_token};

const SECOND: &str = "arn:aws:iam::333333333333:role/second";

/// The name of a source, its keys in the profile `tool`, and whom a tool is then.
const SOURCES: [(&str, &str, &str); 4] = [
    (
        "a role on keys",
        "role_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = base\n",
        "assumed-role/deploy/awsfresh-",
    ),
    (
        "two roles",
        "role_arn = arn:aws:iam::333333333333:role/second\nsource_profile = first\nexternal_id = blue\n",
        "assumed-role/second/awsfresh-",
    ),
    (
        "an SSO role",
        "sso_session = corp\nsso_account_id = 444444444444\nsso_role_name = Admin\n",
        "assumed-role/AWSReservedSSO_Admin_",
    ),
    (
        "a process",
        "credential_process = cat keys.json\n",
        "user/ann",
    ),
];

/// The name of a form, and what it makes of the text of a config file.
type Form = (&'static str, fn(&str) -> String);

const FORMS: [Form; 10] = [
    ("plain", str::to_owned),
    ("with CRLF", |text| text.replace('\n', "\r\n")),
    ("with comments", |text| {
        let lines = text
            .lines()
            .map(|line| format!("# about the next line\n; {line}\n{line}\n"));
        lines.collect()
    }),
    ("with comments after values", |text| {
        let comment = |line: &str| {
            let end = if line.contains('=') { " # why" } else { "" };
            format!("{line}{end}\n")
        };
        text.lines().map(comment).collect()
    }),
    ("with nested keys and services", |text| {
        let nested = "s3 =\n  max_concurrent_requests = 20\n  role_arn = none\nservices = local\n";
        let services = "[services local]\ndynamodb =\n  endpoint_url = http://127.0.0.1:9\n";
        text.replace("[profile tool]\n", &format!("[profile tool]\n{nested}")) + services
    }),
    ("without a last line end", |text| text.trim_end().to_owned()),
    ("in upper case, without blanks", |text| {
        let key = |line: &str| match line.split_once(" = ") {
            Some((key, value)) => format!("{}={value}\n", key.to_uppercase()),
            None => format!("{line}\n"),
        };
        text.lines().map(key).collect()
    }),
    ("with tabs and trailing blanks", |text| {
        text.replace(" = ", "\t=\t").replace('\n', " \t\n")
    }),
    ("with blank lines and another order", |text| {
        let mut sections: Vec<&str> = text.split_inclusive("\n\n").collect();
        sections.reverse();
        sections.join("\n\n\n")
    }),
    ("among 3,000 profiles", |text| {
        let other = |n: usize| {
            format!(
                "[profile other-{n}]\nregion = eu-west-1\nrole_arn = arn:aws:iam::{n:012}:role/r\nsource_profile = gone\n"
            )
        };
        let others = |from: usize| (from..from + 1500).map(other).collect::<String>();
        others(0) + text + &others(1500)
    }),
];

/// One case for each file and client with `AWSFRESH_TEST_SETUPS=all`, which takes eight minutes; else
/// each client has each form and each source once or more.
pub fn cases<'a>(suite: &'a Suite, cases: &mut Vec<Case<'a>>) {
    let all = std::env::var("AWSFRESH_TEST_SETUPS").is_ok_and(|value| value == "all");
    let clients = Client::ALL
        .into_iter()
        .filter(|client| client.shows_its_identity());
    for (nth, client) in clients.enumerate() {
        for (number, (form, change)) in FORMS.into_iter().enumerate() {
            for (at, source) in SOURCES.into_iter().enumerate() {
                if all || (nth + number) % SOURCES.len() == at {
                    let is_link = number % 2 == 1;
                    cases.push((
                        format!("{client:?}: set up from {}, {form}", source.0),
                        suite.missing(client),
                        Box::new(move || serves(suite, client, source, change, is_link)),
                    ));
                }
            }
        }
    }
}

fn serves(
    suite: &Suite,
    client: Client,
    (_, keys, identity): (&str, &str, &str),
    change: fn(&str) -> String,
    is_link: bool,
) -> Outcome {
    let scene = Scene::new(client);
    let (aws, home) = (&scene.aws, &scene.home);
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    aws.add_role(open_role(SECOND, None));
    aws.add_sso(SsoSession {
        assignments: vec![(ACCOUNT.into(), "Admin".into())],
        token_expires: 0,
        ..SsoSession::default()
    });
    expired_token(home);
    home.credentials(keys_of("base", KEY, SECRET));
    home.file(
        "keys.json",
        format!(r#"{{"Version":1,"AccessKeyId":"{KEY}","SecretAccessKey":"{SECRET}"}}"#),
    );
    let before = change(&format!(
        "[default]\noutput = json\n\n[profile tool]\nregion = eu-west-1\n{keys}\n\
         [profile first]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = base\n\n\
         [sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\n"
    ));
    let path = home.home().join(".aws/config");
    if is_link {
        home.file("dotfiles/config", &before);
        symlink("../dotfiles/config", &path).map_err(|e| e.to_string())?;
    } else {
        home.config(&before);
    }
    let setup = |more: &str| {
        let mut command = Command::new(AWSFRESH);
        command.args(["setup", "--yes", more]);
        scene.run(command)
    };
    setup("--all")?;
    expect(&scene.run(suite.identity(client, 0))?, identity)?;
    setup("--undo")?;
    let after = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
    if after != before || path.is_symlink() != is_link {
        return Err("the file is not as before".into());
    }
    Ok(())
}
