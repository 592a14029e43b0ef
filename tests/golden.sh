#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# not a test but a runner: golden.sh DIR compares what the compiler prints for each DIR/X.Imagefile:
#   X.ast X.ir X.plan X.keys X.layout    what `imagebuild emit STAGE X.Imagefile` prints
#   X.outline X.json                     what `imagebuild outline` prints, and with --format=json
#   X.fmt                                what `imagebuild fmt X.Imagefile` prints; formatted it stays as it is
#   X.err                                its first line "emit STAGE: exit status N" (or "fmt: ..."), then
#                                        standard error
# It runs in DIR, so that no path is in a golden. UPDATE=1 rewrites those that exist; make a new one
# with `touch` (for .err: echo "emit plan:" >X.err).
. "$(dirname "$0")/lib.sh"
cd "$1" || exit 1
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

compare() {
	if [ "${UPDATE:-}" = 1 ]; then
		cp "$2" "$1"
	fi
	diff -u "$1" "$2"
}

stage() {
	"$IMAGEBUILD" emit "$2" "$1.Imagefile" >"$work/got" || return 1
	compare "$1.$2" "$work/got"
}

outline() {
	format=table
	[ "$2" = outline ] || format=json
	"$IMAGEBUILD" outline --format=$format "$1.Imagefile" >"$work/got" || return 1
	compare "$1.$2" "$work/got"
}

formatted() {
	"$IMAGEBUILD" fmt "$1.Imagefile" >"$work/got" || return 1
	compare "$1.fmt" "$work/got"
	"$IMAGEBUILD" fmt - <"$work/got" >"$work/again" || return 1
	diff -u "$work/got" "$work/again"
}

error() {
	verb=$(sed -n '1s/^\([a-z ]*\):.*/\1/p' "$1.err")
	status=0
	# shellcheck disable=SC2086 # a verb and its word
	"$IMAGEBUILD" ${verb:=emit ir} "$1.Imagefile" >/dev/null 2>"$work/said" || status=$?
	{
		echo "$verb: exit status $status"
		cat "$work/said"
	} >"$work/got"
	compare "$1.err" "$work/got"
}

for recipe in *.Imagefile; do
	name=${recipe%.Imagefile}
	found=
	for ext in ast ir plan keys layout; do
		[ -f "$name.$ext" ] || continue
		it "emit $ext of $name is as expected" stage "$name" "$ext"
		found=1
	done
	for ext in outline json; do
		[ -f "$name.$ext" ] || continue
		it "the outline of $name is as expected ($ext)" outline "$name" "$ext"
		found=1
	done
	if [ -f "$name.fmt" ]; then
		it "$name is formatted as expected" formatted "$name"
		found=1
	fi
	if [ -f "$name.err" ]; then
		it "what is wrong in $name is said as expected" error "$name"
		found=1
	fi
	[ -n "$found" ] || it "$name has a golden" false
done
finish
