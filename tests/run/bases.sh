#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stages that start from scratch, tar:, oci: and disk:. What comes out is compared with what went in: every
# tree is built once more from its import and must be the same tar.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar gzip bzip2 xz zstd cc setfattr umoci skopeo qemu-img mke2fs sfdisk debugfs

user=bases$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir "$dir"
export SOURCE_DATE_EPOCH=1700000000

# build FILE...: as the user, into r/
build() {
	chown -R -h $user: "$dir"
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
int main(int argc, char **argv)
{
	FILE *from = argc > 1 ? fopen(argv[1], "r") : NULL, *to = fopen("/made", "w");
	char line[80] = "nothing";
	if (!to || (argc > 1 && (!from || !fgets(line, sizeof(line), from))))
		return 1;
	return fprintf(to, "%s\n", argc > 1 ? line : getenv("WORD")) < 0 || fclose(to);
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

one_file() {
	printf 'FROM scratch\nCOPY <<A /a\nx\nA\nOUTPUT --name=one raw\n' >"$dir/one.Imagefile"
	build -f one.Imagefile
	PATH=$PATH:/sbin:/usr/sbin e2fsck -fn "$dir/one.raw"
}
it 'a tree of one file has a disk with room for its journal' one_file

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

# An image of three layers: the tree, then things that go, are replaced and come.
make_image() {
	umoci init --layout "$dir/layout" &&
		umoci new --image "$dir/layout:base" &&
		umoci unpack --image "$dir/layout:base" "$work/bundle" || return 1
	r=$work/bundle/rootfs
	tar --xattrs --xattrs-include='*' --numeric-owner -C "$r" -xf "$dir/in.tar"
	find "$r" -exec touch -h -d @1600000000 {} + # layers of umoci have whole seconds
	mkdir -p "$r/gone/deep" "$r/opaque/below" "$r/becomes-file"
	cp "$dir/hello" "$r/hello"
	echo 1 >"$r/gone/deep/file"
	echo 1 >"$r/opaque/old"
	echo 1 >"$r/removed"
	echo 1 >"$r/becomes-dir"
	umoci repack --refresh-bundle --image "$dir/layout:one" "$work/bundle" || return 1
	rm -r "$r/gone" "$r/removed" "$r/opaque" "$r/becomes-dir" "$r/becomes-file"
	mkdir "$r/opaque" "$r/becomes-dir"
	echo 2 >"$r/opaque/new"
	echo 2 >"$r/becomes-file"
	echo 2 >"$r/becomes-dir/inside"
	umoci repack --refresh-bundle --image "$dir/layout:two" "$work/bundle" || return 1
	echo 3 >"$r/removed"
	chmod 4711 "$r/usr/setuid"
	touch -d @1600000001 "$r/usr"
	umoci repack --image "$dir/layout:three" "$work/bundle" &&
		umoci config --image "$dir/layout:three" --config.env WORD=image --config.env OTHER=kept \
			--config.user 33:34 --config.workingdir /srv --config.cmd /hello --config.label kind=tiny \
			--config.exposedports 80/tcp &&
		tar --xattrs --xattrs-include='*' --numeric-owner -C "$r" -cf "$dir/rootfs.tar" . &&
		skopeo copy -q "oci:$dir/layout:three" "oci-archive:$dir/oci.tar:three" &&
		skopeo copy -q "oci:$dir/layout:three" "docker-archive:$dir/docker.tar:local/x:three" &&
		skopeo copy -q --dest-compress-format zstd "oci:$dir/layout:three" "oci:$dir/zstd:three"
}
make_image >"$work/said" 2>&1 || {
	cat "$work/said"
	skip_all "umoci and skopeo cannot make an image"
}

shapes() {
	image tar:rootfs.tar rootfs
	build -f rootfs.Imagefile
	for shape in layout:three oci.tar docker.tar docker.tar:three zstd; do
		image "oci:$shape" "${shape%%:*}-out"
		build -f "${shape%%:*}-out.Imagefile"
		same rootfs "${shape%%:*}-out"
	done
	root_build -f layout-out.Imagefile -o root
	same rootfs root
}
it 'a layout, an OCI archive and a docker archive bring the tree that umoci unpacks' shapes

earlier() {
	image oci:layout:one one
	build -f one.Imagefile
	for name in gone/deep/file opaque/old removed becomes-dir; do
		[ "$(tar -xOf "$dir/one.tar" "./$name")" = 1 ]
	done
}
it 'a tag picks its image' earlier

configuration() {
	cat >"$dir/config.Imagefile" <<-'END'
		FROM oci:layout:three
		RUN --phase=post-install ["/hello"]
		USER root
		ENV OTHER=mine
		RUN ["/hello"]
		OUTPUT tar oci
	END
	expect 4 build -f config.Imagefile
	says 'config.Imagefile:2:1: error: RUN /hello'
	sed -i '/post-install/d' "$dir/config.Imagefile"
	build -f config.Imagefile
	[ "$(tar -xOf "$dir/config.tar" ./made)" = image ]
	skopeo inspect --config "oci-archive:$dir/config.oci.tar" >"$work/config"
	python3 - "$work/config" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))["config"]
		assert dict(e.split("=", 1) for e in c["Env"])["WORD"] == "image", c
		assert dict(e.split("=", 1) for e in c["Env"])["OTHER"] == "mine", c
		assert c["User"] == "root" and c["WorkingDir"] == "/srv" and c["Cmd"] == ["/hello"], c
		assert c["Labels"] == {"kind": "tiny"} and list(c["ExposedPorts"]) == ["80/tcp"], c
	END
}
it 'variables, user and directory of the image are those of a RUN, and go on into an oci output' configuration

tags() {
	image oci:layout:nosuch tag
	expect 1 build -f tag.Imagefile
	says "tag.Imagefile:1:6: error: 'layout': there is no tag 'nosuch'"
	says 'its tags are base, one, two, three'
	image oci:layout tag
	expect 1 build -f tag.Imagefile
	says 'it holds several images; name one as oci:layout:TAG'
}
it 'a tag that is not there lists those that are' tags

machines() {
	cp -a "$dir/zstd" "$dir/many"
	python3 - "$dir/many" <<-'END'
		import hashlib, json, sys
		path = sys.argv[1]
		index = json.load(open(path + "/index.json"))
		mine = index["manifests"][0]
		def put(data):
		    text = json.dumps(data).encode()
		    name = hashlib.sha256(text).hexdigest()
		    open(path + "/blobs/sha256/" + name, "wb").write(text)
		    return {"digest": "sha256:" + name, "size": len(text)}
		other = dict(mine, platform={"architecture": "sparc64", "os": "linux"})
		config = json.load(open(path + "/blobs/sha256/" + json.load(open(
		    path + "/blobs/sha256/" + mine["digest"][7:]))["config"]["digest"][7:]))
		mine = dict(mine, platform={"architecture": config["architecture"], "os": "linux"})
		ref = "org.opencontainers.image.ref.name"
		kind = "application/vnd.oci.image.index.v1+json"
		def listed(tag, *entries):
		    entry = put({"schemaVersion": 2, "mediaType": kind, "manifests": list(entries)})
		    return dict(entry, mediaType=kind, annotations={ref: tag})
		index["manifests"] = [listed("both", other, mine), listed("foreign", other)]
		json.dump(index, open(path + "/index.json", "w"))
	END
	image oci:many:both many
	build -f many.Imagefile
	same rootfs many
	image oci:many:foreign many
	expect 1 build -f many.Imagefile
	says "many.Imagefile:1:6: error: 'many': it has no image for .*, only for sparc64"
}
it "of an index the machine's image is taken, and where there is none it says what there is" machines

from_trees() {
	cat >"$dir/parts.Imagefile" <<-'END'
		FROM scratch AS below
		COPY --from=oci:layout:three hello /hello
		FROM below
		COPY --from=tar:in.tar --chown=3:4 /srv/one srv/deep /got/
		COPY --from=oci:docker.tar opaque /opaque
		RUN --mount=from=tar:in.tar,source=/srv,target=/in ["/hello", "/in/one"]
		RUN --mount=from=oci:oci.tar:three,source=/,target=/in ["/hello", "/in/becomes-file"]
		OUTPUT tar
	END
	build -f parts.Imagefile
	[ "$(tar -xOf "$dir/parts.tar" ./made | head -n 1)" = 2 ]
	tar -tvf "$dir/parts.tar" --numeric-owner | awk '{ print $1, $2, $6 }' >"$work/list"
	diff - "$work/list" <<-'END'
		drwxr-xr-x 0/0 .
		drwxr-xr-x 0/0 ./etc
		drwxr-xr-x 0/0 ./got
		drwxrwxrwt 3/4 ./got/er
		-rw-r--r-- 3/4 ./got/er/data
		-rw-r--r-- 3/4 ./got/hard
		hrw-r--r-- 3/4 ./got/one
		-rwxr-xr-x 0/0 ./hello
		-rw-r--r-- 0/0 ./made
		drwxr-xr-x 0/0 ./opaque
		-rw-r--r-- 0/0 ./opaque/new
	END
}
it 'COPY --from and RUN --mount from= read oci: and tar:' from_trees

from_changed() {
	cp "$dir/in.tar" "$dir/moving-in.tar"
	printf 'FROM scratch\nCOPY --from=tar:moving-in.tar etc/os-release /x\nOUTPUT tar\n' >"$dir/moving.Imagefile"
	build -f moving.Imagefile
	[ "$(tar -xOf "$dir/moving.tar" ./x | head -n 1)" = ID=tinyos ]
	mkdir -p "$work/new/etc"
	echo ID=other >"$work/new/etc/os-release"
	tar -C "$work/new" -cf "$dir/moved.tar" .
	sed -i 's|moving-in.tar|moved.tar|' "$dir/moving.Imagefile"
	build -f moving.Imagefile
	[ "$(tar -xOf "$dir/moving.tar" ./x | head -n 1)" = ID=other ]
	echo ID=third >"$work/new/etc/os-release"
	tar -C "$work/new" -cf "$dir/moved.tar" .
	build -f moving.Imagefile
	[ "$(tar -xOf "$dir/moving.tar" ./x | head -n 1)" = ID=third ]
}
it 'what --from names is keyed by its content' from_changed

# The blob that is the layer N (from 0) of the image IMAGE of skopeo's kind.
layer() {
	skopeo inspect "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Layers"][int(sys.argv[1])][7:])' "$2"
}

other_bytes() {
	cp -a "$dir/zstd" "$dir/bad"
	blob=$dir/bad/blobs/sha256/$(layer "oci:$dir/zstd" 0)
	printf '\377' | dd of="$blob" bs=1 seek=1000 conv=notrunc 2>/dev/null
	image oci:bad bad
	expect 4 build --no-cache -f bad.Imagefile
	says "bad.Imagefile:1:6: error: FROM oci:bad: 'bad': layer 1 of 3, 'blobs/sha256/.*': its bytes have another digest than the manifest says"
	truncate -s -1 "$blob"
	expect 4 build --no-cache -f bad.Imagefile
	says 'and the manifest says'
	cp -a "$dir/zstd" "$dir/worse"
	manifest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"][7:])' "$dir/worse/index.json")
	echo >>"$dir/worse/blobs/sha256/$manifest"
	image oci:worse worse
	expect 1 build -f worse.Imagefile
	says 'has another digest than its name says'
}
it 'bytes that are not those of the digest are refused' other_bytes

docker_bytes() {
	mkdir "$work/docker"
	tar -C "$work/docker" -xf "$dir/docker.tar"
	first=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["Layers"][0])' "$work/docker/manifest.json")
	gzip -c "$work/docker/$first" >"$work/docker/packed" && mv "$work/docker/packed" "$work/docker/$first"
	tar -C "$work/docker" -cf "$dir/packed.tar" .
	image oci:packed.tar packed
	build -f packed.Imagefile
	same rootfs packed
	echo other | gzip >"$work/docker/$first"
	tar -C "$work/docker" -cf "$dir/packed.tar" .
	expect 4 build --no-cache -f packed.Imagefile
	says 'another digest than the configuration says'
}
it 'layers of a docker archive may be compressed, and are checked as well' docker_bytes

hostile_layer() {
	mkdir -p "$work/layers"
	python3 - "$work/layers/l.tar" <<-'END'
		import io, sys, tarfile
		with tarfile.open(sys.argv[1], "w") as t:
		    for path in ("dir/.wh...", ".wh..", "dir/.wh."):
		        m = tarfile.TarInfo(path)
		        t.addfile(m, io.BytesIO(b""))
	END
	umoci new --image "$dir/layout:hostile"
	umoci raw add-layer --image "$dir/layout:hostile" "$work/layers/l.tar"
	image oci:layout:hostile hostile
	expect 4 build -f hostile.Imagefile
	says 'the whiteout names nothing'
}
it 'a whiteout of .. is refused' hostile_layer

# Our own disks of the tree, and of `tiny`.
disks() {
	cat >"$dir/disks.Imagefile" <<-'END'
		FROM tar:in.tar
		LAYOUT gpt packages=no {
		    partition first size=20MiB { vfat label=FIRST }
		    partition data size=60MiB { ext4 label=data opts="-J size=4" }
		    partition root size=40MiB { ext4 label=top mount=/ opts="-J size=4" }
		}
		OUTPUT tar raw qcow2
	END
	build -f disks.Imagefile
	for what in disks.raw disks.qcow2; do
		image "disk:$what#label=top" "from-$what"
		build -f "from-$what.Imagefile"
		same disks "from-$what"
	done
	for what in partition=3 label=root; do
		image "disk:disks.raw#$what" picked
		build -f picked.Imagefile
		same disks picked
	done
	root_build -f picked.Imagefile -o root
	same disks root
	image disk:disks.raw largest
	build -f largest.Imagefile
	not tar -tf "$dir/largest.tar" ./srv
}
it 'a raw and a qcow2 disk bring the tree that they were made of' disks

tiny_disk() {
	printf 'FROM tiny\nRUN echo x >/x\nLAYOUT gpt packages=no {\npartition root size=200MiB { ext4 mount=/ }\n}\nOUTPUT tar qcow2\n' >"$dir/tiny.Imagefile"
	build -f tiny.Imagefile
	printf 'FROM disk:tiny.qcow2\nRUN [ "$(cat /x)" = x ] && echo more >/more\nOUTPUT tar\n' >"$dir/more.Imagefile"
	build -f more.Imagefile
	tar --delete -f "$dir/more.tar" ./more
	tar -tvf "$dir/tiny.tar" --numeric-owner --full-time | grep -v ' \./etc/fstab$' >"$work/a"
	tar -tvf "$dir/more.tar" --numeric-owner --full-time | grep -v ' \./etc/fstab$' >"$work/b"
	diff "$work/a" "$work/b"
	[ "$(tar -xOf "$dir/more.tar" ./x)" = x ]
}
it 'the root of a disk is found, and a RUN works in it' tiny_disk

other_ext() {
	for type in ext2 ext3; do
		truncate -s 30M "$dir/$type.img"
		mke2fs -q -F -t $type -b 1024 -d "$work/tree" "$dir/$type.img"
		image "disk:$type.img" $type
		build -f $type.Imagefile
		mkdir "$work/$type"
		tar --xattrs --xattrs-include='*' --numeric-owner -C "$work/$type" -xf "$dir/$type.tar"
		diff -r --no-dereference -x dev -x fifo "$work/tree" "$work/$type"
		[ "$(getfattr --only-values -n user.note "$work/$type/srv/one")" = kept ]
		[ "$(stat -c '%t %T' "$work/$type/dev/disk")" = '8 1' ]
		[ "$(stat -c %b "$work/$type/srv/sparse")" -lt 1000 ]
	done
}
it 'ext2 and ext3 of mke2fs are read, over the whole disk' other_ext

bad_disks() {
	cp "$dir/ext3.img" "$dir/dirty.img"
	debugfs -w -R 'feature needs_recovery' "$dir/dirty.img" 2>/dev/null
	image disk:dirty.img dirty
	expect 4 build -f dirty.Imagefile
	says "dirty.Imagefile:1:6: error: FROM disk:dirty.img: 'dirty.img': its journal holds changes .*run fsck"
	truncate -s 60M "$dir/xfs.img"
	printf 'label: gpt\nsize=20MiB, type=linux\n' | sfdisk -q "$dir/xfs.img"
	printf XFSB | dd of="$dir/xfs.img" bs=1M seek=1 conv=notrunc 2>/dev/null
	image disk:xfs.img xfs
	expect 1 build -f xfs.Imagefile
	says "xfs.Imagefile:1:6: error: 'xfs.img': it has no ext file system; it holds partition 1 xfs"
	image 'disk:xfs.img#partition=1' xfs
	expect 1 build -f xfs.Imagefile
	says 'the root file system (partition 1) is xfs, and only ext2, ext3 and ext4 are read'
	image 'disk:disks.raw#uuid=none' xfs
	expect 1 build -f xfs.Imagefile
	says "nothing in it has uuid=none; it holds partition 1 vfat, partition 2 ext 'data', partition 3 ext 'top'"
	image 'disk:disks.raw#third' xfs
	expect 1 build -f xfs.Imagefile
	says "expected label=X, uuid=X or partition=N behind '#'"
	image disk:in.tar xfs
	expect 1 build -f xfs.Imagefile
	says 'it is a tar archive, no raw or qcow2 disk image'
	qemu-img create -q -f qcow2 -b "$dir/disks.qcow2" -F qcow2 "$dir/backed.qcow2"
	image disk:backed.qcow2 backed
	expect 1 build -f backed.Imagefile
	says "'backed.qcow2': it has a backing file; flatten it"
}
it 'a disk that cannot be read says why' bad_disks

damaged_disks() {
	for seed in 1 2 3 4 5 6 7 8; do
		cp "$dir/ext2.img" "$dir/hurt.img"
		python3 - "$dir/hurt.img" $seed <<-'END'
			import random, sys
			random.seed(int(sys.argv[2]))
			with open(sys.argv[1], "r+b") as f:
			    for _ in range(300):
			        f.seek(random.randrange(2048, 300000))
			        f.write(bytes([random.randrange(256)]))
		END
		image disk:hurt.img hurt
		status=0
		build -f hurt.Imagefile >"$work/out" 2>&1 || status=$?
		[ $status = 0 ] || [ $status = 4 ] || [ $status = 1 ]
	done
}
it 'a damaged file system is an error or a tree, never a crash' damaged_disks

managers() {
	printf 'FROM scratch\nPACKAGE x\nOUTPUT tar\n' >"$dir/none.Imagefile"
	expect 4 build -f none.Imagefile
	says 'none.Imagefile:2:[0-9]*: error: install packages: x: the target has none of apt-get, dnf, microdnf, yum and apk'
	for manager in usr/bin/apt-get usr/bin/dnf usr/bin/microdnf sbin/apk; do
		cat >"$dir/manager.Imagefile" <<-END
			FROM tiny AS tree
			RUN rm -f /tmp/x; mkdir -p /usr/bin /usr/sbin && cat >/$manager <<'X' && chmod 755 /$manager
			#!/bin/sh
			echo "\${0##*/} \$*" >>/called
			X
			OUTPUT --name=tree tar
			FROM tar:tree.tar
			PACKAGE one two
			RUN true
			PACKAGE --remove three
			OUTPUT tar
		END
		build --target tree -f manager.Imagefile || build -f manager.Imagefile --target tree
		sed -i '1,/^OUTPUT --name=tree/d; s/^RUN true/RUN : x/' "$dir/manager.Imagefile"
		build -f manager.Imagefile
		tar -xOf "$dir/manager.tar" ./called >"$work/called"
		grep -q 'one two$' "$work/called"
		grep -q ' three$' "$work/called"
		grep -q "^${manager##*/} " "$work/called"
	done
}
it "without install-packages the tree's own package manager is called" managers

finish
