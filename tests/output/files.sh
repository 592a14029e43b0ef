#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# raw, qcow2 and tar read back with other programs; files that are whole or not there.
. "$(dirname "$0")/../lib.sh"
need qemu-img tar sha256sum md5sum
mkoutput=$IMAGEBUILD_BUILD/tests/output/mkoutput
cd "$work" || exit 1

truncate -s 32M disk
for at in 0 5 17 31; do
	seq "$at" 20000 | dd of=disk bs=1M seek=$at conv=notrunc status=none
done
mkdir -p tree/etc "tree/a name" files
echo one >tree/etc/one
ln tree/etc/one tree/etc/two
ln -s one tree/etc/link
chmod 4711 tree/etc/one

names() {
	ls -A files | tr '\n' ' '
}

raw_is_equal() {
	"$mkoutput" raw disk files/x.raw
	cmp disk files/x.raw
	[ "$(stat -c %b files/x.raw)" -le $(($(stat -c %b disk) + 64)) ]
}
it 'raw is the disk, with its holes' raw_is_equal

qcow2_is_equal() {
	"$mkoutput" qcow2 disk files/x.qcow2
	"$mkoutput" qcow2 disk files/y.qcow2 compress=no cluster_size=128k
	for file in files/x.qcow2 files/y.qcow2; do
		qemu-img check "$file"
		qemu-img compare -f raw -F qcow2 disk "$file"
	done
	qemu-img check files/x.qcow2 | grep -q '100.00% compressed'
	qemu-img check files/y.qcow2 | grep -q ' 0.00% compressed'
	qemu-img info files/y.qcow2 | grep -q 'cluster_size: 131072'
}
it 'qcow2 holds the disk, compressed or not, with the options given' qcow2_is_equal

tar_is_equal() {
	"$mkoutput" tar tree files/x.tar
	tar -tf files/x.tar >list
	printf '%s\n' . './a name' ./etc ./etc/link ./etc/one ./etc/two | diff - list
	mkdir back
	tar -C back -xpf files/x.tar
	diff -r tree back
	[ back/etc/one -ef back/etc/two ]
	[ "$(stat -c %a back/etc/one)" = 4711 ]
}
it 'tar holds the tree' tar_is_equal

named() {
	while read -r name tag; do
		"$mkoutput" docker tree "files/$name"
		tar -xOf "files/$name" manifest.json | grep -q "\"RepoTags\": *\[\"$tag:latest\"\]"
		rm "files/$name"
	done <<-'END'
		Web web
		a..b a.b
		_x_y__z- x_y_z
		+++ image
		web+1=%2 web-1-2
		0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789.1 01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567
	END
}
it 'a container image without a tag is named after its file, with what a name may have' named

layered() {
	"$mkoutput" oci tree files/x
	"$mkoutput" oci tree files/y compress=no
	for file in x y; do
		mkdir layout
		tar -C layout -xf files/$file
		(cd layout/blobs/sha256 && for blob in *; do echo "$blob  $blob"; done | sha256sum -c --quiet)
		for blob in layout/blobs/sha256/*; do
			gzip -dc "$blob" 2>/dev/null | cmp -s - files/x.tar && echo packed $file
			cmp -s "$blob" files/x.tar && echo plain $file
		done >>found
		grep -q '"architecture": *"arm64", *"variant": *"v8"' layout/blobs/sha256/*
		rm -r layout
	done
	printf '%s\n' 'packed x' 'plain y' | diff - found
	rm files/x files/y
}
it 'the layer of an oci image is the tar output, compressed or not' layered

same_again() {
	for format in raw qcow2 tar; do
		case $format in tar) source=tree ;; *) source=disk ;; esac
		"$mkoutput" $format $source files/again
		cmp files/x.$format files/again
	done
	rm files/again
}
it 'the same input gives the same bytes' same_again

checksums() {
	"$mkoutput" raw disk files/sum.raw md5 sha256
	md5sum -c files/sum.raw.md5
	sha256sum -c files/sum.raw.sha256
}
it 'checksum files are what md5sum and sha256sum take' checksums

killed() {
	rm -rf files/*
	for format in raw qcow2; do
		expect 137 "$mkoutput" $format disk files/half.$format md5 die
	done
	[ "$(names)" = "" ]
}
it 'a killed writer leaves nothing' killed

replaced() {
	echo old >files/x.raw
	exec 3<files/x.raw
	"$mkoutput" raw disk files/x.raw
	cmp disk files/x.raw
	[ "$(cat <&3)" = old ]
	[ "$(names)" = "x.raw " ]
}
it 'an existing file is replaced at once; who reads it keeps the old one' replaced

full() {
	expect 1 "$mkoutput" qcow2 disk files/z.qcow2 cluster_size=3
	says 'convert the disk to qcow2'
	expect 1 "$mkoutput" raw disk missing/z.raw
	says "open the directory of 'missing/z.raw'"
	[ "$(names)" = "x.raw " ]
}
it 'a failed output says why and leaves nothing' full

refused() {
	mkdir files/dir.raw
	expect 1 "$mkoutput" raw disk files/dir.raw die
	says "'files/dir.raw' is a directory"
	rmdir files/dir.raw
	long=$(printf '%0251d' 0)
	"$mkoutput" raw disk "files/$long.raw"
	cmp disk "files/$long.raw"
	rm "files/$long.raw"
	expect 1 "$mkoutput" raw disk "files/${long}0.raw" die
	says 'File name too long'
}
it 'a name that cannot be given is refused before the work; the longest one can' refused
finish
