"""The Debian package and the RPM, from the tree of an installation, with the fields that Cargo.toml has for them.

release.py calls this. The native tools build the packages: dpkg-deb and dpkg-shlibdeps, and rpmbuild.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from email.utils import formatdate, parseaddr
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEB_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
DOC = "usr/share/doc/awsfresh"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def maintainer():
    """Who builds a package is its maintainer, as for Debian's own tools."""
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL", "")
    in_address, address = parseaddr(address)
    if not (address and (name or in_address)):
        sys.exit("release.py: a package names its maintainer: set DEBFULLNAME and DEBEMAIL, or give --no-packages")
    return f"{name or in_address} <{address}>"


def compress(path, into=None):
    into = into or path.with_name(path.name + ".gz")
    into.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def move(root, source, destination):
    (root / destination).parent.mkdir(parents=True, exist_ok=True)
    (root / source).rename(root / destination)


def system_tree(tree, root):
    """What both packages have below /usr: systemd's directory and compressed man pages."""
    root.mkdir(parents=True)
    shutil.copytree(tree, root / "usr")
    move(root, "usr/share/systemd", "usr/lib/systemd")
    for page in (root / "usr/share/man/man1").iterdir():
        compress(page)
    for example in ["awsfresh.crontab", "awsfresh.refresh.plist"]:
        move(root, f"usr/share/awsfresh/{example}", f"{DOC}/examples/{example}")


def settle(root, epoch):
    """One time and the usual modes for everything."""
    for path in sorted(root.rglob("*"), reverse=True):
        is_program = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (epoch, epoch))
    root.chmod(0o755)
    os.utime(root, (epoch, epoch))


def debian(about, tree, out, architecture, epoch):
    """Builds the .deb; returns its path."""
    fields = about["metadata"]["deb"]
    version = f"{about['version']}-{fields['revision']}"
    by = maintainer()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        root = work / "debian/awsfresh"
        system_tree(tree, root)
        move(root, "usr/share/zsh/site-functions/_awsfresh", "usr/share/zsh/vendor-completions/_awsfresh")
        (root / "usr/share/zsh/site-functions").rmdir()
        doc = root / DOC
        compress(doc / "CHANGELOG.md", doc / "changelog.gz")
        for name in ["LICENSE-APACHE", "LICENSE-MIT"]:  # they are in the copyright file
            (doc / name).unlink()
        shutil.copyfile(ROOT / "packaging/debian/copyright", doc / "copyright")
        (doc / "changelog.Debian").write_text(
            f"awsfresh ({version}) unstable; urgency=medium\n\n  * Build of awsfresh {about['version']}: see changelog.gz.\n\n"
            f" -- {by}  {formatdate(epoch)}\n"
        )
        compress(doc / "changelog.Debian")
        overrides = root / "usr/share/lintian/overrides/awsfresh"
        overrides.parent.mkdir(parents=True)
        shutil.copyfile(ROOT / "packaging/debian/lintian-overrides", overrides)

        control = root / "DEBIAN"
        control.mkdir()
        (work / "debian/control").write_text("Source: awsfresh\n\nPackage: awsfresh\nArchitecture: any\n")
        found = run("dpkg-shlibdeps", "-O", "-edebian/awsfresh/usr/bin/awsfresh", cwd=work)
        libraries = re.search(r"shlibs:Depends=(.*)", found)[1]

        files = sorted(path for path in (root / "usr").rglob("*") if path.is_file())
        sums = [f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n" for path in files]
        (control / "md5sums").write_text("".join(sums))
        size = sum(-(-path.stat().st_size // 1024) for path in files)
        text = fields["extended-description"].strip()
        lines = "".join(f" {line.strip() or '.'}\n" for line in text.splitlines())
        (control / "control").write_text(
            f"Package: awsfresh\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {by}\nInstalled-Size: {size}\n"
            f"Depends: {fields['depends'].replace('$auto', libraries)}\nSuggests: {fields['suggests']}\n"
            f"Section: {fields['section']}\nPriority: {fields['priority']}\n"
            + (f"Homepage: {about['homepage']}\n" if about.get("homepage") else "")
            + f"Description: {about['metadata']['generate-rpm']['summary']}\n{lines}"
        )
        settle(root, epoch)
        package = out / f"awsfresh_{version}_{architecture}.deb"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
        run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(package), env=environment)
        return package


SPEC = """\
Name: awsfresh
Version: {version}
Release: {release}
Summary: {summary}
License: {license}
Packager: {packager}
{url}Requires: ca-certificates
AutoReq: yes

%description
{description}

%install
cp -a {root}/. %{{buildroot}}

%files
%license /usr/share/licenses/awsfresh
%doc /{doc}
/usr/bin/awsfresh
/usr/lib/systemd/user/awsfresh-refresh.service
/usr/lib/systemd/user/awsfresh-refresh.timer
/usr/share/awsfresh
/usr/share/bash-completion/completions/awsfresh
/usr/share/fish/vendor_completions.d/awsfresh.fish
/usr/share/zsh/site-functions/_awsfresh
/usr/share/man/man1/awsfresh*.1.gz

%changelog
* {date} {packager} - {version}-{release}
- Build of awsfresh {version}: see CHANGELOG.md.
"""


def rpm(about, tree, out, architecture, epoch):
    """Builds the .rpm; returns its path."""
    fields = about["metadata"]["generate-rpm"]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        root = work / "root"
        system_tree(tree, root)
        for name in ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"]:
            move(root, f"{DOC}/{name}", f"usr/share/licenses/awsfresh/{name}")
        settle(root, epoch)
        spec = work / "awsfresh.spec"
        spec.write_text(
            SPEC.format(
                version=about["version"],
                release=fields["release"],
                summary=fields["summary"],
                license=about["license"],
                packager=maintainer(),
                url=f"URL: {about['homepage']}\n" if about.get("homepage") else "",
                date=datetime.fromtimestamp(epoch, timezone.utc).strftime("%a %b %d %Y"),
                description=about["metadata"]["deb"]["extended-description"].strip(),
                root=root,
                doc=DOC,
            )
        )
        settings = {
            "_topdir": work,
            "_rpmdir": work / "out",
            "_build_id_links": "none",
            "_buildhost": "localhost",
            "_binary_payload": "w6.gzdio",
            "_docdir": "/usr/share/doc",
            "_mandir": "/usr/share/man",
            "__os_install_post": "%{nil}",
            "debug_package": "%{nil}",
            "use_source_date_epoch_as_buildtime": 1,
            "clamp_mtime_to_source_date_epoch": 1,
        }
        defines = [word for name, value in settings.items() for word in ("--define", f"{name} {value}")]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C"}
        try:
            command = ["rpmbuild", "-bb", "--quiet", "--target", architecture, *defines, str(spec)]
            run(*command, env=environment, stderr=subprocess.STDOUT)
        except subprocess.CalledProcessError as error:
            sys.exit(f"release.py: rpmbuild failed:\n{error.stdout}")
        [built] = (work / "out").rglob("*.rpm")
        return Path(shutil.copyfile(built, out / built.name))
