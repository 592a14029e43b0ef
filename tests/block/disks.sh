#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# X.yaml -> X.layout (what is known before a build), X.sfdisk (the table of the written disk) or X.err (what is said
# of a bad one); every written disk is checked with the usual programs. UPDATE=1 rewrites the goldens.
. "$(dirname "$0")/../lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need sfdisk sgdisk e2fsck fsck.vfat blkid mcopy
mkdisk=$IMAGEBUILD_BUILD/tests/block/mkdisk
export TMPDIR="$work"
cd "$tests/block" || exit 1

compare() {
	[ "${UPDATE:-}" != 1 ] || cp "$2" "$1"
	diff -u "$1" "$2"
}

# A small tree; the second one is made later and has other times of access and change.
make_tree() {
	mkdir -p "$1/etc" "$1/home/user" "$1/boot/efi/EFI/debian" "$1/srv/data" "$1/usr/bin"
	echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
	echo hello >"$1/home/user/.profile"
	ln "$1/home/user/.profile" "$1/home/user/same"
	ln -s ../etc/passwd "$1/usr/passwd"
	head -c 300000 /dev/zero | tr '\0' x >"$1/boot/efi/EFI/debian/grubx64.efi"
	head -c 100000 /dev/zero | tr '\0' y >"$1/srv/data/A long name.txt"
	find "$1" -exec touch -h -d @1600000000 {} +
}

layout_is_as_before() {
	"$mkdisk" "$1.yaml" >"$work/layout"
	compare "$1.layout" "$work/layout"
}

# Writes $work/$1.img from a new tree.
write_disk() {
	rm -rf "$work/tree"
	make_tree "$work/tree"
	"$mkdisk" "$1.yaml" "$work/tree" "$work/$1.img"
}

table_is_as_before() {
	if [ "$1" = sectors ]; then
		# sfdisk takes every file for one of 512-byte sectors
		fdisk -b 4096 -l -o Device,Start,Sectors,Type-UUID,UUID,Name "$work/$1.img" |
			sed -n "s,^[^ ]*/\($1.img[0-9]\) *\([0-9]*\) *\([0-9]*\) ,\1 : start= \2\, size= \3\, ,p" >"$work/table"
	else
		sfdisk -V "$work/$1.img"
		sfdisk -d "$work/$1.img" | sed 's,^[^ ]*/,,; /^device:/d' >"$work/table"
	fi
	compare "$1.sfdisk" "$work/table"
}

# Copies partition N of disk $1 to $work/part.
take() {
	sector=$(sed -n 's/.*"sector_size": \([0-9]*\),/\1/p' "$1.layout")
	line=$(sed -n "s/^$1.img$2 : start= *\([0-9]*\), size= *\([0-9]*\).*/\1 \2/p" "$1.sfdisk")
	[ -n "$line" ]
	dd if="$work/$1.img" of="$work/part" bs="$sector" skip="${line% *}" count="${line#* }" status=none
}

tag_is() {
	[ "$(blkid -p -o value -s "$1" "$work/part")" = "$2" ]
}

two_runs_are_equal() {
	mv "$work/$1.img" "$work/first.img"
	sleep 1.1
	write_disk "$1"
	cmp "$work/first.img" "$work/$1.img"
}

bad_one_is_refused() {
	expect 1 "$mkdisk" "$1.yaml"
	compare "$1.err" "$work/err"
}

for name in efi logical sectors; do
	it "the layout of $name.yaml is known before the build" layout_is_as_before $name
	it "a disk is written from $name.yaml" write_disk $name
	it "the table of $name.img is as it was" table_is_as_before $name
done
for name in bad overfull lvm; do
	it "$name.yaml is refused, with all its mistakes" bad_one_is_refused $name
done

gpt_is_clean() {
	sgdisk -v "$work/efi.img" | tee "$work/said"
	grep -q 'No problems found' "$work/said" && ! grep -qi warning "$work/said"
}
it 'sgdisk finds nothing to remark on a GPT' gpt_is_clean

efi_partitions() {
	take efi 1
	fsck.vfat -n "$work/part"
	tag_is LABEL MKFS_ESP
	tag_is VERSION FAT16
	mcopy -i "$work/part" ::EFI/debian/grubx64.efi "$work/copy"
	cmp "$work/copy" "$work/tree/boot/efi/EFI/debian/grubx64.efi"
	take efi 3
	e2fsck -fn "$work/part"
	tag_is LABEL cloudimg-rootfs
	[ "$(debugfs -R 'ls -p /boot/efi' "$work/part" 2>/dev/null | grep -c /)" -eq 2 ] # . and ..
	debugfs -R 'cat /etc/fstab' "$work/part" 2>/dev/null >"$work/fstab"
	grep -qx 'LABEL=MKFS_ESP /boot/efi vfat defaults 0 2' "$work/fstab"
}
it 'the ESP holds its part of the tree, the root all else' efi_partitions

logical_partitions() {
	take logical 1
	e2fsck -fn "$work/part"
	take logical 5
	tag_is TYPE swap
	tag_is LABEL swap1
	take logical 6
	fsck.vfat -n "$work/part"
	tag_is VERSION FAT32
	tag_is LABEL DATA
	mcopy -i "$work/part" '::A long name.txt' "$work/copy"
	cmp "$work/copy" "$work/tree/srv/data/A long name.txt"
	take logical 7
	e2fsck -fn "$work/part"
	[ "$(debugfs -R 'cat /user/same' "$work/part" 2>/dev/null)" = hello ]
}
it 'logical partitions hold swap, vfat and ext3' logical_partitions

sectors_partitions() {
	take sectors 1
	fsck.vfat -n "$work/part"
	tag_is UUID 12AB-34CD
	take sectors 2
	e2fsck -fn "$work/part"
	tag_is UUID 01234567-89ab-cdef-0123-456789abcdef
	tag_is LABEL system
}
it 'a disk of 4096-byte sectors has the UUIDs that were asked for' sectors_partitions

for name in efi logical sectors; do
	it "another tree of the same content gives the same $name.img" two_runs_are_equal $name
done

default_disk() {
	make_tree "$work/plain"
	DIB_IMAGE_EXTRA_SIZE=10 DIB_JOURNAL_SIZE=4 "$mkdisk" - "$work/plain" "$work/plain.img"
	e2fsck -fn "$work/plain.img"
	[ "$(blkid -p -o value -s LABEL "$work/plain.img")" = cloudimg-rootfs ]
	# its bytes rounded up to 4 KiB, 10 MiB, the journal, rounded up to 64 KiB
	size=$(stat -c %s "$work/plain.img")
	[ $((size % 65536)) -eq 0 ] && [ "$size" -gt $((14 << 20)) ] && [ "$size" -lt $((15 << 20)) ]
}
it 'without a configuration the disk is one ext4 of the size that dib gives it' default_disk

full_disk() {
	make_tree "$work/full"
	head -c 40000000 /dev/urandom >"$work/full/home/user/large"
	expect 1 "$mkdisk" logical.yaml "$work/full" "$work/full.img"
	says "fill file system 'mkfs_home'"
}
it 'a tree that does not fit is an error that names the file system' full_disk

hostile_esp() {
	make_tree "$work/hostile"
	ln -s /etc/passwd "$work/hostile/boot/efi/link"
	expect 1 "$mkdisk" efi.yaml "$work/hostile" "$work/hostile.img"
	says "vfat holds files and directories only, 'link' is neither"
	rm "$work/hostile/boot/efi/link"
	mkdir "$work/hostile/boot/efi/efi"
	expect 1 "$mkdisk" efi.yaml "$work/hostile" "$work/hostile.img"
	says "vfat cannot tell 'efi' from 'EFI'"
}
it 'what vfat cannot hold is an error' hostile_esp

# dib's own layouts, where Debian's package is installed.
dib_layouts() {
	elements=/usr/lib/python3/dist-packages/diskimage_builder/elements
	[ -d "$elements" ] || {
		echo "needs the package python3-diskimage-builder"
		exit 77
	}
	for file in "$elements"/block-device-*/block-device-default.yaml "$elements"/block-device-*/*-ppc64el.yaml; do
		case $file in *lvm*) continue ;; esac
		[ -f "$file" ] || continue
		"$mkdisk" "$file" >"$work/out"
	done
}
it "dib's own layouts are understood" dib_layouts

own_layouts() {
	for file in "$top"/elements/block-device-*/*.yaml; do
		"$mkdisk" "$file" >"$work/out"
	done
}
it "our elements' layouts are understood" own_layouts
finish
