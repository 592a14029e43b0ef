#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a user of Dockerfiles expects of the text, and that each row and flag of the language has its goldens.
. "$(dirname "$0")/../lib.sh"
here=$tests/lang

it 'each rule of a Dockerfile text has a vector that holds' \
	/usr/bin/python3 "$here/habits.py" "$IMAGEBUILD" "$IMAGEBUILD_BUILD/tests/dockerfile/split"

# UPDATE=1 writes the list anew. A row or flag that goes, or comes, changes it.
listed() {
	/usr/bin/python3 "$here/coverage.py" "$top/parser/directives.def" "$here" | sed -E 's/ +(\S+|\(never valid\)) +\S+$//' >"$work/list"
	[ "${UPDATE:-}" != 1 ] || cp "$work/list" "$here/coverage.expected"
	diff -u "$here/coverage.expected" "$work/list"
}
it 'the instructions and flags are those of coverage.expected' listed

covered() {
	/usr/bin/python3 "$here/coverage.py" "$top/parser/directives.def" "$here" >"$work/coverage" ||
		{ grep MISSING "$work/coverage" && return 1; }
	[ "$(wc -l <"$work/coverage")" -gt 70 ]
}
it 'each instruction and flag has a golden that is right and one that is wrong' covered
finish
