//! A `credential_process` whose program does not exist: what a call and `doctor` say about it.

use crate::config::Value;
use crate::finding::{Cause, Finding, remedy};
use crate::shell::program;
use crate::world::World;

const BUILTINS: [&str; 13] = [
    "echo", "printf", "exec", "eval", "export", "cat", "exit", "true", "false", "test", "cd", ":",
    ".",
];

/// The finding about a program that is named plainly and does not exist.
pub(crate) fn missing_program(command: &Value, profile: &str, world: &World) -> Option<Finding> {
    let program = program(&command.text)?;
    let exists = if program.contains('/') {
        world.expand_home(&program).exists()
    } else {
        let path = world.env("PATH").unwrap_or("/usr/bin:/bin");
        let in_path = || std::env::split_paths(path).any(|dir| dir.join(&program).exists());
        cfg!(windows) || BUILTINS.contains(&program.as_str()) || in_path()
    };
    if exists {
        return None;
    }
    let origin = &command.origin;
    let summary = format!("credential_process of profile `{profile}`: {program} does not exist");
    let finding = Finding::new(Cause::ProcessFailed, summary)
        .about_profile(profile)
        .at(origin);
    let is_file = |path: &str| world.expand_home(path).is_file();
    Some(match path_with_space(&command.text, is_file) {
        Some(path) => finding
            .evidence(format!(
                "{path} exists: without quotes, a space ends the path"
            ))
            .remedy(remedy!(
                "write the path in double quotes at {}: {}",
                *origin,
                path
            )),
        None => finding.remedy(remedy!(
            "install {}, or write its full path at {}",
            program,
            *origin
        )),
    })
}

/// The path of a file with a space in it, with which a command line begins.
fn path_with_space(command: &str, is_file: impl Fn(&str) -> bool) -> Option<String> {
    let ends = command.match_indices(' ').map(|(at, _)| at);
    let ends = ends.chain([command.len()]).skip(1);
    let mut paths = ends.map(|end| &command[..end]);
    paths.find(|path| is_file(path)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::path_with_space;

    #[test]
    fn a_path_with_spaces_is_found_in_a_command_line() {
        let is_file = |path: &str| path == "/my own tools/get.sh";
        let path = |command| path_with_space(command, is_file);
        let found = Some("/my own tools/get.sh".to_owned());
        assert_eq!(path("/my own tools/get.sh --profile dev"), found);
        assert_eq!(path("/my own tools/get.sh"), found);
        assert_eq!(path("/my own/get.sh"), None);
    }
}
