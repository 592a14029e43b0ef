#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every element of Debian's diskimage-builder, in an image of its own, resolves and is planned; what does not is
# listed here with its reason.
. "$(dirname "$0")/../lib.sh"
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"
library=/usr/lib/python3/dist-packages/diskimage_builder/elements

# element, and a word of the error
exceptions='
deploy-kexec IB1402
lvm IB1408
modprobe-blacklist IB1404
'
# IB1402: it needs 'deploy', which dib has no more. IB1404: dib's modprobe has the same hook.
# IB1408: it wants a device.

plan_with() {
	printf '%s\n' "$@" 'OUTPUT tar' >"$work/Imagefile"
	"$IMAGEBUILD" plan --library=dib -f "$work/Imagefile" >"$work/plan" 2>"$work/errors"
}

# On Debian, or where its hooks clash with Debian's on another system; an element that brings a system is the
# base itself, with a disk where `vm` asks for one.
plan_element() {
	plan_with "FROM debian-minimal" "ELEMENT $1" && return
	if grep -q "both have 'bin/install-packages'" "$work/errors"; then
		plan_with "FROM centos-minimal" "ELEMENT $1" || plan_with "FROM opensuse-minimal" "ELEMENT $1"
	elif grep -q "both provide 'operating-system'" "$work/errors"; then
		plan_with "FROM $1" || plan_with "FROM $1" "ELEMENT block-device-mbr"
	else
		return 1
	fi
}

all_elements() {
	bad=0
	for dir in "$library"/*/; do
		name=$(basename "$(realpath "$dir")")
		[ "$name" != __pycache__ ] || continue
		id=$(echo "$exceptions" | sed -n "s/^$name //p")
		if plan_element "$name"; then
			[ -z "$id" ] || { echo "# $name is planned, but listed with $id" && bad=1; }
		elif [ -z "$id" ] || ! grep -q "$id" "$work/errors"; then
			echo "# $name: $(grep -m1 error: "$work/errors")"
			bad=1
		fi
	done
	[ "$bad" = 0 ]
}

[ -d "$library" ] || skip_all "diskimage-builder is not installed"
it 'every element of the installed dib is planned, or is listed with its reason' all_elements
finish
