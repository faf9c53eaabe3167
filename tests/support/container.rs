//! A container without a container engine: a mount namespace with a root directory of its own, in which
//! `/aws` is what a command has in `AWSFRESH_MOUNT`.

/// Runs the script in `$SCRIPT` in a new container. The programs of the machine are there, and the
/// directories in `$ALSO`; its home directory and its state are not.
pub const CONTAINER: &str = r#"
exec unshare --map-root-user --mount sh -ec '
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
