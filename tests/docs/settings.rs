//! The files that the pages show: AWS files, JSON, TOML, and the names of variables.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::lab::set_mode;
use super::pages::{Block, Page, guides, root};
use super::support::fixtures::offline_home;

/// What is wrong with a block that shows a config file of AWS.
fn problems(block: &Block) -> Vec<String> {
    let home = offline_home();
    set_mode(&home.file(".aws/config", block.text()), "600");
    let run = home.wrap(&["status", "--json"]);
    if run.code != Some(0) {
        return vec![format!("{}: {}", block.place, run.stderr)];
    }
    let status: Value = serde_json::from_str(&run.stdout).unwrap();
    let profiles = status["profiles"].as_array().unwrap();
    let mut problems: Vec<String> = profiles
        .iter()
        .filter(|profile| !profile["problem"].is_null())
        // A part of a file: the rest may be in another block.
        .filter(|profile| profile["problem"]["cause"] != "source-missing")
        .map(|profile| format!("{}: {}", block.place, profile["problem"]["summary"]))
        .collect();
    if profiles.is_empty() && !block.text().contains("[sso-session ") {
        problems.push(format!("{}: no profile", block.place));
    }
    let source = sources("src");
    for key in block.lines.iter().filter_map(|line| line.split_once('=')) {
        let name = key.0.trim();
        let own = name.strip_prefix("awsfresh_");
        let known = own.is_none_or(|own| {
            source.contains(&format!("\"{own}\"")) || source.contains(&format!("\"{name}\""))
        });
        if !known && !name.starts_with('#') {
            problems.push(format!("{}: no key `{name}`", block.place));
        }
    }
    problems
}

fn sources(dir: &str) -> String {
    let mut text = String::new();
    let mut paths: Vec<PathBuf> = vec![root().join(dir)];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn awsfresh_can_read_every_config_file() {
    let blocks: Vec<Block> = guides().iter().flat_map(Page::blocks).collect();
    let files: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.language == "ini")
        .collect();
    assert!(files.len() > 5, "{} files", files.len());
    let wrong: Vec<String> = files.iter().flat_map(|block| problems(block)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_wrong_config_file_is_found() {
    for text in [
        "[profile a]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = b\n",
        "[profile a]\nawsfresh_sso_acount_id = 1\n",
        "profile a]\n",
        "region = eu-west-1\n",
    ] {
        let page = Page::new("x.md", &format!("```ini\n{text}```\n"));
        let found = problems(&page.blocks()[0]);
        assert!(!found.is_empty(), "{text}");
    }
}

#[test]
fn json_and_toml_can_be_parsed() {
    let mut parsed = 0;
    for block in guides().iter().flat_map(Page::blocks) {
        let text = block.text();
        let error = match block.language.as_str() {
            "json" | "jsonc" => {
                let lines = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                let text: String = lines.map(|line| format!("{line}\n")).collect();
                serde_json::from_str::<Value>(&text)
                    .err()
                    .map(|e| e.to_string())
            }
            "toml" => toml::from_str::<toml::Table>(&text)
                .err()
                .map(|e| e.to_string()),
            _ => continue,
        };
        parsed += 1;
        assert_eq!(error, None, "{}", block.place);
    }
    assert!(parsed >= 4, "{parsed}");
}

#[test]
fn every_variable_that_a_page_names_exists() {
    let known: String = ["src", "tests", "benches"].map(sources).concat();
    let names = |text: &str| -> BTreeSet<String> {
        let found = text.split("AWSFRESH_").skip(1).map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_'));
            format!("AWSFRESH_{}", &rest[..end.unwrap_or(rest.len())])
        });
        found.filter(|name| !name.ends_with('_')).collect()
    };
    let known = names(&known);
    for page in guides() {
        for name in names(&page.text) {
            assert!(known.contains(&name), "{}: {name}", page.path.display());
        }
    }
}

/// A language decides how a block is tested.
#[test]
fn every_block_has_a_language() {
    let known = [
        "console",
        "sh",
        "bash",
        "ini",
        "json",
        "jsonc",
        "toml",
        "yaml",
        "systemd",
        "cron",
        "hcl",
        "text",
        "powershell",
        "python",
        "js",
        "go",
        "dockerfile",
    ];
    for block in guides().iter().flat_map(Page::blocks) {
        assert!(
            known.contains(&block.language.as_str()),
            "{}: `{}`",
            block.place,
            block.language
        );
    }
}
