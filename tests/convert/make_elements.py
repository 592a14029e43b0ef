#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_elements.py SEED COUNT DIR: COUNT elements of every shape, the same ones for the same seed."""
import os
import random
import sys

PHASES = ("root extra-data pre-install install post-install post-root block-device pre-finalise finalise cleanup").split()
SHEBANGS = ["#!/bin/bash", "#!/bin/sh", "#!/bin/sh -e", "#!/usr/bin/env bash", "#!/usr/bin/python3", ""]
LINES = ["true", "echo \"$x\"", "cat <<EOF", "EOF", "EOF2", "\ttab", "a \\", "# note", "$(dirname $0)/x", "it's", "pwd", "\u00e4"]
VALUES = ["v", "'two words'", "\"q $A\"", "${A:-w}", "\"${%s:-x y}\"", "${%s:-d}", "${%s-}", "$(date)", "a\\ b", "~", "'$5'", "\"\\$\"", ""]
FRAMEWORK = ["package-installs", "source-repositories", "pkg-map", "install-types", "install-static", "dib-init-system"]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="") as f:
        f.write(text)
    os.chmod(path, mode)


def hook(r):
    lines = [r.choice(SHEBANGS)] + [r.choice(LINES) for _ in range(r.choice([1, 3, 8, 57, 58, 59, 70]))]
    return r.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + r.choice(["\n", "\n", ""])


def add_hooks(r, root, name):
    for i in range(r.randrange(6)):
        number = r.choice(["%02d-", "%02d-", "%d-", "%03d-", "-%d-", "%02d_"]) % r.randrange(100)
        path = "%s/%s.d/%s%s-%d%s" % (root, r.choice(PHASES), number, name, i, r.choice(["", "", "", ".sh"]))
        if r.random() < 0.05:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink("../bin/" + name, path)
        else:
            write(path, hook(r), r.choice([0o755, 0o755, 0o755, 0o644, 0o700]))


def add_environment(r, root, name):
    for i in range(r.randrange(3)):
        lines = []
        for _ in range(r.randrange(4)):
            variable = r.choice("ABCD")
            value = r.choice(VALUES)
            lines.append("%s%s=%s\n" % (r.choice(["export ", "export ", "export ", ""]), variable,
                                       value % variable if "%s" in value else value))
        write("%s/environment.d/%02d-%s-%d%s" % (root, r.randrange(100), name, i, r.choice(["", ".bash"])), "".join(lines) or "# none\n")


def add_packages(r, root):
    text = ""
    for i in range(r.randrange(1, 5)):
        keys = [key for key in ("phase: pre-install.d", "phase: install.d", "phase: post-install.d", "uninstall: true", "build-only: True",
                                "installtype: source", "arch: amd64, i386", "not-arch: arm64", "dib_python_version: 3",
                                "when: DIB_RELEASE = bookworm", "when: DIB_RELEASE != a b") if r.random() < 0.12]
        keys = list({key.split(":")[0]: key for key in keys}.values())
        if {"arch: amd64, i386", "not-arch: arm64"} <= set(keys):
            keys.remove("not-arch: arm64")
        text += r.choice(["", "# why\n"]) + "pkg%d:\n" % i + "".join("  %s\n" % key for key in keys)
    write(root + "/package-installs.yaml", text)


def add_element(r, root, name, others):
    deps = r.sample(FRAMEWORK, r.randrange(4)) + r.sample(others, min(len(others), r.randrange(2)))
    write(root + "/element-deps", "".join("%s\n" % dep for dep in deps))
    add_hooks(r, root, name)
    add_environment(r, root, name)
    if r.random() < 0.6:
        add_packages(r, root)
    if r.random() < 0.2:
        write(root + "/element-provides", "virtual-%s\n" % name)
    if r.random() < 0.2:
        write("%s/source-repository-%s" % (root, name), "# of %s\n%s git /opt/%s https://git.example/%s\n" % (name, name, name, name))
    if r.random() < 0.3:
        write("%s/static/etc/%s" % (root, name), "x\n")
    if r.random() < 0.3:
        write("%s/bin/%s" % (root, name), "#!/bin/sh\n", 0o755)
    if r.random() < 0.5:
        write(root + "/README.rst", "%s\n%s\n\nWhat %s does.\n%s" % (name, "=" * len(name), name, r.choice(["", "\nMore.\n"])))


def main():
    r, names = random.Random(int(sys.argv[1])), []
    for i in range(int(sys.argv[2])):
        name = "made-%d" % i
        add_element(r, os.path.join(sys.argv[3], name), name, names)
        names.append(name)


main()
