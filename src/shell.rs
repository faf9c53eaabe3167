//! Command lines as people write them and SDKs run them: quoting, splitting, and what only a shell
//! understands.

use std::path::Path;

/// One argument quoted so that a shell reads it back. Also right for `credential_process`, which
/// some SDKs pass to a shell and others split by the rules of a shell. Double quotes, because
/// `cmd.exe` knows no others; single quotes where a shell would act on what is in double quotes: an
/// interactive bash replaces `!`, for which there is no escape.
pub(crate) fn quoted(argument: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c) || (cfg!(windows) && c == '\\');
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    if cfg!(windows) || !argument.contains(['"', '\\', '$', '`', '!']) {
        return format!("\"{argument}\"");
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// The same for a path, which no program takes for an option.
pub(crate) fn quoted_path(path: &Path) -> String {
    let path = path.to_string_lossy();
    if path.starts_with('-') {
        quoted(&format!("./{path}"))
    } else {
        quoted(&path)
    }
}

/// The words of a command line, without quotes; none where a quote is left open.
pub(crate) fn words(command: &str) -> Vec<String> {
    // On Windows a backslash separates the parts of a path.
    let command = if cfg!(windows) {
        command.replace('\\', "\\\\")
    } else {
        command.to_owned()
    };
    shlex::split(&command).unwrap_or_default()
}

/// The program of a command line, if it is named plainly: not through a variable, an assignment or
/// a list of commands.
pub(crate) fn program(command: &str) -> Option<String> {
    let first = command.split_whitespace().next()?;
    if first.contains(['$', '`', '(', '=', '|', ';', '&']) {
        return None;
    }
    words(command).into_iter().next()
}

/// The first thing in a command line that only a shell understands, as in "a `|`".
pub(crate) fn shell_syntax(command: &str) -> Option<String> {
    let (mut quote, mut before) = (None, ' ');
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => drop(characters.next()),
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('$' | '`', None | Some('"')) | ('|' | ';' | '&' | '<' | '>', None) => {
                return Some(format!("a `{c}`"));
            }
            ('~', None) if before == ' ' => return Some("a `~`".to_owned()),
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn arguments_survive_a_shell_and_our_own_splitting() {
        for argument in [
            "plain",
            "a b",
            "a\"b",
            "$HOME `id` \\",
            "it's",
            "it's $!",
            "",
        ] {
            let script = format!("printf %s {}", quoted(argument));
            let out = std::process::Command::new("sh")
                .arg("-c")
                .arg(script)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), argument);
            assert_eq!(words(&quoted(argument)), [argument]);
        }
        assert_eq!(words("an \"open quote"), [""; 0]);
    }

    #[test]
    fn a_program_is_named_plainly_or_not_at_all() {
        assert_eq!(
            program("/usr/bin/tool --x").as_deref(),
            Some("/usr/bin/tool")
        );
        for command in ["$TOOL x", "A=b tool", "(tool)", "tool;x", ""] {
            assert_eq!(program(command), None, "{command}");
        }
    }

    #[test]
    fn shell_syntax_counts_outside_of_quotes() {
        for (command, needs) in [
            ("/usr/bin/tool --profile a", false),
            ("/usr/bin/tool 'a|b' \"c;d\" e~f a\\|b", false),
            ("sh -c 'echo $HOME | cat'", false),
            ("~/bin/tool", true),
            ("tool --file ~/x", true),
            ("tool \"$HOME/x\"", true),
            ("tool | jq .", true),
            ("a && b", true),
            ("tool 2>/dev/null", true),
            ("tool `date`", true),
        ] {
            assert_eq!(shell_syntax(command).is_some(), needs, "{command}");
        }
    }
}
