#!/bin/bash
# As root of a system that nothing keeps (overlay.sh): reads the RPM back, installs it into an empty root, removes it.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
package=$(echo "$RELEASE"/*.rpm)
fail() {
    echo "rpm.sh: $1" >&2
    exit 1
}
rpm() {
    command rpm --root /run/root --dbpath /var/lib/rpm "$@"
}
mkdir -p /run/root/var/lib/rpm
rpm --initdb
command rpm -K --nosignature "$package" | grep 'digests OK' >/dev/null || fail 'its digests are wrong'
command rpm -qp --requires "$package" >/run/requires
grep -x 'ca-certificates' /run/requires >/dev/null || fail 'it does not require ca-certificates'
libc=$(sed -n 's/^libc.so.6(GLIBC_\([0-9.]*\))(64bit)$/\1/p' /run/requires | sort -V | tail -n 1)
dpkg --compare-versions "${libc:-9}" le 2.36 || fail "it requires glibc $libc"
[ "$(command rpm -qp --qf '%{LICENSE}' "$package")" = 'Apache-2.0 OR MIT' ] || fail 'its licence is wrong'
command rpm -qp --changelog "$package" | grep -F 'Ann Example <ann@example.org>' >/dev/null || fail 'it has no changelog'

# Nothing of this system satisfies a requirement of an empty one.
rpm -i --nodeps "$package"
rpm -V --nodeps awsfresh
find /run/root/usr -type f -printf '%m %u:%g /usr/%P\n' | sort -k 3 >/run/installed
while read -r mode owner file; do
    want=644
    [ "$file" != /usr/bin/awsfresh ] || want=755
    [ "$mode $owner" = "$want root:root" ] || fail "$file: $mode $owner"
done </run/installed
for file in bin/awsfresh share/man/man1/awsfresh-login.1.gz share/zsh/site-functions/_awsfresh \
    share/bash-completion/completions/awsfresh share/fish/vendor_completions.d/awsfresh.fish \
    lib/systemd/user/awsfresh-refresh.timer share/licenses/awsfresh/THIRD-PARTY.txt; do
    [ -f "/run/root/usr/$file" ] || fail "$file is missing"
done
command rpm -qp --licensefiles "$package" | grep 'LICENSE-MIT$' >/dev/null || fail 'the licence is not marked as one'
/run/root/usr/bin/awsfresh --version >/dev/null
rpm -e awsfresh
[ -z "$(find /run/root/usr -type f -o -path '*awsfresh*')" ] || fail "left: $(find /run/root/usr -type f -o -path '*awsfresh*')"
