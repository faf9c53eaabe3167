//! The picture of README.md shows the outputs that docs/picture.md has, which are compared like all
//! others.

use std::process::Command;

use super::pages::root;
use super::support::fixtures::offline_home;

/// Runs the script with these arguments: what is wrong, if anything is.
pub fn script(args: &[&str]) -> Option<String> {
    let mut command = Command::new("python3");
    command.arg(root().join("docs/picture.py")).args(args);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(stderr)
}

#[test]
fn the_picture_is_that_of_its_page() {
    let writes = std::env::var_os("AWSFRESH_WRITE_DOCS").is_some();
    if !writes && !offline_home().lacks("python3") {
        assert_eq!(script(&["--check"]), None);
    }
}
