"""Checks the bill of materials and the licence file of a release: inventory.py DIR, in the repository."""

import glob
import json
import re
import subprocess
import sys
import tarfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

[path] = glob.glob(f"{sys.argv[1]}/*.cdx.json")
text = open(path).read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error
bill = json.loads(text)

tree = subprocess.run(
    ["cargo", "tree", "--locked", "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"], check=True, stdout=subprocess.PIPE, text=True
)
linked = {f"pkg:cargo/{words[0]}@{words[1][1:]}" for words in map(str.split, tree.stdout.splitlines()) if words}
root = bill["metadata"]["component"]["purl"]
listed = {component["purl"] for component in bill["components"]} | {root}
assert listed == linked, listed ^ linked
assert len(listed) > 100, listed
for component in bill["components"]:
    assert component["hashes"] and component["licenses"], component
known = {entry["ref"] for entry in bill["dependencies"]}
assert known == listed, known ^ listed

[archive] = glob.glob(f"{sys.argv[1]}/*.tar.gz")
with tarfile.open(archive) as tar:
    [name] = [name for name in tar.getnames() if name.endswith("/THIRD-PARTY.txt")]
    licences = tar.extractfile(name).read().decode()
texts = licences.split("-" * 100)[1:]
for component in bill["components"]:
    label = f"{component['name']} {component['version']}"
    assert re.search(rf"^{re.escape(label)}: ", licences, re.MULTILINE), label
    assert any(re.search(rf"(^|, ){re.escape(label)}(,|$)", text.split("\n\n")[0], re.MULTILINE) for text in texts), label
