#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The other ways to look at a plan: graphs, JSON and its schema. UPDATE=1 rewrites the .dot goldens.
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")" || exit 1
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

graph() {
	"$IMAGEBUILD" graph --kind="$1" views/Imagefile --element-path elements >"$work/dot" || return 1
	[ "${UPDATE:-}" != 1 ] || cp "$work/dot" "views/$1.dot"
	diff -u "views/$1.dot" "$work/dot"
}
it 'elements are drawn with what they need and who provides it' graph elements
it 'stages are drawn with their bases and outputs' graph stages
it 'steps are drawn by phase' graph steps

draws() {
	for kind in elements stages steps; do
		"$IMAGEBUILD" graph --kind=$kind views/Imagefile --element-path elements | dot -Tsvg >"$work/want.svg" || return 1
		"$IMAGEBUILD" graph --kind=$kind --format=svg views/Imagefile --element-path elements >"$work/got.svg" || return 1
		cmp "$work/want.svg" "$work/got.svg" && grep -q '<svg' "$work/got.svg" || return 1
	done
}
if command -v dot >/dev/null; then
	it 'graphviz takes every graph, and --format=svg is what it makes of it' draws
fi

no_dot() {
	expect 3 env PATH=/nonexistent "$IMAGEBUILD" graph --format=svg views/Imagefile --element-path elements && says graphviz
}
it 'svg without graphviz names the package' no_dot

# validate SCHEMA FILE...
validate() {
	/usr/bin/python3 - "$@" <<'END'
import json, sys
import jsonschema
validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))
bad = 0
for name in sys.argv[2:]:
    for error in validator.iter_errors(json.load(open(name))):
        print(f'{name}: {list(error.absolute_path)}: {error.message[:300]}')
        bad = 1
sys.exit(bad)
END
}

plan_json() {
	"$IMAGEBUILD" plan --format=json views/Imagefile --element-path elements >"$work/plan.json" &&
		validate "$top/docs/schema/plan.schema.json" "$work/plan.json" ./*.plan &&
		grep -q '"state": "new"' "$work/plan.json"
}
no_state() {
	"$IMAGEBUILD" emit plan views/Imagefile --element-path elements >"$work/emitted" &&
		grep -v '"state"' "$work/plan.json" | sed 's/,$//' >"$work/a" && sed 's/,$//' "$work/emitted" >"$work/b" &&
		cmp "$work/a" "$work/b"
}
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
	it 'plan --format=json and every golden of emit plan are as the schema says' plan_json
	it 'emit plan is the same without the states' no_state
	it 'every golden of emit ir is as the schema says' validate "$top/docs/schema/ir.schema.json" ../lang/*.ir
fi
finish
