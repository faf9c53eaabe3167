#!/bin/bash
# The recipes of package managers that are not here, as far as they can be run without them: recipes.sh DIR PROGRAM.
# The program is in the place of what cargo would build.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 program=$2
recipes=$RELEASE/recipes
fail() {
    echo "recipes.sh: $1" >&2
    exit 1
}
crate=$(echo "$RELEASE"/*.crate)
sum=$(sha256sum "$crate" | cut -d' ' -f1)
# The source as a recipe has it, with the program where cargo builds it.
unpack() {
    mkdir -p "$1"
    tar -xzf "$crate" -C "$1"
    mkdir -p "$1/$(basename "$crate" .crate)/target/release"
    cp "$program" "$1/$(basename "$crate" .crate)/target/release/awsfresh"
}
# has PREFIX FILE...
has() {
    for file in "${@:2}"; do
        [ -f "$1/$file" ] || fail "$1/$file is missing: $(find "$1" -type f)"
    done
    "$1/bin/awsfresh" --version >/dev/null
}
! grep -rn '@[A-Z]*@' "$recipes" || fail 'a value has not been filled in'

unpack "$dir/brew"
(
    cd "$dir"/brew/awsfresh-*
    ruby "$here/homebrew.rb" "$recipes/homebrew/awsfresh.rb" "$dir/cellar" >"$dir/formula"
)
printf 'https://example.org/awsfresh/%s\n%s\n' "$(basename "$crate")" "$sum" | diff - "$dir/formula"
has "$dir/cellar" share/man/man1/awsfresh-login.1 etc/bash_completion.d/awsfresh share/zsh/site-functions/_awsfresh \
    share/fish/vendor_completions.d/awsfresh.fish share/awsfresh/awsfresh.refresh.plist share/doc/awsfresh/README.md

mkdir -p "$dir/aur"
cp "$recipes/aur/PKGBUILD" "$dir/aur"
# makepkg refuses root, and ends where there is no pacman, which --printsrcinfo does not use.
chmod -R a+rX "$dir"
chown -R 65534:65534 "$dir/aur"
(cd "$dir/aur" && setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$dir/aur" PACMAN=true \
    makepkg --printsrcinfo) >"$dir/srcinfo"
grep "sha256sums = $sum" "$dir/srcinfo" >/dev/null || fail 'the checksum in the PKGBUILD is wrong'
unpack "$dir/arch"
(
    cd "$dir/arch"
    export pkgdir=$dir/pkg
    # shellcheck disable=SC1091
    . "$recipes/aur/PKGBUILD"
    package
)
has "$dir/pkg/usr" share/man/man1/awsfresh-login.1 lib/systemd/user/awsfresh-refresh.timer share/zsh/site-functions/_awsfresh \
    share/licenses/awsfresh/LICENSE-MIT

export NIX_REMOTE=dummy://
nix-instantiate --parse "$here/../../../packaging/nix/package.nix" >/dev/null
# The attributes, with functions that return what they get in the place of nixpkgs.
nix-instantiate --eval --strict --json -E "
    let lib = { cleanSource = path: toString path; licenses = { asl20 = 1; mit = 2; }; platforms = { linux = [ 1 ]; darwin = [ 2 ]; }; };
    in import $here/../../../packaging/nix/package.nix { inherit lib; rustPlatform.buildRustPackage = x: x; }" >"$dir/nix.json"
unpack "$dir/nix"
(
    cd "$dir"/nix/awsfresh-*
    out=$dir/store
    mkdir -p "$out/bin"
    mv target/release/awsfresh "$out/bin"
    python3 -c 'import json, sys; about = json.load(open(sys.argv[1])); assert about["version"] == sys.argv[2]; print(about["postInstall"])' \
        "$dir/nix.json" "${PWD##*-}" >"$dir/post-install"
    # shellcheck disable=SC1091
    . "$dir/post-install"
)
has "$dir/store" share/man/man1/awsfresh-login.1 share/systemd/user/awsfresh-refresh.timer
grep -F "\"$dir/store/bin/awsfresh\"" "$dir/store/share/systemd/user/awsfresh-refresh.service" >/dev/null || fail 'the unit runs another program'

python3 - "$RELEASE" "$dir/store" <<'PYTHON'
import glob, hashlib, json, plistlib, sys

release, store = sys.argv[1:]
scoop = json.load(open(f"{release}/recipes/scoop/awsfresh.json"))
[zipped] = glob.glob(f"{release}/*.zip")
build = scoop["architecture"]["64bit"]
assert build["hash"] == hashlib.sha256(open(zipped, "rb").read()).hexdigest(), build
assert build["url"].endswith("/" + zipped.split("/")[-1]), build
assert scoop["autoupdate"]["architecture"]["64bit"]["url"].replace("$version", scoop["version"]) == build["url"]

agent = plistlib.load(open(f"{store}/share/awsfresh/awsfresh.refresh.plist", "rb"))
assert agent["ProgramArguments"] == [f"{store}/bin/awsfresh", "refresh", "--all", "--no-login"], agent
assert agent["StartInterval"] > 0 and agent["Umask"] == 0o077, agent
PYTHON
