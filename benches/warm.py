#!/usr/bin/env python3
"""Measures a warm `credential-process`. Prints ratios from one run: the sealed store to /bin/true, and the OS keyring to a
secret-tool lookup of an item of the same size, alone and among 200 foreign items. Also prints peak resident memory,
system calls, and the cost of wrapping a command. Exits with 1 if a ratio is above its limit.

What is measured is a copy of BINARY, as cargo install, install.sh and packages make one. The file
that the linker wrote is measured, too, for information: it is in the page cache in small pieces, as
is a file that was read back from the disk page by page, and starts a fifth slower.

Usage: cargo build --release && benches/warm.py [BINARY [ROUNDS]]
Everything except the sealed store needs gnome-keyring, libsecret-tools and dbus; system calls need strace.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = str(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "target/release/awsfresh")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 400
# A session token of the length that STS issues.
ANSWER = (
    '{"Version":1,"AccessKeyId":"ASIAQBENCHBENCHBENCH","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"2099-01-01T00:00:00Z"}'
    % ("s" * 40, "t" * 1200)
)
NULL = os.open(os.devnull, os.O_RDWR)
exceeded = []


def once(command, env):
    """Wall time of one process, in ms."""
    actions = [(os.POSIX_SPAWN_DUP2, NULL, 0), (os.POSIX_SPAWN_DUP2, NULL, 1), (os.POSIX_SPAWN_DUP2, NULL, 2)]
    began = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, env, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter_ns() - began) / 1e6
    if status != 0:
        sys.exit(f"{command} failed with {status}")
    return took


def peak(command, env):
    """Peak resident memory in MiB, read while the process waits to write its answer to a full pipe."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b" " * 65536)
    except BlockingIOError:
        os.set_blocking(write, True)
    process = subprocess.Popen(command, env=env, stdout=write, stderr=subprocess.DEVNULL)
    os.close(write)
    time.sleep(0.3)
    status = Path(f"/proc/{process.pid}/status").read_text()
    while os.read(read, 65536):
        pass
    os.close(read)
    process.wait()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def paired(name, ours, theirs, limit):
    """Runs both commands in turn, and prints the medians and their ratio."""
    for command in (ours, theirs):
        for _ in range(10):
            once(*command)
    samples = [(once(*ours), once(*theirs)) for _ in range(ROUNDS)]
    a = statistics.median(ours for ours, _ in samples)
    b = statistics.median(theirs for _, theirs in samples)
    if limit is not None and a / b > limit:
        exceeded.append(name)
    print(f"{name}: {a:.2f} ms against {b:.2f} ms: ratio {a / b:.2f} (limit {limit or 'none'}); peak resident memory {peak(*ours):.1f} MiB (limit 12)")


def bounded(name, command, env, limit):
    """Prints the median of a command, in ms."""
    median = statistics.median(once(command, env) for _ in range(ROUNDS))
    if median > limit:
        exceeded.append(name)
    print(f"{name}: {median:.2f} ms (limit {limit})")


def calls(name, command, env):
    trace = subprocess.run(["strace", "-f", "-e", "trace=network,clone,clone3,flock", *command], env=env, capture_output=True, text=True)
    seen = re.findall(r"(?:^|\] )(\w+)\(", trace.stderr, re.M)
    print(f"{name}: threads {seen.count('clone') + seen.count('clone3')}, sockets {seen.count('socket')}, locks {seen.count('flock')}")


with tempfile.TemporaryDirectory() as home:
    home = Path(home)
    (home / ".aws").mkdir()
    (home / "answer").write_text(ANSWER)
    (home / "key").write_text("a5" * 32)
    (home / "key").chmod(0o600)
    (home / ".aws/config").write_text(f"[profile p]\ncredential_process = cat {home}/answer\n")
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    installed = str(shutil.copy(BINARY, home / "awsfresh"))
    ask = [installed, "credential-process", "--profile", "p"]
    sealed = env | {"AWSFRESH_STORE": "sealed", "AWSFRESH_KEY_FILE": str(home / "key")}
    once(ask, sealed)
    (home / "answer").unlink()  # from here on, a cold call fails
    paired("sealed, key file", (ask, sealed), (["/bin/true"], env), 1.6)
    paired("the same, as it was linked", ([BINARY, *ask[1:]], sealed), (["/bin/true"], env), None)
    wrap = [installed, "-p", "p", "--", "/bin/true"]
    samples = [(once(wrap, sealed), once(ask, sealed)) for _ in range(ROUNDS)]
    a, b = (statistics.median(times) for times in zip(*samples))
    print(f"wrapped /bin/true: {a:.2f} ms against {b:.2f} ms for the answer alone: {a - b:.2f} ms more (limit 5)")
    if shutil.which("strace"):
        calls("sealed", ask, sealed)
    many = {"HOME": str(home / "many"), "PATH": env["PATH"]}
    (home / "many/.aws").mkdir(parents=True)
    (home / "many/.aws/config").write_text("".join(f"[profile account-{n}/Role]\nrole_arn = arn:aws:iam::{n:012}:role/r\nsource_profile = base\n" for n in range(3000)))
    bounded("status --short", [BINARY, "status", "--short", "-p", "p"], sealed, 5)
    bounded("completion of 3,000 profiles", [BINARY, "complete-words", "bash", "--line=awsfresh status -p ", "--word="], many, 15)

    if not all(map(shutil.which, ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"])):
        sys.exit("the keyring is not measured: gnome-keyring, libsecret-tools or dbus is not installed")
    # Without service directories: the first call would start a second, locked keyring.
    (home / "bus.conf").write_text(
        f"<busconfig><type>session</type><listen>unix:dir={home}</listen><policy context='default'>"
        "<allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>"
    )
    bus = subprocess.Popen(
        ["dbus-daemon", "--config-file", str(home / "bus.conf"), "--print-address", "--nofork"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    secrets = None
    try:
        address = bus.stdout.readline().strip()
        env |= {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": str(home), "XDG_DATA_HOME": str(home)}
        secrets = subprocess.Popen(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        secrets.stdin.write(b"password")
        secrets.stdin.close()
        keyring = env | {"AWSFRESH_STORE": "keyring"}

        def keep(text, *attributes):
            for _ in range(100):
                done = subprocess.run(["secret-tool", "store", "--label=bench", *attributes], env=env, input=text, text=True, stderr=subprocess.DEVNULL)
                if done.returncode == 0:
                    return
                time.sleep(0.1)
            sys.exit("gnome-keyring does not start")

        keep("x" * 1500, "bench", "same-size")
        (home / "answer").write_text(ANSWER)
        once(ask, keyring)
        (home / "answer").unlink()
        lookup = [shutil.which("secret-tool"), "lookup", "bench", "same-size"]
        paired("keyring", (ask, keyring), (lookup, env), 0.35)
        for n in range(200):
            keep("x" * 1500, "bench", f"foreign-{n}")
        paired("keyring among 200 foreign items", (ask, keyring), (lookup, env), 0.35)
        if shutil.which("strace"):
            calls("keyring", ask, keyring)
    finally:
        for process in filter(None, [secrets, bus]):
            process.terminate()
            process.wait()

if exceeded:
    sys.exit(f"above the limit: {', '.join(exceeded)}")
