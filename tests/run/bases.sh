#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stages that start from scratch, tar:, oci: and disk:. What comes out is compared with what went in: every
# tree is built once more from its import and must be the same tar.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar gzip bzip2 xz zstd cc setfattr

user=bases$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir "$dir"
export SOURCE_DATE_EPOCH=1700000000

# build FILE...: as the user, into r/
build() {
	chown -h $user: "$dir" "$dir"/*
	as_user $user sh -c 'cd r && SOURCE_DATE_EPOCH=1700000000 exec "$@"' sh \
		"$IMAGEBUILD" build --quiet --element-path "$tests/elements" "$@"
}

# root_build FILE...: the same as root, with a store of its own
root_build() {
	(cd "$dir" && HOME=$work "$IMAGEBUILD" build --quiet --element-path "$tests/elements" "$@")
}

# image FROM NAME: an Imagefile that makes NAME.tar of FROM alone
image() {
	printf 'FROM %s\nOUTPUT --name=%s tar\n' "$1" "$2" >"$dir/$2.Imagefile"
}

# same A.tar B.tar: one tree. What the engine leaves of its own (etc/fstab, emptied logs and /tmp) is in both.
same() {
	cmp "$dir/$1.tar" "$dir/$2.tar" && return 0
	tar -tvf "$dir/$1.tar" --xattrs --numeric-owner --full-time >"$work/a"
	tar -tvf "$dir/$2.tar" --xattrs --numeric-owner --full-time >"$work/b"
	diff "$work/a" "$work/b"
	return 1
}

cat >"$work/hello.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	FILE *f = fopen("/made", "w");
	return !f || fprintf(f, "%s\n", getenv("WORD")) < 0 || fclose(f);
}
END
cc -static -o "$dir/hello" "$work/hello.c" || skip_all "cannot make a static program"

# A tree with what an import can lose.
make_tree() {
	t=$work/tree
	mkdir -p "$t/etc" "$t/usr/lib" "$t/srv/deep/er" "$t/dev" "$t/var/log"
	printf 'ID=tinyos\nVERSION_ID="7"\nVERSION_CODENAME=seven\n' >"$t/etc/os-release"
	ln -s usr/lib "$t/lib"
	echo one >"$t/srv/one"
	ln "$t/srv/one" "$t/srv/deep/hard"
	ln -s /srv/one "$t/srv/absolute"
	ln -s nowhere "$t/srv/dangling"
	echo set >"$t/usr/setuid"
	chown 1000:2000 "$t/usr/setuid"
	chmod 6755 "$t/usr/setuid"
	setfattr -n user.note -v kept "$t/srv/one"
	printf '\001\000\000\002\000\040\000\000\000\000\000\000\000\000\000\000\000\000\000\000' >"$work/cap"
	setfattr -n security.capability -v "0x$(od -An -tx1 "$work/cap" | tr -d ' \n')" "$t/usr/lib" 2>/dev/null ||
		setfattr -n user.other -v "two words" "$t/usr/lib"
	truncate -s 8M "$t/srv/sparse"
	printf end | dd of="$t/srv/sparse" bs=1 seek=5000000 conv=notrunc 2>/dev/null
	mkfifo "$t/srv/fifo"
	mknod "$t/dev/null" c 1 3 && chmod 666 "$t/dev/null"
	mknod "$t/dev/disk" b 8 1
	printf 'a name with \001 and \303\244' >"$t/srv/$(printf 'odd \303\244')"
	head -c 300000 /dev/urandom >"$t/srv/deep/er/data"
	chmod 700 "$t/srv/deep"
	chmod 1777 "$t/srv/deep/er"
	find "$t" -exec touch -h -d @1600000000.5 {} +
}
make_tree || skip_all "cannot make device nodes"
tar --xattrs --xattrs-include='*' --numeric-owner --sparse --format=pax -C "$work/tree" -cf "$dir/in.tar" .

scratch_stage() {
	cat >"$dir/scratch.Imagefile" <<-'END'
		FROM scratch
		ENV WORD=said
		COPY hello /hello
		RUN ["/hello"]
		COPY <<X /srv/text
		a heredoc
		X
		OUTPUT tar
	END
	build -f scratch.Imagefile
	tar -tf "$dir/scratch.tar" >"$work/names"
	printf './%s\n' etc hello made srv srv/text | sed '1i ./' | sed 's|^\./$|.|' >"$work/expected"
	sed 's|/$||' "$work/names" | diff "$work/expected" -
	[ "$(tar -xOf "$dir/scratch.tar" ./made)" = said ]
}
it 'FROM scratch holds what COPY and a program of it put there' scratch_stage

no_shell() {
	printf 'FROM scratch\nRUN echo hi\nOUTPUT tar\n' >"$dir/shell.Imagefile"
	expect 4 build -f shell.Imagefile
	says "shell.Imagefile:2:1: error: RUN echo hi: the target has no '/bin/sh'"
}
it 'a RUN for a shell that is not there says so at its line' no_shell

from_tar() {
	image tar:in.tar again
	build -f again.Imagefile
	mkdir "$work/again"
	tar --xattrs --xattrs-include="*" --numeric-owner -C "$work/again" -xf "$dir/again.tar"
	# what a build itself takes away or adds
	rmdir "$work/again/tmp" 2>/dev/null || true
	for what in '%y %m %U %G %s %T@ %n %l %P\n'; do
		(cd "$work/tree" && find . -mindepth 1 -not -type d -printf "$what" | sort) >"$work/a"
		(cd "$work/again" && find . -mindepth 1 -not -type d -printf "$what" | sort) >"$work/b"
		diff "$work/a" "$work/b"
	done
	(cd "$work/tree" && find . -mindepth 1 -type d -not -path ./etc -printf '%m %U %G %T@ %P\n' | sort) >"$work/a"
	(cd "$work/again" && find . -mindepth 1 -type d -not -path ./etc -printf '%m %U %G %T@ %P\n' | sort) >"$work/b"
	diff "$work/a" "$work/b"
	diff -r --no-dereference -x dev -x fifo "$work/tree" "$work/again"
	[ "$(stat -c '%t %T' "$work/again/dev/disk")" = '8 1' ]
	[ "$(getfattr --only-values -n user.note "$work/again/srv/one")" = kept ]
	[ "$(stat -c %i "$work/again/srv/one")" = "$(stat -c %i "$work/again/srv/deep/hard")" ]
	[ "$(stat -c %b "$work/again/srv/sparse")" -lt 1000 ]
	(cd "$work/tree" && getfattr -hRd -m . . 2>/dev/null) >"$work/a"
	(cd "$work/again" && getfattr -hRd -m . . 2>/dev/null) >"$work/b"
	diff "$work/a" "$work/b"
}
it 'FROM tar: keeps modes, owners, times, links, holes, devices and attributes' from_tar

compressed() {
	for tool in gzip bzip2 xz zstd; do
		$tool -c "$dir/in.tar" >"$dir/in.$tool"
		image "tar:in.$tool" "from-$tool"
		build -f "from-$tool.Imagefile"
		same again "from-$tool"
	done
}
it 'every compression brings the same tree' compressed

as_root() {
	root_build -f again.Imagefile -o root
	same again root
}
it 'root and an ordinary user make the same of it' as_root

release() {
	cp /usr/bin/true "$work/tree/usr/lib/"
	cat >"$dir/release.Imagefile" <<-'END'
		FROM tar:in.tar
		RUN --phase=cleanup echo "$DISTRO_NAME $DIB_RELEASE" >$TARGET_ROOT/srv/release
		OUTPUT tar
	END
	build -f release.Imagefile
	[ "$(tar -xOf "$dir/release.tar" ./srv/release)" = 'tinyos seven' ]
	sed -i 's/^RUN/ENV DIB_RELEASE=eight\nRUN/' "$dir/release.Imagefile"
	build -f release.Imagefile
	[ "$(tar -xOf "$dir/release.tar" ./srv/release)" = 'tinyos eight' ]
}
it 'DISTRO_NAME and DIB_RELEASE come from the os-release of the tree, and ENV wins' release

keyed() {
	image tar:keyed.tar keyed
	cp "$dir/in.tar" "$dir/keyed.tar"
	build -f keyed.Imagefile
	same again keyed
	(cd "$dir" && echo more >more && tar -rf keyed.tar more)
	build -f keyed.Imagefile
	tar -tf "$dir/keyed.tar" | grep -qx ./more
}
it 'a changed archive is unpacked again' keyed

hostile() {
	python3 - "$dir" <<-'END'
		import io, sys, tarfile
		def make(name, *members):
		    with tarfile.open(sys.argv[1] + "/" + name, "w") as t:
		        for kind, path, target in members:
		            m = tarfile.TarInfo(path)
		            m.type, m.linkname = kind, target
		            data = b"bad\n" if kind == tarfile.REGTYPE else b""
		            m.size = len(data)
		            t.addfile(m, io.BytesIO(data))
		F, L, H = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
		make("dotdot.tar", (F, "../../evil", ""))
		make("hardlink.tar", (H, "shadow", "../../../etc/shadow"))
		make("absolute.tar", (F, "/evil", ""))
		make("linked.tar", (L, "out", "/"), (F, "out/evil", ""))
		make("climb.tar", (L, "out", "../../../../../.."), (F, "out/evil", ""))
	END
	for name in dotdot hardlink; do
		image "tar:$name.tar" "x-$name"
		expect 4 build -f "x-$name.Imagefile"
		says 'leaves the directory'
	done
	for name in absolute linked climb; do
		image "tar:$name.tar" "x-$name"
		build -f "x-$name.Imagefile"
		tar -tf "$dir/x-$name.tar" | grep -qx ./evil
	done
	[ ! -e /evil ] && [ ! -e "$home/evil" ]
}
it 'an archive cannot write outside its tree' hostile

damaged() {
	head -c 100000 "$dir/in.gzip" >"$dir/cut.tar.gz"
	image tar:cut.tar.gz cut
	expect 4 build -f cut.Imagefile
	says "cut.Imagefile:1:6: error: FROM tar:cut.tar.gz: 'cut.tar.gz': read the archive: "
}
it 'a truncated archive is an error at its FROM' damaged

ids() {
	python3 - "$dir/ids.tar" <<-'END'
		import sys, tarfile
		with tarfile.open(sys.argv[1], "w") as t:
		    m = tarfile.TarInfo("file")
		    m.uid = 70000
		    t.addfile(m)
	END
	image tar:ids.tar ids
	expect 4 build -f ids.Imagefile
	says "'file' belongs to 70000:0, an id beyond those that /etc/subuid"
	root_build -f ids.Imagefile
	[ "$(tar -tvf "$dir/ids.tar" --numeric-owner ./file | cut -d' ' -f2)" = 70000/0 ]
}
it 'an id that a user has not been given is an error that says so; root has it' ids

finish
