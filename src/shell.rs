//! Command lines as people type them and SDKs run them.

/// One argument, as a shell reads it back. Also right for `credential_process`, which some SDKs give to a shell and others
/// split by the shell's rules.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c) || (cfg!(windows) && c == '\\');
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut out = String::from("\"");
    for c in argument.chars() {
        if !cfg!(windows) && "\"\\$`".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The same for a path.
pub fn quoted_path(path: &std::path::Path) -> String {
    quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn arguments_survive_a_shell() {
        for argument in ["plain", "a b", "a\"b", "$HOME `id` \\", "it's", ""] {
            let out = std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(argument))).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), argument);
        }
    }
}
