//! The command lines in the pages: the program has to accept every one.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::pages::{Block, Marker, Page, guides};
use super::support::fixtures::offline_home;
use super::support::sandbox::Sandbox;

/// Blocks that cannot be run, because they need a program or a place that no test has. A new one is
/// an exception to be justified: raise the number together with its reason.
const NOT_RUN: usize = 2;

/// Words for which a value has to be filled in that the parser checks.
const PLACEHOLDERS: [&str; 6] = [
    "SUBCOMMAND",
    "SHELL",
    "HOW",
    "TOOL",
    "options",
    "complete-words",
];

/// What a command line may end at, outside quotes.
const ENDS: [char; 8] = ['|', ';', ')', '>', '<', '&', '`', '\n'];

/// The arguments of every call of awsfresh in a text of some language.
fn calls(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut calls = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if ["#", "//", "COPY "]
            .iter()
            .any(|start| line.starts_with(start))
        {
            // `# compose.yaml, started by: awsfresh …`
            let named = line.split_once("by: awsfresh ");
            calls.extend(named.map(|(_, command)| arguments(command)));
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("awsfresh ") {
            let before = rest[..at].chars().next_back();
            let after = &rest[at + "awsfresh ".len()..];
            let starts = before.is_none_or(|c| " (`\"'/=|".contains(c));
            // A comment, or a word in one.
            let commented = rest[..at].contains(" #") || rest[..at].contains("# ");
            if starts && !commented {
                calls.push(arguments(after));
            }
            rest = after;
        }
        calls.extend(of_list(line));
    }
    calls
}

/// `command: awsfresh, args: [-p, prod]`, as the config file of kubectl has it, or the same in JSON.
fn of_list(line: &str) -> Option<Vec<String>> {
    let plain = line.replace('"', "");
    let (_, args) = plain.split_once("command: awsfresh, args: [")?;
    let (args, _) = args.split_once(']')?;
    Some(args.split(',').map(|word| word.trim().to_owned()).collect())
}

/// The words up to the end of a command.
fn arguments(text: &str) -> Vec<String> {
    let mut quote = None;
    let mut end = text.len();
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            // A quote in front of awsfresh ends here.
            None if (c == '"' || c == '\'') && !text[at + 1..].contains(c) => {
                end = at;
                break;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '2' && previous == ' ' && text[at + 1..].starts_with('>') => {
                end = at;
                break;
            }
            None if ENDS.contains(&c) || (c == '#' && previous == ' ') => {
                end = at;
                break;
            }
            None => {}
        }
        previous = c;
    }
    // An open quote is not a command line either.
    shlex::split(&text[..end]).unwrap_or_else(|| vec![format!("--{}", &text[..end])])
}

/// What the usage is wrong about, if it is.
fn usage_error(home: &Sandbox, args: &[String]) -> Option<String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = home.command(&args).stdout(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let first = stderr.lines().next().unwrap_or_default();
    // The parser names the help. Other usage errors are about the home, which has nothing in it.
    let by_parser =
        stderr.contains("\n  try:  awsfresh --help") || first.contains("is not a subcommand");
    (first.ends_with("[usage]") && by_parser).then(|| first.to_owned())
}

/// The command lines of a page that the program does not accept.
fn rejected(page: &Page, seen: &mut BTreeMap<Vec<String>, Option<String>>) -> Vec<String> {
    let home = offline_home();
    let mut found = Vec::new();
    let mut check = |place: String, text: &str| {
        for args in calls(text) {
            // `awsfresh status [--json]`: with what is optional.
            let args: Vec<String> = args
                .iter()
                .map(|word| word.replace(['[', ']'], ""))
                .collect();
            // `awsfresh … -- COMMAND`: not a command line, but a way to talk about one.
            let is_name = |word: &String| word.contains('…') || PLACEHOLDERS.contains(&&**word);
            if args.iter().any(is_name) {
                continue;
            }
            let error = seen
                .entry(args.clone())
                .or_insert_with(|| usage_error(&home, &args));
            if let Some(error) = error {
                found.push(format!("{place}: awsfresh {}: {error}", args.join(" ")));
            }
        }
    };
    for block in page.blocks() {
        check(block.place.clone(), &commands_of(&block));
    }
    for (line, span) in page.spans() {
        // In tables, `a\|b` is a choice.
        if !span.contains("\\|") {
            // A subcommand alone, such as `awsfresh logout`, is a name.
            let alone = span.split(' ').count() == 2 && !span.contains('-');
            let help = if alone { " --help" } else { "" };
            check(
                format!("{}:{line}", page.path.display()),
                &format!("{span}{help}"),
            );
        }
    }
    found
}

/// A block without the outputs in it.
fn commands_of(block: &Block) -> String {
    let lines = block.lines.iter();
    if block.language == "console" {
        let commands = lines.filter_map(|line| line.strip_prefix("$ "));
        commands.map(|line| format!("{line}\n")).collect()
    } else {
        lines.map(|line| format!("{line}\n")).collect()
    }
}

#[test]
fn the_program_accepts_every_command_line() {
    let mut seen = BTreeMap::new();
    let pages = guides();
    let found: Vec<String> = pages
        .iter()
        .flat_map(|page| rejected(page, &mut seen))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    assert!(seen.len() > 100, "only {} command lines", seen.len());
}

#[test]
fn a_wrong_command_line_is_found_in_every_place() {
    let wrong = [
        "`awsfresh statsu`",
        "`awsfresh login --devise corp`",
        "`awsfresh status [--jsn]`",
        "```sh\nx=$(awsfresh export -p prod --form env) && true\n```",
        "```sh\n0 3 * * * /usr/bin/awsfresh -p prod --min-tll 5m -- true\n```",
        "```sh\nawsfresh setup \\\n  --chek\n```",
        "```console\n$ true | awsfresh explain --jsn\n```",
        "```yaml\n- run: awsfresh check -p prod --as-cron\n```",
        "```yaml\nexec: {command: awsfresh, args: [-p, prod, --deliver, port, --, aws]}\n```",
        "```json\n{ \"command\": \"awsfresh\", \"args\": [\"-p\", \"dev\", \"--nologin\", \"--\", \"x\"] }\n```",
        "```yaml\n# compose.yaml, started by: awsfresh -p prod --deliver filess -- docker compose up\n```",
        "```systemd\nExecStart=/usr/bin/awsfresh -q prod -- true\n```",
        "```sh\neval \"$(awsfresh export --forget)\"\n```",
    ];
    for text in wrong {
        let found = rejected(&Page::new("x.md", text), &mut BTreeMap::new());
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
    let right = "`awsfresh login corp`, `awsfresh … -- COMMAND`\n\n```sh\n# awsfresh statsu\nawsfresh status # awsfresh statsu\n\
                 eval \"$(awsfresh export -p prod)\"\n```\n";
    let mut seen = BTreeMap::new();
    assert_eq!(rejected(&Page::new("x.md", right), &mut seen), [""; 0]);
    assert_eq!(seen.len(), 3, "{seen:?}");
}

/// Otherwise an output could be in a block that no test compares.
#[test]
fn every_output_belongs_to_a_scene_or_says_why_not() {
    let mut not_run = Vec::new();
    let mut wrong = Vec::new();
    for block in guides().iter().flat_map(Page::blocks) {
        let shows_output = block.language == "console"
            || block.lines.iter().any(|line| {
                let finding = ["awsfresh: ", "  seen: ", "  try:  ", "error: "];
                finding.iter().any(|start| line.starts_with(start))
            });
        match &block.marker {
            Some(Marker::NotRun(reason)) => {
                assert!(reason.len() > 10, "{}: why?", block.place);
                not_run.push(block.place.clone());
            }
            Some(Marker::Scene(_)) if matches!(block.language.as_str(), "console" | "sh") => {}
            Some(Marker::Scene(_)) => wrong.push(format!("{}: no commands", block.place)),
            None if shows_output => {
                wrong.push(format!("{}: an output that no test compares", block.place))
            }
            None => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(not_run.len(), NOT_RUN, "{not_run:#?}");
}

#[test]
fn every_shell_block_is_one_that_a_shell_can_read() {
    for block in guides().iter().flat_map(Page::blocks) {
        if !matches!(block.language.as_str(), "sh" | "bash") {
            continue;
        }
        let output = Command::new(if block.language == "bash" {
            "bash"
        } else {
            "sh"
        })
        .args(["-n", "-c", &block.text()])
        .output()
        .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", block.place);
    }
}
