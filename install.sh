#!/bin/sh
# Installs awsfresh: from a checkout, which it builds with cargo, or from a release archive; see --help.
set -eu
export LC_ALL=C

usage() {
    cat <<'USAGE'
Usage: ./install.sh [--prefix DIR] [--archive FILE [--sha256 SUM]]
       ./install.sh --uninstall [--prefix DIR] [--force]

Installs awsfresh with its man pages, completions, documents and systemd units: in a checkout, what cargo builds; in an
unpacked release archive, what is in it.

  --prefix DIR    install into DIR/bin and DIR/share (default: ~/.local, or /usr/local as root)
  --archive FILE  install from this release archive, if it has the checksum that SHA256SUMS beside it says
  --sha256 SUM    the checksum of the archive, instead of SHA256SUMS
  --uninstall     remove what was installed; credentials and the AWS config stay
  --force         remove it although profiles get their credentials from it
  --help          print this help
USAGE
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

prefix='' archive='' sha256='' uninstall=no force=no
while [ $# -gt 0 ]; do
    case $1 in
        --prefix | --archive | --sha256)
            [ -n "${2-}" ] || fail "$1 needs a value"
            case $1 in
                --prefix) prefix=$2 ;;
                --archive) archive=$2 ;;
                *) sha256=$2 ;;
            esac
            shift
            ;;
        --prefix=?*) prefix=${1#*=} ;;
        --archive=?*) archive=${1#*=} ;;
        --sha256=?*) sha256=${1#*=} ;;
        --uninstall) uninstall=yes ;;
        --force) force=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
fi
case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac
prefix=${prefix%/}
case $prefix in
    # The systemd unit and the crontab name the program, each with its own special characters.
    *[\"\'\`\$%\&\|\\\;\<\>*?]*) fail "the prefix has a character that a systemd unit or a crontab would misread: $prefix" ;;
esac
bin=$prefix/bin/awsfresh
# What is installed, one path below the prefix a line; a directory that was created for it ends with a slash.
list=share/awsfresh/installed-files

# Removes the files of the list in $1, and its directories where they are empty.
remove_listed() {
    grep -v '/$' "$1" | while IFS= read -r file; do
        [ -d "$prefix/$file" ] || rm -f "$prefix/$file"
    done
    grep '/$' "$1" | sort -r | while IFS= read -r dir; do
        rmdir "$prefix/$dir" 2>/dev/null || true
    done
}

# What `systemctl --user enable` has made for this user, and the stamp of the timer.
disable_timer() {
    unit=awsfresh-refresh.timer
    link=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/timers.target.wants/$unit
    [ "$(readlink "$link" 2>/dev/null)" = "$prefix/share/systemd/user/$unit" ] || return 0
    systemctl --user disable --now "$unit" >/dev/null 2>&1 || true
    rm -f "$link" "${XDG_DATA_HOME:-$HOME/.local/share}/systemd/timers/stamp-$unit"
    rmdir "$(dirname "$link")" 2>/dev/null || true
}

if [ "$uninstall" = yes ]; then
    if [ ! -f "$prefix/$list" ]; then
        [ ! -f "$prefix/.crates.toml" ] || ! grep -q '^"awsfresh ' "$prefix/.crates.toml" ||
            fail "$bin was installed by cargo; run: cargo uninstall --root $prefix awsfresh"
        fail "nothing to remove: $prefix/$list does not exist"
    fi
    if [ "$force" = no ]; then
        for file in "${AWS_CONFIG_FILE:-$HOME/.aws/config}" "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}"; do
            ! grep -qsF "$bin" "$file" || fail "profiles in $file get their credentials from $bin;
first run: $bin setup --undo
or remove it all the same: $0 --uninstall --prefix $prefix --force"
        done
    fi
    disable_timer
    agent=$HOME/Library/LaunchAgents/awsfresh.refresh.plist
    [ ! -f "$agent" ] || printf 'still there: %s; run: launchctl bootout "gui/%s" %s\n' "$agent" "$(id -u)" "$agent"
    copy=$(mktemp)
    trap 'rm -f "$copy"' EXIT
    cp "$prefix/$list" "$copy"
    remove_listed "$copy"
    printf 'removed awsfresh from %s\n' "$prefix"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Checks the files in the directory $1 against the list $2 there.
check_sums() {
    if command -v sha256sum >/dev/null 2>&1; then
        (cd "$1" && sha256sum -c "$2") >/dev/null
    elif command -v shasum >/dev/null 2>&1; then
        (cd "$1" && shasum -a 256 -c "$2") >/dev/null
    else
        fail 'no program for checksums is in PATH: install sha256sum or shasum'
    fi
}

if [ -n "$archive" ]; then
    [ -f "$archive" ] || fail "$archive does not exist"
    name=$(basename "$archive")
    beside=$(dirname "$archive")/SHA256SUMS
    if [ -z "$sha256" ]; then
        [ -f "$beside" ] || fail "$beside does not exist: download it, too, or give --sha256"
        sha256=$(awk -v name="$name" '$2 == name { print $1 }' "$beside")
        [ -n "$sha256" ] || fail "$beside has no line for $name"
    fi
    # What is checked is what is unpacked.
    cp "$archive" "$work/$name"
    printf '%s  %s\n' "$sha256" "$name" >"$work/sum"
    check_sums "$work" sum || fail "$archive does not have the checksum $sha256: download it again"
    mkdir "$work/unpacked"
    tar -xzf "$work/$name" -C "$work/unpacked"
    tree=$(echo "$work"/unpacked/*)
elif [ -f "$here/SHA256SUMS" ] && [ -f "$here/bin/awsfresh" ]; then
    tree=$here
elif [ -f "$here/Cargo.toml" ]; then
    command -v cargo >/dev/null 2>&1 || fail 'cargo is not in PATH: install Rust from https://rustup.rs, then run this script again'
    command -v cc >/dev/null 2>&1 || fail 'there is no C compiler: install gcc (Debian: apt install gcc libc6-dev), then run this script again'
    want=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$here/Cargo.toml")
    have=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
    oldest=$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)
    [ "$oldest" = "$want" ] || fail "Rust $have is too old: awsfresh needs $want or newer; run: rustup update"
    # In PATH, because cargo warns about a directory that is not.
    PATH=$work/built/bin:$PATH cargo install --locked --no-track --path "$here" --root "$work/built"
    tree=$work/tree
    "$here/packaging/tree.sh" "$work/built/bin/awsfresh" "$tree"
else
    fail "$here is neither a checkout nor an unpacked release archive: give --archive FILE"
fi
if [ -f "$tree/SHA256SUMS" ]; then
    check_sums "$tree" SHA256SUMS || fail 'a file of the archive is damaged: unpack it again'
fi
version=$("$tree/bin/awsfresh" --version 2>"$work/error") ||
    fail "the program does not run on this machine ($(head -n 1 "$work/error")): install it from a checkout, which builds it"

# Notes the directory $1 below the prefix, and those above it, where they do not exist.
note_dir() {
    [ ! -d "$prefix/$1" ] || return 0
    case $1 in
        */*) note_dir "${1%/*}" ;;
        ?*) note_dir '' ;;
    esac
    printf '%s/\n' "$1"
}

umask 022
(cd "$tree" && find bin share -type f) | sort >"$work/files"
{
    cat "$work/files"
    printf '%s\n' "$list"
    while IFS= read -r file; do note_dir "${file%/*}"; done <"$work/files"
} | sort -u >"$work/list"
: >"$work/old"
[ ! -f "$prefix/$list" ] || sort -u "$prefix/$list" >"$work/old"
# First of all the list, so that a broken installation can be removed, too.
mkdir -p "$prefix/${list%/*}"
sort -u "$work/old" "$work/list" >"$prefix/$list"

while IFS= read -r file; do
    [ ! -d "$prefix/$file" ] || fail "$prefix/$file is a directory: remove it, then run this script again"
    mkdir -p "$prefix/${file%/*}"
    # A new file takes the place of the old one in one step: a tool may be running it.
    new=$prefix/$file.new.$$
    case $file in
        *.service | *.plist | *.crontab) sed "s|/usr/bin/awsfresh|$prefix/bin/awsfresh|" "$tree/$file" >"$new" ;;
        *) cp "$tree/$file" "$new" ;;
    esac
    case $file in
        bin/*) chmod 755 "$new" ;;
        *) chmod 644 "$new" ;;
    esac
    mv -f "$new" "$prefix/$file"
done <"$work/files"

# What only the version before had.
comm -23 "$work/old" "$work/list" | grep -v '/$' >"$work/gone" || true
while IFS= read -r file; do
    [ -d "$prefix/$file" ] || rm -f "$prefix/$file"
    rmdir "$prefix/${file%/*}" 2>/dev/null || true
done <"$work/gone"
sort -u "$work/old" "$work/list" | comm -23 - "$work/gone" >"$work/now"
cp "$work/now" "$prefix/$list"

printf '\nInstalled %s as %s.\n' "$version" "$bin"
found=$(command -v awsfresh 2>/dev/null || true)
case $found in
    "$bin") ;;
    '') printf '%s/bin is not in PATH: add it.\n' "$prefix" ;;
    *) printf 'Another one comes first in PATH: %s\n' "$found" ;;
esac
printf 'Next, let your tools get their credentials from it:\n\n'
printf '  %s setup        shows a diff of ~/.aws/config, and asks\n' "$bin"
