# SPDX-License-Identifier: Apache-2.0
"""check.py OUT: the formats of one run in the directory OUT (plain, json, sarif, github, gitlab, checkstyle, junit) say the same, each
by the rules of its readers. Runs where the run was, so that the files can be opened."""
import json
import os
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ET

import jsonschema

out = sys.argv[1]
top = os.path.join(os.path.dirname(__file__), "..", "..", "..")


def load(name):
    with open(os.path.join(out, name), encoding="utf-8", newline="") as f:
        text = f.read()
    return text if name in ("plain", "github") else json.loads(text)


def shown(path):
    """As in a report: without ./ in front."""
    return re.sub(r"^(\./+)+", "", path)


def visible(text):
    return re.sub("[\x00-\x08\x0a-\x1f\x7f-\x9f]", "?", text)


report = load("json")
with open(os.path.join(top, "docs/schema/lint.schema.json"), encoding="utf-8") as f:
    jsonschema.validate(report, json.load(f))
findings, everything = report["findings"], report["findings"] + report["silenced"]
prints = [f["fingerprint"] for f in everything]
assert len(set(prints)) == len(prints), "equal fingerprints"

# plain: bytes; json: characters of the same place
lines = load("plain").splitlines()
assert len(lines) == len(findings), (len(lines), len(findings))
for line, f in zip(lines, findings):
    m = re.fullmatch(r"(.*?):(\d+):(\d+): (error|warning|info|style): (.*) \[(IB\d{4})\]", line)
    assert m and m[1] == visible(f["file"]) and m[4] == f["severity"] and m[6] == f["rule"], line
    assert m[5] == visible(f["message"]), line
    assert int(m[2]) == f["line"], line
    paths = [p for p in os.listdir(b".") if p.decode(errors="replace") == shown(f["file"])]
    if paths:
        with open(paths[0], "rb") as source:
            text = source.read().split(b"\n")[f["line"] - 1]
        assert len(text[: int(m[3]) - 1].decode(errors="replace")) + 1 == f["column"], line

# SARIF
run = load("sarif")["runs"][0]
rules = run["tool"]["driver"]["rules"]
assert run["columnKind"] == "unicodeCodePoints"
results = run["results"]
assert len(results) == len(everything)
key = lambda f: (shown(f["file"]), f["line"], f["column"], f["end_line"], f["end_column"], f["rule"], f["fingerprint"])


def sarif_key(r):
    at = r["locations"][0]["physicalLocation"]
    region, uri = at["region"], at["artifactLocation"]["uri"]
    assert re.fullmatch(r"(file://)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri), uri
    assert r["ruleId"] == rules[r["ruleIndex"]]["id"]
    path = urllib.parse.unquote(uri.removeprefix("file://"), errors="replace")
    return (path, region["startLine"], region["startColumn"], region["endLine"], region["endColumn"], r["ruleId"],
            r["partialFingerprints"]["imagebuildFinding/v1"])


assert sorted(map(key, everything)) == sorted(map(sarif_key, results))
silenced = {f["fingerprint"]: f for f in report["silenced"]}
for r in results:
    f = silenced.get(r["partialFingerprints"]["imagebuildFinding/v1"])
    assert len(r["suppressions"]) == (f is not None)
    if f:
        kind = "inSource" if f["by"] == "comment" else "external"
        assert r["suppressions"][0]["kind"] == kind
        assert f["by"] == "baseline" or r["suppressions"][0].get("justification") == f["reason"]
assert len({r["id"] for r in rules}) == len(rules)
assert {r["id"] for r in rules} == {f["rule"] for f in everything}

# GitLab: what its documentation asks for
issues = load("gitlab")
assert len(issues) == len(findings) and len({i["fingerprint"] for i in issues}) == len(issues)
for issue, f in zip(issues, findings):
    assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert issue["location"]["path"] == shown(f["file"]) and issue["location"]["lines"]["begin"] == f["line"]
    assert issue["fingerprint"] == f["fingerprint"]

# GitHub: taken apart as the runner does, then unescaped
commands = load("github").splitlines()
assert len(commands) == len(findings)
for command, f in zip(commands, findings):
    m = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", command)
    assert m, command
    values = dict(p.split("=", 1) for p in m[2].split(","))
    undo = lambda s: re.sub("%(25|0D|0A|3A|2C)", lambda x: chr(int(x[1], 16)), s)
    assert re.sub("[\r\n]", "?", undo(values["file"])) == visible(shown(f["file"])), command
    assert int(values["line"]) == f["line"] and values["title"] == f["rule"] + " " + f["name"]
    said = undo(m[3]).split("\n")
    assert ("col" in values) == (f["line"] == f["end_line"])
    assert re.sub("\r", "?", said[0]) == visible(f["message"].split("\n")[0]), command

# XML: the schemas are xmllint's; here the contents
cut = lambda s: re.sub("[^\t\n\r\x20-\ufffd\U00010000-\U0010ffff]", "\ufffd", s)
checkstyle = ET.parse(os.path.join(out, "checkstyle")).getroot()
told = [(e.get("name"), int(x.get("line")), int(x.get("column")), x.get("source").removeprefix("imagebuild."))
        for e in checkstyle for x in e]
assert sorted(told) == sorted((cut(shown(f["file"])), f["line"], f["column"], f["rule"]) for f in findings)
assert {e.get("name") for e in checkstyle} >= {cut(shown(f)) for f in report["files"]}
suites = ET.parse(os.path.join(out, "junit")).getroot()
assert sum(int(s.get("failures")) for s in suites) == len(findings) == len(list(suites.iter("failure")))
assert sum(int(s.get("skipped")) for s in suites) == len(report["silenced"]) == len(list(suites.iter("skipped")))
assert all(int(s.get("tests")) == len(s) for s in suites)
