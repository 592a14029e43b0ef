#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed.py TOP IMAGEBUILD DIRECTORY: puts defects into clean inputs, each with its rule and its span known, lints all of them
in one run, and compares. Prints the rate; status 1: fewer than 95 % are found at the exact span, or something else is
found. The same seed makes the same inputs."""
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys

import defects

SEED = 5
EACH = 5  # inputs a defect
RATE = 0.95
OPEN, CLOSE = "⟦", "⟧"
# What shellcheck finds; what depends on PATH, and on --element-path.
WITHOUT = {"IB4019", "IB8002", "IB3005"}

Case = collections.namedtuple("Case", "rule files inputs expected")


class Filler:
    """Names and numbers in place of @W, @V and @N: the same everywhere in one case."""

    def __init__(self, rng):
        self.values = {"@W": rng.choice(defects.WORDS), "@V": rng.choice([w + "s" for w in defects.WORDS]), "@N": str(rng.randrange(100, 1000))}

    def __call__(self, text):
        return re.sub("@[WVN]", lambda m: self.values[m.group()], text)


def marked(text):
    """The text without its marks, and (line, column, end line, end column) of what they enclose, in bytes."""
    start, end = text.find(OPEN), text.find(CLOSE)
    if start < 0:
        return text, None
    before, inside = text[:start], text[start + 1:end]
    place = []
    for part in (before, before + inside):
        place += [part.count("\n") + 1, len(part.rpartition("\n")[2].encode()) + 1]
    return before + inside + text[end + 1:], tuple(place)


def insert(rng, base, lines):
    """BASE with LINES at one of its places."""
    parts = base.split("%%\n")
    at = rng.randrange(1, len(parts))
    return "".join(parts[:at]) + lines + "".join(parts[at:])


def script_forms(text, forms):
    """The command as steps of a recipe: alone, behind another one, in a heredoc."""
    made = []
    if "r" in forms:
        made.append("RUN %s\n" % text)
    if "c" in forms:
        made.append("RUN mkdir -p /srv/@V && \\\n    %s\n" % text)
    if "h" in forms:
        made.append("RUN <<EOF\nmkdir -p /srv/@V\n%s\necho done\nEOF\n" % text)
    return made


ELEMENT = {"README.rst": (0o644, "What it is for.\n"), "install.d/20-app": (0o755, "#!/bin/bash\nset -eu\nset -o pipefail\necho app\n")}
HOOK = "#!/bin/bash\nset -eu\nset -o pipefail\nmkdir -p /srv/@V\n%s\n"


def files_of(rng, defect, round_):
    """{path: (mode, text)} of one case, and what lint is given."""
    kind, text = defect.kind, defect.text
    if kind == "element":
        files = dict(ELEMENT)
        for path, value in text.items():
            is_hook = re.match(r"[a-z-]+\.d/", path) and not path.startswith("environment")
            files[path] = value if isinstance(value, tuple) else (0o755 if is_hook else 0o644, value)
        return {"app/" + p: v for p, v in files.items() if v[1]}, ["app"]
    if kind == "tree":
        return {"tree/" + p: v if isinstance(v, tuple) else (0o644, v) for p, v in text.items()}, ["tree"]
    if kind == "yaml":
        return {"layout.yaml": (0o644, text)}, ["layout.yaml"]
    if kind == "whole":
        return {"web.Imagefile": (0o644, text)}, ["web.Imagefile"]
    if kind == "layout":
        return {"web.Imagefile": (0o644, defects.WITH_LAYOUT % text)}, ["web.Imagefile"]
    if kind == "script":
        forms = script_forms(text, defect.forms)
        if "k" in defect.forms and round_ % (len(forms) + 1) == len(forms):
            return {"app/README.rst": ELEMENT["README.rst"], "app/install.d/50-@W": (0o755, HOOK % text)}, ["app"]
        text = forms[round_ % (len(forms) + ("k" in defect.forms))]
    base = rng.choice(defects.BASES[defect.base])
    return {"web.Imagefile": (0o644, insert(rng, base, text))}, ["web.Imagefile"]


def make_case(defect, round_):
    rng = random.Random("%d %s %d" % (SEED, defect.text, round_))
    fill = Filler(rng)
    files, inputs = files_of(rng, defect, round_)
    made, expected = {}, None
    for path, (mode, text) in files.items():
        text, place = marked(fill(text))
        path = fill(path)
        made[path] = (mode, text)
        if place:
            expected = (path,) + place
    for path, text in defect.beside.items():
        made[path] = (0o644, text)
    assert expected, defect
    return Case(defect.rule, made, inputs, expected)


def write(top, directory, cases):
    given = []
    for i, (case, defect) in enumerate(cases):
        here = os.path.join(directory, "%04d" % i)
        for path, (mode, text) in case.files.items():
            path = os.path.join(here, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", newline="") as f:
                f.write(text)
            os.chmod(path, mode)
        if defect.copy:
            shutil.copytree(os.path.join(top, "tests/lint", defect.copy), os.path.join(here, os.path.basename(defect.copy)))
        given += ["%04d/%s" % (i, name) for name in case.inputs]
    return given


def lint(program, directory, given):
    done = subprocess.run([program, "lint", "--no-shellcheck", "--format=json"] + given, cwd=directory, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    found = collections.defaultdict(list)
    for f in json.loads(done.stdout)["findings"]:
        case, path = f["file"].split("/", 1)
        found[int(case)].append((f["rule"], (path, f["line"], f["column"], f["end_line"], f["end_column"]), f["message"]))
    return found


def main():
    top, program, directory = sys.argv[1:]
    cases = [(make_case(d, i), d) for d in defects.ALL for i in range(EACH)]
    found = lint(program, directory, write(top, directory, cases))
    exact, wrong = 0, []
    for i, (case, _) in enumerate(cases):
        hits = [f for f in found[i] if f[:2] == (case.rule, case.expected)]
        exact += bool(hits)
        strays = [f for f in found[i] if f not in hits]
        if not hits or strays:
            wrong.append("%04d: %s at %s, but: %s" % (i, case.rule, case.expected, strays))
    rows = set()
    for name in os.listdir(os.path.join(top, "engine/lint/rules")):
        with open(os.path.join(top, "engine/lint/rules", name)) as f:
            rows |= {"IB" + n for n in re.findall(r"^RULE\((\d+),", f.read(), re.M)}
    missing = sorted(rows - {d.rule for d in defects.ALL} - WITHOUT)
    strays = sum("but: []" not in w for w in wrong)
    print("%d defects of %d rules, %d found at the exact span (%.1f %%), %d with something else" % (
        len(cases), len({d.rule for d in defects.ALL}), exact, 100.0 * exact / len(cases), strays))
    if missing:
        print("no defect of: " + " ".join(missing))
    print("\n".join(wrong))
    sys.exit(1 if exact < RATE * len(cases) or strays else 0)


main()
