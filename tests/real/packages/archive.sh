#!/bin/bash
# Installs the archive below a directory, with every way to check it, and removes it: archive.sh DIR PROGRAM, an empty
# directory and what cargo would build.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
here=$(cd "$(dirname "$0")" && pwd)
install=$here/../../../install.sh
archive=$(echo "$RELEASE"/*.tar.gz)
cd "$1"
export HOME=$1/home
unset XDG_CONFIG_HOME XDG_DATA_HOME AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
fail() {
    echo "archive.sh: $1" >&2
    exit 1
}
# refused WORDS COMMAND...
refused() {
    if "${@:2}" >out 2>&1; then fail "accepted: ${*:2}"; fi
    grep -F "$1" out >/dev/null || fail "not '$1': $(cat out)"
}
everything() {
    find "$1" -printf '%p %y %m %l\n' | sort
}

# The checksum of the archive, and those in it.
mkdir files home
cp "$archive" files/a.tar.gz
refused 'download it, too' "$install" --prefix p --archive files/a.tar.gz
cp "$RELEASE/SHA256SUMS" files
refused 'no line for a.tar.gz' "$install" --prefix p --archive files/a.tar.gz
mv files/a.tar.gz "files/$(basename "$archive")"
printf x >>"files/$(basename "$archive")"
refused 'does not have the checksum' "$install" --prefix p --archive "files/$(basename "$archive")"
[ ! -e p ] || fail 'something was installed'
tar -xzf "$archive"
tree=$(echo awsfresh-*)
printf x >>"$tree/share/doc/awsfresh/README.md"
refused 'is damaged' "$tree/install.sh" --prefix p
[ ! -e p ] || fail 'something was installed'
refused 'would misread' "$install" --prefix 'p%q' --archive "$archive"

# Installed twice, by each way, among files of others; removed without a trace.
mkdir -p p/bin p/share/man
touch p/bin/other
everything p >before
umask 077
"$install" --prefix p --archive "$archive" --sha256 "$(sha256sum "$archive" | cut -d' ' -f1)" >out
# What the version before had.
mkdir p/share/old
touch p/share/old/page
printf 'share/old/\nshare/old/page\n' >>p/share/awsfresh/installed-files
rm -r "$tree"
tar -xzf "$archive"
"$tree/install.sh" --prefix "$1/p" >out
[ ! -e p/share/old ] || fail 'a file of the version before is still there'
grep -F "$1/p/bin/awsfresh setup" out >/dev/null || fail "$(cat out)"
p/bin/awsfresh --version >/dev/null
[ "$(find p -type f ! -perm 644 ! -perm 755)" = '' ] || fail 'a file has a wrong mode'
[ "$(find p ! -type d -perm 755)" = p/bin/awsfresh ] || fail 'a program is missing, or is none'
grep -x "ExecStart=\"$1/p/bin/awsfresh\" refresh --all --no-login" p/share/systemd/user/awsfresh-refresh.service >/dev/null

# The documents have each other.
documents=p/share/doc/awsfresh
find "$documents" -name '*.md' | while IFS= read -r page; do
    sed -n 's/.*](\([^)#:]*\.\(md\|svg\)\)[)#].*/\1/p' "$page" | while IFS= read -r link; do
        # The only ones that are about the source.
        case $link in *CONTRIBUTING.md | *packaging/README.md) continue ;; esac
        [ -f "$(dirname "$page")/$link" ] || fail "$page: $link is not installed"
    done
done

# What is in use is not removed; data of the user stays.
mkdir -p home/.aws home/.config/systemd/user/timers.target.wants home/.local/share/systemd/timers
printf '[profile prod]\ncredential_process = %s credential-process --profile prod-source\n' "$1/p/bin/awsfresh" >home/.aws/config
everything home/.aws >data
ln -s "$1/p/share/systemd/user/awsfresh-refresh.timer" home/.config/systemd/user/timers.target.wants/
touch home/.local/share/systemd/timers/stamp-awsfresh-refresh.timer
refused 'setup --undo' "$install" --uninstall --prefix p
[ -x p/bin/awsfresh ] || fail 'it was removed all the same'
"$install" --uninstall --prefix p --force
everything p >after
diff before after
everything home/.aws | diff data -
[ "$(find home/.config home/.local/share/systemd -name '*awsfresh*')" = '' ] || fail 'the timer is still enabled'
refused 'nothing to remove' "$install" --uninstall --prefix p

# A program that does not run here, as with an older glibc, is not installed.
printf '#!/bin/sh\necho "version GLIBC_9 not found" >&2; exit 1\n' >"$tree/bin/awsfresh"
(cd "$tree" && find bin share -type f -exec sha256sum {} + >SHA256SUMS)
refused 'GLIBC_9 not found' "$tree/install.sh" --prefix other
[ ! -e other ] || fail 'something was installed'

# An installation that stopped half-way can be removed.
mkdir -p broken/share/systemd/user/awsfresh-refresh.timer
everything broken >before
refused 'is a directory' "$install" --prefix broken --archive "$archive"
[ -e broken/bin/awsfresh ] || fail 'it stopped too early'
"$install" --uninstall --prefix broken
everything broken | diff before -

# From a checkout, into a directory that does not exist. cargo installs what is built already.
mkdir cargo-bin
cat >cargo-bin/cargo <<'CARGO'
#!/bin/sh
[ "$1 $2 $3 $4" = 'install --locked --no-track --path' ] || exit 9
mkdir -p "$7/bin"
cp "$PROGRAM" "$7/bin/awsfresh"
CARGO
printf '#!/bin/sh\necho rustc 1.94.0\n' >cargo-bin/rustc
chmod +x cargo-bin/*
export PROGRAM=$2
PATH=$1/cargo-bin:$PATH refused 'is too old' "$install" --prefix 'new dir/p'
printf '#!/bin/sh\necho rustc 2.0.0\n' >cargo-bin/rustc
PATH=$1/cargo-bin:$PATH "$install" --prefix 'new dir/p' >out
cmp "$2" 'new dir/p/bin/awsfresh'
"$install" --uninstall --prefix 'new dir/p'
[ ! -e 'new dir/p' ] || fail 'the prefix is still there'

# Where a user has it: each shell and man find it by themselves, zsh by its fpath.
"$install" --prefix "$HOME/.local" --archive "$archive" >/dev/null
export PATH=$HOME/.local/bin:$PATH TERM=xterm MANPAGER=cat
unset MANPATH XDG_DATA_DIRS
man awsfresh-login | grep 'awsfresh login -p prod' >/dev/null || fail 'man does not find the page'
python3 "$here/tab.py" 'bash --norc -i'
python3 "$here/tab.py" 'fish --private'
FPATH=$HOME/.local/share/zsh/site-functions:$(zsh -fc 'print $FPATH') python3 "$here/tab.py" 'zsh -f -i'
