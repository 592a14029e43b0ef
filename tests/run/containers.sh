#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The outputs oci and docker, read back by skopeo, umoci, tar and gzip, on a root that needs no network.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar skopeo umoci python3 setfattr

user=containers$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir "$dir"

own() {
	find "$dir" ! -user $user -exec chown -h $user: {} +
}

# Builds r.Imagefile, which standard input holds, as the user; events go to events.
build() {
	cat >"$dir/r.Imagefile"
	own
	as_user $user sh -c 'cd r && exec "$@" >../events' sh \
		env SOURCE_DATE_EPOCH=1700000000 "$IMAGEBUILD" build --progress=json \
		--element-path "$tests/elements" "$@" -f r.Imagefile
}

steps_run() {
	grep '^{"event": *"finished"' "$home/events" | grep -c '"phase": *"'
}

# look FORMAT PYTHON: the configuration of r.FORMAT.tar is `c`, its part "config" is `o`.
look() {
	skopeo inspect --config "$1-archive:$dir/r.$1.tar" >"$work/config"
	python3 -c 'import json, sys
c = json.load(open(sys.argv[1]))
o = c["config"]
eval(sys.argv[2]) or sys.exit("not %s: %s" % (sys.argv[2], json.dumps(c, indent=1)))' "$work/config" "$2"
}

# Every blob of r.oci.tar in $work/layout; its only layer is $layer.
lay_out() {
	rm -rf "$work/layout"
	mkdir "$work/layout"
	tar -C "$work/layout" -xf "$dir/r.oci.tar"
	layer=$(python3 -c "import json
root = '$work/layout/'
blob = lambda d: root + 'blobs/' + d['digest'].replace(':', '/')
index = json.load(open(root + 'index.json'))
[layer] = json.load(open(blob(index['manifests'][0])))['layers']
print(blob(layer))")
}

everything() {
	build <<-'END'
		FROM tiny
		ENV GREETING="hello world" DIB_SECRET_KNOB=1 PATH=/opt/bin:/usr/bin
		WORKDIR /srv
		RUN echo one >file
		USER web:web
		LABEL org.example.b=2 org.example.a="x y" org.example.b=3
		EXPOSE 80 53/udp 8000-8002/tcp 80/tcp
		VOLUME ["/data", "/with blank"]
		VOLUME /data
		STOPSIGNAL SIGINT
		ENTRYPOINT ["/bin/env", "X=\"1\""]
		CMD echo $GREETING | cat
		OUTPUT --tag=team/web:1.0 --tag=registry.example:5000/web:latest docker
		OUTPUT --tag=team/web:1.0 oci tar
	END
	for format in oci docker; do
		look $format "c['created'] == '2023-11-14T22:13:20Z' and c['os'] == 'linux'"
		look $format "c['architecture'] == '$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')'"
		look $format "o['Env'] == ['PATH=/opt/bin:/usr/bin', 'GREETING=hello world']"
		look $format "o['WorkingDir'] == '/srv' and o['User'] == 'web:web'"
		look $format "o['Labels'] == {'org.example.a': 'x y', 'org.example.b': '3'}"
		look $format "list(o['ExposedPorts']) == ['53/udp', '80/tcp', '8000/tcp', '8001/tcp', '8002/tcp']"
		look $format "o['Volumes'] == {'/data': {}, '/with blank': {}}"
		look $format "o['StopSignal'] == 'SIGINT' and o['Entrypoint'] == ['/bin/env', 'X=\"1\"']"
		look $format "o['Cmd'] == ['/bin/sh', '-c', 'echo \$GREETING | cat']"
		look $format "len(c['history']) == len(c['rootfs']['diff_ids']) == 1"
	done
}
it 'skopeo reads every instruction of the configuration from oci and docker' everything

tags() {
	tar -xOf "$dir/r.docker.tar" manifest.json | python3 -c "import json, sys
[m] = json.load(sys.stdin)
assert m['RepoTags'] == ['team/web:1.0', 'registry.example:5000/web:latest'], m"
	skopeo inspect "docker-archive:$dir/r.docker.tar:team/web:1.0" >"$work/out"
	skopeo inspect "docker-archive:$dir/r.docker.tar:registry.example:5000/web:latest" >"$work/out"
	skopeo inspect "oci-archive:$dir/r.oci.tar:team/web:1.0" >"$work/out"
	not skopeo inspect "oci-archive:$dir/r.oci.tar:team/web:2.0" >"$work/out" 2>&1
}
it 'an image is found by its tags' tags

digests() {
	lay_out
	(cd "$work/layout/blobs/sha256" && for file in *; do echo "$file  $file"; done | sha256sum -c --quiet)
	gzip -t <"$layer"
	[ "$(gzip -dc <"$layer" | sha256sum)" = "$(sha256sum <"$dir/r.tar")" ]
	look oci "c['rootfs']['diff_ids'] == ['sha256:$(sha256sum <"$dir/r.tar" | cut -d' ' -f1)']"
	tar -xOf "$dir/r.docker.tar" --wildcards '*/layer.tar' | cmp - "$dir/r.tar"
	tar -xOf "$dir/r.docker.tar" --wildcards '*[0-9a-f].json' >"$work/config"
	tar -tf "$dir/r.docker.tar" | grep -qx "$(sha256sum <"$work/config" | cut -d' ' -f1).json"
}
it 'blobs have the digests that name them, and the layer is the tar output' digests

members() {
	for format in oci docker; do
		tar --numeric-owner --full-time -tvf "$dir/r.$format.tar" >"$work/list"
		not grep -v ' 0/0 .* 2023-11-14 22:13:20 ' "$work/list"
		tar -tf "$dir/r.$format.tar" >"$work/names"
		sort -c "$work/names"
	done
}
it 'members are in order, of 0:0 and of one time' members

cp_recipe() {
	cp "$dir/r.Imagefile" "$work/recipe"
}
same() {
	cp_recipe
	for format in oci docker; do
		mv "$dir/r.$format.tar" "$work/first.$format"
	done
	build --no-cache <"$work/recipe"
	for format in oci docker; do
		cmp "$work/first.$format" "$dir/r.$format.tar"
	done
}
it 'two builds give equal bytes' same

edited() {
	sed 's/^CMD.*/CMD ["other"]/' "$dir/r.Imagefile" >"$work/recipe"
	build <"$work/recipe"
	[ "$(steps_run)" = 0 ]
	for format in oci docker; do
		look $format "o['Cmd'] == ['other']"
		not cmp -s "$work/first.$format" "$dir/r.$format.tar"
	done
	[ "$(grep -c '"event": *"wrote"' "$home/events")" = 2 ]
	build <"$work/recipe"
	not grep '"event": *"wrote"' "$home/events"
}
it 'a new CMD runs no step and writes new images, and no new tar' edited
nasty() {
	build <<-'END'
		FROM tiny
		RUN --phase=extra-data <<EOF
		mkdir -p "$TMP_MOUNT_PATH/nasty/$(printf 'd%.0s' $(seq 200))/$(printf 'e%.0s' $(seq 200))"
		cd "$TMP_MOUNT_PATH/nasty"
		(cd d*/e* && echo long >"$(printf 'f%.0s' $(seq 250))")
		ln -s "$(printf 't%.0s' $(seq 300))" longlink
		printf '%s' one >"$(printf 'new\nline \303\244 \377')"
		echo two >hard1 && ln hard1 hard2
		setfattr -n user.note -v "a=b%" hard1
		cp /bin/true capable && setcap cap_net_raw+ep capable
		cp /bin/true suid && chown 33:34 suid && chmod 6755 suid
		truncate -s 5M holes && echo end >>holes
		mknod null c 1 3 && mknod -m 600 disk b 8 0 && mkfifo pipe
		: >empty && mkdir -m 1777 sticky
		EOF
		OUTPUT oci docker tar
	END
	tar -tf "$dir/r.tar" | grep -q '^./nasty/disk$'
	tar -tvf "$dir/r.tar" | grep -q '^c.* 1,3 .*/nasty/null$'
	lay_out
	gzip -dc <"$layer" >"$work/layer"
	tar -xOf "$dir/r.docker.tar" --wildcards '*/layer.tar' | cmp - "$work/layer"
	not grep -aq GNU.sparse "$work/layer"
	grep -aq GNU.sparse "$dir/r.tar"
	umoci unpack --image "$work/layout:r:latest" "$work/bundle"
	mkdir "$work/plain"
	tar -C "$work/plain" --numeric-owner --xattrs --xattrs-include='*' -xpf "$dir/r.tar"
	list "$work/plain" >"$work/list.plain"
	grep -q '^security.capability=' "$work/list.plain"
	grep -q '^character special file 1 3 ./nasty/null$' "$work/list.plain"
	list "$work/bundle/rootfs" >"$work/list.umoci"
	diff "$work/list.plain" "$work/list.umoci"
	[ "$work/bundle/rootfs/nasty/hard1" -ef "$work/bundle/rootfs/nasty/hard2" ]
}
# Type, mode, owner, links, time, target, content, device and xattrs of everything.
list() {
	(
		cd "$1" || exit 1
		find . -printf '%y %m %U:%G %n %T@ %l %p\n' | sed 's/^d \([0-9]*\) \([0-9:]*\) [0-9]* /d \1 \2 /' | sort
		find . -type f -exec sha256sum {} + | sort
		find . \( -type b -o -type c \) -exec stat -c '%F %t %T %n' {} + | sort
		getfattr -R -P -h -d -m '^(user|security)' . 2>/dev/null
	)
}
it 'umoci unpacks the tree of the tar output: devices, links, xattrs, capabilities, long and odd names' nasty

copies() {
	skopeo copy -q "oci-archive:$dir/r.oci.tar:r:latest" "docker-archive:$work/copy.docker.tar:r:latest"
	skopeo copy -q "docker-archive:$dir/r.docker.tar:r:latest" "oci-archive:$work/copy.oci.tar:r:latest"
	skopeo inspect --config "docker-archive:$work/copy.docker.tar" >"$work/a"
	skopeo inspect --config "oci-archive:$work/copy.oci.tar" >"$work/b"
	skopeo inspect --config "oci-archive:$dir/r.oci.tar" >"$work/c"
	cmp "$work/a" "$work/c"
	cmp "$work/b" "$work/c"
}
it 'skopeo copies between the two, and the configuration stays' copies

plain() {
	mkdir "$dir/Some.Dir--x"
	build -o "Some.Dir--x/_My..Image+1_" <<-'END'
		FROM tiny
		OUTPUT --compress=no --checksum=sha256 oci docker
	END
	mv "$dir/Some.Dir--x/_My..Image+1_.oci.tar" "$dir/r.oci.tar"
	mv "$dir/Some.Dir--x/_My..Image+1_.docker.tar" "$dir/r.docker.tar"
	lay_out
	tar -tf "$layer" >"$work/names"
	grep -qx ./etc/passwd "$work/names"
	look oci "c['rootfs']['diff_ids'] == ['sha256:$(basename "$layer")']"
	skopeo inspect "oci-archive:$dir/r.oci.tar:my.image-1:latest" >"$work/out"
	skopeo inspect "docker-archive:$dir/r.docker.tar:my.image-1:latest" >"$work/out"
	look oci "o == {'Env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']}"
}
it 'without words there is a PATH and a tag of the name; --compress=no leaves the layer plain' plain

shells() {
	build <<-'END'
		FROM tiny
		SHELL ["/bin/bash", "-e"]
		ENTRYPOINT exec "$0" x
		SHELL ["/bin/bash", "-o", "pipefail", "-c"]
		CMD a | b
		CMD c | d
		SHELL ["/bin/sh"]
		USER root
		OUTPUT oci
	END
	look oci "o['Entrypoint'] == ['/bin/bash', '-e', '-c', 'exec \"\$0\" x']"
	look oci "o['Cmd'] == ['/bin/bash', '-o', 'pipefail', '-c', 'c | d']"
	look oci "o['User'] == 'root'"
	build <<-'END'
		FROM tiny
		CMD ["a"]
		ENTRYPOINT ["b"]
		CMD []
		OUTPUT oci
	END
	look oci "o['Entrypoint'] == ['b'] and 'Cmd' not in o"
}
it 'a text is run by the SHELL of its line; the last CMD counts, an empty one is none' shells

fragment() {
	mkdir -p "$dir/part"
	cat >"$dir/part/Imagefile" <<-'END'
		LABEL from=fragment of=part
		CMD ["part"]
		EXPOSE 1
		STOPSIGNAL 9
	END
	build <<-'END'
		FROM tiny
		LABEL from=recipe
		ELEMENT ./part
		EXPOSE 2
		ENTRYPOINT ["e"]
		OUTPUT oci
	END
	look oci "o['Labels'] == {'from': 'recipe', 'of': 'part'}"
	look oci "o['Cmd'] == ['part'] and o['Entrypoint'] == ['e'] and o['StopSignal'] == '9'"
	look oci "list(o['ExposedPorts']) == ['1/tcp', '2/tcp']"
}
it 'a fragment brings configuration, and the stage has the last word' fragment

stages() {
	build <<-'END'
		FROM tiny AS base
		LABEL a=base b=base
		ENV A=1 B=2 PATH=/usr/bin:/bin
		WORKDIR /srv
		USER web
		CMD ["base"]
		EXPOSE 1
		VOLUME /base
		SHELL ["/bin/bash", "-c"]
		FROM base AS middle
		ELEMENT ./part
		ENTRYPOINT ["middle"]
		FROM middle AS last
		LABEL b=last
		ENV B=3
		WORKDIR sub
		EXPOSE 9
		OUTPUT oci
		FROM base AS reset
		ENTRYPOINT last
		OUTPUT oci
	END
	mv "$dir/r-last.oci.tar" "$dir/r.oci.tar"
	look oci "o['Labels'] == {'a': 'base', 'b': 'last', 'from': 'fragment', 'of': 'part'}"
	look oci "o['Env'] == ['PATH=/usr/bin:/bin', 'A=1', 'B=3']"
	look oci "o['WorkingDir'] == '/srv/sub' and o['User'] == 'web' and o['StopSignal'] == '9'"
	look oci "o['Entrypoint'] == ['middle'] and o['Cmd'] == ['part']"
	look oci "list(o['ExposedPorts']) == ['1/tcp', '9/tcp'] and o['Volumes'] == {'/base': {}}"
	mv "$dir/r-reset.oci.tar" "$dir/r.oci.tar"
	look oci "o['Entrypoint'] == ['/bin/bash', '-c', 'last'] and 'Cmd' not in o"
	look oci "o['Labels'] == {'a': 'base', 'b': 'base'} and o['Env'][2] == 'B=2'"
}
it 'a stage that continues others has their configuration; a new ENTRYPOINT ends the CMD below' stages

again() {
	build <<-'END'
		FROM scratch
		COPY r.Imagefile /bin/file
		ENV A=1 B=2
		LABEL a=below b=below
		WORKDIR /srv
		USER web
		EXPOSE 1
		ENTRYPOINT ["below"]
		CMD ["below"]
		OUTPUT --name=below oci docker
	END
	for format in oci docker; do
		build <<-END
			FROM oci:below.$format.tar
			ENV B=3
			LABEL b=above
			EXPOSE 2
			WORKDIR /new
			USER root
			ENTRYPOINT ["above"]
			OUTPUT oci
		END
		look oci "o['Env'] == ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'A=1', 'B=3']"
		look oci "o['Labels'] == {'a': 'below', 'b': 'above'} and list(o['ExposedPorts']) == ['1/tcp', '2/tcp']"
		look oci "o['Entrypoint'] == ['above'] and 'Cmd' not in o and o['User'] == 'root'"
		look oci "o['WorkingDir'] == '/new'"
		lay_out
		[ "$(tar -xzOf "$layer" ./bin/file | head -n 1)" = 'FROM scratch' ]
	done
}
it 'an image that was written is a base, and its configuration goes on' again

as_root() {
	# the same bytes by the same code, without a user namespace of an ordinary user
	mkdir "$work/root"
	cp "$work/recipe" "$work/root/r.Imagefile"
	build <"$work/recipe"
	(cd "$work/root" && SOURCE_DATE_EPOCH=1700000000 HOME=$work/root "$IMAGEBUILD" build --progress=plain \
		--element-path "$tests/elements" -f r.Imagefile)
	cmp "$work/root/r.oci.tar" "$dir/r.oci.tar"
}
it 'root builds the same bytes' as_root

disks() {
	build <<-'END'
		FROM tiny
		CMD ["a"]
		EXPOSE 80
		OUTPUT tar
	END
	mv "$dir/r.tar" "$work/with.tar"
	build <<-'END'
		FROM tiny
		OUTPUT tar
	END
	cmp "$work/with.tar" "$dir/r.tar"
	[ "$(steps_run)" = 0 ]
}
it 'in other formats the configuration has no effect' disks
finish
