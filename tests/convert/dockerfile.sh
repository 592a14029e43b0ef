#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Dockerfiles become recipes: each dockerfile/X.Dockerfile has the recipe X.Imagefile and what is said of it in X.err; an
# X-bad.Dockerfile has X-bad.err alone. UPDATE=1 rewrites them.
. "$(dirname "$0")/../lib.sh"
cd "$tests/convert/dockerfile" || exit 1
export XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state" XDG_CONFIG_HOME="$work/none"

compare() {
	if [ "${UPDATE:-}" = 1 ]; then
		cp "$2" "$1"
	fi
	diff -u "$1" "$2"
}

converted() {
	"$IMAGEBUILD" convert dockerfile "$1.Dockerfile" >"$work/$1.Imagefile" 2>"$work/said"
	compare "$1.Imagefile" "$work/$1.Imagefile"
	compare "$1.err" "$work/said"
}

# The context is not there: what it lacks (IB1112) is not the conversion's.
is_sound() {
	"$IMAGEBUILD" fmt --check "$1.Imagefile"
	"$IMAGEBUILD" emit ir "$1.Imagefile" >/dev/null
	"$IMAGEBUILD" lint --no-shellcheck --format=plain "$1.Imagefile" >"$work/found" || true
	not grep ' error: ' "$work/found" | not grep -v '\[IB1112\]'
}

refused() {
	expect 1 "$IMAGEBUILD" convert dockerfile "$1.Dockerfile"
	[ ! -s "$work/out" ]
	compare "$1.err" "$work/err"
}

for file in *.Dockerfile; do
	name=${file%.Dockerfile}
	case $name in
	*-bad)
		it "what is wrong in $name is said as expected" refused "$name"
		;;
	*)
		it "$name becomes the expected recipe" converted "$name"
		it "the recipe of $name compiles, is formatted and lints without errors" is_sound "$name"
		;;
	esac
done
finish
