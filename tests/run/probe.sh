#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What hooks of every phase see, here and under Debian's own disk-image-create as root. The list of
# differences, with a reason each, is probe.expected.
. "$(dirname "$0")/../lib.sh"
need_root
need disk-image-create newuidmap python3 losetup

user=probe$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dib=/usr/lib/python3/dist-packages/diskimage_builder

under_dib() {
	mkdir -p "$work/dib/home"
	cd "$work/dib"
	env -i HOME="$work/dib/home" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		ELEMENTS_PATH="$tests/elements" \
		disk-image-create -n -t tar --image-size 1 tiny probe </dev/null 2>&1 | cat >"$work/dib.log"
	[ ! -s image.tar ] || return 0
	tail -n 20 "$work/dib.log"
	# A machine without loop devices cannot say what dib does.
	grep -q 'losetup\|loop' "$work/dib.log" && exit 77
	exit 1
}
it "Debian's disk-image-create runs the probe" under_dib
[ -f "$work/dib/image.tar" ] || finish

here() {
	printf 'FROM tiny\nELEMENT probe\nOUTPUT tar\n' >"$home/image.Imagefile"
	as_user $user "$IMAGEBUILD" build --element-path "$tests/elements" -f image.Imagefile
	cat "$home"/.local/state/imagebuild/logs/*/*.log >"$work/here.log"
}
it 'imagebuild runs the probe' here

compared() {
	"$tests/elements/probe-extract" --expected "$tests/run/probe.expected" \
		--replace-in "1:$work/dib/home/.cache/image-create=@CACHE@" --replace-in "1:$dib/lib=@LIB@" \
		--replace-in "1:$work/dib=@CWD@" --replace-in "2:$home=@CWD@" \
		--replace-in 2:/imagebuild/build/image=@IMAGE@ --replace-in 2:/imagebuild/build/home=@HOME@ \
		--replace-in 2:/imagebuild/build=@BUILD@ --replace-in 2:/imagebuild/cache=@CACHE@ \
		--replace-in 2:/imagebuild/lib=@LIB@ "$work/dib.log" "$work/here.log"
}
it 'a hook sees the same in all ten phases but for the differences that have a reason' compared

finish
