#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is unpacked and fetched: COPY --unpack, ADD, SOURCE, source-repository files. A server on this machine.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar python3 curl git

user=fetch$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir "$dir"

own() {
	find "$home" ! -user $user -path "$dir*" -exec chown -h $user: {} +
}

# Builds r.Imagefile as the user; the events go to events.
build() {
	own
	as_user $user sh -c 'cd r && exec "$@" >../events' sh \
		env ${extra_env:-} "$IMAGEBUILD" build --progress=json \
		--element-path "$tests/elements" --element-path "$dir/elements" "$@" -f r.Imagefile
}
mkdir "$dir/elements"

# The steps that ran, "phase text" each.
ran() {
	sed -n 's/^{"event": *"finished".*"phase": *"\([^"]*\)", *"text": *"\(.*\)", *"log".*/\1 \2/p' "$home/events"
}

listed() {
	tar --numeric-owner -tvf "$dir/r.tar" | awk -v want="./$1" '{ sub("/$", "", $6) } $6 == want { print $1, $2 }'
}

content() {
	tar -xOf "$dir/r.tar" "./$1"
}

recipe() {
	{
		echo "FROM ${base:-tiny}"
		cat
		echo "OUTPUT tar"
	} >"$dir/r.Imagefile"
}

# archive NAME: Python lines on standard input fill the tar `t`; file(name, data), link(name, to, type).
archive() {
	{
		cat <<-END
			import io, sys, tarfile
			t = tarfile.open(sys.argv[1], "w:gz" if sys.argv[1].endswith("gz") else "w")
			def file(name, data="x\n", mode=0o644, uid=0):
			    i = tarfile.TarInfo(name)
			    i.size, i.mode, i.uid, i.gid, i.mtime = len(data), mode, uid, uid, 1000000000
			    t.addfile(i, io.BytesIO(data.encode()))
			def link(name, to, type=tarfile.SYMTYPE):
			    i = tarfile.TarInfo(name)
			    i.type, i.linkname = type, to
			    t.addfile(i)
			def device(name):
			    i = tarfile.TarInfo(name)
			    i.type, i.devmajor, i.devminor, i.mode = tarfile.CHRTYPE, 1, 7, 0o666
			    t.addfile(i)
		END
		cat
		echo "t.close()"
	} | python3 - "$1"
}

unpacks() {
	archive "$dir/a.tar.gz" <<-'END'
		file("top/a", "one\n", 0o4755, 5)
		link("top/l", "a")
		link("top/h", "top/a", tarfile.LNKTYPE)
		device("top/dev")
	END
	(cd "$work" && echo zipped >z && python3 -m zipfile -c "$dir/z.zip" z)
	recipe <<-'END'
		COPY --unpack a.tar.gz z.zip /opt/new/
		COPY --unpack --chown=33:34 a.tar.gz /opt/owned/
	END
	expect 0 build
	[ "$(content opt/new/top/a)" = one ]
	[ "$(content opt/new/z)" = zipped ]
	[ "$(listed opt/new/top/a)" = "-rwsr-xr-x 5/5" ]
	[ "$(listed opt/owned/top/a)" = "-rwsr-xr-x 33/34" ]
	tar -tvf "$dir/r.tar" ./opt/new/top/h | grep -q 'link to ./opt/new/top/a'
	[ "$(listed opt/new/top/dev | cut -c1-10)" = crw-rw-rw- ]
}
it 'COPY --unpack puts what archives hold below a directory, with their owners and modes' unpacks

outside() {
	for evil in 'file("../up")' 'link("l", "/etc"); file("l/evil")' 'link("l", "../.."); file("l/evil")' \
		'link("h", "../../etc/passwd", tarfile.LNKTYPE)'; do
		echo "$evil" | archive "$dir/evil.tar"
		recipe <<-'END'
			COPY --unpack evil.tar /srv/x
		END
		expect 4 build
		says 'r.Imagefile:2:.*evil.tar.*\(leaves the directory\|Invalid cross-device link\)' || return 1
	done
	echo 'file("/abs/f", "in")' | archive "$dir/evil.tar"
	expect 0 build
	[ "$(content srv/x/abs/f)" = in ]
	echo "no archive" >"$dir/evil.tar"
	expect 4 build
	says 'evil.tar.*read the archive'
}
it 'members that would leave the directory are errors, absolute names are below it' outside

finish
