//! The outputs in the pages: what the commands in front of them print.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pages::{Page, guides, root};
use super::scenes::Scene;

/// A command, and what follows it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    /// As it is in the page, with its prompt.
    command: Vec<String>,
    output: Vec<String>,
}

/// The entries of a `console` block, or one for each line of a `sh` block.
fn entries(language: &str, lines: &[String]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut continues = false;
    for line in lines {
        let starts = line.starts_with("$ ") || language == "sh";
        if continues {
            entries.last_mut().unwrap().command.push(line.clone());
        } else if starts {
            let is_comment = language == "sh" && (line.is_empty() || line.starts_with('#'));
            if !is_comment {
                entries.push(Entry {
                    command: vec![line.clone()],
                    output: Vec::new(),
                });
            }
        } else {
            entries
                .last_mut()
                .expect("a command first")
                .output
                .push(line.clone());
        }
        continues = (continues || starts) && line.ends_with('\\');
    }
    for entry in &mut entries {
        entry.output = trimmed(&entry.output);
    }
    entries
}

/// Without empty lines at both ends.
fn trimmed(lines: &[String]) -> Vec<String> {
    let full = |line: &String| !line.trim().is_empty();
    let Some(first) = lines.iter().position(full) else {
        return Vec::new();
    };
    let last = lines.iter().rposition(full).unwrap();
    lines[first..=last].to_vec()
}

impl Entry {
    fn line(&self) -> String {
        let joined = self.command.join("\n");
        joined.strip_prefix("$ ").unwrap_or(&joined).to_owned()
    }
}

/// A line without what differs from run to run: times, IDs of sessions, ports, codes, and the width
/// of columns.
fn shape(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = line.split_whitespace().peekable();
    while let Some(word) = rest.next() {
        let bare = word.trim_start_matches(['(', '"']);
        let is_number = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || c == '.');
        let unit = rest
            .peek()
            .map(|next| next.trim_matches(|c: char| !c.is_ascii_alphabetic()));
        if is_number
            && unit.is_some_and(|unit| {
                ["ms", "s", "min", "h", "d", "days", "day", "times"].contains(&unit)
            })
        {
            let tail: String = rest
                .next()
                .unwrap()
                .chars()
                .filter(char::is_ascii_punctuation)
                .collect();
            let shown = format!("TIME{tail}");
            // `2 h 03 min` is one time.
            if words.last().is_some_and(|last| last == "TIME") {
                words.pop();
            }
            words.push(shown);
            continue;
        }
        words.push(of_run(word));
    }
    words.join(" ")
}

fn of_run(word: &str) -> String {
    let core = |c: char| !c.is_alphanumeric() && !"…█░".contains(c);
    let bare = word.trim_matches(core);
    let is_time = bare.len() == 20 && bare.ends_with('Z') && bare.as_bytes()[10] == b'T';
    let is_code = bare.len() == 9
        && bare.chars().enumerate().all(|(at, c)| {
            if at == 4 {
                c == '-'
            } else {
                c.is_ascii_uppercase() || c.is_ascii_digit()
            }
        });
    let replace = |with: &str| word.replace(bare, with);
    let is_epoch = bare.len() == 10 && bare.chars().all(|c| c.is_ascii_digit());
    if is_time || is_epoch {
        replace("TIME")
    } else if is_code {
        replace("CODE")
    } else if !bare.is_empty() && bare.chars().all(|c| "█░".contains(c)) {
        replace("BAR")
    } else if bare.starts_with("ASIA") {
        replace("SESSION-KEY")
    } else if let Some(at) = word.find("127.0.0.1:") {
        format!("{}LOOPBACK", &word[..at])
    } else if let Some((start, _)) = word.split_once("user_code=") {
        format!("{start}CODE")
    } else if let Some((start, name)) = word.split_once("/awsfresh-") {
        let end: String = name
            .chars()
            .skip_while(char::is_ascii_alphanumeric)
            .collect();
        format!("{start}/SESSION{end}")
    } else {
        word.to_owned()
    }
}

/// Whether an output has the form that the page shows. `…` alone on a line is any number of lines.
fn matches(shown: &[String], real: &[String]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((line, shown)) if line == "…" => {
            (0..=real.len()).any(|skipped| matches(shown, &real[skipped..]))
        }
        Some((line, shown)) => real
            .split_first()
            .is_some_and(|(first, real)| shape(line) == shape(first) && matches(shown, real)),
    }
}

/// Runs the scenes of a page. The page with the real outputs, and what differs.
fn compared(page: &Page) -> (String, Vec<String>) {
    let mut scenes: BTreeMap<String, Scene> = BTreeMap::new();
    let mut lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
    let mut wrong = Vec::new();
    let mut replaced = Vec::new();
    for block in page.blocks() {
        let Some(name) = block.scene() else {
            continue;
        };
        let scene = scenes
            .entry(name.to_owned())
            .or_insert_with(|| Scene::new(name));
        if scene.lacks(&block.text()) {
            continue;
        }
        let mut written: Vec<String> = Vec::new();
        let mut differs = false;
        for mut entry in entries(&block.language, &block.lines) {
            let output = scene.run(&entry.line());
            if block.language == "sh" {
                if scene.failed() {
                    wrong.push(format!(
                        "{}: {} failed: {output}",
                        block.place,
                        entry.line()
                    ));
                }
                continue;
            }
            let real: Vec<String> = output.lines().map(str::to_owned).collect();
            let real = trimmed(&real);
            if !matches(&entry.output, &real) {
                wrong.push(format!(
                    "{}: {}\n--- the page has\n{}\n--- the program prints\n{}",
                    block.place,
                    entry.line(),
                    entry.output.join("\n"),
                    real.join("\n")
                ));
                entry.output = real;
                differs = true;
            }
            if !written.is_empty() {
                written.push(String::new());
            }
            written.extend(entry.command);
            written.extend(entry.output);
        }
        if differs {
            replaced.push((block.first, block.lines.len(), written));
        }
    }
    for (first, count, written) in replaced.into_iter().rev() {
        lines.splice(first..first + count, written);
    }
    (lines.join("\n") + "\n", wrong)
}

#[test]
fn every_output_is_what_the_program_prints() {
    let write = std::env::var_os("AWSFRESH_WRITE_DOCS").is_some();
    let pages = guides();
    // Scenes of one page depend on each other; pages do not. Three at a time: a call without a terminal
    // has to end within 4 s.
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (text, differs) = compared(page);
                    if write && text != page.text {
                        fs::write(root().join(&page.path), text).unwrap();
                    }
                    wrong.lock().unwrap().extend(differs);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    if write {
        super::scripts::draw();
    }
    assert!(
        wrong.is_empty() || write,
        "\n{}\n\nAWSFRESH_WRITE_DOCS=1 cargo test --test docs",
        wrong.join("\n\n")
    );
    let blocks = pages.iter().flat_map(Page::blocks);
    let count = blocks.filter(|block| block.scene().is_some()).count();
    assert!(count >= 20, "only {count} blocks are compared");
}

#[test]
fn another_output_is_found_and_written() {
    let text = "<!-- scene: laptop -->\n```console\n$ awsfresh setup --check\nann: served\n\n$ awsfresh --version\n…\n```\nEnd.\n";
    let (written, wrong) = compared(&Page::new("x.md", text));
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        written.contains("$ awsfresh setup --check\nann: not set up"),
        "{written}"
    );
    assert!(
        written.ends_with("\n\n$ awsfresh --version\n…\n```\nEnd.\n"),
        "{written}"
    );
    let (again, wrong) = compared(&Page::new("x.md", &written));
    assert_eq!((again, wrong), (written, Vec::new()));

    let text = "<!-- scene: laptop -->\n```sh\nawsfresh status\nawsfresh credential-process -p prod\n```\n";
    let (_, wrong) = compared(&Page::new("x.md", text));
    assert!(
        wrong.len() == 1 && wrong[0].contains("sso-session-missing"),
        "{wrong:?}"
    );
}

#[test]
fn the_shape_of_a_line_keeps_its_words() {
    for (a, b) in [
        ("expired 2 h 03 min ago [x]", "expired 59 min ago [x]"),
        ("until 2026-11-23T20:01:07Z.", "until 2027-01-01T00:00:00Z."),
        (
            "prod  fresh  ██████░░ 41 min  sso",
            "prod fresh ███░░░░░ 9 s sso",
        ),
        ("(12 ms)", "(9 ms)"),
        ("code ABCD-EFGH", "code QRST-0123"),
        ("role/awsfresh-1f2e3d, x", "role/awsfresh-00, x"),
    ] {
        assert_eq!(shape(a), shape(b));
    }
    for (a, b) in [
        ("line 4 of", "line 5 of"),
        ("account 111122223333", "account 444455556666"),
        ("session has expired", "session had expired"),
        ("awsfresh login corp", "awsfresh login lab"),
        ("2 profiles", "3 profiles"),
    ] {
        assert_ne!(shape(a), shape(b));
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n…\nd"), &lines("a\nb\nc\nd")));
    assert!(!matches(&lines("a\n…\nd"), &lines("a\nb\nc")));
    assert!(!matches(&lines("a"), &lines("a\nb")));
}
