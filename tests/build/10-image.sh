#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The image that an ordinary user built from recipes/debian.Imagefile.
. "$(dirname "$0")/../lib.sh"
image=$IMAGEBUILD_BUILD/tests/image
PATH=$PATH:/usr/sbin:/sbin
need sgdisk sfdisk e2fsck fsck.vfat qemu-img
raw=$image/debian.raw

table_sgdisk() {
	sgdisk -v "$raw" | tee "$work/sgdisk"
	grep -q 'No problems found' "$work/sgdisk"
}
it 'sgdisk finds no problem in the partition table' table_sgdisk

table_sfdisk() {
	sfdisk --verify "$raw" | tee "$work/sfdisk"
	grep -q 'No errors detected' "$work/sfdisk"
}
it 'sfdisk finds no error in the partition table' table_sfdisk

# extract NAME: the partition of that label as $work/NAME.
extract() {
	sfdisk -d "$raw" | sed -n "s/.*start= *\([0-9]*\), size= *\([0-9]*\),.*name=\"$1\".*/\1 \2/p" >"$work/place"
	read -r start size <"$work/place"
	dd if="$raw" of="$work/$1" bs=1M iflag=skip_bytes,count_bytes skip=$((start * 512)) count=$((size * 512)) conv=sparse \
		status=none
}

root_clean() {
	extract root
	e2fsck -fn "$work/root"
}
it 'e2fsck finds the root file system clean' root_clean

esp_clean() {
	extract esp
	fsck.vfat -n "$work/esp"
}
it 'fsck.vfat finds the EFI system partition clean' esp_clean

qcow2() {
	qemu-img check "$image/debian.qcow2"
	qemu-img compare "$raw" "$image/debian.qcow2"
}
it 'the qcow2 is consistent and equals the raw image' qcow2

owners() {
	[ -f "$work/root" ]
	for path in /bin/su /usr/bin/passwd; do
		debugfs -R "stat $path" "$work/root" 2>/dev/null >"$work/stat"
		grep -q 'User: *0 *Group: *0' "$work/stat"
		grep -q 'Mode: *04755' "$work/stat"
	done
	debugfs -R 'stat /dev/null' "$work/root" 2>/dev/null | tee "$work/stat" | grep -q 'Type: character special' ||
		grep -q 'File not found' "$work/stat" || debugfs -R 'ls /dev' "$work/root" 2>/dev/null
}
it 'set-id programs belong to root and keep their bits' owners

left_over() {
	[ ! -f "$image/user" ] || user=$(cat "$image/user")
	not grep -E '/home/image[0-9]|/home/other[0-9]|\.cache/imagebuild|imagebuild-stage| /imagebuild' /proc/self/mountinfo
	[ -z "${user:-}" ] || not pgrep -U "$user"
	ls -A "$image" | not grep -E 'tmp|part'
}
it 'no mount, process or temporary file is left' left_over
finish
