# SPDX-License-Identifier: Apache-2.0
"""What docs/ci.md and the files for CI systems say, for ci.sh.
files.py check TOP             they parse, and name only options, hooks and inputs that there are
files.py block TOP N           the N-th YAML block of docs/ci.md
files.py step TOP NAME=VALUE.. the action's step that lints, as a script, with these inputs
files.py job TOP               the script of the job for GitLab
files.py commands PAGE         the calls of imagebuild in the indented blocks of a page"""
import re
import sys

import yaml


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blocks(top):
    return re.findall(r"```yaml\n(.*?)```", read(top + "/docs/ci.md"), re.S)


def check(top):
    options = set(re.findall(r'^OPTION\("([a-z-]+)"[^\n]*V_LINT', read(top + "/engine/cli/options.def"), re.M))
    action = yaml.safe_load(read(top + "/action.yml"))
    inputs = action["inputs"]
    hooks = {h["id"]: h for h in yaml.safe_load(read(top + "/.pre-commit-hooks.yaml"))}
    job = yaml.safe_load(read(top + "/docs/ci/gitlab.yml"))["imagebuild-lint"]
    twins = set(re.findall(r'"(IMAGEBUILD_LINT_[A-Z_]+)"', read(top + "/engine/cli/cmd_lint.c")))
    assert set(inputs) - {"paths", "sarif"} <= options, inputs
    assert all(i["description"] and "default" in i for i in inputs.values())
    lint = action["runs"]["steps"][1]
    assert action["runs"]["using"] == "composite" and all(s["shell"] for s in action["runs"]["steps"])
    used = set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", "".join(lint["env"].values())))
    assert used == set(inputs), used
    for name in (n for n in lint["env"] if n.startswith("IMAGEBUILD_")):
        assert name in twins and lint["env"][name] == "${{ inputs.%s }}" % name[16:].lower().replace("_", "-")
    for hook in hooks.values():
        assert {"id", "name", "entry", "language", "files"} <= set(hook) and re.compile(hook["files"])
    config, workflow, pipeline = map(yaml.safe_load, blocks(top))
    assert [h["id"] for h in config["repos"][0]["hooks"]] == list(hooks)
    steps = workflow["jobs"]["lint"]["steps"]
    assert set(steps[1]["with"]) <= set(inputs)
    assert steps[2]["with"]["sarif_file"] == steps[1]["with"]["sarif"]
    assert pipeline["include"][0]["file"] == "/docs/ci/gitlab.yml"
    for name in pipeline["imagebuild-lint"]["variables"]:
        assert name in twins or name in ("IMAGEBUILD_IMAGE", "IMAGEBUILD_LINT_PATHS"), name
    assert job["image"] == "$IMAGEBUILD_IMAGE"


def step(top, *values):
    action = yaml.safe_load(read(top + "/action.yml"))
    given = {n: i["default"] for n, i in action["inputs"].items()} | dict(v.split("=", 1) for v in values)
    for name, value in action["runs"]["steps"][1]["env"].items():
        print("export %s='%s'" % (name, given[re.search(r"inputs\.([a-z-]+)", value)[1]]))
    print(action["runs"]["steps"][1]["run"])


def job(top):
    j = yaml.safe_load(read(top + "/docs/ci/gitlab.yml"))["imagebuild-lint"]
    for name, value in j["variables"].items():
        print("export %s='%s'" % (name, value))
    print("\n".join(j["script"]))
    print("# " + j["artifacts"]["reports"]["codequality"])


def commands(page):
    for line in re.findall(r"^    (.*)", read(page), re.M):
        if re.match(r"(cat \S+ \| )?imagebuild ", line):
            print(re.sub(r"\s+#.*", "", line))


what, rest = sys.argv[1], sys.argv[2:]
if what == "block":
    print(blocks(rest[0])[int(rest[1])], end="")
else:
    {"check": check, "step": step, "job": job, "commands": commands}[what](*rest)
