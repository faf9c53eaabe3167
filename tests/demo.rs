//! The demo does what it announces, fits into a terminal, and ends with what to do next.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]
#![cfg(unix)]

use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn the_demo_runs_within_80_columns_and_40_seconds() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("AWS_PROFILE");
        // With those of this test, cargo would build some dependencies again.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.output().unwrap()
    };
    let built = run(&["build", "--quiet", "--locked", "--example", "demo"]);
    assert!(built.status.success(), "{built:?}");
    let began = Instant::now();
    let output = run(&["run", "--quiet", "--locked", "--example", "demo"]);
    let took = began.elapsed();
    let shown = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{stderr}");
    for line in shown.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for part in [
        "20 answers after",
        "awsfresh setup --undo",
        "byte for byte",
        "it has to show this code",
        "[profile prod/ReadOnly]",
        "still valid, so it is served",
        "[aws-unavailable]",
        "[access-key-unknown]",
        "[key-id-malformed]",
    ] {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
    let (_, next) = shown.rsplit_once("── ").unwrap();
    assert!(next.starts_with("What to do next") && next.contains("./install.sh"));
    assert!(took < Duration::from_secs(40), "{took:?}");
}
