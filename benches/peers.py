#!/usr/bin/env python3
"""Measures awsfresh and other tools in one run: how long an answer from the cache takes, and how often AWS is asked by many
processes that start at once with an empty cache. AWS is a server on 127.0.0.1 that answers after 150 ms and checks nothing.

Usage: cargo build --release && benches/peers.py [TOOL=PATH]... [rounds=N] [herd=N]
For instance: benches/peers.py awsfresh=target/release/awsfresh aws-sso-util=venv/bin/aws-sso-util
A tool that is not named is looked up in PATH; one that is not found, or is named without a path (aws=), is left out. docs/comparison.md has the results.
"""

import hashlib
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SIZES = {"rounds": 40, "herd": 50}
ROLE = "arn:aws:iam::222222222222:role/deploy"
START = "https://corp.awsapps.com/start"
LATER = "2099-01-01T00:00:00Z"
CREDENTIALS = {
    "AccessKeyId": "ASIAQBENCHBENCHBENCH",
    "SecretAccessKey": "s" * 40,
    "SessionToken": "t" * 1200,
}


class Aws(http.server.BaseHTTPRequestHandler):
    """STS and the SSO portal, as far as these tools ask them."""

    protocol_version = "HTTP/1.1"
    calls = 0
    lock = threading.Lock()
    delay = 0.15

    def answer(self, body, kind):
        with Aws.lock:
            Aws.calls += 1
        time.sleep(Aws.delay)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # GetRoleCredentials
        role = {
            "accessKeyId": CREDENTIALS["AccessKeyId"],
            "secretAccessKey": CREDENTIALS["SecretAccessKey"],
            "sessionToken": CREDENTIALS["SessionToken"],
            "expiration": int((time.time() + 3600) * 1000),
        }
        self.answer(json.dumps({"roleCredentials": role}).encode(), "application/json")

    def do_POST(self):
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        if "Action=AssumeRole" in form:
            inside = "".join(f"<{name}>{value}</{name}>" for name, value in {**CREDENTIALS, "Expiration": ends}.items())
            user = f"<AssumedRoleUser><Arn>{ROLE}/x</Arn><AssumedRoleId>AROAX:x</AssumedRoleId></AssumedRoleUser>"
            name, result = "AssumeRole", f"<Credentials>{inside}</Credentials>{user}"
        else:
            name, result = "GetCallerIdentity", f"<Arn>{ROLE}</Arn><UserId>AROAX:x</UserId><Account>222222222222</Account>"
            with Aws.lock:
                Aws.calls -= 1  # not a request for credentials
        space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
        body = f"<{name}Response {space}><{name}Result>{result}</{name}Result></{name}Response>"
        self.answer(body.encode(), "text/xml")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def home(url):
    """A home directory with a role, an SSO role, and a sign-in to its session."""
    path = Path(tempfile.mkdtemp(prefix="peers-"))
    aws = path / ".aws"
    (aws / "sso/cache").mkdir(parents=True)
    (aws / "config").write_text(
        f"[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n\n"
        f"[profile sso]\nsso_start_url = {START}\nsso_region = eu-west-1\nsso_account_id = 222222222222\n"
        "sso_role_name = Admin\nregion = eu-west-1\n"
    )
    (aws / "credentials").write_text("[base]\naws_access_key_id = AKIAQBENCHBENCHBENCH\naws_secret_access_key = " + "s" * 40 + "\n")
    token = {"startUrl": START, "region": "eu-west-1", "accessToken": "a", "expiresAt": LATER}
    (aws / f"sso/cache/{hashlib.sha1(START.encode()).hexdigest()}.json").write_text(json.dumps(token))
    (path / "key").write_text("0" * 64)
    for name in ("key", ".aws/config", ".aws/credentials"):
        (path / name).chmod(0o600)
    env = {
        "HOME": str(path),
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": url,
        "AWSFRESH_STORE": "sealed",
        "AWSFRESH_KEY_FILE": str(path / "key"),
    }
    return path, env


def plant(path):
    """The cache of the AWS CLI, for a version that no test server can be named to."""
    cache = path / ".aws/cli/cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(json.dumps({"RoleArn": ROLE}).encode()).hexdigest()
    (cache / f"{name}.json").write_text(json.dumps({"Credentials": {**CREDENTIALS, "Expiration": LATER}}))


def version(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return ((done.stdout or done.stderr).split("\n")[0]).strip()


def tools(paths):
    """What to measure: a name, a version, the command, and whether its cold calls can reach the server."""
    awsfresh = paths.get("awsfresh") or str(Path(__file__).resolve().parent.parent / "target/release/awsfresh")
    found = [("awsfresh, sealed files", version([awsfresh, "--version"]), [awsfresh, "credential-process", "--profile", "deploy"], True)]
    clis = [paths[name] for name in ("aws", "aws1", "aws2") if name in paths] or [shutil.which("aws")]
    for aws in filter(None, clis):
        is_v2 = version([aws, "--version"]).startswith("aws-cli/2")
        words = ["configure", "export-credentials"] if is_v2 else ["sts", "get-caller-identity"]
        name = "AWS CLI v2, configure export-credentials" if is_v2 else "AWS CLI v1, sts get-caller-identity"
        number = version([aws, "--version"]).split()[0].split("/")[1]
        reads_endpoint = [int(part) for part in number.split(".")[:2]] >= ([2, 13] if is_v2 else [1, 29])
        found.append((name, number, [aws, *words, "--profile", "deploy"], reads_endpoint))
    util = paths.get("aws-sso-util", shutil.which("aws-sso-util"))
    if util:
        command = [util, "credential-process", "--profile", "sso"]
        found.append(("aws-sso-util credential-process (SSO)", version([util, "--version"]), command, True))
    return found


def once(command, env):
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def warm(command, env, reaches):
    """Fills the cache; what went wrong, if anything did."""
    if not reaches:
        plant(Path(env["HOME"]))
    child = once(command, env)
    _, err = child.communicate()
    return "" if child.returncode == 0 else f"failed: {err.decode()[-200:].strip()}"


def milliseconds(command, env):
    began = time.perf_counter()
    once(command, env).communicate()
    return (time.perf_counter() - began) * 1000


def herd(command, url):
    """Three times, because chance decides how many processes look before the first one has stored its answer."""
    runs = []
    for _ in range(3):
        path, env = home(url)
        Aws.calls = 0
        began = time.perf_counter()
        children = [once(command, env) for _ in range(SIZES["herd"])]
        failed = sum(child.communicate() is None or child.returncode != 0 for child in children)
        runs.append((Aws.calls, failed, time.perf_counter() - began))
        shutil.rmtree(path)
    calls, failed, took = zip(*runs)
    between = f"{min(calls)}-{max(calls)}" if min(calls) < max(calls) else calls[0]
    calls_made = f"{between} call" if between == 1 else f"{between} calls"
    return f"{calls_made}, {sum(failed)} of {3 * SIZES['herd']} failed, {statistics.median(took):.1f} s"


def main():
    paths = dict(argument.split("=", 1) for argument in sys.argv[1:])
    SIZES.update({name: int(paths.pop(name)) for name in list(paths) if name in SIZES})
    paths = {name: str(Path(path).absolute()) if path else "" for name, path in paths.items()}
    server = Server(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    measured = tools(paths)
    homes = [home(url) for _ in measured]
    Aws.delay = 0
    errors = [warm(command, env, reaches) for (_, _, command, reaches), (_, env) in zip(measured, homes)]
    # In turn, so that another load on the machine falls on all of them.
    rounds = [[milliseconds(command, env) for (_, _, command, _), (_, env) in zip(measured, homes)] for _ in range(SIZES["rounds"])]
    Aws.delay = 0.15
    rounds_done, processes = SIZES["rounds"], SIZES["herd"]
    print(f"| tool | version | answer from the cache, median of {rounds_done} | {processes} processes at once, empty cache |\n|---|---|---|---|")
    for (name, number, command, reaches), error, took in zip(measured, errors, zip(*rounds)):
        cold = herd(command, url) if reaches else "cannot be pointed at a test server"
        print(f"| {name} | {number} | {error or f'{statistics.median(took):.1f} ms'} | {cold} |", flush=True)
    for path, _ in homes:
        shutil.rmtree(path)


main()
