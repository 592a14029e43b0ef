#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A fragment and an element directory are one thing in two spellings; what a fragment's keys depend on.
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")/spelling" || exit 1
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

# plan DIR: without what names the kind of a step and the file it stands in.
plan() {
	"$IMAGEBUILD" emit plan --element-path "$1" --element-path ../elements web.Imagefile >"$work/plan.$1" &&
		grep -vE '"(step|does|origin)":' "$work/plan.$1" >"$work/bare.$1"
}

same_plan() {
	plan directory && plan fragment && diff -u "$work/bare.directory" "$work/bare.fragment" &&
		grep -q '"nginx-light"' "$work/bare.fragment" && grep -q '"certificates"' "$work/bare.fragment"
}
it 'both spellings give the same steps, packages and environment' same_plan

# keys DIR >FILE: of the recipe in $work/tree, whose elements are in its directory DIR.
keys() {
	(cd "$work/tree" && "$IMAGEBUILD" emit keys --element-path "$1" --element-path "$top/tests/plan/elements" web.Imagefile)
}
tree() {
	rm -rf "$work/tree" && cp -R . "$work/tree" && keys fragment >"$work/before"
}

moved() {
	tree && mv "$work/tree/fragment" "$work/tree/elsewhere" &&
		sed -i 's/^# A name/# Another name/' "$work/tree/elsewhere/web/Imagefile" &&
		keys elsewhere >"$work/after" && cmp "$work/before" "$work/after"
}
it 'neither its place nor a comment in it counts in a key' moved

changed() {
	tree && sed -i 's/echo "$WEB_URL"/echo changed/' "$work/tree/fragment/web/Imagefile" &&
		keys fragment >"$work/after" || return 1
	grep -E '^[0-9a-f]{64} ' "$work/before" >"$work/old"
	grep -E '^[0-9a-f]{64} ' "$work/after" >"$work/new"
	diff "$work/old" "$work/new" >"$work/diff" || true
	# From the RUN on, and nothing before it.
	grep -m1 '^<' "$work/diff" | grep -q 'run 50-web-0009-' &&
		[ "$(grep -c '^<' "$work/diff")" -eq "$(sed -n '/run 50-web-0009-/,$p' "$work/old" | wc -l)" ]
}
it 'a changed line changes the keys from its step on' changed

environment() {
	tree && sed -i 's/^ENV PORT=8080/ENV PORT=81/' "$work/tree/web.Imagefile" && keys fragment >"$work/after" &&
		not cmp -s "$work/before" "$work/after" &&
		"$IMAGEBUILD" plan --element-path fragment --element-path ../elements "$work/tree/web.Imagefile" >"$work/out" &&
		not grep -q 'install packages:.*certificates' "$work/out" && grep -q 'install packages:.*nginx-light' "$work/out"
}
it 'a condition of its PACKAGE sees what the stage sets' environment

alone() {
	for verb in plan "emit plan"; do
		expect 1 "$IMAGEBUILD" $verb fragment/web/Imagefile && says 'it is a fragment' || return 1
	done
	expect 1 "$IMAGEBUILD" build -f fragment/web/Imagefile && says 'it is a fragment' &&
		"$IMAGEBUILD" emit ast fragment/web/Imagefile >/dev/null && "$IMAGEBUILD" emit ir fragment/web/Imagefile >/dev/null
}
it 'alone it is no recipe, but has a tree and an IR' alone

# write NAME TEXT: the fragment NAME.Imagefile of $work/many.
write() {
	printf '%s\n' "$2" >"$work/many/$1.Imagefile"
}
many() {
	"$IMAGEBUILD" emit plan --element-path "$work/many" --element-path ../elements "$work/many/Imagefile" >"$work/out"
}
mkdir "$work/many"
printf 'FROM bare\nELEMENT f0\nOUTPUT tar\n' >"$work/many/Imagefile"

circle() {
	write f0 'ELEMENT f1' && write f1 'ELEMENT f0 f1' && many && grep -q '"f1"' "$work/out"
}
it 'fragments may need each other in a circle' circle

chain() {
	for i in $(seq 0 80); do
		write "f$i" "ELEMENT f$((i + 1))" || return 1
	done
	write f64 'RUN true' && many && write f64 'ELEMENT f65' && write f81 'RUN true' && expect 1 many && says 'more than 64 deep'
}
it 'a chain of them has a bound' chain

crowd() {
	for i in $(seq 998); do
		echo 'RUN true' >"$work/many/e$i.Imagefile"
	done
	write f0 "ELEMENT $(seq -f e%g 998 | tr '\n' ' ')" && many && grep -q '"e998"' "$work/out" || return 1
	write f0 "ELEMENT $(seq -f e%g 999 | tr '\n' ' ')" && expect 1 many && says 'more than 1000 elements'
}
it 'the elements of a stage have a bound' crowd

long() {
	write f0 "$(yes 'RUN true' | head -n 9999)" && many && grep -q '"name": "90-f0-9999-true"' "$work/out" || return 1
	write f0 "$(yes 'RUN true' | head -n 10000)" && expect 1 many && says 'at most 9999'
}
it 'so have the lines of a fragment' long

base() {
	printf 'FROM f0\nOUTPUT tar\n' >"$work/many/Imagefile" && write f0 'PROVIDES operating-system
RUN --phase=root mkdir "$TARGET_ROOT/tmp"' && many && grep -q '"does": "RUN mkdir' "$work/out"
	printf 'FROM bare\nELEMENT f0\nOUTPUT tar\n' >"$work/many/Imagefile"
}
it 'FROM may name one that provides an operating system' base

disk() {
	printf 'FROM bare\nELEMENT vm f0\nOUTPUT raw\n' >"$work/many/Imagefile"
	write f0 'ELEMENT f1' && write f1 'LAYOUT none size=${SIZE:-1GiB} { ext4 mount=/ }' || return 1
	many && grep -q '"f1"' "$work/out" && not grep -q block-device-mbr "$work/out" &&
		"$IMAGEBUILD" emit layout --env SIZE=3GiB --element-path "$work/many" --element-path ../elements \
			"$work/many/Imagefile" | grep -q 3221225472 || return 1
	printf 'FROM bare\nELEMENT f0\nOUTPUT tar\n' >"$work/many/Imagefile"
}
it 'a LAYOUT that is needed from afar is the disk, and vm adds none' disk

missing() {
	write f0 'ELEMENT nosuch' && expect 1 many && says "element 'f0' needs 'nosuch'" && says 'f0.Imagefile:1:9'
}
it 'what it needs and nobody has is said at its own line' missing

virtual() {
	write f0 'ELEMENT httpd other' && write other 'PROVIDES httpd' && many && not grep -q '"httpd"' "$work/out"
}
it 'it may need what another provides' virtual

provided() {
	printf 'FROM bare\nELEMENT f0 web\nOUTPUT tar\n' >"$work/many/Imagefile"
	write f0 'PROVIDES web' && expect 1 "$IMAGEBUILD" plan --element-path "$work/many" --element-path fragment \
		--element-path ../elements "$work/many/Imagefile" && says "element 'web' is provided by 'f0' already"
}
it 'PROVIDES is what element-provides is' provided
finish
