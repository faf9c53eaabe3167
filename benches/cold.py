#!/usr/bin/env python3
"""Measures a cold call in round trips: credentials of a chain of one, two and three roles, of an SSO role, and of a role on an SSO
role, through a CONNECT proxy that is one round trip away. The AWS double of the tests is behind the proxy, under the names of AWS,
with TLS 1.3; a forwarder in front of the proxy delays each byte by half the round trip in either direction. Round trips are the
slope of the shortest times over the shortest round trips of single bytes through such a forwarder, so that neither the machine's own
time nor the error of its timers counts; the TCP handshake is not delayed.

Usage: cargo build --release && benches/cold.py [--json FILE] [--aws AWS] [--aws-vault AWS_VAULT] [BINARY [ROUNDS]]
With the AWS CLI v2 or aws-vault, it measures these in the same run. Exits with 1 if a figure of awsfresh is above its limit.
"""

import argparse
import hashlib
import json
import os
import queue
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("binary", nargs="?", default=ROOT / "target/release/awsfresh")
parser.add_argument("rounds", nargs="?", type=int, default=20)
parser.add_argument("--json", help="the figures, for graph.py")
parser.add_argument("--aws", help="the AWS CLI v2")
parser.add_argument("--aws-vault")
OPTIONS = parser.parse_args()
DELAYS = [0.0, 0.1, 0.2, 0.3]  # of a round trip, in s
LONG_DELAYS = [0.0, 0.5, 1.0]  # for tools that need seconds themselves
LONG_ROUNDS = 3
SETUPS = {"one role": "hop1", "two roles": "hop2", "three roles": "hop3", "SSO": "sso", "SSO and a role": "on-sso"}
# In round trips.
LIMITS = {"one role": 3.0, "three roles": 5.3, "SSO and a role": 4.5}
# The slope of a few calls is not exact; a round trip too many is far above this.
TOLERANCE = 0.1


class Forwarder:
    """Accepts connections for `port`, and delays what they carry."""

    def __init__(self, port):
        self.port, self.delay = port, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for one, other in [(client, server), (server, client)]:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                chunks = queue.Queue()
                threading.Thread(target=self.read, args=(one, chunks), daemon=True).start()
                threading.Thread(target=self.write, args=(other, chunks), daemon=True).start()

    def read(self, source, chunks):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            chunks.put((time.monotonic() + self.delay / 2, data))
            if not data:
                return

    @staticmethod
    def write(sink, chunks):
        while True:
            due, data = chunks.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    return sink.shutdown(socket.SHUT_WR)
                sink.sendall(data)
            except OSError:
                return


class Echo:
    """A connection through a forwarder to a server that sends back what it gets."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.forwarder = Forwarder(self.listener.getsockname()[1])
        self.client = socket.create_connection(self.forwarder.listener.getsockname())
        self.server, _ = self.listener.accept()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while data := self.server.recv(64):
            self.server.sendall(data)

    def round_trip(self, delay):
        """How long it takes, in s."""
        self.forwarder.delay = delay
        began = time.perf_counter()
        self.client.sendall(b".")
        self.client.recv(1)
        return time.perf_counter() - began


def slope(points):
    """Of the line through the points, by least squares."""
    x, y = (statistics.mean(values) for values in zip(*points))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def write_home(home, aws):
    (home / ".aws/sso/cache").mkdir(parents=True)
    (home / "ca.pem").write_text(aws["ca"])
    keys = f"[base]\naws_access_key_id = {aws['access_key_id']}\naws_secret_access_key = {aws['secret_access_key']}\n"
    (home / ".aws/credentials").write_text(keys)
    config = f"""[sso-session corp]
sso_start_url = {aws["start_url"]}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
[profile base]
region = eu-west-1
[profile sso]
sso_session = corp
sso_account_id = {aws["account"]}
sso_role_name = {aws["permission_set"]}
region = eu-west-1
[profile legacy]
sso_start_url = {aws["start_url"]}
sso_region = eu-west-1
sso_account_id = {aws["account"]}
sso_role_name = {aws["permission_set"]}
region = eu-west-1
"""
    sources = ["base", "hop1", "hop2", "legacy"]  # AWS CLI 2.9 knows no other SSO behind a role
    for name, source, role in zip(["hop1", "hop2", "hop3", "on-sso"], sources, [*aws["roles"][:3], aws["roles"][0]]):
        config += f"[profile {name}]\nrole_arn = {role}\nsource_profile = {source}\nregion = eu-west-1\n"
    (home / ".aws/config").write_text(config)
    token = {
        "startUrl": aws["start_url"],
        "region": "eu-west-1",
        "accessToken": aws["access_token"],
        "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86000)),
    }
    for of in ["corp", aws["start_url"]]:
        name = hashlib.sha1(of.encode()).hexdigest()
        (home / f".aws/sso/cache/{name}.json").write_text(json.dumps(token))


def tools(home, proxy):
    """Each tool: its command without the profile, its variables, and what to delete before a cold call."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "HTTPS_PROXY": proxy, "AWS_EC2_METADATA_DISABLED": "true"}
    ca = str(home / "ca.pem")
    ours = [str(OPTIONS.binary), "credential-process", "-p"]
    found = {"awsfresh": (ours, env | {"AWS_CA_BUNDLE": ca, "AWSFRESH_STORE": "none", "AWSFRESH_TIMEOUT": "20"}, None)}
    if OPTIONS.aws:
        words = [OPTIONS.aws, "configure", "export-credentials", "--format", "process", "--profile"]
        found["AWS CLI"] = (words, env | {"AWS_CA_BUNDLE": ca}, home / ".aws/cli")
    if OPTIONS.aws_vault:
        vault = env | {"SSL_CERT_FILE": ca, "AWS_VAULT_BACKEND": "file", "AWS_VAULT_FILE_PASSPHRASE": "bench", "AWS_VAULT_FILE_DIR": str(home / "vault")}
        keys = dict(line.upper().split(" = ") if " = " in line else ("", "") for line in (home / ".aws/credentials").read_text().splitlines())
        secret = (home / ".aws/credentials").read_text().split("secret_access_key = ")[1].strip()
        add = vault | {"AWS_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY": secret}
        subprocess.run([OPTIONS.aws_vault, "add", "base", "--env"], env=add, check=True, stdout=subprocess.DEVNULL)
        words = [OPTIONS.aws_vault, "export", "--no-session", "--format", "json"]
        found["aws-vault"] = (words, vault, None)
    return found


class Calls:
    """Cold calls of a tool with a profile: for each delay, the shortest round trip and the shortest time of a call, in s."""

    def __init__(self, name, command, env, cache):
        self.command, self.env, self.cache = command, env, cache
        self.delays, self.rounds = (DELAYS, OPTIONS.rounds) if name == "awsfresh" else (LONG_DELAYS, min(OPTIONS.rounds, LONG_ROUNDS))
        self.points = [(float("inf"), float("inf"))] * len(self.delays)
        self.failed = False

    def round(self, forwarder, echo):
        """Makes a call with each delay."""
        for n, delay in enumerate(self.delays):
            if self.cache:
                shutil.rmtree(self.cache, ignore_errors=True)
            trip = echo.round_trip(delay)
            forwarder.delay = delay
            began = time.perf_counter()
            done = subprocess.run(self.command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            took = time.perf_counter() - began
            if done.returncode != 0:
                print(f"{self.command[0]}: {done.stderr.strip()[:300]}", file=sys.stderr)
                self.failed = True
                return
            self.points[n] = (min(self.points[n][0], trip), min(self.points[n][1], took))


def main():
    cargo = ["cargo", "run", "--quiet", "--example", "double"]
    double = subprocess.Popen(cargo, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    figures, exceeded = [], []
    with tempfile.TemporaryDirectory() as home:
        try:
            aws = json.loads(double.stdout.readline())
            write_home(Path(home), aws)
            forwarder, echo = Forwarder(int(aws["proxy"].rsplit(":", 1)[1])), Echo()
            proxy = f"http://127.0.0.1:{forwarder.listener.getsockname()[1]}"
            found = tools(Path(home), proxy)
            calls = {
                (setup, name): Calls(name, [*command, profile], env, cache)
                for setup, profile in SETUPS.items()
                for name, (command, env, cache) in found.items()
                if name != "aws-vault" or "SSO" not in setup  # it signs in for itself, with a browser
            }
            # All in turn: a machine that gets slower or faster meanwhile changes no slope.
            for number in range(OPTIONS.rounds):
                for one in calls.values():
                    if number < one.rounds and not one.failed:
                        one.round(forwarder, echo)
            for (setup, name), one in calls.items():
                if one.failed:
                    if name == "awsfresh":
                        exceeded.append(f"{setup}: failed")
                    continue
                points = one.points
                trips = slope(points)
                at_200 = statistics.mean(time for _, time in points) + trips * (0.2 - statistics.mean(trip for trip, _ in points))
                figures.append({"setup": setup, "tool": name, "round_trips": trips, "at_200_ms": at_200, "points": points})
                print(f"{setup}, {name}: {trips:.1f} round trips; {at_200 * 1000:.0f} ms at 200 ms, {points[0][1] * 1000:.0f} ms at 0")
                if name == "awsfresh" and setup in LIMITS and trips > LIMITS[setup] + TOLERANCE:
                    exceeded.append(f"{setup}: {trips:.2f}, limit {LIMITS[setup]}")
        finally:
            double.stdin.close()
            double.wait()
    if OPTIONS.json:
        Path(OPTIONS.json).write_text(json.dumps(figures, indent=1) + "\n")
    if exceeded:
        sys.exit("above the limit: " + "; ".join(exceeded))


main()
