"""Types `awsfresh docto`, a tab and ` --help` into a shell, as a user does, and waits for the help of `doctor`.

Usage: tab.py 'SHELL ARGUMENTS'. The shell has no configuration but the system's, so the completion must be where the shell
looks for it.
"""

import os
import pty
import select
import sys
import time

START = {
    "bash": "bind 'set enable-bracketed-paste off'; . /usr/share/bash-completion/bash_completion",
    "zsh": "autoload -U compinit; compinit -u -D",
    "fish": "true",
}
command = sys.argv[1].split()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
screen = b""


def wait_for(text, seconds=20):
    global screen
    end = time.monotonic() + seconds
    while text not in screen:
        if time.monotonic() > end:
            sys.exit(f"{command[0]}: no {text!r} in {screen.decode(errors='replace')}")
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                screen += os.read(terminal, 65536)
            except OSError:
                sys.exit(f"{command[0]} has ended: {screen.decode(errors='replace')}")
    screen = screen[screen.index(text) + len(text) :]


def type_line(line):
    os.write(terminal, line.encode() + b"\r")


type_line(START[command[0]])
type_line("echo rea''dy")
wait_for(b"ready\r\n")
os.write(terminal, b"awsfresh docto\t")
time.sleep(2)
type_line("--help")
wait_for(b"Do not contact AWS")
type_line("exit")
os.close(terminal)
os.waitpid(pid, 0)
