#!/bin/bash
# As root of a system that nothing keeps (overlay.sh): installs the Debian package, uses it, removes it.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
here=$(cd "$(dirname "$0")" && pwd)
package=$(echo "$RELEASE"/*.deb)
fail() {
    echo "debian.sh: $1" >&2
    exit 1
}
# This machine may have it by install.sh: nothing that happens here stays.
! command -v awsfresh >/dev/null || "$here/../../../install.sh" --uninstall
! command -v awsfresh >/dev/null || fail 'awsfresh is installed already'

lintian --fail-on error,warning --display-info --tag-display-limit 0 "$package"
dpkg -i "$package"
dpkg -L awsfresh | sort >/run/files
while IFS= read -r file; do
    [ -e "$file" ] || fail "$file is not installed"
    if [ -d "$file" ]; then continue; fi
    want=644
    [ "$file" != /usr/bin/awsfresh ] || want=755
    [ "$(stat -c '%a %u %g' "$file")" = "$want 0 0" ] || fail "$file: $(stat -c '%a %u %g' "$file")"
done </run/files
for file in copyright changelog.gz changelog.Debian.gz THIRD-PARTY.txt examples/awsfresh.crontab; do
    grep -qx "/usr/share/doc/awsfresh/$file" /run/files || fail "$file is missing"
done
dpkg --verify awsfresh
# The glibc of Debian 12 or an older one.
depends=$(dpkg-query -W -f '${Depends}' awsfresh)
libc=$(echo "$depends" | sed -n 's/.*libc6 (>= \([0-9.]*\)).*/\1/p')
dpkg --compare-versions "$libc" le 2.36 || fail "needs $depends"

export HOME=/run/home TERM=xterm LC_ALL=C.UTF-8 MANWIDTH=80 PAGER=cat MANPAGER=cat
mkdir -p $HOME/.aws
printf '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n' >$HOME/.aws/credentials
[ "$(command -v awsfresh)" = /usr/bin/awsfresh ]
awsfresh credential-process --profile default | grep AKIAIOSFODNN7EXAMPLE >/dev/null || fail 'it serves no credentials'

for page in /usr/share/man/man1/awsfresh*.1.gz; do
    name=$(basename "$page" .1.gz)
    man --warnings "$name" >/run/page 2>/run/warnings
    [ ! -s /run/warnings ] || fail "$name: $(cat /run/warnings)"
    grep -q "^NAME" /run/page || fail "$name is not rendered"
done
man awsfresh-login | grep 'awsfresh login -p prod' >/dev/null || fail 'the examples are not in the page'

for shell in 'bash --norc -i' 'zsh -f -i' 'fish --private'; do
    python3 "$here/tab.py" "$shell" || fail "$shell does not complete awsfresh"
done

XDG_RUNTIME_DIR=/run systemd-analyze --user verify /usr/lib/systemd/user/awsfresh-refresh.{service,timer} >/run/verified 2>&1 || fail "$(cat /run/verified)"
[ ! -s /run/verified ] || fail "$(cat /run/verified)"
sed 's/^#.*//' /usr/share/doc/awsfresh/examples/awsfresh.crontab | crontab -
crontab -l | grep 'refresh --all --no-login' >/dev/null || fail 'cron has not accepted the example'
said=$(sh -c "$(crontab -l | sed -n 's/^[0-9*/ ]* "/"/p')" 2>&1) || fail 'the line of the crontab does not run'
[ -z "$said" ] || fail "cron would send mail every time: $said"
crontab -r

dpkg -P awsfresh
while IFS= read -r file; do
    [ -d "$file" ] || [ ! -e "$file" ] || fail "$file is still there"
done </run/files
for dir in /usr/share/awsfresh /usr/share/doc/awsfresh; do
    [ ! -e "$dir" ] || fail "$dir is still there"
done
