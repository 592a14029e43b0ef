#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same image again: by the same user it takes no step, by another one from an empty store it is the same bytes;
# that build is traced, and opens no device and mounts nothing outside its namespaces.
. "$(dirname "$0")/../lib.sh"
need_root
need strace qemu-img
image=$IMAGEBUILD_BUILD/tests/image
[ -f "$image/user" ] || skip_all "the image was not built by a user of its own"
user=$(cat "$image/user")
stage=$(cat "$image/stage")
other=other$$

rebuild() {
	expect 0 as_user "$user" "$stage/bin/imagebuild" -f "$stage/recipes/debian.Imagefile" -t raw,qcow2 --progress=plain
	cat "$work/err"
	says '^0 steps run, [1-9][0-9]* cached'
	home=$(getent passwd "$user" | cut -d: -f6)
	cmp "$home/debian.raw" "$image/debian.raw"
	cmp "$home/debian.qcow2" "$image/debian.qcow2"
	rm -rf "$home"/debian.*
}
it 'a second build with nothing changed runs no step and writes the same bytes' rebuild

make_user $other || exit 1
traced() {
	home=$(getent passwd $other | cut -d: -f6)
	mkdir -p "$home/elsewhere/deeper" "$work/trace"
	cp -r "$stage/recipes" "$home/elsewhere/"
	chown -R $other: "$home/elsewhere"
	cd "$home/elsewhere/deeper"
	strace -u $other -f -qq -e trace=open,openat,openat2,mount,move_mount,mknod,mknodat -o "$work/trace/all" \
		env -i HOME="$home" USER=$other PATH=/usr/bin:/bin:/usr/sbin:/sbin \
		${http_proxy:+"http_proxy=$http_proxy"} \
		"$stage/bin/imagebuild" -f ../recipes/debian.Imagefile -t raw --progress=plain
	[ -s debian.raw ]
	mv debian.raw "$work/other.raw"
	not grep -e "$home" -e ' /imagebuild' /proc/self/mountinfo
}
it 'another user builds it elsewhere from an empty store, traced by root' traced

# A program of the target may look whether there is a /dev/mapper; there is none, and none is opened.
devices() {
	[ -s "$work/trace/all" ]
	grep -v ' = -1 ENOENT' "$work/trace/all" >"$work/trace/opened"
	not grep -E '"/dev/(loop|mapper|dm-)' "$work/trace/opened"
	not grep -E '"/dev/loop' "$work/trace/all"
}
it 'the traced build opens no /dev/loop and no /dev/mapper' devices

same() {
	cmp "$work/other.raw" "$image/debian.raw"
}
it 'the two builds are equal byte for byte' same
finish
