#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every row of the tables is written about in docs/ and occurs in a test.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# rows FILE MACRO: the names of the rows, those that are "later" too.
rows() {
	sed -nE "s/^$2(_[A-Z]+)?\\(\"?([A-Za-z0-9_.-]+)\"?.*/\\2/p" "$1"
}

# all_in FILE MACRO WHERE...: each row's name is a word somewhere in WHERE.
all_in() {
	file=$1 macro=$2
	shift 2
	bad=0
	rows "$file" "$macro" >"$work/rows"
	[ -s "$work/rows" ] || { echo "$file has no row $macro" && return 1; }
	while read -r name; do
		grep -rqwis --exclude-dir=unit -e "$name" "$@" && continue
		echo "$name of $file is not in $*"
		bad=1
	done <"$work/rows"
	return $bad
}

table() {
	it "every $1 is documented" all_in "$2" "$3" docs README.md
	it "every $1 occurs in a test" all_in "$2" "$3" tests/lang tests/plan tests/block tests/output tests/run tests/build
}
table instruction parser/directives.def DIRECTIVE
table 'node of LAYOUT' include/imagebuild/nodes.def NODE
table format include/imagebuild/formats.def FORMAT
it 'every verb is documented' all_in engine/cli/commands.def COMMAND docs README.md

it 'every kind of step occurs in a test' all_in engine/plan/steps.def STEP tests/plan tests/run

# What is marked "later" is written down as not built yet, and nothing else is.
later() {
	sed -n '/^## Known and not built yet/,/^## What/p' docs/limits.md >"$work/later"
	bad=0
	for table in include/imagebuild/nodes.def include/imagebuild/formats.def engine/cli/commands.def; do
		sed -nE 's/^[A-Z]+_LATER\(([a-z0-9]+),.*/\1/p' $table >"$work/rows"
		while read -r name; do
			grep -qw "$name" "$work/later" && continue
			echo "$name of $table is not in docs/limits.md"
			bad=1
		done <"$work/rows"
		sed -nE 's/^(NODE|FORMAT|FORMAT_QEMU)\(([a-z0-9]+),.*/\2/p' $table >"$work/rows"
		while read -r name; do
			grep -E '^- (Nodes|Formats)' "$work/later" | grep -qw "$name" || continue
			echo "$name of $table is built, docs/limits.md says it is not"
			bad=1
		done <"$work/rows"
	done
	return $bad
}
it 'what is not built yet is listed, and only that' later

diagnostics() {
	bad=0
	sed -nE 's/^DIAG\(([0-9]+), ([A-Z0-9_]+),.*/\1 \2/p' include/imagebuild/diags.def >"$work/rows"
	while read -r number slug; do
		grep -rqw --include='*.[chly]' "IB_D_$slug" parser engine || {
			echo "IB$number, $slug, is reported nowhere"
			bad=1
		}
	done <"$work/rows"
	[ "$(cut -d' ' -f1 "$work/rows" | sort | uniq -d)" = "" ] || bad=1
	return $bad
}
it 'every diagnostic is reported somewhere and has a number of its own' diagnostics
finish
