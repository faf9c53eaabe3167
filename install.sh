#!/bin/sh
# Builds awsfresh from this checkout with cargo and installs it; see --help.
set -eu

usage() {
    cat <<'USAGE'
Usage: ./install.sh [--prefix DIR] [--uninstall]

Builds awsfresh from this checkout and installs it.

  --prefix DIR   install into DIR/bin (default: the directory of cargo, ~/.cargo/bin)
  --uninstall    remove the binary; cached credentials stay (to delete them, first run: awsfresh forget --all)
  --help         print this help
USAGE
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

prefix=
uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -ge 2 ] || fail '--prefix needs a directory'
            prefix=$2
            shift
            ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        --uninstall) uninstall=yes ;;
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
[ -n "$prefix" ] || prefix=${CARGO_INSTALL_ROOT:-${CARGO_HOME:-$HOME/.cargo}}

if [ "$uninstall" = yes ]; then
    [ -e "$prefix/bin/awsfresh" ] || fail "nothing to remove: $prefix/bin/awsfresh does not exist"
    rm "$prefix/bin/awsfresh"
    # Removes cargo's record of the installation. That fails if there is none, or because the binary is gone.
    if command -v cargo >/dev/null 2>&1; then
        cargo uninstall --root "$prefix" awsfresh >/dev/null 2>&1 || true
    fi
    printf 'removed %s\n' "$prefix/bin/awsfresh"
    exit 0
fi

command -v cargo >/dev/null 2>&1 || fail 'cargo is not in PATH: install Rust from https://rustup.rs, then run this script again'
command -v cc >/dev/null 2>&1 || fail 'there is no C compiler: install gcc (Debian: apt install gcc libc6-dev), then run this script again'

want=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$here/Cargo.toml")
have=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
oldest=$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)
[ "$oldest" = "$want" ] || fail "Rust $have is too old: awsfresh needs $want or newer; run: rustup update"

cargo install --locked --path "$here" --root "$prefix" --force

bin=$prefix/bin/awsfresh
printf '\nInstalled %s. Next, let your tools get their credentials from it:\n\n' "$("$bin" --version)"
printf '  %s setup        shows a diff of ~/.aws/config, and asks\n' "$bin"
