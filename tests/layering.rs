//! Which module of src may use which other one: the code must match the table in
//! docs/architecture.md.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The binary: it sees the library from outside.
const BINARY: [&str; 3] = ["main.rs", "start.rs", "lib.rs"];

/// Names that the code of a pure module must not contain.
const IMPURE: [&str; 6] = [
    "std::fs",
    "std::net",
    "std::process::Command",
    "std::env::",
    "Instant::now",
    "SystemTime",
];

/// A source file without comments and tests.
struct Source {
    /// Its path below src.
    path: String,
    code: String,
}

impl Source {
    /// The top-level module.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The number of `super` up to the root of the crate.
    fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        folders + usize::from(!self.path.ends_with("/mod.rs"))
    }

    /// The top-level modules that the file names with `crate::`.
    fn uses(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split_once('}').unwrap().0,
                None => rest
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap(),
            };
            let names = names.split(',').map(|name| name.trim().to_owned());
            found.extend(names.filter(|name| !name.is_empty()));
        }
        found.remove(self.module());
        found
    }
}

fn is_test(path: &Path) -> bool {
    let text = path.to_str().unwrap();
    text.ends_with("_tests.rs") || text.ends_with("/tests.rs") || text.contains("/tests/")
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !is_test(&path) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(ROOT).join("src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    assert!(paths.len() > 80, "src has {} files", paths.len());
    let of = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let tests = ["\n#[cfg(test)]\n", "\n#[cfg(all(test"].map(|words| text.find(words));
        let end = tests.into_iter().flatten().min().unwrap_or(text.len());
        let text = &text[..end];
        let lines = text.lines().filter(|line| !line.trim().starts_with("//"));
        Source {
            path: path.strip_prefix(&root).unwrap().display().to_string(),
            code: lines.collect::<Vec<_>>().join("\n"),
        }
    };
    let mut sources: Vec<Source> = paths.iter().map(of).collect();
    sources.retain(|source| !BINARY.contains(&source.path.as_str()));
    sources
}

/// A row of the table: the module, whether it is pure, and the modules that it may use.
struct Row {
    module: String,
    is_pure: bool,
    may_use: BTreeSet<String>,
}

fn quoted(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// The table of docs/architecture.md, from top to bottom.
fn table() -> Vec<Row> {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Row> = rows
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            assert_eq!(cells.len(), 5, "{line}");
            Row {
                module: quoted(cells[1]).remove(0),
                is_pure: cells[2].trim().ends_with("; pure"),
                may_use: quoted(cells[3]).into_iter().collect(),
            }
        })
        .collect();
    assert!(rows.len() > 20, "the table has {} rows", rows.len());
    rows
}

#[test]
fn every_module_uses_exactly_the_modules_in_its_row() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let module = used.entry(source.module().to_owned()).or_default();
        module.extend(source.uses());
    }
    let rows = table();
    let in_table: BTreeSet<&String> = rows.iter().map(|row| &row.module).collect();
    assert_eq!(in_table, used.keys().collect(), "table and src differ");
    for row in &rows {
        assert_eq!(
            row.may_use, used[&row.module],
            "the row of `{}`",
            row.module
        );
    }
}

#[test]
fn no_module_uses_a_module_above_it() {
    let mut above: BTreeSet<String> = BTreeSet::new();
    for row in table() {
        above.insert(row.module.clone());
        let wrong: Vec<&String> = row.may_use.intersection(&above).collect();
        assert!(
            wrong.is_empty(),
            "`{}` uses {wrong:?}, which are above it",
            row.module
        );
    }
}

#[test]
fn no_module_leaves_its_folder_with_super() {
    for source in sources() {
        let climb = ["super", &"::super".repeat(source.depth() - 1), "::"].concat();
        let leaves = source.code.contains(&climb);
        assert!(!leaves, "{}: write crate:: instead of {climb}", source.path);
    }
}

#[test]
fn pure_modules_use_no_files_processes_or_clock() {
    let mut pure: Vec<String> = table()
        .into_iter()
        .filter(|row| row.is_pure)
        .map(|row| row.module)
        .collect();
    assert!(pure.len() >= 5, "{pure:?}");
    pure.extend(
        [
            "doctor/checks",
            "refresh/freshness.rs",
            "refresh/decision.rs",
        ]
        .map(str::to_owned),
    );
    for source in sources() {
        let is_pure = pure.iter().any(|name| {
            source.path == *name
                || source.path == format!("{name}.rs")
                || source.path.starts_with(&format!("{name}/"))
        });
        for name in IMPURE.iter().filter(|_| is_pure) {
            assert!(!source.code.contains(name), "{} names {name}", source.path);
        }
    }
}

#[test]
fn only_the_console_uses_the_standard_streams() {
    let streams = [
        "io::stdout",
        "io::stderr",
        "stdio::stdout",
        "stdio::stderr",
        "anstream::stdout",
        "anstream::stderr",
        "/dev/tty",
        "print!(",
        "println!(",
    ];
    for source in sources().iter().filter(|source| source.module() != "ui") {
        for name in streams {
            assert!(!source.code.contains(name), "{} names {name}", source.path);
        }
    }
}

#[test]
fn only_the_world_reads_the_environment_and_the_clock() {
    let readers = ["env::var", "SystemTime::now", "home_dir"];
    for source in sources().iter().filter(|source| source.module() != "world") {
        for name in readers {
            assert!(!source.code.contains(name), "{} names {name}", source.path);
        }
    }
}
