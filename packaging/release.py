#!/usr/bin/env python3
"""Builds what a release consists of, from the commit that is checked out, for the machine that it runs on.

Writes to DIR: the source as `cargo package` makes it, the archive, the Debian package and the RPM (where dpkg-deb and
rpmbuild are installed), the bill of materials, the recipes of other package managers, and SHA256SUMS. The binary is built
from the packaged source, so a release also shows that `cargo install` works. The same commit, Rust and C compiler give the
same bytes; docs/packaging.md has the details.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # the source is packaged, too
import inventory
import packages

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ["homebrew/awsfresh.rb", "aur/PKGBUILD"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", metavar="DIR", default=ROOT / "target/release-files", type=Path)
    parser.add_argument("--binary", metavar="FILE", type=Path, help="build nothing: pack this binary")
    parser.add_argument("--download", metavar="URL", help="where the files will be: for the recipes, which are left out without it")
    parser.add_argument("--homepage", metavar="URL", help="the homepage in packages and recipes [default: --download]")
    parser.add_argument("--windows-zip", metavar="FILE", type=Path, help="the archive for Windows, for the recipe of Scoop")
    parser.add_argument("--no-packages", action="store_true", help="leave out the Debian package and the RPM")
    parser.add_argument("--allow-dirty", action="store_true", help="pack a work tree with changes that are not committed")
    options = parser.parse_args()

    about = json.loads(inventory.run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"))
    target_dir, [about] = Path(about["target_directory"]), about["packages"]
    about["homepage"] = options.homepage or options.download
    target, epoch = inventory.host(), inventory.epoch()
    os.umask(0o022)
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    name = f"awsfresh-{about['version']}"
    dirty = ["--allow-dirty"] if options.allow_dirty else []
    # Not verified by cargo, because it is built from below.
    subprocess.run(["cargo", "package", "--locked", "--no-verify", *dirty], check=True, cwd=ROOT)
    source = out / f"{name}.crate"
    shutil.copyfile(target_dir / f"package/{name}.crate", source)

    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        binary = options.binary.resolve() if options.binary else build(source, work, target_dir, epoch)
        top = work / f"{name}-{target}"
        top.mkdir()
        subprocess.run([ROOT / "packaging/tree.sh", binary, top], check=True)
        strip(top / "bin/awsfresh")
        inventory.write(top / "share/doc/awsfresh", target)
        bill = f"{name}-{target}.cdx.json"
        (top / "share/doc/awsfresh/awsfresh.cdx.json").rename(out / bill)
        made = [source.name, bill, archive(top, out, epoch)]
        architecture = target.split("-")[0]
        if not options.no_packages:
            tree = work / "tree"
            tree.mkdir()
            for part in ["bin", "share"]:
                shutil.copytree(top / part, tree / part)
            made += linux_packages(about, tree, out, architecture, epoch)

    if options.download:
        if options.windows_zip:
            made.append(shutil.copyfile(options.windows_zip, out / f"{name}-x86_64-pc-windows-msvc.zip").name)
        made += recipes(about, out, made, options.download.rstrip("/"))
    sums = "".join(f"{sha256(out / name)}  {name}\n" for name in sorted(made))
    (out / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def build(source, work, target_dir, epoch):
    """Builds and installs the packaged source. No path of this machine is in the binary."""
    # Where cargo unpacks it, too.
    folder = target_dir / "package" / source.stem
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["tar", "-xzf", source, "-C", folder.parent], check=True)
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    sysroot = inventory.run("rustc", "--print", "sysroot").strip()
    remap = {folder: "/awsfresh", cargo: "/cargo", sysroot: "/rust"}
    flags = " ".join(f"--remap-path-prefix={here}={there}" for here, there in remap.items())
    c_flags = " ".join(f"-ffile-prefix-map={here}={there}" for here, there in remap.items())
    environment = {
        **os.environ,
        "RUSTFLAGS": flags,
        "CFLAGS": c_flags,
        "SOURCE_DATE_EPOCH": str(epoch),
        "CARGO_INCREMENTAL": "0",
        "PATH": f"{work}/installed/bin:{os.environ['PATH']}",  # cargo warns about a directory that is not in it
    }
    command = ["cargo", "install", "--locked", "--no-track", "--path", folder, "--root", work / "installed"]
    subprocess.run([*command, "--target-dir", target_dir / "release-build"], check=True, env=environment)
    return work / "installed/bin/awsfresh"


def strip(binary):
    """The release profile has done so; a binary of --binary may come from another one."""
    if shutil.which("strip") and sys.platform == "linux":
        subprocess.run(["strip", "--strip-all", "--remove-section=.comment", binary], check=True)


def archive(top, out, epoch):
    """The archive of a tree: sorted, with one owner, one time and the usual modes. Returns its name."""
    shutil.copyfile(ROOT / "install.sh", top / "install.sh")
    files = sorted(path for path in top.rglob("*") if path.is_file())
    sums = "".join(f"{sha256(path)}  {path.relative_to(top)}\n" for path in files)
    (top / "SHA256SUMS").write_text(sums)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in [top, *sorted(top.rglob("*"))]:
            entry = tar.gettarinfo(path, path.relative_to(top.parent).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = epoch
            is_program = path.is_dir() or path.parent.name == "bin" or path.suffix == ".sh"
            entry.mode = 0o755 if is_program else 0o644
            if path.is_file():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    name = f"{top.name}.tar.gz"
    (out / name).write_bytes(gzip.compress(buffer.getvalue(), 6, mtime=0))
    return name


def linux_packages(about, tree, out, architecture, epoch):
    made = []
    if shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps"):
        debian = packages.DEB_ARCHITECTURES.get(architecture, architecture)
        made.append(packages.debian(about, tree, out, debian, epoch).name)
    else:
        print("release.py: no Debian package: dpkg-dev is not installed", file=sys.stderr)
    if shutil.which("rpmbuild"):
        made.append(packages.rpm(about, tree, out, architecture, epoch).name)
    else:
        print("release.py: no RPM: rpmbuild is not installed", file=sys.stderr)
    return made


def recipes(about, out, made, download):
    """Fills in the recipes: the version, the addresses, the checksums of the files that were made."""
    [source] = [name for name in made if name.endswith(".crate")]
    values = {
        "VERSION": about["version"],
        "DOWNLOAD": download,
        "HOMEPAGE": about["homepage"],
        "SOURCE_SHA256": sha256(out / source),
    }
    wanted = list(RECIPES)
    for zipped in (name for name in made if name.endswith(".zip")):
        values["WINDOWS_SHA256"] = sha256(out / zipped)
        wanted.append("scoop/awsfresh.json")
    written = []
    for recipe in wanted:
        text = (ROOT / f"packaging/{recipe}.in").read_text()
        text = re.sub(r"@([A-Z_0-9]+)@", lambda match: values[match[1]], text)
        path = out / "recipes" / recipe
        path.parent.mkdir(parents=True)
        path.write_text(text)
        written.append(f"recipes/{recipe}")
    return written


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
