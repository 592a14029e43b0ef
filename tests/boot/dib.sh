#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unmodified elements of an installed diskimage-builder: an ordinary user builds tests/boot/dib.Imagefile with them,
# and the image starts.
. "$(dirname "$0")/../lib.sh"
need_root
need disk-image-create debootstrap qemu-system-x86_64
user=imagebuild-dib
stage=$(cat "$IMAGEBUILD_BUILD/tests/image/stage") || exit 1

# The archive that the host's apt uses: dib's own list names a suite that bookworm no longer has.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' |
	awk '$2 == "Debian" && $3 == "bookworm" { print $1; exit }')
[ -n "$mirror" ] || skip_all "apt knows no archive of bookworm"

make_user $user || exit 1
build() {
	home=$(getent passwd $user | cut -d: -f6)
	cp "$tests/boot/dib.Imagefile" "$home/"
	expect 0 as_user $user "$stage/bin/imagebuild" -f dib.Imagefile --library=dib --progress=plain \
		"--env=DIB_DISTRIBUTION_MIRROR=$mirror" "--env=DIB_APT_SOURCES_CONF=default:deb $mirror bookworm main"
	says "'bootloader' is imagebuild's own"
	says 'devuser'
	mv "$home/dib.qcow2" "$work/"
}
it 'an ordinary user builds an image of unmodified dib elements' build

boot() {
	"$tests/boot/boot.sh" "$work/dib.qcow2" bios 420
}
it 'that image starts to a login prompt on the serial console' boot
finish
