#!/bin/bash
# Runs a script as root of a system that is this one plus what the script changes: overlay.sh SCRIPT [ARGUMENT...]
# Needs root. Nothing stays: the changes are in memory, and the namespaces end with this process. Only what the script
# writes to /tmp is that of this system.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != --inside ]; then
    exec unshare --mount --pid --fork --mount-proc --kill-child --propagation private "$0" --inside "$@"
fi
shift
base=/media # whatever is there is covered in this namespace alone
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$base/root"
for dir in /proc /dev /sys /tmp; do
    mount --rbind "$dir" "$base/root$dir"
done
mount -t tmpfs -o mode=755 tmpfs "$base/root/run"
# Where the project and its files are on another file system, the overlay does not have them.
for dir in "${here%/tests/real/packages}" "${RELEASE:-/tmp}"; do
    mkdir -p "$base/root$dir"
    mount --rbind "$dir" "$base/root$dir"
done
# Images of containers leave man pages and documents out.
rm -f "$base"/root/etc/dpkg/dpkg.cfg.d/*
exec chroot "$base/root" /bin/bash "$here/$1" "${@:2}"
