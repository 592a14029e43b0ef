#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is unpacked and fetched: COPY --unpack, ADD, SOURCE, source-repository files. A server on this machine.
. "$(dirname "$0")/../lib.sh"
. "$tests/run/tiny.sh"
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

# A server on this machine: files of www; requests are in requests. /short breaks off, /secret wants a password.
www=$work/www
mkdir "$www"
cat >"$work/server.py" <<'END'
import time, base64, http.server, os, sys
class H(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        if self.path == "/secret/file":
            want = "Basic " + base64.b64encode(b"me:geheim").decode()
            if self.headers.get("Authorization") != want:
                return self.send_error(401)
            self.path = "/file"
        if self.path == "/slow":
            self.log_message("%s", "begun: /slow")
            time.sleep(4)
            self.path = "/file"
        super().do_GET()
    def log_message(self, format, *args):
        with open(sys.argv[2], "a") as f:
            f.write(format % args + "\n")
os.chdir(sys.argv[1])
s = http.server.HTTPServer(("127.0.0.1", 0), H)
with open(sys.argv[3] + ".new", "w") as f:
    f.write(str(s.server_address[1]))
os.rename(sys.argv[3] + ".new", sys.argv[3])
s.serve_forever()
END
python3 "$work/server.py" "$www" "$work/requests" "$work/port" &
server=$!
trap 'kill $server; clean_up' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -f "$work/port" ] || sleep 0.5
done
at=http://127.0.0.1:$(cat "$work/port")

requests() {
	[ ! -f "$work/requests" ] || wc -l <"$work/requests"
}

adds() {
	echo downloaded >"$www/file"
	touch -d @1000000000 "$www/file"
	cp "$dir/a.tar.gz" "$www/a.tar.gz"
	recipe <<-END
		ADD $at/file?x=1 /opt/one
		ADD --chown=33:34 --chmod=644 $at/moved $at/file /opt/two/
		ADD --unpack $at/a.tar.gz /opt/un
		ADD --phase=post-install --order=5 --when=DISTRO_NAME=tiny <<HERE /here
		text
		HERE
		ADD --when=DISTRO_NAME=other $at/nothing /never
	END
	expect 0 build
	[ "$(content opt/one)" = downloaded ]
	[ "$(listed opt/one)" = "-rw------- 0/0" ]
	[ "$(listed opt/two/file)" = "-rw-r--r-- 33/34" ]
	[ "$(content opt/two/moved)" = downloaded ]
	[ "$(content opt/un/top/a)" = one ]
	[ "$(content here)" = text ]
	[ "$(TZ=UTC tar -tvf "$dir/r.tar" ./opt/one | awk '{ print $4 }')" = 2001-09-09 ]
}
it 'ADD downloads, follows redirects, unpacks; a mode, an owner, the time of the server' adds

unchanged() {
	before=$(requests)
	expect 0 build
	[ -z "$(ran)" ]
	[ "$(requests)" = "$before" ]
	expect 0 build --refresh=sources
	[ -z "$(ran)" ]
	[ "$(requests)" -gt "$before" ]
	echo changed >"$www/file"
	expect 0 build
	[ -z "$(ran)" ]
	expect 0 build --refresh=sources
	ran | grep -q 'ADD.*/opt/one'
	[ "$(content opt/one)" = changed ]
}
it 'a download is kept until --refresh=sources, and equal bytes are a hit' unchanged

checksum() {
	sum=$(sha256sum "$www/file" | cut -d' ' -f1)
	recipe <<-END
		ADD --checksum=sha256:$sum $at/file /opt/sum
	END
	expect 0 build
	[ "$(content opt/sum)" = changed ]
	rm -rf "$home/.cache/image-create/downloads"
	before=$(requests)
	expect 0 build
	[ -z "$(ran)" ]
	[ "$(requests)" = "$before" ]
	wrong=$(echo "$sum" | tr 0-9a-f 1-9a-f0)
	recipe <<-END
		ADD --checksum=sha256:$wrong $at/file /opt/sum
	END
	expect 4 build
	says "r.Imagefile:2:.*expected $wrong, got $sum"
}
it 'with --checksum a hit needs no network, and other bytes are an error with both sums' checksum

failures() {
	for path in nothing short; do
		recipe <<-END
			ADD $at/$path /opt/x
		END
		expect 4 build
		says "r.Imagefile:2:.*download '$at/$path': 'curl' exited" || return 1
	done
	expect 4 build
	recipe <<-END
		ADD http://me:falsch@127.0.0.1:${at##*:}/secret/file /opt/x
	END
	expect 4 build
	says "download '$at/secret/file'.*401"
	not grep -r "falsch" "$home/events"
	not grep "error:.*falsch" "$work/err"
	recipe <<-END
		ADD http://me:geheim@127.0.0.1:${at##*:}/secret/file /opt/x
	END
	expect 0 build
	not grep -r geheim "$work/err" "$home/events"
	recipe <<-END
		ADD http://127.0.0.1:1/x /opt/x
	END
	expect 4 build
	says "download 'http://127.0.0.1:1/x'"
}
it 'a missing, a broken off and a forbidden download are errors; no password is shown' failures

# repository NAME: main, branch other, tag v1, a ref that is no branch.
repository() {
	rm -rf "${1:?}"
	git init -q -b main "$1"
	(
		cd "$1" || exit 1
		export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
		mkdir sub
		echo 1 >f
		echo 's export-ignore' >.gitattributes
		echo s >sub/s
		chmod 755 sub/s
		git add . && git commit -qm one && git tag -am v1 v1
		git checkout -q -b other && echo 2 >f && git commit -qam two && git checkout -q main
		git update-ref refs/changes/1 "$(git commit-tree -m three -p HEAD 'other^{tree}')"
	)
	git -C "$1" update-server-info
}

repositories() {
	repository "$www/lib"
	cp -r "$www/lib/.git" "$www/lib.git"
	commit=$(git -C "$www/lib" rev-parse main)
	recipe <<-END
		ADD $at/lib.git /opt/main
		ADD --chown=33:34 $at/lib.git#other /opt/other
		ADD --checksum=$(echo "$commit" | cut -c1-10) $at/lib.git#v1:sub /opt/sub
	END
	expect 0 build
	[ "$(content opt/main/f)" = 1 ]
	[ "$(content opt/other/f)" = 2 ]
	[ "$(content opt/sub/s)" = s ]
	[ "$(listed opt/main/sub/s)" = "-rwxr-xr-x 0/0" ]
	[ "$(listed opt/other/f)" = "-rw-r--r-- 33/34" ]
	tar -tf "$dir/r.tar" | not grep '\.git/'
	before=$(requests)
	expect 0 build
	[ -z "$(ran)" ] && [ "$(requests)" = "$before" ]
	recipe <<-END
		ADD --checksum=0123abcd $at/lib.git#main /opt/x
	END
	expect 4 build
	says "expected 0123abcd, got $commit"
	recipe <<-END
		ADD $at/lib.git#nowhere /opt/x
	END
	expect 4 build
	says "r.Imagefile:2:.*no branch, tag or ref 'nowhere'"
}
it 'ADD checks out a branch, a tag or a directory of a repository, without .git' repositories

sources() {
	cp -r "$www/lib" "$dir/local"
	own
	recipe <<-END
		SOURCE lib git /opt/lib $at/lib.git main
		SOURCE change git /opt/change file://$dir/local refs/changes/1
		SOURCE all git /opt/all $at/lib.git *
		SOURCE data tar /opt/data $at/a.tar.gz
		SOURCE whole tar /opt/whole $at/a.tar.gz .
		SOURCE one file /opt/one $at/file
		SOURCE other git /opt/other http://127.0.0.1:1/lib.git
		SOURCE not git /opt/not http://127.0.0.1:1/not.git
		RUN --phase=finalise true
	END
	expect 0 build --env DIB_REPOLOCATION_other=$at/lib.git --env DIB_REPOREF_other=other \
		--env DIB_INSTALLTYPE_not=package
	[ "$(content opt/lib/f)" = 1 ]
	[ "$(content opt/lib/.git/HEAD)" = "ref: refs/heads/fetch_main" ]
	[ "$(content opt/change/f)" = 2 ]
	[ "$(content opt/other/f)" = 2 ]
	[ "$(content opt/all/f)" = 1 ]
	[ "$(content opt/data/a)" = one ]
	[ "$(content opt/whole/top/a)" = one ]
	[ "$(content opt/one)" = changed ]
	tar -tf "$dir/r.tar" >"$work/list"
	not grep '^./opt/not' "$work/list"
	[ "$(content etc/dib-source-repositories | wc -l)" -eq 7 ]
	[ "$(content etc/dib-manifests/dib-manifest-git-r | head -n 1)" = \
		"lib git /opt/lib $at/lib.git $(git -C "$www/lib" rev-parse main)" ]
	tar -xOf "$dir/r.tar" ./opt/lib/.git/HEAD >/dev/null
	mkdir "$work/clone" && tar -C "$work/clone" -xf "$dir/r.tar" ./opt/lib
	[ -z "$(git -c safe.directory='*' -C "$work/clone/opt/lib" status --porcelain)" ]
	[ "$(git -c safe.directory='*' -C "$work/clone/opt/lib" describe)" = v1 ]
}
it 'SOURCE fetches git, tar and file, and obeys the overrides of its name' sources

offline() {
	before=$(requests)
	expect 0 build --env DIB_OFFLINE=1 --env DIB_REPOLOCATION_other=$at/lib.git --env DIB_REPOREF_other=other \
		--env DIB_INSTALLTYPE_not=package
	[ "$(requests)" = "$before" ]
	recipe <<-END
		SOURCE new tar /opt/data $at/new.tar
	END
	expect 4 build --env DIB_OFFLINE=1
	says "r.Imagefile:2:.*new.tar' is not in the cache, and DIB_OFFLINE is set"
}
it 'DIB_OFFLINE takes the cache alone' offline

element() {
	mkdir -p "$dir/elements/srcs/environment.d"
	echo source-repositories >"$dir/elements/srcs/element-deps"
	echo 'export MINE=there' >"$dir/elements/srcs/environment.d/10-x.bash"
	# the last line has no newline
	printf '# a comment\n\nlib-x git /opt/$MINE http://127.0.0.1:1/lib.git\nfile-x file /opt/${NO:-f} %s' \
		"$at/file" >"$dir/elements/srcs/source-repository-srcs"
	recipe <<-'END'
		ELEMENT srcs
	END
	expect 0 build --env "DIB_REPOLOCATION_lib_x=file://$dir/local" --env DIB_REPOREF_lib_x=other
	[ "$(content opt/there/f)" = 2 ]
	[ "$(content opt/f)" = changed ]
	expect 0 build --env "DIB_REPOLOCATION_lib_x=file://$dir/local" --env DIB_REPOREF_lib_x=other
	[ -z "$(ran)" ]
	(
		cd "$dir/local" && as_user $user git -C "$dir/local" checkout -q other && echo 3 >f &&
			as_user $user git -C "$dir/local" -c user.name=a -c user.email=a@b commit -qam more
	)
	expect 0 build --env "DIB_REPOLOCATION_lib_x=file://$dir/local" --env DIB_REPOREF_lib_x=other
	[ "$(content opt/there/f)" = 3 ]
	echo 'x svn /opt/x y' >"$dir/elements/srcs/source-repository-srcs"
	expect 1 build
	says "srcs/source-repository-srcs:1:.*a source is 'NAME git|tar|file|package"
	echo 'x git /opt/$(id) y' >"$dir/elements/srcs/source-repository-srcs"
	expect 1 build
	says 'only $NAME'
}
it "source-repository files of elements are fetched, with the overrides of the environment" element

dibs() {
	library=/usr/lib/python3/dist-packages/diskimage_builder/elements
	[ -f "$library/python-stow-versions/source-repository-pyenv" ] || exit 77
	rm -rf "$dir/elements/srcs"
	# the hooks of these want a distribution; their sources are what is looked at
	for element in python-stow-versions rax-nova-agent; do
		mkdir -p "$dir/elements/my-$element"
		echo source-repositories >"$dir/elements/my-$element/element-deps"
		cp "$library/$element"/source-repository-* "$dir/elements/my-$element"
	done
	# the same source a second time, as keylime-agent and tpm-emulator have it
	cp "$dir/elements/my-python-stow-versions/source-repository-pyenv" \
		"$dir/elements/my-rax-nova-agent/source-repository-again"
	recipe <<-'END'
		ELEMENT my-python-stow-versions my-rax-nova-agent
		RUN grep -q one /tmp/nova-agent/top/a && grep -q changed /tmp/xs-tools.iso
	END
	expect 0 build --env "DIB_REPOLOCATION_pyenv=file://$dir/local" --env DIB_REPOREF_pyenv=v1 \
		--env "DIB_REPOLOCATION_nova_agent=$at/a.tar.gz" --env "DIB_REPOLOCATION_xen_tools=$at/file"
	[ "$(content pyenv/f)" = 1 ]
}
it "sources of diskimage-builder's elements are fetched from where an override says" dibs

evil_downloads() {
	echo 'link("l", "/etc"); file("l/evil")' | archive "$www/evil.tar"
	echo 'file("../evil")' | archive "$www/evil2.tar"
	for evil in evil evil2; do
		recipe <<-END
			ADD --unpack $at/$evil.tar /srv/x
		END
		expect 4 build
		says 'r.Imagefile:2:.*\(leaves the directory\|Invalid cross-device link\)' || return 1
		recipe <<-END
			SOURCE evil tar /srv/x $at/$evil.tar .
		END
		expect 4 build
		says 'r.Imagefile:2:.*\(leaves the directory\|Invalid cross-device link\)' || return 1
	done
	# a destination that a link of the target leads away from
	recipe <<-END
		RUN --phase=root --order=99 ln -s /../../../../../opt "\$TMP_MOUNT_PATH/away" && mkdir -p "\$TMP_MOUNT_PATH/opt"
		ADD $at/file /away/in
		SOURCE lib git /away/lib $at/lib.git main
	END
	expect 0 build
	[ "$(content opt/in)" = changed ]
	[ "$(content opt/lib/f)" = 1 ]
}
it 'no download leaves the destination, no link of the target leads out of it' evil_downloads

at_once() {
	head -c 3000000 /dev/zero >"$www/big"
	rm -rf "$home/.cache/image-create/downloads"
	before=$(grep -c /big "$work/requests") || true
	for n in 1 2; do
		mkdir -p "$dir/$n"
		printf 'FROM tiny\nADD %s/big /opt/big%s\nOUTPUT tar\n' "$at" "$n" >"$dir/$n/r.Imagefile"
	done
	own
	for n in 1 2; do
		as_user $user sh -c "cd r/$n && exec '$IMAGEBUILD' build --element-path '$tests/elements' -f r.Imagefile" \
			>"$work/said$n" 2>&1 &
		eval "pid$n=$!"
	done
	wait "$pid1" && wait "$pid2" || { cat "$work/said1" "$work/said2"; return 1; }
	tar -tf "$dir/1/r.tar" ./opt/big1 && tar -tf "$dir/2/r.tar" ./opt/big2
	[ $(($(grep -c /big "$work/requests") - before)) -eq 1 ]
}
it 'two builds at once download a thing once' at_once

# While the second source comes, another build would put new bytes in the place of the first.
replaced() {
	echo first >"$www/first"
	recipe <<-END
		ADD $at/first $at/slow /opt/
		SOURCE f file /opt/f $at/first
	END
	own
	as_user $user sh -c "cd r && exec '$IMAGEBUILD' build --element-path '$tests/elements' -f r.Imagefile" \
		>"$work/said1" 2>&1 &
	for _ in $(seq 100); do
		grep -q 'begun: /slow' "$work/requests" && break
		sleep 0.1
	done
	entry=$home/.cache/image-create/downloads/$(printf %s "$at/first" | sha256sum | cut -d' ' -f1)
	grep -qx first "$entry"
	echo second >"$work/second"
	mv "$work/second" "$entry"
	wait $! || { cat "$work/said1"; return 1; }
	[ "$(content opt/first)" = first ]
	[ "$(listed opt/f)" = "-rw-r--r-- 0/0" ]
}
it 'what a step keeps is what its key is of, also where another build fetches that again' replaced

as_root() {
	printf 'FROM tiny\nADD %s/file /opt/f\nSOURCE lib git /opt/lib %s/lib.git v1\nOUTPUT tar\n' "$at" "$at" \
		>"$work/r.Imagefile"
	(
		cd "$work" && HOME=$work/home XDG_CACHE_HOME=$work/home/cache XDG_STATE_HOME=$work/home/state \
			"$IMAGEBUILD" build --element-path "$tests/elements" -f r.Imagefile
	)
	[ "$(tar -xOf "$work/r.tar" ./opt/lib/f)" = 1 ]
	[ "$(tar -xOf "$work/r.tar" ./opt/f)" = changed ]
}
it 'root fetches by the same path' as_root

tools() {
	: >"$work/no-program"
	recipe <<-END
		ADD $at/file /opt/f
		SOURCE lib git /opt/lib $at/lib.git
		SOURCE left git /opt/left $at/lib.git
	END
	own
	expect 3 unshare -m sh -c "
		mount --bind '$work/no-program' '$(command -v curl)' && mount --bind '$work/no-program' '$(command -v git)' &&
			cd '$home/r' && runuser -u $user -- env HOME='$home' '$IMAGEBUILD' build --element-path '$tests/elements' \
				-f r.Imagefile"
	says '^r.Imagefile:2:5: error: curl: ADD fetches by it$'
	says "^r.Imagefile:3:1: error: git: source 'lib' is fetched by it$"
}
it 'a machine without curl or git is told before the first step, at the line that needs it' tools

finish
