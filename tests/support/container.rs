//! A container without a container engine: a mount namespace with a root directory of its own, in which
//! `/aws` is what a command has in `AWSFRESH_MOUNT`.

use std::process::{Command, Stdio};

use super::skip::skip;

/// The command that runs another in a mount namespace of its own, in which it is root; `None` where
/// the kernel allows none, as in a container without privileges.
pub fn namespace() -> Option<&'static str> {
    let words = ["unshare --mount", "unshare --map-root-user --mount"];
    words.into_iter().find(|words| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{words} true")]);
        command.stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Why it is missing.
pub const NO_NAMESPACE: &str = "no mount namespace is allowed here";

/// The same; without it, the test is skipped.
pub fn needs_namespace() -> Option<&'static str> {
    let namespace = namespace();
    if namespace.is_none() {
        skip(NO_NAMESPACE);
    }
    namespace
}

/// Runs the script in `$SCRIPT` in a new container, as the command in `$NAMESPACE` allows it. The programs of the machine are there, and the
/// directories in `$ALSO`; its home directory and its state are not.
pub const CONTAINER: &str = r#"
exec $NAMESPACE sh -ec '
    root=$PWD/root
    mkdir -p "$root"
    mount -t tmpfs none "$root"
    for dir in usr etc dev proc $ALSO; do
        mkdir -p "$root/$dir"
        mount --rbind "/$dir" "$root/$dir"
    done
    for link in bin lib lib64; do ln -s "usr/$link" "$root/$link"; done
    mkdir -p "$root/tmp" "$root/aws"
    mount --bind "$AWSFRESH_MOUNT" "$root/aws"
    exec /usr/sbin/chroot "$root" /usr/bin/env -i PATH="/usr/bin:/bin" HOME=/tmp AWS_CONFIG_FILE=/aws/config AWS_PROFILE="$AWS_PROFILE" \
        AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" AWS_EC2_METADATA_DISABLED=true sh -ec "$SCRIPT"
'"#;
