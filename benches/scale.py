#!/usr/bin/env python3
"""Measures what the number of profiles costs: a warm `credential-process` with 5, 300, 3,000 and 10,000 generated profiles and
with a config file of 30 MB, each beside the one with 5; `status`, of `status --short` (for a prompt), of shell
completion and of `doctor --offline` with as many, and of the AWS CLI and aws-vault where they are given. Exits with 1 if a figure is
above its limit. All times are CPU time, which a busy machine changes least, but for `status` and `doctor`, which use all cores:
those are the times until they end.

Usage: cargo build --release && benches/scale.py [--json FILE] [--aws AWS] [--aws-vault AWS_VAULT] [BINARY [ROUNDS]]
What is measured is a copy of BINARY: see warm.py. Ratios are those of calls in turn, so that a busy machine slows both.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("binary", nargs="?", default=ROOT / "target/release/awsfresh")
parser.add_argument("rounds", nargs="?", type=int, default=200)
parser.add_argument("--json", help="the figures, for graph.py")
parser.add_argument("--aws", help="the AWS CLI v2")
parser.add_argument("--aws-vault")
OPTIONS = parser.parse_args()
# A session token of the length that STS issues.
ANSWER = (
    '{"Version":1,"AccessKeyId":"ASIAQBENCHBENCHBENCH","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"2099-01-01T00:00:00Z"}'
    % ("s" * 40, "t" * 1200)
)
COUNTS = [5, 300, 3000, 10000]
# Limits: warm answers as ratios to the one with 5 profiles, the others in ms.
WARM = {300: 1.15, 3000: 2.0}
TOLD = {
    3000: {"status": 100, "completion": 15},
    10_000: {"warm": 100, "status": 100, "completion": 100, "doctor": 1000},
    30_000_000: {"warm": 100, "status": 100, "short": 100, "completion": 100, "doctor": 1000},  # bytes
}
NULL = os.open(os.devnull, os.O_RDWR)
exceeded, figures = [], []


def run(command, env, ends=(0,)):
    """The CPU time of one process, in ms: about how long it takes where nothing else wants the CPU."""
    actions = [(os.POSIX_SPAWN_DUP2, NULL, fd) for fd in range(3)]
    pid = os.posix_spawn(command[0], command, env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in ends:
        sys.exit(f"{command} failed with {status}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def in_turn(commands, rounds):
    """The times of each command in rounds of all, in ms."""
    for command in commands:
        run(*command)
    return list(zip(*([run(*command) for command in commands] for _ in range(rounds))))


def ratio(ours, theirs):
    """The median of the ratios in the rounds: a busy machine slows both."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def computing(command, rounds=15):
    """The shortest time of a command, in ms."""
    return min(run(*command) for _ in range(rounds))


def lasting(command, rounds=15):
    """The shortest time until a command ends, in ms."""

    def once():
        began = time.perf_counter()
        run(*command)
        return (time.perf_counter() - began) * 1000

    return min(once() for _ in range(rounds))


def profiles(count):
    """As `setup --sso` writes them: six lines each."""
    return "".join(
        f"[profile account-{n}/ReadOnly]\nsso_session = corp\nsso_account_id = {n:012}\nsso_role_name = ReadOnly\n"
        f"region = eu-west-1\ncredential_process = /usr/local/bin/awsfresh credential-process --profile account-{n}/ReadOnly\n"
        for n in range(count)
    )


def home_with(top, name, count):
    """A home whose config file has `count` profiles, of which the one that is asked for is in the middle."""
    home = top / name
    (home / ".aws").mkdir(parents=True)
    (home / "answer").write_text(ANSWER)
    (home / "key").write_text("a5" * 32)
    (home / "key").chmod(0o600)
    asked = f"[profile p]\ncredential_process = cat {home}/answer\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
    lines = profiles(count - 1)
    half = lines.find("[", len(lines) // 2) if count > 1 else 0
    (home / ".aws/config").write_text(lines[:half] + asked + lines[half:])
    return home


def check(name, value, limit):
    if limit is not None and value > limit:
        exceeded.append(f"{name}: {value:.2f}, limit {limit}")


with tempfile.TemporaryDirectory() as top:
    top = Path(top)
    installed = str(shutil.copy(OPTIONS.binary, top / "awsfresh"))
    path = os.environ["PATH"]

    def ours(home, *words):
        env = {"HOME": str(home), "PATH": path, "AWSFRESH_STORE": "sealed", "AWSFRESH_KEY_FILE": str(home / "key")}
        # Profiles that are not cached, or that are wrong, are no failure of what is measured.
        return [installed, *words], env, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)

    def ask(home):
        return (*ours(home, "credential-process", "-p", "p")[:2], (0,))

    size = len(profiles(1000)) // 1000
    homes = {count: home_with(top, f"n{count}", count) for count in [*COUNTS, 30_000_000 // size]}
    for home in homes.values():
        run(*ask(home))
        (home / "answer").unlink()  # from here on, a cold call fails
    base = homes[5]
    for count, home in homes.items():
        rounds = OPTIONS.rounds if count <= 10_000 else 10
        megabytes = (home / ".aws/config").stat().st_size / 1e6
        answers, few, true = in_turn([ask(home), ask(base), (["/bin/true"], {})], rounds)
        warm, to_five, to_true = statistics.median(answers), ratio(answers, few), ratio(answers, true)
        told = {
            "status": lasting(ours(home, "status")),
            "short": computing(ours(home, "status", "--short", "-p", "p")),
            "completion": computing(ours(home, "complete-words", "bash", "--line=awsfresh status -p ", "--word=")),
            "doctor": lasting(ours(home, "doctor", "--offline", "-p", "p")),
        }
        limits = TOLD.get(count, TOLD[30_000_000] if count > 10_000 else {})
        check(f"warm with {count} profiles, to that with 5", to_five, WARM.get(count))
        for name, took in {"warm": warm, **told}.items():
            check(f"{name} with {count} profiles, ms", took, limits.get(name))
        others = {}
        env = {"HOME": str(home), "PATH": path, "AWS_EC2_METADATA_DISABLED": "true", "AWS_VAULT_BACKEND": "file", "AWS_VAULT_FILE_PASSPHRASE": "bench"}
        (home / "answer").write_text(ANSWER)  # the AWS CLI runs the credential_process each time, aws-vault once
        if OPTIONS.aws and count <= 10_000:
            others["aws"] = computing(([OPTIONS.aws, "configure", "export-credentials", "--profile", "p"], env), 5)
        if OPTIONS.aws_vault and count <= 10_000:
            others["aws-vault"] = computing(([OPTIONS.aws_vault, "exec", "p", "--", "/bin/true"], env), 5)
        figures.append({"profiles": count, "mb": megabytes, "warm": warm, "to_five": to_five, "to_true": to_true, **told, **others})
        print(f"{count} profiles, {megabytes:.2f} MB: warm {warm:.2f} ms, {to_five:.2f} times that with 5, {to_true:.2f} times /bin/true; "
              + ", ".join(f"{name} {took:.1f} ms" for name, took in {**told, **others}.items()), flush=True)

if OPTIONS.json:
    Path(OPTIONS.json).write_text(json.dumps(figures, indent=1) + "\n")
if exceeded:
    sys.exit("above the limit: " + "; ".join(exceeded))
