//! Completion in real shells at a terminal, and the man pages.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use support::fixtures::{AWSFRESH, offline_home};
use support::sandbox::Sandbox;
use support::terminal::Terminal;

/// How a profile is typed up to the tab, and its name.
const NAMES: &[(&str, &str)] = &[
    ("pl", "plain"),
    ("a", "a b"),
    ("c", "c:role"),
    ("c:r", "c:role"),
    ("d", "d$HOME"),
    ("e", "e\\f"),
    ("g", "g*"),
    ("h", "h~x"),
    ("i", "it's"),
    ("m", "m/n"),
    ("q", "q\"r"),
    ("s", "s;t&u"),
    ("w", "w=1"),
    ("z", "z(1)"),
    ("ü", "ünï"),
    ("\"a", "a b"),
    ("'a", "a b"),
    ("\"q", "q\"r"),
    ("\"d", "d$HOME"),
];

/// A home with these profiles, in which a program `awsfresh` completes, and otherwise leaves its
/// arguments in a file.
fn home() -> Sandbox {
    let home = offline_home();
    let sections = NAMES.iter().map(|(_, name)| format!("[profile {name}]\n"));
    let config = "[sso-session corp]\n[sso-session two words]\n".to_owned();
    let config = config + &sections.collect::<String>();
    home.config(config + "junk\n[profile \u{1b}[31m]\n[open\n");
    let program = home.program(
        "bin/awsfresh",
        format!(
            "#!/bin/sh\ncase $1 in complete-words|completions) exec '{AWSFRESH}' \"$@\";; esac\n\
             printf '%s|' \"$@\" >\"$HOME/new\"; mv \"$HOME/new\" \"$HOME/arguments\"\n"
        ),
    );
    let bin = program.parent().unwrap().display().to_string();
    home.env("PATH", &format!("{bin}:/usr/bin:/bin"))
        .env("LANG", "C.UTF-8")
        .env("LC_ALL", "C.UTF-8")
        .env("ZDOTDIR", home.home().to_str().unwrap());
    home
}

/// Types lines that end with a tab, and returns the arguments of the program for each.
fn typed(home: &Sandbox, shell: &str, lines: &[String]) -> Vec<String> {
    let mut terminal = Terminal::run(home, shell);
    terminal.type_line("echo rea''dy");
    terminal.wait_for("ready\r\n");
    let arguments = home.home().join("arguments");
    let run = |line: &String| {
        terminal.type_line(&format!("{line}\t"));
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Ok(text) = std::fs::read_to_string(&arguments) {
                std::fs::remove_file(&arguments).unwrap();
                return text;
            }
            let screen = terminal.screen();
            assert!(Instant::now() < end, "`{line}` does not run: {screen}");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    lines.iter().map(run).collect()
}

/// Each shell completes each kind of word, and quotes it so that the program gets the name.
fn completes(home: &Sandbox, shell: &str) {
    let mut cases: Vec<(String, String)> = [
        ("awsfresh stat", "status|"),
        ("awsfresh credential-p", "credential-process|"),
        ("awsfresh status --js", "status|--json|"),
        (
            "awsfresh -p plain --expect-acc",
            "-p|plain|--expect-account|",
        ),
        ("awsfresh status --store se", "status|--store|sealed|"),
        ("awsfresh --deliver endp", "--deliver|endpoint|"),
        ("awsfresh login cor", "login|corp|"),
        ("awsfresh login two", "login|two words|"),
        ("awsfresh status --profile=pla", "status|--profile=plain|"),
        ("awsfresh explain some-f", "explain|some-file|"),
        (
            "awsfresh -p plain -- cat some-f",
            "-p|plain|--|cat|some-file|",
        ),
        ("awsfresh -- slee", "--|sleep|"),
        ("awsfresh -- /bin/slee", "--|/bin/sleep|"),
    ]
    .map(|(line, wanted)| (line.to_owned(), wanted.to_owned()))
    .into();
    for (typed, name) in NAMES {
        let line = format!("awsfresh status -p {typed}");
        cases.push((line, format!("status|-p|{name}|")));
    }
    home.file("some-file", "");
    let (lines, wanted): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    for ((line, wanted), got) in lines.iter().zip(&wanted).zip(typed(home, shell, &lines)) {
        assert_eq!(&got, wanted, "{shell}: {line}<Tab>");
    }
}

#[test]
fn bash_completes_every_kind_of_word() {
    let home = home();
    home.file(
        "rc",
        "bind 'set enable-bracketed-paste off'\nsource <(awsfresh completions bash)\n",
    );
    completes(&home, "bash --noprofile --rcfile rc -i");
}

#[test]
fn zsh_completes_every_kind_of_word() {
    let home = home();
    if home.lacks("zsh") {
        return;
    }
    home.file(
        ".zshrc",
        "autoload -U compinit; compinit -u -D\nsource <(awsfresh completions zsh)\n",
    );
    completes(&home, "zsh -d -i");
}

#[test]
fn fish_completes_every_kind_of_word() {
    let home = home();
    if home.lacks("fish") {
        return;
    }
    home.file(
        ".config/fish/config.fish",
        "awsfresh completions fish | source\n",
    );
    completes(&home, "fish -i");
}

/// What the script returns to Nushell for the words of a line. `tests/run` installs Nushell into the
/// project's own folder.
#[test]
fn nushell_is_offered_every_kind_of_word() {
    let nu = concat!(env!("CARGO_MANIFEST_DIR"), "/.suite/node_modules/.bin/nu");
    let home = home();
    if home.lacks(nu) {
        return;
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/completions/awsfresh.nu"
    );
    let offered = |words: &str| {
        let ask = "do $env.config.completions.external.completer";
        let line = format!("source {script}; {ask} {words} | get value | str join (char space)");
        home.shell(&format!("{nu} --no-config-file -c '{line}'"))
    };
    assert_eq!(offered("[awsfresh stat]").trim(), "status");
    assert_eq!(
        offered("[awsfresh status --store \"\"]").trim(),
        "auto keyring sealed none"
    );
    assert!(offered("[awsfresh login \"\"]").contains("corp"));
}

/// The names that can be read are offered, and nothing is printed about the rest.
#[test]
fn what_cannot_be_read_is_not_offered_and_not_reported() {
    let home = offline_home();
    let words = |word: &str| {
        let word = format!("--word={word}");
        home.wrap(&["complete-words", "zsh", &word, "--", "status", "-p"])
    };
    home.config(b"region = x\n[profile a]\nsecret\xff\n[profile b]\n[open".as_slice());
    home.credentials("\u{feff}[c]\n");
    let run = words("");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, "words\na\nb\nc\n");
    home.file(".config/awsfresh/config.toml", "nonsense");
    let run = words("");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, "words\n");
    std::fs::remove_file(home.home().join(".aws/config")).unwrap();
    std::fs::create_dir(home.home().join(".aws/config")).unwrap();
    let run = home.wrap(&[
        "complete-words",
        "bash",
        "--line=awsfresh doc",
        "--word=doc",
    ]);
    assert_eq!(run.stdout, "words\ndoctor\n", "{run:?}");
    assert_eq!(run.stderr, "");
}

#[test]
fn every_script_is_one_of_the_packaging_directory() {
    let home = offline_home();
    for (shell, file) in [
        ("bash", "awsfresh.bash"),
        ("zsh", "_awsfresh"),
        ("fish", "awsfresh.fish"),
        ("powershell", "awsfresh.ps1"),
        ("nushell", "awsfresh.nu"),
    ] {
        home.file(".config/awsfresh/config.toml", "nonsense");
        let run = home.run(&["completions", shell]);
        let path = format!(
            "{}/packaging/completions/{file}",
            env!("CARGO_MANIFEST_DIR")
        );
        assert_eq!(run.stdout, std::fs::read_to_string(path).unwrap());
    }
    home.run(&["completions", "tcsh"]).failed(2, "usage");
}

/// The lines of a help text that name an option or a subcommand, up to its first blank.
fn named(help: &str) -> Vec<String> {
    let lines = help.lines().filter(|line| line.starts_with("  "));
    let options =
        lines.flat_map(|line| line.split([' ', ',']).filter(|word| word.starts_with("--")));
    options
        .map(|word| word.trim_end_matches([')', ':']).to_owned())
        .filter(|word| word.len() > 2)
        .collect()
}

#[test]
fn the_man_pages_name_every_subcommand_and_option() {
    let home = offline_home();
    let dir = home.home().join("man");
    home.run(&["man", "--dir", dir.to_str().unwrap()]);
    let own = home.run(&["man"]).stdout;
    let help = home.run(&["--help"]).stdout;
    let (_, list) = help.split_once("Subcommands:\n").unwrap();
    let subcommands: Vec<&str> = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(subcommands.len() > 10, "{subcommands:?}");
    let plain = |page: &str| {
        page.replace("\\-", "-")
            .replace("\\fR", "")
            .replace("\\fB", "")
    };
    for option in named(&help) {
        assert!(plain(&own).contains(&option), "{option}: {own}");
    }
    for name in &subcommands {
        assert!(
            plain(&own).contains(&format!("awsfresh-{name}(1)")),
            "{name}"
        );
        let page = std::fs::read_to_string(dir.join(format!("awsfresh-{name}.1"))).unwrap();
        assert_eq!(page, home.run(&["man", name]).stdout);
        for option in named(&home.run(&[name, "--help"]).stdout) {
            assert!(plain(&page).contains(&option), "{name} {option}: {page}");
        }
    }
    assert_eq!(
        std::fs::read_dir(&dir).unwrap().count(),
        subcommands.len() + 1
    );
    home.run(&["man", "nothing"]).failed(2, "usage");
}

#[test]
fn man_and_mandoc_accept_every_page() {
    let home = offline_home();
    home.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80");
    home.run(&["man", "--dir", "man"]);
    if !home.lacks("man") {
        let complaints =
            home.shell("for page in man/*; do man --warnings -l $page 2>&1 >/dev/null; done");
        assert_eq!(complaints, "");
        let text = home.shell("man -l man/awsfresh-login.1");
        assert!(
            text.contains("SESSION") && text.contains("awsfresh login -p prod"),
            "{text}"
        );
    }
    if !home.lacks("mandoc") {
        let complaints = home.shell("mandoc -T lint -W warning man/*");
        // The pages have no date; the macros are those of clap_mangen before a list of values.
        let known = ["missing date", "skipping paragraph macro"];
        let mut others = complaints
            .lines()
            .filter(|line| !known.iter().any(|words| line.contains(words)));
        assert_eq!(others.next(), None);
    }
}
