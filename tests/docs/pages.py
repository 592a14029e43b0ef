#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pages.py TOP COMMAND...: docs/lint has a page of each row of the tables, in the one form. A Bad example that is a
recipe (a block ```Imagefile) gets the finding from COMMAND FILE, a Good one gets none; a block ```yaml of the Bad one is
the configuration of both. Says what is not so."""
import glob
import os
import re
import subprocess
import sys
import tempfile

FORM = re.compile(r"# (?P<title>.*)\n\n(?P<what>[^\n]+)\n\n## Why\n\n(?P<why>.+?)\n\n## Bad\n\n(?P<bad>.+?)\n\n## Good\n\n(?P<good>.+)\n", re.S)
BLOCK = r"^```%s\n(.*?)^```$"


def rows(top):
    tables = [top + "/include/imagebuild/diags.def"] + sorted(glob.glob(top + "/engine/lint/rules/*.def"))
    for table in tables:
        for number, slug in re.findall(r"^(?:DIAG|RULE)\((\d+), (\w+)", open(table).read(), re.M):
            yield "IB" + number, slug.lower().replace("_", "-")


def blocks(kind, text):
    return re.findall(BLOCK % kind, text, re.S | re.M)


def ids_of(command, recipe, directory):
    path = os.path.join(directory, "example.Imagefile")
    with open(path, "w", newline="") as f:
        f.write(recipe)
    done = subprocess.run(command + [path], cwd=directory, capture_output=True, text=True)
    return set(re.findall(r"\[(IB\d+)\]", done.stdout + done.stderr))


def problems(top, command, directory):
    found = {}
    for number, slug in rows(top):
        found[number] = slug
        path = "%s/docs/lint/%s.md" % (top, number)
        text = open(path, newline="").read() if os.path.exists(path) else ""
        page = FORM.fullmatch(text)
        if not page or page["title"] != "%s %s" % (number, slug):
            yield "%s: %s" % (path, "not of the form" if text else "missing")
            continue
        with open(os.path.join(directory, ".imagebuild.yaml"), "w") as f:
            f.write("".join(blocks("yaml", page["bad"]) if "Imagefile" in page["bad"] else []))
        for recipe in blocks("Imagefile", page["bad"]):
            if number not in ids_of(command, recipe, directory):
                yield "%s: the bad example has no such finding:\n%s" % (path, recipe)
        for recipe in blocks("Imagefile", page["good"]):
            said = ids_of(command, recipe, directory)
            if said:
                yield "%s: the good example has %s:\n%s" % (path, sorted(said), recipe)
    for path in glob.glob(top + "/docs/lint/IB*.md"):
        if os.path.basename(path)[:-3] not in found:
            yield "%s: no row of that number" % path


def main():
    with tempfile.TemporaryDirectory() as directory:
        wrong = list(problems(sys.argv[1], sys.argv[2:], directory))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
