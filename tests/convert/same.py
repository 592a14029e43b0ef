#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""same.py IMAGEBUILD ORIGINAL CONVERTED: each element of the tree ORIGINAL, put into a recipe, plans to the same hooks
(phase, number, name, bytes), elements, package requests and layout as that of CONVERTED. Says what differs, and how many
could be planned; one that cannot must fail in both."""
import json
import os
import re
import subprocess
import sys
import tempfile

RUN = re.compile(r"^RUN(?P<flags>( --\S+)*) <<(?P<end>\w+)\n(?P<body>.*?)^(?P=end)\n", re.S | re.M)


def flag(flags, name, otherwise):
    found = re.search(r"--%s=(\S+)" % name, flags)
    return found.group(1) if found else otherwise


def bodies(directory):
    """(phase, name) of each RUN of the fragment: its bytes."""
    path = os.path.join(directory, "Imagefile")
    text = open(path).read() if os.path.exists(path) else ""
    for run in RUN.finditer(text):
        order = int(flag(run["flags"], "order", "90"))
        yield flag(run["flags"], "phase", "install"), "%02d-%s" % (order, flag(run["flags"], "name", "")), run["body"]


def emitted(program, what, tree, recipe):
    done = subprocess.run([program, "emit", what, "--element-path", tree, recipe], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def facts(program, tree, recipe):
    text = emitted(program, "plan", tree, recipe)
    if text is None:
        return None
    said = set()
    for stage in json.loads(text)["stages"]:
        said.update("element " + e for e in stage["elements"])
        for step in stage["steps"]:
            if step["step"] in ("hook", "run"):
                said.add("hook %s %s %s" % (step["phase"], step["number"], step["name"]))
    keys = emitted(program, "keys", tree, recipe)
    said.update(re.findall(r"^package \d+:.*\n(?:(?!package )[a-z-]+ \d+:.*\n)*", keys, re.M))
    said.add(emitted(program, "layout", tree, recipe))
    return said


def planned(program, original, converted, name, recipe):
    """The facts of both in the first recipe that either can be planned in."""
    for text in ("FROM debian-minimal\nENV DIB_RELEASE=bookworm\nELEMENT %s\n", "FROM %s\n"):
        with open(recipe, "w") as f:
            f.write(text % name)
        a, b = facts(program, original, recipe), facts(program, converted, recipe)
        if a is not None or b is not None:
            break
    return a, b


def differences(original, converted, name, a, b):
    if (a is None) != (b is None):
        yield "%s: only one of the two can be planned" % name
    elif a != b:
        yield from ("%s: %s %s" % (name, "-" if line in a else "+", line) for line in sorted(a ^ b))
    for phase, hook, body in bodies(os.path.join(converted, name)):
        path = os.path.join(original, name, phase + ".d", hook)
        if open(path, newline="").read() != body or os.stat(path).st_mode & 0o7777 != 0o755:
            yield "%s: %s is another" % (name, path)


def main():
    program, original, converted = sys.argv[1:]
    wrong, names, count = [], sorted(os.listdir(converted)), 0
    with tempfile.TemporaryDirectory() as directory:
        for name in names:
            a, b = planned(program, original, converted, name, directory + "/Imagefile")
            count += a is not None
            wrong += differences(original, converted, name, a, b)
    print("\n".join(wrong + ["%d of %d elements planned" % (count, len(names))]))
    sys.exit(bool(wrong))


main()
