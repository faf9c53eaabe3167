//! The lab: each file in tests/diagnosis-cases is a setup that a user may have, and the diagnosis
//! that `doctor` must give. Requests for AWS's own host names reach the AWS double through a proxy.
//! tests/support/lab.rs documents the format of a case. Each text in tests/diagnosis-cases/texts
//! was printed by a real client, and `explain` must find its cause. So it must for each log in
//! tests/diagnosis-cases/logs, which is from a public thread, with the cause that the thread found.
//!
//! Every case is a test with the name of its file: `cargo test --test diagnosis sso-fips` runs
//! those whose name contains `sso-fips`. The tests of texts are named `explain/NAME`,
//! those of logs `log/NAME`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/remedy_check.rs"]
mod remedy_check;
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use lab::{Case, Expect, Log, Remedy, Text, cases, expanded, logs, set_up, texts};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;
use support::bus::Bus;
use support::container::{NO_NAMESPACE, needs_namespace};
use support::double::Double;
use support::fixtures::{AWSFRESH, offline_home};
use support::sandbox::{Run, Sandbox};

fn main() -> ExitCode {
    let case =
        |name: String| Trial::ignorable_test(name.clone(), move || judge(&lab::case(&name)?));
    let text = |text: Text| {
        Trial::test(
            format!("explain/{}", text.name.trim_end_matches(".txt")),
            move || is_explained(&text),
        )
    };
    let log = |(name, log): (String, Log)| {
        Trial::test(format!("log/{name}"), move || is_understood(&log))
    };
    let about_the_lab: [(&str, fn()); 4] = [
        (
            "the_check_of_remedies_finds_losses",
            remedy_check::the_check_finds_losses,
        ),
        (
            "an_unknown_placeholder_is_an_error_with_its_name",
            an_unknown_placeholder_is_an_error_with_its_name,
        ),
        ("the_lab_is_large_enough", the_lab_is_large_enough),
        (
            "every_cause_has_a_case_and_a_heading",
            every_cause_has_a_case_and_a_heading,
        ),
    ];
    let about_the_lab = about_the_lab.into_iter().map(|(name, check)| {
        let run = move || {
            check();
            Ok(())
        };
        Trial::test(name, run)
    });
    let trials = lab::names()
        .into_iter()
        .map(case)
        .chain(texts().into_iter().map(text))
        .chain(logs().into_iter().map(log))
        .chain(about_the_lab)
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn doctor(home: &Sandbox, args: &[String]) -> (Run, Value) {
    let args: Vec<&str> = ["-v", "doctor", "--json"]
        .into_iter()
        .chain(args.iter().map(String::as_str))
        .collect();
    let run = home.wrap(&args);
    home.assert_no_leak(&run.stdout, "the JSON diagnosis");
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    (run, report)
}

fn causes(report: &Value, wanted: &[&str]) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let matching = findings
        .iter()
        .filter(|f| wanted.contains(&f["severity"].as_str().unwrap()));
    matching
        .map(|f| f["cause"].as_str().unwrap().to_owned())
        .collect()
}

fn text_of(value: &Value) -> String {
    value
        .as_array()
        .map(|lines| {
            lines
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .unwrap_or_default()
}

/// Runs one case. The error describes the difference from the expected diagnosis. A case that needs
/// a keyring or a mount namespace is ignored on a machine without one; in CI it fails.
fn judge(case: &Case) -> Result<Completion, Failed> {
    if let Some(missing) = case.keyring.as_ref().and_then(|_| Bus::missing()) {
        return Ok(Completion::ignored_with(missing));
    }
    if lab::is_without_home(case) && needs_namespace().is_none() {
        return Ok(Completion::ignored_with(NO_NAMESPACE));
    }
    diagnosed(case).map_err(|why| format!("{}: {why}", case.about))?;
    Ok(Completion::Completed)
}

fn diagnosed(case: &Case) -> Result<(), String> {
    let aws = Double::start();
    let home = set_up(case, &aws);
    let bus = case.keyring.as_ref().map(|_| Bus::start(true).unwrap());
    if let Some(bus) = &bus {
        home.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
        if case.keyring.as_deref() == Some("locked") {
            bus.lock();
        }
    }
    for args in &case.before {
        home.wrap(&args.iter().map(String::as_str).collect::<Vec<_>>());
    }
    case.after_setup
        .remove_roles
        .iter()
        .for_each(|arn| aws.remove_role(arn));
    case.after_setup
        .remove_keys
        .iter()
        .for_each(|id| aws.remove_key(id));
    if case.after_setup.forget_sessions {
        aws.forget_sessions();
    }
    let background = case
        .while_running
        .as_ref()
        .map(|args| Background::start(&home, &aws, args));
    if let Some(call) = &case.call {
        return judge_call(case, call, &home, &aws);
    }
    let (run, report) = doctor(&home, &case.args);
    let args: Vec<&str> = ["doctor", "--offline"]
        .into_iter()
        .chain(
            case.args
                .iter()
                .map(String::as_str)
                .filter(|a| *a != "--offline"),
        )
        .collect();
    home.assert_no_leak(&home.wrap(&args).stdout, "the diagnosis as text");
    home.assert_no_leak(&home.wrap(&["why", "--all"]).stdout, "the journal");
    home.assert_no_secret_below(".local");
    let pretty = serde_json::to_string_pretty(&report["findings"]).unwrap();
    let expect = &case.expect;
    for finding in report["findings"].as_array().unwrap() {
        check_first_line(finding["summary"].as_str().unwrap(), &home)?;
        for remedy in finding["remedy"].as_array().into_iter().flatten() {
            remedy_check::check(remedy.as_str().unwrap(), home.home())?;
        }
    }
    let errors = causes(&report, &["error"]);
    let mut wanted: Vec<&str> = expect
        .error
        .iter()
        .chain(&expect.other_errors)
        .map(String::as_str)
        .collect();
    let wrong = |problem: String| Err(format!("{problem}\n{pretty}"));
    if errors.first() != expect.error.as_ref() {
        return wrong(format!(
            "first error {:?}, wanted {:?}",
            errors.first(),
            expect.error
        ));
    }
    let mut all: Vec<&str> = errors.iter().map(String::as_str).collect();
    all.sort_unstable();
    wanted.sort_unstable();
    if all != wanted {
        return wrong(format!("errors {all:?}, wanted {wanted:?}"));
    }
    let others = causes(&report, &["warning", "info"]);
    if let Some(missing) = expect.notes.iter().find(|cause| !others.contains(cause)) {
        return wrong(format!("{missing} is missing from the warnings and notes"));
    }
    if run.code != Some(expect.exit) || report["healthy"] != Value::Bool(expect.error.is_none()) {
        return wrong(format!(
            "exit {:?}, healthy {}",
            run.code, report["healthy"]
        ));
    }
    let first = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["severity"] == "error")
        .cloned()
        .unwrap_or_default();
    if let Some(place) = &expect.place
        && !text_of(&first["evidence"]).contains(&expanded(place, &home, &aws))
    {
        return wrong(format!("no `{place}` in the evidence"));
    }
    if let Some(certainty) = expect
        .certainty
        .as_ref()
        .filter(|certainty| first["certainty"] != ***certainty)
    {
        return wrong(format!("the certainty is not {certainty}"));
    }
    drop(background);
    match &case.remedy {
        None => Ok(()),
        Some(remedy) => apply_remedy(case, remedy, &home, &aws, &first).or_else(wrong),
    }
}

/// The longest first line of a failure, in characters. The cause in brackets does not count, and
/// neither does what the user chose: ARNs, hosts, and the path of the home directory.
const FIRST_LINE: usize = 100;

/// SDKs and terminals cut long lines: the first one must say everything.
fn check_first_line(summary: &str, home: &Sandbox) -> Result<(), String> {
    let text = summary.replace(&home.home().display().to_string(), "~");
    let words = text.split(' ').map(|word| match word {
        _ if word.starts_with("arn:") => "ARN",
        _ if word.starts_with("http") || word.ends_with(".invalid") => "HOST",
        _ if word.contains(".amazonaws.com") => "HOST",
        _ => word,
    });
    let line = format!("awsfresh: {}", words.collect::<Vec<_>>().join(" "));
    match line.chars().count() {
        0..=FIRST_LINE => Ok(()),
        length => Err(format!("the first line has {length} characters: {line}")),
    }
}

/// The same for a call that reports its own failure.
fn judge_call(case: &Case, call: &[String], home: &Sandbox, aws: &Double) -> Result<(), String> {
    let args: Vec<&str> = call.iter().map(String::as_str).collect();
    let (run, expect) = (home.run(&args), &case.expect);
    let first = run
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("awsfresh: "));
    let summary = first
        .and_then(|line| line.rsplit_once(" ["))
        .map(|(summary, _)| summary);
    check_first_line(summary.unwrap_or_default(), home)?;
    home.assert_no_secret_below(".local");
    let cause = expect.error.as_ref().map(|cause| format!("[{cause}]\n"));
    let place = expect
        .place
        .as_ref()
        .map(|place| expanded(place, home, aws));
    if run.code != Some(expect.exit)
        || ![cause, place]
            .into_iter()
            .flatten()
            .all(|text| run.stderr.contains(&text))
    {
        return Err(format!("{run:#?}"));
    }
    let Some(remedy) = &case.remedy else {
        return Ok(());
    };
    let remedies: Vec<&str> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  try:  "))
        .collect();
    if !remedies
        .join("\n")
        .contains(&expanded(&remedy.shows, home, aws))
    {
        return Err(format!("no remedy contains `{}`", remedy.shows));
    }
    let command = remedy.apply(home, aws)?.unwrap_or_default();
    if !command.is_empty() && !remedies.contains(&command.as_str()) {
        return Err(format!("no remedy is exactly `{command}`"));
    }
    let out = home.shell(&format!(
        "{AWSFRESH_COMMAND}{command}\n{AWSFRESH} {} >/dev/null; echo $?",
        call.join(" ")
    ));
    if out.trim() == "0" {
        Ok(())
    } else {
        Err(format!("exit code {out} after the remedy"))
    }
}

/// Lets a remedy call awsfresh by its name. A sign-in takes the device flow, as over SSH; the double
/// approves every code.
const AWSFRESH_COMMAND: &str = concat!(
    "awsfresh() { SSH_CONNECTION=lab \"",
    env!("CARGO_BIN_EXE_awsfresh"),
    "\" \"$@\"; }\n"
);

/// A call that runs in the background until the case ends.
struct Background(std::process::Child);

impl Background {
    fn start(home: &Sandbox, aws: &Double, args: &[String]) -> Self {
        let child = Self(home.start(&args.iter().map(String::as_str).collect::<Vec<_>>()));
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while aws.count("AssumeRole") + aws.count("CreateToken") == 0 {
            assert!(
                std::time::Instant::now() < end,
                "the background call never calls AWS"
            );
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

/// Applies the remedy and runs `doctor` again.
fn apply_remedy(
    case: &Case,
    remedy: &Remedy,
    home: &Sandbox,
    aws: &Double,
    first: &Value,
) -> Result<(), String> {
    let remedies = text_of(&first["remedy"]);
    if !remedies.contains(&expanded(&remedy.shows, home, aws)) {
        return Err(format!("no remedy contains `{}`", remedy.shows));
    }
    let args = remedy.args.as_ref().unwrap_or(&case.args);
    let report = match remedy.apply(home, aws)? {
        None => doctor(home, args).1,
        Some(command) => {
            if !remedies.lines().any(|line| line == command) {
                return Err(format!("no remedy is exactly `{command}`"));
            }
            let out = home.shell(&format!(
                "{AWSFRESH_COMMAND}{command}\n{AWSFRESH} doctor --json {}",
                args.join(" ")
            ));
            serde_json::from_str(&out).map_err(|e| format!("{e} after the remedy: {out}"))?
        }
    };
    let left = causes(&report, &["error"]);
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("errors after the remedy: {left:?}"))
    }
}

fn an_unknown_placeholder_is_an_error_with_its_name() {
    for wrong in ["{hom}", "{time}", "{time:soon}", "{sso_cache}", "{home:x}"] {
        let error = lab::check_placeholders(&format!("before {{home}} {wrong} after")).unwrap_err();
        assert!(error.ends_with(&format!(" {wrong}")), "{error}");
    }
    for text in [
        r#"{"a": {"b": "{time:+60}"}}"#,
        "${HOME} { {} {a b} {",
        "{sso_cache:https://corp.awsapps.com/start}",
    ] {
        lab::check_placeholders(text).unwrap();
    }
}

fn the_lab_is_large_enough() {
    let (cases, texts) = (cases(), texts());
    let count = |wanted: fn(&Expect) -> bool| {
        cases
            .iter()
            .filter(|(_, case)| wanted(&case.expect))
            .count()
    };
    let (two, healthy) = (
        count(|e| !e.other_errors.is_empty()),
        count(|e| e.error.is_none()),
    );
    assert!(
        cases.len() >= 500 && two >= 15 && healthy >= 150,
        "{} cases, {two} with two errors, {healthy} healthy",
        cases.len()
    );
    assert!(texts.len() >= 25, "{} texts", texts.len());
}

/// A text for `explain` counts as a case.
fn every_cause_has_a_case_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_to_string(root.join("docs/diagnosis.md")).unwrap();
    let codes = std::fs::read_to_string(root.join("docs/exit-codes.md")).unwrap();
    let (cases, texts) = (cases(), texts());
    let expected = cases.iter().flat_map(|(_, case)| {
        case.expect
            .error
            .iter()
            .chain(&case.expect.other_errors)
            .chain(&case.expect.notes)
    });
    let mut seen: BTreeSet<String> = expected
        .cloned()
        .chain(texts.into_iter().map(|text| text.cause))
        .collect();
    if cases.iter().any(|(_, case)| case.expect.error.is_none()) {
        seen.insert("healthy".into());
    }
    let units = unit_tests(&root.join("src"));
    for cause in awsfresh::finding::Cause::ALL {
        let id = cause.id();
        let variant = format!("{cause:?}");
        assert!(
            units
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| word == variant),
            "no unit test mentions {variant}"
        );
        let section = docs
            .split_once(&format!("### `{id}`\n"))
            .map(|(_, rest)| rest.split("\n#").next().unwrap_or(rest));
        let section =
            section.unwrap_or_else(|| panic!("docs/diagnosis.md has no heading for {id}"));
        for part in ["Seen as", "Known from", "Do", "Cannot tell"] {
            assert!(
                section.contains(&format!("- **{part}**: ")),
                "docs/diagnosis.md has no `{part}` under {id}"
            );
        }
        let row = codes
            .lines()
            .find(|line| line.starts_with(&format!("| {} |", cause.class().code())))
            .unwrap();
        assert!(
            row.contains(&format!("`{id}`")),
            "docs/exit-codes.md does not list {id} under {}",
            cause.class().code()
        );
        assert!(seen.contains(id), "no case for {id}");
    }
    let headings = docs
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    for id in headings {
        assert!(
            awsfresh::finding::Cause::ALL
                .iter()
                .any(|cause| cause.id() == id),
            "docs/diagnosis.md has a heading for {id}, which is not a cause"
        );
    }
}

/// The text of every unit test: files in a folder `tests`, files whose names end in `tests.rs`, and
/// modules `tests` inside other files.
fn unit_tests(dir: &Path) -> String {
    let mut all = String::new();
    for path in std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.is_dir() {
            all += &unit_tests(&path);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = dir.ends_with("tests") || path.to_string_lossy().ends_with("tests.rs");
        all += if whole {
            &text
        } else {
            text.split_once("mod tests {")
                .map_or("", |(_, tests)| tests)
        };
    }
    all
}

fn is_explained(text: &Text) -> Result<(), Failed> {
    let Text {
        path,
        cause,
        code,
        operation,
        ..
    } = text;
    let home = offline_home();
    home.unset("AWS_ENDPOINT_URL");
    let run = home.wrap(&["explain", "--json", path.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let (error, finding) = (&report["errors"][0], &report["findings"][0]);
    let shows = |key: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| error[key] == **wanted)
    };
    if run.code != Some(0)
        || finding["cause"] != **cause
        || !shows("code", code)
        || !shows("operation", operation)
    {
        return Err(format!(
            "wanted {cause} {code:?} {operation:?}, got {:?} {report:#}",
            run.code
        )
        .into());
    }
    Ok(())
}

/// `explain` finds the cause that the thread of a log found, and says what it must.
fn is_understood(log: &Log) -> Result<(), Failed> {
    let home = offline_home();
    home.unset("AWS_ENDPOINT_URL");
    let path = home.file("log.txt", &log.log);
    let path = path.to_str().unwrap();
    let run = home.wrap(&["explain", "--json", path]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let finding = &report["findings"][0];
    let cause = finding["cause"].as_str().unwrap_or_default();
    let text = home.wrap(&["explain", path]).stdout;
    let is_shown = |words: &String| text.contains(words.as_str());
    let missing = log.shows.iter().find(|words| !is_shown(words));
    let wrong = log.hides.iter().find(|words| is_shown(words));
    let line = check_first_line(finding["summary"].as_str().unwrap_or_default(), &home);
    let problem = match (
        log.causes.iter().any(|one| one == cause),
        missing,
        wrong,
        line,
    ) {
        (true, None, None, Ok(())) => return Ok(()),
        (false, ..) => format!("the cause is `{cause}`, not {}", log.causes.join(" or ")),
        (_, Some(words), ..) => format!("no `{words}`"),
        (_, _, Some(words), _) => format!("`{words}` is shown"),
        (.., Err(line)) => line,
    };
    Err(format!("{problem}: {} ({})\n{text}", log.truth, log.link).into())
}
