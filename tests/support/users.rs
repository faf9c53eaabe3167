//! Runs as another user, for tests of modes and owners, which do not bind root.

use std::process::{Command, Stdio};

use super::sandbox::Sandbox;
use super::skip::skip;

/// A user without a name.
pub const UID: u32 = 54321;

/// Whether this runs as root, who can become another user.
pub fn is_root(home: &Sandbox) -> bool {
    home.shell("id -u").trim() == "0"
}

/// Whether a test that needs root can run; in CI it must.
pub fn needs_root(home: &Sandbox) -> bool {
    let root = is_root(home);
    if !root {
        skip("only root can become another user");
    }
    root
}

/// Gives a home to [`UID`] if this runs as root, together with a copy of the program, whose
/// directory may be closed to others.
pub fn give_away(home: &Sandbox) {
    home.copy_of_awsfresh();
    if is_root(home) {
        home.shell(&format!("chown -R {UID}:{UID} ."));
    }
}

/// The words in front of a command that make it run as the owner of a home that was given away.
pub fn as_user(home: &Sandbox) -> String {
    if is_root(home) {
        format!("setpriv --reuid={UID} --regid={UID} --clear-groups")
    } else {
        String::new()
    }
}

/// awsfresh as the owner of a home that was given away.
pub fn as_owner(home: &Sandbox, args: &[&str]) -> Command {
    let plain = home.command(args);
    let mut command = Command::new("sh");
    let script = format!("exec {} \"$0\" \"$@\"", as_user(home));
    command
        .arg("-c")
        .arg(script)
        .arg(home.home().join("awsfresh"));
    let env = plain
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.args(args).env_clear().envs(env);
    command.current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
