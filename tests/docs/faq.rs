//! docs/faq.md: `awsfresh explain` knows each message, and the answer has the causes that it finds.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::pages::guides;
use super::support::fixtures::offline_home;

/// The causes that `explain` finds in a text.
fn causes(text: &str) -> Vec<String> {
    let home = offline_home();
    let mut command = home.command(&["explain", "--json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap().iter();
    let causes = findings.filter(|finding| finding["severity"] != "info");
    causes
        .map(|finding| finding["cause"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn explain_knows_every_message_of_the_faq() {
    let pages = guides();
    let faq = pages
        .iter()
        .find(|page| page.path.ends_with("faq.md"))
        .unwrap();
    let mut wrong = Vec::new();
    let sections: Vec<&str> = faq.text.split("\n### `").skip(1).collect();
    assert!(sections.len() > 15, "{}", sections.len());
    for section in sections {
        let (message, answer) = section.split_once("`\n").unwrap();
        let answer = answer.split("\n## ").next().unwrap();
        let found = causes(message);
        let named = |cause: &String| answer.contains(&format!("(diagnosis.md#{cause})"));
        if found.is_empty() || !found.iter().any(named) {
            wrong.push(format!("{message}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_message_that_explain_does_not_know_is_found() {
    assert_eq!(causes("An error occurred while baking bread"), [""; 0]);
}
