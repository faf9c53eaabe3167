//! The scripts that documents are made with.
//!
//! - docs/picture.py: the picture of README.md shows the outputs that docs/picture.md has, which are
//!   compared like all others
//! - benches/peers.py: the figures of docs/comparison.md

use std::path::Path;
use std::process::Command;

use super::pages::root;
use super::support::fixtures::{AWSFRESH, offline_home};

/// Runs a script: what it prints, or what is wrong.
fn run(path: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("python3");
    let output = command.arg(root().join(path)).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// Draws the picture again.
pub fn draw() {
    run(Path::new("docs/picture.py"), &[]).unwrap();
}

#[test]
fn the_picture_is_that_of_its_page() {
    let writes = std::env::var_os("AWSFRESH_WRITE_DOCS").is_some();
    if !writes && !offline_home().lacks("python3") {
        run(Path::new("docs/picture.py"), &["--check"]).unwrap();
    }
}

#[test]
fn the_figures_can_be_measured_again() {
    if offline_home().lacks("python3") {
        return;
    }
    let own = format!("awsfresh={AWSFRESH}");
    let args = [&own, "aws=", "aws-sso-util=", "rounds=2", "herd=5"];
    let shown = run(Path::new("benches/peers.py"), &args).unwrap();
    let line = shown
        .lines()
        .find(|line| line.starts_with("| awsfresh, sealed files |"));
    let line = line.unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains(" ms | 1 call, 0 of 15 failed, "), "{shown}");
}
