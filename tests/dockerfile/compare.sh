#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 10 000 generated Dockerfiles split into the same instructions, words and lines as by the npm package dockerfile-ast;
# reasons.js has each difference that stays. SEED=N generates others.
. "$(dirname "$0")/../lib.sh"
here=$tests/dockerfile
split=$IMAGEBUILD_BUILD/tests/dockerfile/split
for NODE_PATH in "$IMAGEBUILD_BUILD/npm/node_modules" "$top/build/npm/node_modules"; do
	[ ! -d "$NODE_PATH/dockerfile-ast" ] || break
done
[ -d "$NODE_PATH/dockerfile-ast" ] || skip_all "needs dockerfile-ast: ./setup.sh test installs it"
export NODE_PATH

compare() {
	node "$here/generate.js" "${SEED:-1}" 10000 "$work/files"
	[ "$(find "$work/files" -name '*.Dockerfile' | wc -l)" -eq 10000 ]
	find "$work/files" -type f | sort | xargs "$split" >"$work/ours"
	node "$here/compare.js" "$work/ours"
}
it '10 000 Dockerfiles split as dockerfile-ast splits them, but for what reasons.js says' compare

# The comparison finds what it is there for.
catches() {
	printf 'FROM a\nRUN x\nCOPY a b /c/\n' >"$work/one"
	"$split" "$work/one" >"$work/good"
	for change in 's/"RUN"/"CMD"/' 's/"last":2/"last":3/' 's/"words":\["a","b"/"words":["a b"/' 's/"x"/"y"/'; do
		sed "$change" "$work/good" >"$work/bad"
		not cmp -s "$work/good" "$work/bad"
		not node "$here/compare.js" "$work/bad" >"$work/said"
		grep -q "^$work/one: " "$work/said"
	done
}
it 'a keyword, a line, a word or a text that differs is found' catches
finish
