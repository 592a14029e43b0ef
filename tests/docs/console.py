#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""console.py PAGE...: each page is followed as a reader would, in a directory of its own.

A block ```console holds commands behind "$ " (continued by a "\\" at the end of the line) and what each prints on a terminal.
A block of any other kind behind a line that ends in "`PATH`:" is that file; one that begins with "#!" is executable.
Commands have to succeed. UPDATE=1 writes what they print into the page. Status 1: a page is not as its commands print."""
import difflib
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
FILE = re.compile(r"`([^`\n]+)`:\n+\Z")


def run(command, directory):
    """What COMMAND prints on a terminal, and its status."""
    reader, terminal = pty.openpty()
    mode = termios.tcgetattr(terminal)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
    shell = subprocess.Popen(["bash", "-euc", command], cwd=directory, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal)
    os.close(terminal)
    text = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # EIO: the last writer has closed it
            part = b""
        if not part:
            break
        text += part
    os.close(reader)
    return text.decode(), shell.wait()


def console(block, directory, wrong):
    """The block with what its commands print."""
    out, lines = "", iter(block.splitlines(keepends=True))
    for line in lines:
        if not line.startswith("$ "):
            continue
        command = line
        while command.endswith("\\\n"):
            command += next(lines)
        printed, status = run(command[2:], directory)
        if status:
            wrong.append("status %d: %s%s" % (status, command[2:], printed))
        out += command + printed + ("\n" if printed and not printed.endswith("\n") else "")
    return out


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755 if text.startswith("#!") else 0o644)


def follow(page, directory, wrong):
    """PAGE with what its commands print."""
    out, end = "", 0
    for block in BLOCK.finditer(page):
        between = page[end:block.start()]
        body, name = block[2], FILE.search(between)
        if block[1] == "console":
            body = console(body, directory, wrong)
        elif name:
            write(os.path.join(directory, name[1]), body)
        out += "%s```%s\n%s```" % (between, block[1], body)
        end = block.end()
    return out + page[end:]


def main():
    wrong = []
    for path in sys.argv[1:]:
        with open(path) as f:
            page = f.read()
        with tempfile.TemporaryDirectory() as directory:
            got = follow(page, directory, wrong)
        if os.environ.get("UPDATE") == "1":
            with open(path, "w") as f:
                f.write(got)
        else:
            wrong += difflib.unified_diff(page.splitlines(), got.splitlines(), path, "as printed", lineterm="")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
