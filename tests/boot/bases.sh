#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An ordinary user makes virtual machines of what is no element: of a container image of a Debian tree, then of
# the disk that came of it; both start.
. "$(dirname "$0")/../lib.sh"
need_root
need umoci qemu-img qemu-system-x86_64
user=imagebuild-bases
make_user $user || exit 1
home=$(getent passwd $user | cut -d: -f6)
stage=$(cat "$IMAGEBUILD_BUILD/tests/image/stage") || exit 1

build() {
	chown -R -h $user: "$home"/*
	expect 0 as_user $user "$stage/bin/imagebuild" --progress=plain -f "$1.Imagefile"
}

tree() {
	cat >"$home/tree.Imagefile" <<-'END'
		FROM debian-minimal
		ENV DIB_RELEASE=bookworm
		ELEMENT base
		OUTPUT tar
	END
	build tree
	umoci init --layout "$home/layout"
	umoci new --image "$home/layout:debian"
	umoci raw add-layer --image "$home/layout:debian" "$home/tree.tar"
	cat >"$home/image.Imagefile" <<-'END'
		FROM oci:layout:debian
		ENV DIB_GRUB_TIMEOUT=0 DIB_INIT_SYSTEM=systemd
		ELEMENT vm enable-serial-console
		RUN echo of an image >/etc/motd
		OUTPUT qcow2
	END
	build image
	"$tests/boot/boot.sh" "$home/image.qcow2" bios 420
}
it 'a container image becomes a machine that starts' tree

disk() {
	echo 'made from a disk' >"$home/note"
	cat >"$home/disk.Imagefile" <<-'END'
		FROM disk:image.qcow2
		ENV DIB_GRUB_TIMEOUT=0 DIB_INIT_SYSTEM=systemd
		ELEMENT vm enable-serial-console
		COPY note /srv/note
		RUN cat /srv/note >>/etc/issue && grep -q image /etc/motd
		OUTPUT qcow2
	END
	build disk
	BOOT_LOG=$work/console "$tests/boot/boot.sh" "$home/disk.qcow2" bios 420
	grep -aq 'made from a disk' "$work/console"
}
it 'a disk becomes another disk that starts, with what was added' disk
finish
