"""What is linked into the binary: a licence file and a software bill of materials (CycloneDX), both from Cargo.lock.

Usage: packaging/inventory.py OUT_DIR [TARGET]   writes THIRD-PARTY.txt and awsfresh.cdx.json
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCE_FILE = re.compile(r"(un)?licen[sc]e|copying|copyright|notice", re.IGNORECASE)


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options).stdout


def host():
    return re.search(r"^host: (.*)$", run("rustc", "-vV"), re.MULTILINE)[1]


def linked(target):
    """The packages whose code is in the binary: no build scripts, no procedural macros, no tests."""
    tree = run("cargo", "tree", "--locked", "-e", "normal,no-proc-macro", "--target", target, "--prefix", "none", "-f", "{p}")
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    packages = {p["id"]: p for p in metadata["packages"] if (p["name"], "v" + p["version"]) in wanted}
    root = packages.pop(metadata["resolve"]["root"])
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    return root, packages, nodes


def expression(package):
    """The licence as an SPDX expression: old manifests have a slash for OR."""
    if not package["license"]:
        sys.exit(f"inventory.py: {package['name']} has no licence in its manifest: look at it, and decide")
    return re.sub(r"\s*/\s*", " OR ", package["license"])


def licence_texts(package):
    folder = Path(package["manifest_path"]).parent
    files = sorted(f for f in folder.iterdir() if f.is_file() and LICENCE_FILE.match(f.name))
    if files:
        return [f.read_text(encoding="utf-8", errors="replace").strip() for f in files]
    # The package has a licence in its manifest, and no file with the text.
    if "Apache-2.0" in package["license"]:
        return [(ROOT / "LICENSE-APACHE").read_text().strip()]
    if package["license"] == "MIT":
        text = (ROOT / "LICENSE-MIT").read_text()
        holder = ", ".join(package["authors"]) or f"the authors of {package['name']}"
        return [re.sub(r"(?m)^Copyright .*$", f"Copyright (c) {holder}", text).strip()]
    sys.exit(f"inventory.py: no text for the licence of {package['name']}: {package['license']}")


def third_party(packages):
    """Each text once, with the packages that it is for."""
    texts = {}
    for package in packages:
        for text in licence_texts(package):
            key = re.sub(r"\s+", " ", text)
            texts.setdefault(key, (text, []))[1].append(f"{package['name']} {package['version']}")
    lines = [
        "awsfresh is licensed under Apache-2.0 or MIT, at your option. Its binary contains the packages below, Rust's standard",
        "library (Apache-2.0 OR MIT), and parts of GCC's libgcc (GPL-3.0-or-later WITH GCC-exception-3.1). The source of each",
        "package is in the Rust package registry, by its name and version.",
        "",
    ]
    lines += [f"{p['name']} {p['version']}: {expression(p)}" for p in packages]
    for text, names in sorted(texts.values(), key=lambda entry: (-len(entry[1]), entry[1])):
        lines += ["", "-" * 100, *wrapped(sorted(set(names))), "", text]
    return "\n".join(lines) + "\n"


def wrapped(names):
    line, lines = "", []
    for name in names:
        if line and len(line) + len(name) > 98:
            lines.append(line + ",")
            line = ""
        line = f"{line}, {name}" if line else name
    return [*lines, line]


def bill_of_materials(root, packages, nodes, target, epoch):
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(p["name"], p["version"]): p["checksum"] for p in locked if "checksum" in p}

    def ref(package):
        return f"pkg:cargo/{package['name']}@{package['version']}"

    def component(package):
        about = {
            "type": "library",
            "bom-ref": ref(package),
            "name": package["name"],
            "version": package["version"],
            "purl": ref(package),
            "licenses": [{"expression": expression(package)}],
        }
        checksum = checksums.get((package["name"], package["version"]))
        if checksum:
            about["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return about

    def dependencies(package):
        found = {
            ref(packages[dep["pkg"]])
            for dep in nodes[package["id"]]["deps"]
            if dep["pkg"] in packages and any(kind["kind"] is None for kind in dep["dep_kinds"])
        }
        return {"ref": ref(package), "dependsOn": sorted(found)}

    components = [component(package) for package in packages.values()]
    whole = hashlib.sha256(json.dumps([components, target]).encode()).hexdigest()
    compiler = run("rustc", "--version").split()[1]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ref(root) + whole)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**component(root), "type": "application"},
            "properties": [
                {"name": "awsfresh:target", "value": target},
                {"name": "awsfresh:rustc", "value": compiler},
            ],
        },
        "components": components,
        "dependencies": [dependencies(package) for package in [root, *packages.values()]],
    }


def epoch():
    """The time of everything that is built: SOURCE_DATE_EPOCH, else that of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given if given else run("git", "log", "-1", "--format=%ct"))


def write(out, target):
    root, packages, nodes = linked(target)
    order = sorted(packages.values(), key=lambda package: (package["name"], package["version"]))
    packages = {package["id"]: package for package in order}
    (out / "THIRD-PARTY.txt").write_text(third_party(order), encoding="utf-8")
    bill = bill_of_materials(root, packages, nodes, target, epoch())
    (out / "awsfresh.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else host())
