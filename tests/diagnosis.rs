//! The lab: each file in tests/diagnosis-cases is a set-up somebody may have, and what `doctor` must say of it. Requests for
//! AWS's own host names reach the AWS double through a proxy.
//!
//! In every text `{home}` is the home directory, `{aws}` the double's URL, `{secret}` a secret of the right form, `{token}` a
//! session token of the right form, `{time:+60}` the time in 60 s, `{jwt:+60}` a web identity token that ends then.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::Value;
use support::double::{Double, Fault, Role, SsoSession, clock};
use support::sandbox::{Run, Sandbox};

const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYSECRET";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What somebody did.
    about: String,
    #[serde(default)]
    config: Option<String>,
    #[serde(default)]
    credentials: Option<String>,
    /// Further files below the home directory.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Permissions, in octal: `"600"`.
    #[serde(default)]
    modes: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    aws: Aws,
    /// awsfresh calls that were made before, whatever came of them.
    #[serde(default)]
    before: Vec<Vec<String>>,
    /// What changed at AWS after those.
    #[serde(default)]
    then: Then,
    /// Arguments of `doctor` but `--json`.
    #[serde(default)]
    args: Vec<String>,
    expect: Expect,
    #[serde(default)]
    mend: Option<Mend>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Aws {
    /// Key id and ARN; the secret is `{secret}`.
    #[serde(default)]
    users: Vec<(String, String)>,
    #[serde(default)]
    sessions: Vec<Session>,
    #[serde(default)]
    roles: Vec<CaseRole>,
    /// A token, and the role it is good for.
    #[serde(default)]
    web_identities: Vec<(String, String)>,
    #[serde(default)]
    expired_web_identities: Vec<String>,
    #[serde(default)]
    sso: Option<Sso>,
    /// A role that the machine and the container offer; the container's authorization token is `container-token`.
    #[serde(default)]
    machine_role: Option<String>,
    #[serde(default)]
    fault: Option<CaseFault>,
    /// By action: `AssumeRole`, `GetCallerIdentity`, `MetadataToken`, …
    #[serde(default)]
    faults: BTreeMap<String, CaseFault>,
    /// Regions in which no key is known; the others know all.
    #[serde(default)]
    unknown_in: Vec<String>,
    /// Nothing answers at the proxy.
    #[serde(default)]
    unreachable: bool,
    /// The client does not trust the proxy's authority.
    #[serde(default)]
    untrusted: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    id: String,
    arn: String,
    #[serde(default = "an_hour")]
    expires: i64,
}

fn an_hour() -> i64 {
    3600
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRole {
    arn: String,
    #[serde(default = "anyone")]
    trusts: Vec<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    mfa: bool,
    #[serde(default)]
    max_session: Option<u32>,
}

fn anyone() -> Vec<String> {
    vec!["*".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sso {
    start_url: String,
    /// The access token AWS knows.
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    /// Account and role.
    #[serde(default)]
    assignments: Vec<(String, String)>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum CaseFault {
    /// `hang`, `drop`, `garbage`.
    Named(String),
    Clock {
        clock: i64,
    },
    Html {
        html: u16,
    },
    Error {
        status: u16,
        code: String,
        message: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    #[serde(default)]
    remove_roles: Vec<String>,
    #[serde(default)]
    remove_keys: Vec<String>,
    #[serde(default)]
    forget_sessions: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Cause of the first finding that is an error; none where nothing is wrong.
    #[serde(default)]
    first: Option<String>,
    /// Causes of every further error.
    #[serde(default)]
    also: Vec<String>,
    /// Causes of warnings and notes that must be there.
    #[serde(default)]
    noted: Vec<String>,
    /// Stands in the first error's evidence.
    #[serde(default)]
    place: Option<String>,
    #[serde(default)]
    certainty: Option<String>,
    /// Of the process.
    exit: i32,
}

/// What the remedy says, done; afterwards nothing is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mend {
    /// Stands in a remedy of the first error.
    shows: String,
    /// Commands to run in a shell in the case's environment, where the remedy is one: must be a remedy word for word.
    #[serde(default)]
    run: Option<String>,
    /// Replaces in files below the home directory: file, text, replacement.
    #[serde(default)]
    edit: Vec<(String, String, String)>,
    /// What was done outside: variables that changed.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What was done at AWS: `heal` ends the faults.
    #[serde(default)]
    heal: bool,
    /// Roles that are there now.
    #[serde(default)]
    roles: Vec<CaseRole>,
    /// Arguments of the second call, where they differ.
    #[serde(default)]
    args: Option<Vec<String>>,
}

fn token() -> String {
    format!("IQoJb3JpZ2luX2Vj{}", "CanaryToken9".repeat(40))
}

fn expanded(text: &str, home: &Sandbox, aws: &Double) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = tail.split_once('}') else {
            out.push('{');
            rest = tail;
            continue;
        };
        let seconds = |text: &str| text.parse::<i64>().ok().map(|s| clock::now() + s);
        let value: Option<String> = match name.split_once(':') {
            None if name == "home" => Some(home.home().display().to_string()),
            None if name == "aws" => Some(aws.url()),
            None if name == "secret" => Some(SECRET.to_owned()),
            None if name == "token" => Some(token()),
            Some(("time", offset)) => seconds(offset).map(clock::rfc3339),
            Some(("jwt", offset)) => seconds(offset).map(|end| {
                let part = |text: String| {
                    aws_smithy_types::base64::encode(text).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
                };
                let claims = format!(r#"{{"iss":"https://token.example","sub":"repo:x","aud":"sts.amazonaws.com","exp":{end}}}"#);
                format!("{}.{}.c2lnbmF0dXJl", part(r#"{"alg":"RS256"}"#.into()), part(claims))
            }),
            _ => None,
        };
        match value {
            Some(value) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

fn fault(fault: &CaseFault) -> Fault {
    match fault.clone() {
        CaseFault::Named(name) => match name.as_str() {
            "hang" => Fault::Hang,
            "drop" => Fault::Drop,
            "garbage" => Fault::Garbage,
            other => panic!("no fault is called {other}"),
        },
        CaseFault::Clock { clock } => Fault::ClockOffset(clock),
        CaseFault::Html { html } => Fault::Html(html),
        CaseFault::Error { status, code, message } => Fault::Error { status, code, message },
    }
}

fn role(role: &CaseRole) -> Role {
    let max_session = role.max_session.unwrap_or(3600);
    Role { trusts: role.trusts.clone(), external_id: role.external_id.clone(), mfa: role.mfa, max_session, ..Role::new(&role.arn) }
}

fn set_up(case: &Case, aws: &Double) -> Sandbox {
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.secret(SECRET).secret(&token());
    let proxy = aws.proxy();
    home.unset("AWS_ENDPOINT_URL").env("HTTPS_PROXY", if case.aws.unreachable { "http://127.0.0.1:9" } else { &proxy.url });
    if !case.aws.untrusted {
        home.env("AWS_CA_BUNDLE", home.file("ca.pem", &proxy.ca_pem).to_str().unwrap());
    }
    home.env("AWS_EC2_METADATA_DISABLED", "true");
    let expand = |text: &str| expanded(text, &home, aws);
    for (name, value) in &case.env {
        match value.as_str() {
            "" => home.unset(name),
            value => home.env(name, &expand(value)),
        };
    }
    let both = [(".aws/config", &case.config), (".aws/credentials", &case.credentials)];
    for (path, text) in both.into_iter().filter_map(|(path, text)| Some((path, text.as_ref()?))) {
        set_mode(&home.file(path, expand(text)), "600");
    }
    for (path, text) in &case.files {
        set_mode(&home.file(&expand(path), expand(text)), "600");
    }
    for (path, mode) in &case.modes {
        set_mode(&home.home().join(path), mode);
    }
    let setup = &case.aws;
    for (id, arn) in &setup.users {
        aws.add_user(id, SECRET, arn);
    }
    for session in &setup.sessions {
        aws.add_session(&session.id, SECRET, &token(), &session.arn, clock::now() + session.expires);
    }
    setup.roles.iter().for_each(|one| aws.add_role(role(one)));
    for (text, role) in &setup.web_identities {
        aws.add_web_identity(&expand(text), role);
    }
    setup.expired_web_identities.iter().for_each(|text| aws.expire_web_identity(&expand(text)));
    if let Some(sso) = &setup.sso {
        aws.add_sso(SsoSession {
            start_url: sso.start_url.clone(),
            access_token: sso.access_token.clone(),
            refresh_token: sso.refresh_token.clone(),
            client_id: "client".into(),
            client_secret: "client-secret".into(),
            token_expires: clock::now() + 3600,
            user: "ann".into(),
            assignments: setup.sso.iter().flat_map(|sso| sso.assignments.clone()).collect(),
            role_lifetime: 3600,
        });
    }
    if let Some(role) = &setup.machine_role {
        aws.surround(role, "container-token");
    }
    aws.unknown_in(&setup.unknown_in);
    if let Some(one) = &setup.fault {
        aws.fault(fault(one));
    }
    for (action, one) in &setup.faults {
        aws.fault_on(action, fault(one));
    }
    home
}

#[cfg(unix)]
fn set_mode(path: &Path, octal: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = u32::from_str_radix(octal, 8).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn doctor(home: &Sandbox, args: &[String]) -> (Run, Value) {
    let args: Vec<&str> = ["doctor", "--json"].into_iter().chain(args.iter().map(String::as_str)).collect();
    let run = home.wrap(&args);
    home.assert_no_leak(&run.stdout, "the diagnosis");
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    (run, report)
}

fn causes(report: &Value, wanted: &[&str]) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let of = findings.iter().filter(|f| wanted.contains(&f["severity"].as_str().unwrap()));
    of.map(|f| f["cause"].as_str().unwrap().to_owned()).collect()
}

fn text_of(value: &Value) -> String {
    value.as_array().map(|lines| lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

/// What is wrong with the diagnosis of one case.
fn judge(case: &Case) -> Result<(), String> {
    let aws = Double::start();
    let home = set_up(case, &aws);
    for args in &case.before {
        home.wrap(&args.iter().map(String::as_str).collect::<Vec<_>>());
    }
    case.then.remove_roles.iter().for_each(|arn| aws.remove_role(arn));
    case.then.remove_keys.iter().for_each(|id| aws.remove_key(id));
    if case.then.forget_sessions {
        aws.forget_sessions();
    }
    let (run, report) = doctor(&home, &case.args);
    let pretty = serde_json::to_string_pretty(&report["findings"]).unwrap();
    let expect = &case.expect;
    let errors = causes(&report, &["error"]);
    let mut wanted: Vec<&str> = expect.first.iter().chain(&expect.also).map(String::as_str).collect();
    let wrong = |what: String| Err(format!("{what}\n{pretty}"));
    if errors.first() != expect.first.as_ref() {
        return wrong(format!("first error {:?}, wanted {:?}", errors.first(), expect.first));
    }
    let mut all: Vec<&str> = errors.iter().map(String::as_str).collect();
    all.sort_unstable();
    wanted.sort_unstable();
    if all != wanted {
        return wrong(format!("errors {all:?}, wanted {wanted:?}"));
    }
    let others = causes(&report, &["warning", "info"]);
    if let Some(missing) = expect.noted.iter().find(|cause| !others.contains(cause)) {
        return wrong(format!("{missing} is not noted"));
    }
    if run.code != Some(expect.exit) || report["healthy"] != Value::Bool(expect.first.is_none()) {
        return wrong(format!("exit {:?}, healthy {}", run.code, report["healthy"]));
    }
    let first = report["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "error").cloned().unwrap_or_default();
    if let Some(place) = &expect.place
        && !text_of(&first["evidence"]).contains(&expanded(place, &home, &aws))
    {
        return wrong(format!("no `{place}` in the evidence"));
    }
    if let Some(certainty) = expect.certainty.as_ref().filter(|certainty| first["certainty"] != ***certainty) {
        return wrong(format!("not {certainty}"));
    }
    match &case.mend {
        None => Ok(()),
        Some(mend) => mended(case, mend, &home, &aws, &first).or_else(wrong),
    }
}

/// Does what the remedy says, and looks again.
fn mended(case: &Case, mend: &Mend, home: &Sandbox, aws: &Double, first: &Value) -> Result<(), String> {
    let remedies = text_of(&first["remedy"]);
    if !remedies.contains(&expanded(&mend.shows, home, aws)) {
        return Err(format!("no remedy shows `{}`", mend.shows));
    }
    if mend.heal {
        aws.heal();
    }
    mend.roles.iter().for_each(|one| aws.add_role(role(one)));
    for (file, from, to) in &mend.edit {
        let path = home.home().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (from, to) = (expanded(from, home, aws), expanded(to, home, aws));
        if !text.contains(&from) {
            return Err(format!("`{from}` is not in {file}"));
        }
        std::fs::write(path, text.replace(&from, &to)).unwrap();
    }
    for (name, value) in &mend.env {
        match value.as_str() {
            "" => home.unset(name),
            value => home.env(name, &expanded(value, home, aws)),
        };
    }
    let args = mend.args.as_ref().unwrap_or(&case.args);
    let report = match &mend.run {
        None => doctor(home, args).1,
        Some(command) => {
            let command = expanded(command, home, aws);
            if !remedies.lines().any(|line| line == command) {
                return Err(format!("`{command}` is no remedy word for word"));
            }
            let me = env!("CARGO_BIN_EXE_awsfresh");
            let out = home.shell(&format!("{command}\n{me} doctor --json {}", args.join(" ")));
            serde_json::from_str(&out).map_err(|e| format!("{e} after the remedy: {out}"))?
        }
    };
    let left = causes(&report, &["error"]);
    if left.is_empty() { Ok(()) } else { Err(format!("after the remedy there is still {left:?}")) }
}

fn cases() -> Vec<(String, Case)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    paths.sort();
    let only = std::env::var("AWSFRESH_TEST_CASE").unwrap_or_default();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        (name(path), toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    };
    paths.iter().filter(|path| name(path).contains(&only)).map(read).collect()
}

/// `AWSFRESH_TEST_CASE=NAME` runs those whose name contains NAME.
#[test]
fn every_case_is_diagnosed() {
    let cases = cases();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, case)) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = std::panic::catch_unwind(|| judge(case)).unwrap_or_else(|_| Err("the case panics".into()));
                    if let Err(why) = outcome {
                        failures.lock().unwrap().insert(name.clone(), format!("{}: {why}", case.about));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let told: Vec<String> = failures.iter().map(|(name, why)| format!("== {name}: {why}")).collect();
    assert!(failures.is_empty(), "{}\n{} of {} cases are wrong", told.join("\n"), failures.len(), cases.len());
}

#[test]
fn the_lab_is_large_enough() {
    if std::env::var("AWSFRESH_TEST_CASE").is_ok() {
        return;
    }
    let (cases, texts) = (cases(), texts());
    let count = |wanted: fn(&Expect) -> bool| cases.iter().filter(|(_, case)| wanted(&case.expect)).count();
    let (two, healthy) = (count(|e| !e.also.is_empty()), count(|e| e.first.is_none()));
    assert!(cases.len() >= 120 && two >= 15 && healthy >= 20, "{} cases, {two} with two faults, {healthy} healthy", cases.len());
    assert!(texts.len() >= 25, "{} texts", texts.len());
}

/// Seen by `doctor` in a case, or somewhere in the other suites, which check the id they get.
#[test]
fn every_cause_has_a_case_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_to_string(root.join("docs/diagnosis.md")).unwrap();
    let codes = std::fs::read_to_string(root.join("docs/exit-codes.md")).unwrap();
    let (cases, texts) = (cases(), texts());
    let expected = cases.iter().flat_map(|(_, case)| case.expect.first.iter().chain(&case.expect.also).chain(&case.expect.noted));
    let mut seen: BTreeSet<String> = expected.cloned().chain(texts.into_iter().map(|text| text.cause)).collect();
    if cases.iter().any(|(_, case)| case.expect.first.is_none()) {
        seen.insert("healthy".into());
    }
    for file in ["hostile.rs", "wrap.rs", "roles.rs", "sso.rs", "surroundings.rs", "keyring.rs", "diagnosis.rs"] {
        let text = std::fs::read_to_string(root.join("tests").join(file)).unwrap();
        let ids = awsfresh::diagnosis::Cause::ALL.iter().map(|cause| cause.id());
        seen.extend(ids.filter(|id| text.contains(&format!("\"{id}\"")) || text.contains(&format!("[{id}]"))).map(str::to_owned));
    }
    let units = unit_tests(&root.join("src"));
    for cause in awsfresh::diagnosis::Cause::ALL {
        let id = cause.id();
        let variant = format!("{cause:?}");
        assert!(units.split(|c: char| !c.is_alphanumeric()).any(|word| word == variant), "no unit test speaks of {variant}");
        assert!(docs.contains(&format!("### `{id}`\n")), "docs/diagnosis.md has no heading for {id}");
        let row = codes.lines().find(|line| line.starts_with(&format!("| {} |", cause.exit_code()))).unwrap();
        assert!(row.contains(&format!("`{id}`")), "docs/exit-codes.md does not list {id} under {}", cause.exit_code());
        assert!(seen.contains(id), "no case for {id}");
    }
    let headings = docs.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    for id in headings {
        assert!(
            awsfresh::diagnosis::Cause::ALL.iter().any(|cause| cause.id() == id),
            "docs/diagnosis.md has a heading for {id}, which is no cause"
        );
    }
}

/// The text of every unit test.
fn unit_tests(dir: &Path) -> String {
    let mut all = String::new();
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all += &unit_tests(&path);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = path.file_name().unwrap().to_string_lossy().ends_with("tests.rs");
        all += if whole { &text } else { text.split_once("mod tests {").map_or("", |(_, tests)| tests) };
    }
    all
}

/// One text that a real client printed: `NAME CAUSE CODE SERVICE OPERATION`, `-` for what it does not show.
struct Text {
    name: String,
    cause: String,
    code: Option<String>,
    operation: Option<String>,
}

fn texts() -> Vec<Text> {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases/texts/index.txt");
    let index = std::fs::read_to_string(index).unwrap_or_default();
    let lines = index.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let text = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let shown = |n: usize| words.get(n).filter(|word| **word != "-").map(|word| (*word).to_owned());
        Text { name: shown(0).unwrap(), cause: shown(1).unwrap(), code: shown(2), operation: shown(4) }
    };
    lines.map(text).collect()
}

#[test]
fn what_real_clients_print_is_explained() {
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), "http://127.0.0.1:9");
    home.unset("AWS_ENDPOINT_URL");
    let mut wrong = Vec::new();
    for Text { name, cause, code, operation } in texts() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases/texts").join(&name);
        let run = home.wrap(&["explain", "--json", path.to_str().unwrap()]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let (error, finding) = (&report["errors"][0], &report["findings"][0]);
        let shows = |key: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| error[key] == **wanted);
        if run.code != Some(0) || finding["cause"] != *cause || !shows("code", &code) || !shows("operation", &operation) {
            wrong.push(format!("{name}: wanted {cause} {code:?} {operation:?}, got {:?} {report:#}", run.code));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} texts are wrong", wrong.join("\n"), wrong.len());
}

#[test]
fn a_log_is_read_from_stdin_and_put_beside_what_is_wrong_here() {
    use std::io::Write;
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), "http://127.0.0.1:9");
    home.unset("AWS_ENDPOINT_URL").secret(SECRET).secret(&token());
    let explain = |args: &[&str], text: &[u8]| {
        let mut child = home.command(args).stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let log = b"An error occurred (InvalidClientTokenId) when calling the ListUsers operation: The security token included in the request is invalid.";
    let (code, told) = explain(&["explain"], log);
    assert!(code == Some(0) && told.starts_with("found: InvalidClientTokenId from ListUsers\n"), "{told}");
    assert!(told.contains("[access-key-unknown]"), "{told}");
    // The same log where a long-term key is exported together with a token.
    home.env("AWS_ACCESS_KEY_ID", "AKIAQCANARYCANARYCAN").env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_SESSION_TOKEN", &token());
    let (_, told) = explain(&["explain", "-"], log);
    let first = told.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(first.contains("[stale-session-token]") && !told.contains(SECRET), "{told}");
    assert_eq!(explain(&["explain"], b"all is well").0, Some(1));
    assert_eq!(explain(&["explain"], b"").0, Some(1));
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(String::from_utf8_lossy(log).encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(explain(&["explain"], &wide).0, Some(0), "what PowerShell redirects is UTF-16");
    let run = home.run(&["explain", "missing.log"]);
    run.failed(2, "usage");
}

#[test]
fn what_a_caller_kept_to_itself_is_told_afterwards() {
    let aws = Double::start();
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.secret(SECRET);
    assert_eq!(home.wrap(&["why"]).stdout, "no awsfresh call has failed here\n");
    home.credentials(format!("[base]\naws_access_key_id = AKIAQCANARYCANARYCAN\naws_secret_access_key = {SECRET}\n"));
    home.config("[profile deploy]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = base\n");
    home.credentials_of("deploy").failed(5, "access-key-unknown");
    home.credentials_of("nobody").failed(3, "profile-not-found");
    let told = home.wrap(&["why"]);
    assert!(told.stdout.contains("[access-key-unknown]") && told.stdout.contains("[profile-not-found]"), "{told:?}");
    assert!(told.stdout.contains("credential-process, called by "), "{told:?}");
    let json: Value = serde_json::from_str(&home.wrap(&["why", "--json"]).stdout).unwrap();
    let failures = json["failures"].as_array().unwrap();
    assert_eq!((failures.len(), &failures[1]["cause"]), (2, &Value::from("profile-not-found")));
    let journal = home.home().join(".local/state/awsfresh/journal.jsonl");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&journal).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    home.assert_no_secret_on_disk();
    // A journal that cannot be written is no reason to fail otherwise than with the failure itself.
    std::fs::remove_file(&journal).unwrap();
    std::fs::create_dir(&journal).unwrap();
    home.credentials_of("nobody").failed(3, "profile-not-found");
    home.run(&["why"]).failed(3, "file-permissions");
}

#[test]
fn a_lock_that_is_held_too_long_is_told() {
    let aws = Double::start();
    aws.add_user("AKIAQCANARYCANARYCAN", SECRET, "arn:aws:iam::111111111111:user/ann");
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.secret(SECRET).env("AWSFRESH_TIMEOUT", "30");
    home.credentials(format!("[base]\naws_access_key_id = AKIAQCANARYCANARYCAN\naws_secret_access_key = {SECRET}\n"));
    home.config("[profile deploy]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = base\n");
    aws.fault(Fault::Hang);
    let mut holder = home.start(&["credential-process", "-p", "deploy"]);
    while aws.count("AssumeRole") == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    home.env("AWSFRESH_TIMEOUT", "0.5").credentials_of("deploy").failed(9, "lock-timeout");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

/// Everything swallows what is sent to it and answers nothing.
#[test]
fn a_black_hole_is_told_in_time() {
    let aws = Double::start();
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.unset("AWS_ENDPOINT_URL").env("HTTPS_PROXY", &format!("http://{}", hole.local_addr().unwrap()));
    home.secret(SECRET).config(
        "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n\
         [profile dev]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 444444444444\nsso_role_name = Admin\n",
    );
    let expires = clock::rfc3339(clock::now() + 3600);
    let name = "ee0bfd2552fbd840c02cc48b6e823320543c450f";
    home.file(&format!(".aws/sso/cache/{name}.json"), format!(r#"{{"accessToken": "a", "expiresAt": "{expires}"}}"#));
    let run = home.env("AWS_ACCESS_KEY_ID", "AKIAQCANARYCANARYCAN").env("AWS_SECRET_ACCESS_KEY", SECRET).wrap(&["doctor", "-p", "dev"]);
    assert_eq!(run.code, Some(7), "{run:?}");
    assert!(run.took < std::time::Duration::from_millis(4500), "{:?}", run.took);
    for host in ["sts.eu-west-1", "oidc.eu-west-1", "portal.sso.eu-west-1"] {
        assert!(run.stdout.contains(&format!("✗ network      {host}.amazonaws.com does not answer in time")), "{}", run.stdout);
    }
}
