#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dib's block-device YAML and LAYOUT: each becomes the other without loss, by dib's own code and by ours.
. "$(dirname "$0")/../lib.sh"
here=$tests/convert
dib=/usr/lib/python3/dist-packages/diskimage_builder
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

# Files that dib takes and we do not, or where we say less; the reason stands beside.
# NOT_UUID: the UUIDs are words. NO_TYPE: the byte of an MBR cannot hold EF02; dib dies of it when it writes the table.
exceptions='
multiple_partitions_graph NOT_UUID
multiple_partitions_tree NOT_UUID
lvm_tree_multiple_partitions NO_TYPE
'
NOT_UUID='is not a UUID'
NO_TYPE="no word for the type 'EF02' of an MBR"

# Not laid out: a label with a blank, which fstab cannot hold.
unplaced=gpt_efi

graph() {
	/usr/bin/python3 "$here/graph.py" graph "$1" 2>"$work/graph.err"
}

# A recipe whose disk the file describes.
recipe_of() {
	cp "$1" "$work/disk.yaml"
	printf '%s\n' '# imagefile=1' 'FROM debian-minimal' 'LAYOUT --file=disk.yaml' 'OUTPUT raw' >"$work/Imagefile"
}

is_refused() {
	recipe_of "$1"
	expect 1 "$IMAGEBUILD" emit layout -f "$work/Imagefile"
	grep error: "$work/err" | grep -q -v IB1400
}

there_and_back() {
	"$IMAGEBUILD" convert layout "$1" >"$work/there.Imagefile" 2>"$work/err" &&
		"$IMAGEBUILD" convert layout "$work/there.Imagefile" >"$work/back.yaml" 2>"$work/err"
}

same_graph() {
	name=$(basename "$1" .yaml)
	why=$(echo "$exceptions" | sed -n "s/^$name //p")
	graph "$1" >"$work/theirs"
	if grep -q '^fails' "$work/theirs"; then
		is_refused "$1"
	elif [ -n "$why" ]; then
		not there_and_back "$1"
		eval says "\"\$$why\""
	else
		there_and_back "$1" || { cat "$work/err" && return 1; }
		graph "$work/back.yaml" >"$work/ours" || cat "$work/graph.err"
		diff -u "$work/theirs" "$work/ours"
	fi
}

# What we build, with places, has the nodes, names and fstab that dib has.
same_layout() {
	recipe_of "$1"
	if ! "$IMAGEBUILD" emit layout -f "$work/Imagefile" >"$work/layout.json" 2>"$work/err"; then
		[ "$(basename "$1" .yaml)" = "$unplaced" ] || says IB1400
		return
	fi
	/usr/bin/python3 "$here/graph.py" emitted "$1" "$work/layout.json"
}

layout_of() {
	{
		printf '%s\n' '# imagefile=1' 'FROM debian-minimal'
		grep -v '^# imagefile' "$1"
		echo 'OUTPUT raw'
	} >"$work/Imagefile"
	"$IMAGEBUILD" emit layout -f "$work/Imagefile"
}

# A LAYOUT that cannot be built yet: its YAML stays.
same_recipe() {
	expect 0 "$IMAGEBUILD" convert layout "$1"
	cp "$work/out" "$work/first.yaml"
	expect 0 "$IMAGEBUILD" convert layout "$work/first.yaml"
	cp "$work/out" "$work/back.Imagefile"
	expect 0 "$IMAGEBUILD" convert layout "$work/back.Imagefile"
	diff -u "$work/first.yaml" "$work/out"
	if ! layout_of "$1" >"$work/before" 2>"$work/err"; then
		says IB1400
		return
	fi
	layout_of "$work/back.Imagefile" >"$work/after"
	diff -u "$work/before" "$work/after"
}

refused() {
	cd "$here/layouts"
	status=0
	"$IMAGEBUILD" convert layout "$1.Imagefile" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq 1 ]
	[ ! -s "$work/out" ]
	[ "${UPDATE:-}" != 1 ] || cp "$work/err" "$1.err"
	diff -u "$1.err" "$work/err"
}

written() {
	cd "$here/layouts"
	expect 0 "$IMAGEBUILD" convert layout "$1"
	[ "${UPDATE:-}" != 1 ] || cp "$work/out" "$2"
	diff -u "$2" "$work/out"
}

[ -d "$dib" ] || skip_all "needs the package python3-diskimage-builder"
for file in "$dib"/elements/*/block-device-*.yaml "$dib"/block_device/tests/config/*.yaml "$here"/layouts/*.yaml; do
	[ -f "$file" ] || continue
	name=$(basename "$(dirname "$file")")/$(basename "$file")
	it "$name makes dib's graph, also there and back, or is refused as by dib" same_graph "$file"
	graph "$file" | grep -q '^fails' ||
		it "$name is laid out with dib's nodes and fstab" same_layout "$file"
done
for recipe in "$here"/layouts/*.Imagefile; do
	name=$(basename "$recipe" .Imagefile)
	if [ -f "${recipe%.Imagefile}.err" ]; then
		it "what YAML cannot say of $name is an error at its place" refused "$name"
	else
		it "$name is the same there and back" same_recipe "$recipe"
	fi
done
it 'a layout is written as people write it' written thin.yaml thin.layout
finish
