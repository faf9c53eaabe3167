//! The lab: each file in tests/diagnosis-cases is a set-up somebody may have, and what `doctor` must say of it. Requests for
//! AWS's own host names reach the AWS double through a proxy. tests/support/lab.rs has the form of a case.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)]

#[path = "support/lab.rs"]
mod lab;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use lab::{Case, Expect, Remedy, SECRET, cases, expanded, set_up, token};
use serde_json::Value;
use support::bus::Bus;
use support::double::{Double, Fault, clock};
use support::sandbox::{Run, Sandbox};

fn doctor(home: &Sandbox, args: &[String]) -> (Run, Value) {
    let args: Vec<&str> = ["-v", "doctor", "--json"].into_iter().chain(args.iter().map(String::as_str)).collect();
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
    let _bus = match case.keyring.as_deref() {
        None => None,
        Some(state) => {
            let Some(bus) = Bus::start(true) else { return Ok(()) }; // it says that it skips, and may not in CI
            home.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
            if state == "locked" {
                bus.lock();
            }
            Some(bus)
        }
    };
    for args in &case.before {
        home.wrap(&args.iter().map(String::as_str).collect::<Vec<_>>());
    }
    case.after_setup.remove_roles.iter().for_each(|arn| aws.remove_role(arn));
    case.after_setup.remove_keys.iter().for_each(|id| aws.remove_key(id));
    if case.after_setup.forget_sessions {
        aws.forget_sessions();
    }
    let background = case.while_running.as_ref().map(|args| Background::start(&home, &aws, args));
    if let Some(call) = &case.call {
        return judge_call(case, call, &home, &aws);
    }
    let (run, report) = doctor(&home, &case.args);
    let args: Vec<&str> =
        ["doctor", "--offline"].into_iter().chain(case.args.iter().map(String::as_str).filter(|a| *a != "--offline")).collect();
    home.assert_no_leak(&home.wrap(&args).stdout, "the diagnosis for people");
    home.assert_no_leak(&home.wrap(&["why", "--all"]).stdout, "the journal");
    home.assert_no_secret_below(".local");
    let pretty = serde_json::to_string_pretty(&report["findings"]).unwrap();
    let expect = &case.expect;
    let errors = causes(&report, &["error"]);
    let mut wanted: Vec<&str> = expect.error.iter().chain(&expect.other_errors).map(String::as_str).collect();
    let wrong = |what: String| Err(format!("{what}\n{pretty}"));
    if errors.first() != expect.error.as_ref() {
        return wrong(format!("first error {:?}, wanted {:?}", errors.first(), expect.error));
    }
    let mut all: Vec<&str> = errors.iter().map(String::as_str).collect();
    all.sort_unstable();
    wanted.sort_unstable();
    if all != wanted {
        return wrong(format!("errors {all:?}, wanted {wanted:?}"));
    }
    let others = causes(&report, &["warning", "info"]);
    if let Some(missing) = expect.notes.iter().find(|cause| !others.contains(cause)) {
        return wrong(format!("{missing} is not in the notes"));
    }
    if run.code != Some(expect.exit) || report["healthy"] != Value::Bool(expect.error.is_none()) {
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
    drop(background);
    match &case.remedy {
        None => Ok(()),
        Some(remedy) => carry_out(case, remedy, &home, &aws, &first).or_else(wrong),
    }
}

/// The same for a call that says by itself what is wrong.
fn judge_call(case: &Case, call: &[String], home: &Sandbox, aws: &Double) -> Result<(), String> {
    let args: Vec<&str> = call.iter().map(String::as_str).collect();
    let (run, expect) = (home.run(&args), &case.expect);
    home.assert_no_secret_below(".local");
    let cause = expect.error.as_ref().map(|cause| format!("[{cause}]\n"));
    let place = expect.place.as_ref().map(|place| expanded(place, home, aws));
    if run.code != Some(expect.exit) || ![cause, place].into_iter().flatten().all(|text| run.stderr.contains(&text)) {
        return Err(format!("{run:#?}"));
    }
    let Some(remedy) = &case.remedy else { return Ok(()) };
    let remedies: Vec<&str> = run.stderr.lines().filter_map(|line| line.strip_prefix("  try:  ")).collect();
    if !remedies.join("\n").contains(&expanded(&remedy.shows, home, aws)) {
        return Err(format!("no remedy shows `{}`", remedy.shows));
    }
    let command = remedy.apply(home, aws)?.unwrap_or_default();
    if !command.is_empty() && !remedies.contains(&command.as_str()) {
        return Err(format!("`{command}` is no remedy word for word"));
    }
    let out = home.shell(&format!("{command}\n{} {} >/dev/null; echo $?", env!("CARGO_BIN_EXE_awsfresh"), call.join(" ")));
    if out.trim() == "0" { Ok(()) } else { Err(format!("after the remedy it exits with {out}")) }
}

/// A call that runs in the background until the case ends.
struct Background(std::process::Child);

impl Background {
    fn start(home: &Sandbox, aws: &Double, args: &[String]) -> Self {
        let child = Self(home.start(&args.iter().map(String::as_str).collect::<Vec<_>>()));
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while aws.count("AssumeRole") == 0 {
            assert!(std::time::Instant::now() < end, "the call in the background never asks for a role");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Carries out the remedy and runs `doctor` again.
fn carry_out(case: &Case, remedy: &Remedy, home: &Sandbox, aws: &Double, first: &Value) -> Result<(), String> {
    let remedies = text_of(&first["remedy"]);
    if !remedies.contains(&expanded(&remedy.shows, home, aws)) {
        return Err(format!("no remedy shows `{}`", remedy.shows));
    }
    let args = remedy.args.as_ref().unwrap_or(&case.args);
    let report = match remedy.apply(home, aws)? {
        None => doctor(home, args).1,
        Some(command) => {
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
fn a_placeholder_that_does_not_exist_is_an_error_that_names_it() {
    for wrong in ["{hom}", "{time}", "{time:soon}", "{sso_cache}", "{home:x}"] {
        let told = lab::check_placeholders(&format!("before {{home}} {wrong} after")).unwrap_err();
        assert!(told.ends_with(&format!(" {wrong}")), "{told}");
    }
    for text in [r#"{"a": {"b": "{time:+60}"}}"#, "${HOME} { {} {a b} {", "{sso_cache:https://corp.awsapps.com/start}"] {
        lab::check_placeholders(text).unwrap();
    }
}

#[test]
fn the_lab_is_large_enough() {
    let (cases, texts) = (cases(), texts());
    let count = |wanted: fn(&Expect) -> bool| cases.iter().filter(|(_, case)| wanted(&case.expect)).count();
    let (two, healthy) = (count(|e| !e.other_errors.is_empty()), count(|e| e.error.is_none()));
    assert!(cases.len() >= 120 && two >= 15 && healthy >= 20, "{} cases, {two} with two faults, {healthy} healthy", cases.len());
    assert!(texts.len() >= 25, "{} texts", texts.len());
}

/// Seen in a case, or in a text for `explain`.
#[test]
fn every_cause_has_a_case_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_to_string(root.join("docs/diagnosis.md")).unwrap();
    let codes = std::fs::read_to_string(root.join("docs/exit-codes.md")).unwrap();
    let (cases, texts) = (cases(), texts());
    let expected = cases.iter().flat_map(|(_, case)| case.expect.error.iter().chain(&case.expect.other_errors).chain(&case.expect.notes));
    let mut seen: BTreeSet<String> = expected.cloned().chain(texts.into_iter().map(|text| text.cause)).collect();
    if cases.iter().any(|(_, case)| case.expect.error.is_none()) {
        seen.insert("healthy".into());
    }
    let units = unit_tests(&root.join("src"));
    for cause in awsfresh::diagnosis::Cause::ALL {
        let id = cause.id();
        let variant = format!("{cause:?}");
        assert!(units.split(|c: char| !c.is_alphanumeric()).any(|word| word == variant), "no unit test speaks of {variant}");
        let section = docs.split_once(&format!("### `{id}`\n")).map(|(_, rest)| rest.split("\n#").next().unwrap_or(rest));
        let section = section.unwrap_or_else(|| panic!("docs/diagnosis.md has no heading for {id}"));
        for part in ["Seen as", "Known from", "Do", "Cannot tell"] {
            assert!(section.contains(&format!("- **{part}**: ")), "docs/diagnosis.md does not say `{part}` under {id}");
        }
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
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases/texts");
    let both = ["index.txt", "others.txt"].map(|name| std::fs::read_to_string(dir.join(name)).unwrap());
    let lines = both.iter().flat_map(|index| index.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'));
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
    // AWS quotes what stands in the key id's place, and logs hold what programs were started with.
    let swapped = format!(
        "An error occurred (IncompleteSignature) when calling the SendMessage operation: Credential must have exactly 5 slash-delimited elements, got '{SECRET}/20181031/us-east-2/sqs/aws4_request'"
    );
    let dumped = format!("AWS_SECRET_ACCESS_KEY={SECRET} AWS_SESSION_TOKEN={} (ExpiredToken)", token());
    for log in [swapped, dumped] {
        for args in [&["explain"][..], &["explain", "--json"]] {
            let (code, told) = explain(args, log.as_bytes());
            assert_eq!(code, Some(0));
            home.assert_no_leak(&told, "what a log quotes");
        }
    }
    assert_eq!(explain(&["explain"], b"all is well").0, Some(1));
    assert_eq!(explain(&["explain"], b"").0, Some(1));
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(String::from_utf8_lossy(log).encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(explain(&["explain"], &wide).0, Some(0), "what PowerShell redirects is UTF-16");
    home.file("log", log);
    let told = home.shell(&format!("cat log | {} explain /dev/stdin", env!("CARGO_BIN_EXE_awsfresh")));
    assert!(told.starts_with("found: InvalidClientTokenId"), "a pipe by its name: {told}");
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

/// The portal gives a hundred at a time.
#[test]
fn an_account_is_looked_for_among_all() {
    let aws = Double::start();
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    let start_url = "https://corp.awsapps.com/start";
    let (id, secret) = ("client".to_owned(), "client-secret".to_owned());
    aws.add_sso(support::double::SsoSession {
        start_url: start_url.into(),
        access_token: "sso-access".into(),
        refresh_token: None,
        client_id: id,
        client_secret: secret,
        token_expires: clock::now() + 3600,
        user: "ann".into(),
        assignments: (0..250).map(|n| (format!("{:012}", 111_111_111_000u64 + n), "Admin".to_owned())).collect(),
        role_lifetime: 3600,
    });
    let expires = clock::rfc3339(clock::now() + 3600);
    home.file(
        ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        format!(r#"{{"accessToken": "sso-access", "expiresAt": "{expires}"}}"#),
    );
    let seen = |account: &str, role: &str| {
        home.config(format!(
            "[sso-session corp]\nsso_start_url = {start_url}\nsso_region = eu-west-1\n\
             [profile dev]\nsso_session = corp\nsso_account_id = {account}\nsso_role_name = {role}\n"
        ));
        let report: Value = serde_json::from_str(&home.wrap(&["doctor", "--json", "-p", "dev"]).stdout).unwrap();
        assert_eq!(report["findings"][0]["cause"], "sso-access-removed", "{report:#}");
        text_of(&report["findings"][0]["evidence"])
    };
    assert!(seen("111111111300", "Admin").contains("(account-111111111009) and 240 more"));
    assert!(seen("111111111249", "admin").contains("in account 111111111249 there are for this user: Admin\n"));
    assert_eq!(aws.count("ListAccounts"), 6);
}

#[test]
fn what_aws_no_longer_takes_is_not_handed_out_again() {
    let aws = Double::start();
    aws.add_user("AKIAQCANARYCANARYCAN", SECRET, "arn:aws:iam::111111111111:user/ann");
    aws.add_role(support::double::Role { trusts: vec!["*".into()], ..support::double::Role::new("arn:aws:iam::222222222222:role/deploy") });
    let home = Sandbox::new(env!("CARGO_BIN_EXE_awsfresh"), &aws.url());
    home.secret(SECRET);
    home.credentials(format!("[base]\naws_access_key_id = AKIAQCANARYCANARYCAN\naws_secret_access_key = {SECRET}\n"));
    home.config("[profile deploy]\nrole_arn = arn:aws:iam::222222222222:role/deploy\nsource_profile = base\n");
    let key = || home.credentials_of("deploy").answer()["AccessKeyId"].clone();
    let first = key();
    aws.forget_sessions();
    assert_eq!(key(), first, "nobody knows yet");
    assert_eq!(home.wrap(&["doctor", "-p", "deploy"]).code, Some(0), "a new session was got");
    assert_ne!(key(), first);
    // Where no new one can be had, the old one is gone all the same.
    aws.remove_role("arn:aws:iam::222222222222:role/deploy");
    assert_eq!(home.wrap(&["doctor", "-p", "deploy"]).code, Some(5));
    home.credentials_of("deploy").failed(6, "assume-role-denied");
}
