//! Hostile values, read back by the shells that are installed. In CI each of them must be.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::io::Write;
use std::process::{Command, Stdio};

use super::quoting::{AROUND, GROWTH, push_change};
use super::{Change, Format, rendered};

fn hostile() -> Vec<String> {
    let mut values: Vec<String> = vec![
        (' '..='~').collect(),
        (' '..='~').rev().collect(),
        String::new(),
        "two\nlines\n".into(),
        "tab\tcr\rbell\u{7}del\u{7f}escape\u{1b}[31m".into(),
        "ü \u{2018}\u{2019}\u{201a}\u{201b} 日本 \u{1f600} \u{202e}".into(),
    ];
    for text in [
        "$HOME", "$(id)", "`id`", "${HOME}", "!!", "%PATH%", "%i", "^", "\\", "\\\\", "\\n", "'",
        "''", "'\\''", "\"", "~", "*", "?", "[a]", "{a,b}", "#", ";", "&", "|", "<", ">", "(", ")",
        "=", "-n", "--", " ", "a  b", "\n", "'\n", "\\\n", "$'\\n'",
    ] {
        values.push(text.into());
        values.push(format!("{text}end"));
        values.push(format!("start{text}"));
        values.push(text.repeat(2));
    }
    values
}

/// The text of one variable.
fn line(format: Format, value: Option<&str>) -> String {
    let change: [Change<'_>; 1] = [("VALUE", value.map(Into::into))];
    String::from_utf8(rendered(format, &change).unwrap().to_vec()).unwrap()
}

/// The output of a shell that reads this script; `None` where it is not installed.
fn run(shell: &[&str], script: &str) -> Option<Vec<u8>> {
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .env("VALUE", "before")
        .env("HOME", "/nonexistent");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", shell[0]);
        eprintln!("skipped: {} is not installed", shell[0]);
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.is_empty(), "{shell:?}: {stderr}");
    Some(output.stdout)
}

/// Sets each value in turn, prints it as a program sees it, and removes it.
#[cfg(unix)]
fn check(shell: &[&str], format: Format) {
    let values = hostile();
    let removed = line(format, None);
    let steps = values.iter().map(|value| {
        let set = line(format, Some(value));
        format!("{set}\n/usr/bin/env printenv -0 VALUE\n{removed}\n/usr/bin/env printenv VALUE\n")
    });
    let script: String = steps.collect();
    let Some(output) = run(shell, &script) else {
        return;
    };
    let output = String::from_utf8(output).unwrap();
    let seen: Vec<&str> = output.split_terminator('\0').collect();
    assert_eq!(seen, values, "{shell:?}");
}

#[test]
#[cfg(unix)]
fn shells_read_every_value_back() {
    check(&["bash", "--norc"], Format::Bash);
    check(&["bash", "--posix", "-u"], Format::Bash);
    check(&["bash", "--norc", "-o", "history", "-H"], Format::Bash);
    check(&["dash"], Format::Bash);
    check(&["zsh", "-f"], Format::Bash);
    check(
        &[
            "zsh",
            "-f",
            "-o",
            "rcquotes",
            "-o",
            "banghist",
            "-o",
            "extendedglob",
        ],
        Format::Bash,
    );
    check(&["fish", "--no-config"], Format::Fish);
}

#[test]
#[cfg(unix)]
fn a_shell_reads_an_env_file_back() {
    let (mut script, mut expressible) = ("set -a\n".to_owned(), String::new());
    for value in hostile() {
        let change: [Change<'_>; 1] = [("VALUE", Some(value.as_str().into()))];
        match rendered(Format::Dotenv, &change) {
            Ok(text) => {
                script.push_str(std::str::from_utf8(&text).unwrap());
                script.push_str("\n/usr/bin/env printenv -0 VALUE\n");
                expressible.push_str(&value);
                expressible.push('\0');
            }
            Err(_) => {
                let special = |c: char| c.is_control() || r"'\$".contains(c);
                assert!(value.contains(special), "{value}");
            }
        }
    }
    let seen = run(&["sh"], &script).unwrap();
    assert_eq!(String::from_utf8(seen).unwrap(), expressible);
}

/// By the rules of about_Quoting_Rules: PowerShell itself has not run.
#[test]
fn powershell_has_every_single_quote_twice() {
    let is_quote = |c: char| "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(c);
    for value in hostile() {
        let text = line(Format::Powershell, Some(&value));
        let quoted = text.strip_prefix("$env:VALUE = '").unwrap();
        let (mut read, mut rest) = (String::new(), quoted.chars());
        loop {
            match rest.next().expect("the end of the string") {
                c if !is_quote(c) => read.push(c),
                quote => match rest.next() {
                    Some(second) => {
                        assert!(is_quote(second), "the string ends in the middle: {text}");
                        read.push(quote);
                    }
                    None => break,
                },
            }
        }
        assert_eq!(read, value);
    }
    assert_eq!(line(Format::Powershell, None), "$env:VALUE = $null");
}

#[test]
fn nushell_gets_a_json_record() {
    for value in hostile() {
        let text = line(Format::Nushell, Some(&value));
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record, serde_json::json!({"VALUE": value}));
    }
    assert_eq!(line(Format::Nushell, None), r#"{"VALUE":null}"#);
}

/// `tests/run` installs Nushell into the project's own folder.
#[test]
#[cfg_attr(windows, ignore = "its shells are not installed there")]
fn nushell_reads_every_value() {
    let (values, dir) = (hostile(), tempfile::tempdir().unwrap());
    let write = |name: String, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    for (number, value) in values.iter().enumerate() {
        write(number.to_string(), &line(Format::Nushell, Some(value)));
    }
    write("none".to_owned(), &line(Format::Nushell, None));
    let nu = concat!(env!("CARGO_MANIFEST_DIR"), "/.suite/node_modules/.bin/nu");
    let script = format!(
        "cd '{}'; for n in 0..{} {{ open --raw ($n | into string) | from json | load-env; \
         ^/usr/bin/env printenv -0 VALUE }}; open --raw none | from json | load-env; \
         do -i {{ ^/usr/bin/env printenv -0 VALUE }}",
        dir.path().display(),
        values.len() - 1
    );
    let Some(seen) = run(&[nu, "--no-config-file", "-c", &script], "") else {
        return;
    };
    let expected: String = values.iter().map(|value| format!("{value}\0")).collect();
    assert_eq!(String::from_utf8(seen).unwrap(), expected);
}

/// A format without quotes has the value as it is, or fails.
#[test]
fn a_value_that_a_format_cannot_express_is_refused() {
    let control = |c: char| c.is_control();
    let refused = |format, value: &str| match format {
        Format::Cmd => value.contains(|c: char| control(c) || !c.is_ascii() || "%!\"".contains(c)),
        Format::Docker => value.contains(control),
        _ => {
            value.contains(|c: char| !c.is_ascii_graphic())
                || value.starts_with(['#', ';', '"', '\''])
        }
    };
    for value in hostile() {
        for (format, before, after) in [
            (Format::Cmd, "set \"VALUE=", "\""),
            (Format::Docker, "VALUE=", ""),
            (Format::CredentialsFile, "VALUE = ", ""),
        ] {
            let change: [Change<'_>; 1] = [("VALUE", Some(value.as_str().into()))];
            match rendered(format, &change) {
                Ok(text) => {
                    assert!(!refused(format, &value), "{format:?}: {value}");
                    assert_eq!(text.to_vec(), format!("{before}{value}{after}").as_bytes());
                }
                Err(finding) => {
                    assert!(refused(format, &value), "{format:?}: {value}");
                    let text = finding.to_string();
                    assert!(text.contains("VALUE"), "{text}");
                }
            }
        }
    }
}

/// A buffer that grew would leave a copy of the secret behind.
#[test]
fn no_value_grows_beyond_the_reserved_space() {
    for c in ['\'', '\\', '\u{2018}', '\u{7}', '"', 'x'] {
        for format in [
            Format::Bash,
            Format::Fish,
            Format::Powershell,
            Format::Nushell,
        ] {
            let value = c.to_string().repeat(100);
            let size = line(format, Some(&value)).len() - "VALUE".len();
            assert!(
                size <= GROWTH * value.len() + AROUND,
                "{format:?} {c:?}: {size}"
            );
        }
    }
    let mut out = Vec::new();
    assert!(!push_change(&mut out, Format::Docker, "VALUE", None) && out.is_empty());
}
