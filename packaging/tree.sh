#!/bin/sh
# Lays out what an installation consists of: packaging/tree.sh BINARY DIR [PREFIX]
# DIR gets bin/ and share/, as they are below PREFIX (default: /usr) on the machine that they are for.
# install.sh, release.sh and the recipes of the package managers all call this, so that they install the same.
set -eu
[ $# -ge 2 ] || {
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
}
binary=$1 dir=$2 prefix=${3:-/usr}
source=$(cd "$(dirname "$0")/.." && pwd)
umask 022

# put MODE FILE DESTINATION
put() {
    mkdir -p "$dir/$(dirname "$3")"
    # A new file: the old one may be running.
    rm -f "$dir/$3"
    cp "$2" "$dir/$3"
    chmod "$1" "$dir/$3"
}

# put_for_prefix FILE DESTINATION: the file names the program that it runs.
put_for_prefix() {
    put 644 "$1" "$2"
    sed "s|/usr/bin/awsfresh|$prefix/bin/awsfresh|" "$1" >"$dir/$2"
}

put 755 "$binary" bin/awsfresh
mkdir -p "$dir/share/man/man1"
# The home directory is empty: no setting of this user decides about what is installed.
env -i PATH="$PATH" HOME=/nonexistent "$dir/bin/awsfresh" man --dir "$dir/share/man/man1"
chmod 644 "$dir"/share/man/man1/awsfresh*.1

completions=$source/packaging/completions
put 644 "$completions/awsfresh.bash" share/bash-completion/completions/awsfresh
put 644 "$completions/_awsfresh" share/zsh/site-functions/_awsfresh
put 644 "$completions/awsfresh.fish" share/fish/vendor_completions.d/awsfresh.fish
put 644 "$completions/awsfresh.nu" share/awsfresh/completions/awsfresh.nu
put 644 "$completions/awsfresh.ps1" share/awsfresh/completions/awsfresh.ps1

put_for_prefix "$source/packaging/systemd/awsfresh-refresh.service" share/systemd/user/awsfresh-refresh.service
put 644 "$source/packaging/systemd/awsfresh-refresh.timer" share/systemd/user/awsfresh-refresh.timer
put_for_prefix "$source/packaging/launchd/awsfresh.refresh.plist" share/awsfresh/awsfresh.refresh.plist
put_for_prefix "$source/packaging/cron/awsfresh.crontab" share/awsfresh/awsfresh.crontab

for file in README.md CHANGELOG.md SECURITY.md LICENSE-APACHE LICENSE-MIT; do
    put 644 "$source/$file" "share/doc/awsfresh/$file"
done
find "$source/docs" -type f \( -name '*.md' -o -name '*.svg' \) | LC_ALL=C sort | while IFS= read -r file; do
    put 644 "$file" "share/doc/awsfresh/${file#"$source"/}"
done
