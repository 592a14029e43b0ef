#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# RUN --mount, --secret, --script, --input, --install-type, and PACKAGE --build-only behind a RUN, as an ordinary user and
# as root, in images of the element `tiny`.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar

user=mounts$$
make_user $user || skip_all "cannot make a user"

# build FILE...: as $who in $dir; the events go to events.
build() {
	chown -R -h "$who": "$dir"
	as_user "$who" env HOME="$dir/home" WORD_OF_TEST='hush hush' sh -c 'ulimit -c "$(ulimit -H -c)" && cd "$0" && exec "$@" >events' \
		"$dir" \
		"$IMAGEBUILD" build --progress=json --element-path "$tests/elements" "$@"
}
build_within() {
	chown -R -h "$who": "$dir"
	as_user "$who" env HOME="$dir/home" timeout -s INT "$1" sh -c 'cd "$0" && exec "$@"' "$dir" \
		"$IMAGEBUILD" build --progress=json --element-path "$tests/elements"
}
recipe() {
	printf 'FROM tiny\n' >"$dir/Imagefile"
	cat >>"$dir/Imagefile"
	echo 'OUTPUT tar' >>"$dir/Imagefile"
}
content() {
	tar -xOf "$dir/image.tar" "./$1"
}
ran() {
	grep -c '^{"event": *"finished".*"phase": *"' "$dir/events" || true
}

secret() {
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/token"
	chmod 600 "$dir/token"
	recipe <<-'END'
		RUN --mount=type=secret,id=token --mount=type=secret,id=word,env=WORD --mount=type=secret,id=none,required=false <<EOF
		test "$(stat -c %a:%u:%g /run/secrets/token)" = 400:0:0
		test "$(wc -c </run/secrets/token)" = 48
		test "$WORD" = "hush hush" && test "$(ulimit -c)" = 0
		! test -e /run/secrets/none && ! test -e /run/secrets/word
		! echo x >/run/secrets/token
		mount | grep -q /run/secrets/token || grep -q /run/secrets/token /proc/mounts
		EOF
		RUN --mount=type=secret,id=token,target=/etc/key,mode=0440,uid=33,gid=34 test "$(stat -c %a:%u:%g /etc/key)" = 440:33:34
		RUN ! test -e /run/secrets && ! test -e /etc/key
	END
	expect 0 build --secret id=token,src=token --secret id=word,env=WORD_OF_TEST
	not grep -rqaF "$(cat "$dir/token")" "$dir/home" "$dir/image.tar"
	not grep -rqaF 'hush hush' "$dir/home" "$dir/image.tar" "$dir/events"
	tar -tf "$dir/image.tar" >"$work/list"
	not grep -q -e secrets -e etc/key "$work/list"
	echo other >"$dir/token"
	expect 0 build --secret id=token,src=token --secret id=word,env=WORD_OF_TEST
	[ "$(ran)" -eq 0 ]
}

missing_secret() {
	recipe <<-'END'
		RUN --mount=type=secret,id=token true
	END
	expect 3 build
	says "^Imagefile:2:13: error: the secret 'token'"
	says -- '--secret id=token,src=FILE'
	expect 2 build --secret id=token,src=nowhere && says nowhere
	expect 2 build --secret id=token && says 'neither src nor env'
	expect 2 build --secret id=token,file=x && says 'unknown key'
}

# An ordinary user's ids end, root's do not.
far_ids() {
	echo 1 >"$dir/token"
	for line in 'RUN --mount=type=secret,id=token,uid=700000 true' 'RUN --mount=type=cache,target=/far,gid=700000 true' \
		'COPY --chown=700000:0 token /far'; do
		echo "$line" | recipe
		[ "$who" = root ] || expect 4 build --secret id=token,src=token
		[ "$who" = root ] || says "^Imagefile:2:.* belongs to .*, an id beyond those that /etc/subuid"
		[ "$who" != root ] || expect 0 build --secret id=token,src=token
	done
}

cache() {
	recipe <<-'END'
		RUN mkdir -p /var/cache/x && echo own >/var/cache/x/own
		RUN --mount=type=cache,target=/var/cache/x,mode=0750,uid=33 <<EOF
		test "$(stat -c %a:%u /var/cache/x)" = 750:33
		! test -e /var/cache/x/own
		test -e /var/cache/x/n || echo 0 >/var/cache/x/n
		echo $(($(cat /var/cache/x/n) + 1)) >/var/cache/x/n
		cp /var/cache/x/n /n
		EOF
		RUN --mount=type=cache,id=seeded,target=/opt/new/deep,source=seed,ro <<EOF
		test "$(cat /opt/new/deep/file)" = seed
		! touch /opt/new/deep/x
		EOF
		RUN ! test -e /opt && test "$(cat /var/cache/x/own)" = own && ! test -e /var/cache/x/n
	END
	mkdir -p "$dir/seed" && echo seed >"$dir/seed/file"
	expect 0 build && [ "$(content n)" = 1 ]
	sed -i 's/cp /cp -f /' "$dir/Imagefile"
	expect 0 build && [ "$(content n)" = 2 ]
	tar -tf "$dir/image.tar" >"$work/list"
	not grep -q -e var/cache/x/n -e opt "$work/list" && grep -qx ./var/cache/x/own "$work/list"
}

locked() {
	recipe <<-'END'
		ARG N=0
		RUN --mount=type=cache,target=/c,sharing=locked <<EOF
		test ! -e /c/busy
		echo $N >/c/busy
		sleep 2
		rm /c/busy
		EOF
	END
	mkdir -p "$dir/two" && sed 's/N=0/N=1/' "$dir/Imagefile" >"$dir/two/Imagefile"
	build & first=$!
	expect 0 build -f two/Imagefile -o two/image
	wait $first
}

bind() {
	mkdir -p "$dir/src/sub" && echo one >"$dir/src/sub/a" && echo two >"$dir/src/b" && echo '#!/bin/sh' >"$dir/src/tool"
	chmod 755 "$dir/src/tool" && printf 'src/kept-out\n' >"$dir/.imageignore" && echo no >"$dir/src/kept-out"
	recipe <<-'END'
		RUN --mount=type=bind,source=src,target=/m <<EOF
		cat /m/sub/a /m/b >/out
		test -x /m/tool && ! test -e /m/kept-out
		! touch /m/x
		EOF
		RUN --mount=source=src/b,target=/etc/file cat /etc/file >>/out
		RUN --mount=type=bind,source=src,target=/m,rw echo new >/m/b && cat /m/b >>/out
		RUN ! test -e /m && ! test -e /etc/file
	END
	expect 0 build && [ "$(content out)" = "one
two
two
new" ]
	[ "$(cat "$dir/src/b")" = two ]
	expect 0 build && [ "$(ran)" -eq 0 ]
	echo three >"$dir/src/b"
	expect 0 build && [ "$(content out)" = "one
three
three
new" ]
	rm "$dir/.imageignore"
}

# A stage's tree, copied where it may be written to: a directory, a file, what a cache begins with.
bind_stage() {
	cat >"$dir/Imagefile" <<-'END'
		FROM tiny AS parts
		RUN mkdir /parts && echo one >/parts/a && echo two >/b && cp -s /b /link
		FROM tiny
		RUN --mount=from=parts,source=/parts,target=/m,rw cat /m/a >/out && echo new >/m/a && cat /m/a >>/out
		RUN --mount=from=parts,source=/link,target=/etc/b,rw cat /etc/b >>/out && echo new >/etc/b
		RUN --mount=from=parts,source=/b,target=/etc/b cat /etc/b >>/out
		RUN --mount=type=cache,id=of-parts,from=parts,source=/parts,target=/c cat /c/a >>/out
		OUTPUT tar
	END
	expect 0 build && [ "$(content out)" = "one
new
two
two
one" ]
}

# The time of a directory in image.tar.
time_of() {
	tar -tv --full-time --utc -f "$dir/image.tar" --no-recursion "./$1" | sed 's/.* \(....-..-..\) .*/\1/'
}

# Two directories without a mark of the mounts in them, and one that the step itself wrote to.
mark() {
	recipe <<-'END'
		RUN mkdir -p /var/still /var/moved /srv && touch -d @1000000000 /var/still /var/moved /srv
		RUN --mount=type=tmpfs,target=/var/still/x/y --mount=type=secret,id=token,target=/srv/key true
		RUN --mount=type=tmpfs,target=/var/moved/x touch /var/moved/file
	END
	echo secret >"$dir/token"
	expect 0 build --secret id=token,src=token
	[ "$(time_of var/still/)" = 2001-09-09 ]
	[ "$(time_of srv/)" = 2001-09-09 ]
	[ "$(time_of var/moved/)" != 2001-09-09 ]
}

# Three mounts of one cache in one step: none waits for another.
twice() {
	recipe <<-'END'
		RUN --mount=type=cache,id=one,target=/a,sharing=locked --mount=type=cache,id=one,target=/b,sharing=locked <<EOF
		echo x >/a/file && cat /b/file
		EOF
		RUN --mount=type=cache,id=one,target=/a --mount=type=cache,id=one,target=/b,sharing=locked test -e /b/file
	END
	expect 0 build_within 30
}

tmpfs() {
	recipe <<-'END'
		RUN --mount=type=tmpfs,target=/t,size=1MiB --mount=type=cache,id=inner,target=/t/in <<EOF
		grep -q ' /t tmpfs' /proc/mounts
		echo x >/t/x && echo y >/t/in/y
		! cat /dev/zero >/t/big 2>/dev/null
		EOF
		RUN ! test -e /t
	END
	expect 0 build
}

script() {
	printf '#!/bin/cat\nshown\n' >"$dir/cat.sh" && echo 'echo "$WORD" >/word' >"$dir/plain.sh" && echo 1 >"$work/input"
	recipe <<-END
		ENV WORD=there
		RUN --script=cat.sh
		RUN --script=plain.sh
		RUN --phase=cleanup --input=$work/input cat $work/input >"\$TARGET_ROOT/input"
		RUN --install-type=package touch /package
		RUN --install-type=source touch /source
	END
	chmod 755 "$work" && expect 0 build && [ "$(content word)" = there ] && [ "$(content input)" = 1 ]
	tar -tf "$dir/image.tar" >"$work/list" && grep -qx ./source "$work/list" && not grep -qx ./package "$work/list"
	expect 0 build && [ "$(ran)" -eq 0 ]
	echo 'echo changed >/word' >"$dir/plain.sh"
	expect 0 build && [ "$(content word)" = changed ]
	echo 2 >"$work/input" && expect 0 build && [ "$(content input)" = 2 ] && [ "$(ran)" -le 3 ]
	rm "$dir/plain.sh" && expect 1 build && says "^Imagefile:4:14: error: 'plain.sh' is not in the context"
}

build_only() {
	recipe <<-'END'
		ELEMENT install-bin
		RUN printf '#!/bin/sh\necho "$@" >>/packages\n' >/usr/bin/apt-get
		RUN chmod 755 /usr/bin/apt-get
		PACKAGE --build-only gcc
		RUN cp /packages /while
	END
	expect 0 build && content while >"$work/while"
	grep -q 'install gcc' "$work/while" && not grep -q remove "$work/while"
	content packages | tail -n 1 | grep -q 'remove gcc'
}

# Nothing stays of a build that is killed while its secret is shown.
killed() {
	printf 'deadly-secret-%s' "$$" >"$dir/token"
	recipe <<-'END'
		RUN --mount=type=secret,id=token --mount=type=cache,target=/c cat /run/secrets/token >/dev/null && sleep 60
	END
	chown -R -h "$who": "$dir"
	as_user "$who" env HOME="$dir/home" sh -c 'cd "$0" && exec "$@"' "$dir" \
		"$IMAGEBUILD" build --progress=plain --element-path "$tests/elements" --secret id=token,src=token >"$work/out" 2>&1 &
	for _ in $(seq 100); do
		pgrep -u "$who" -f '^sleep 60' >/dev/null && break
		sleep 0.2
	done
	pkill -KILL -u "$who" -x imagebuild || true
	wait || true
	not grep -q secrets /proc/mounts
	not grep -rqaF "deadly-secret-$$" "$dir/home"
	recipe <<-'END'
		RUN --mount=type=secret,id=token --mount=type=cache,target=/c,sharing=locked true
	END
	expect 0 build --secret id=token,src=token
}

for who in $user root; do
	dir=$(getent passwd $user | cut -d: -f6)/$who
	mkdir -p "$dir/home"
	it "a secret is a file or a variable of the step, and nowhere else ($who)" secret
	it "a secret that is not given is missing before the first step ($who)" missing_secret
	it "an owner whom the user's map does not have is an error that says so ($who)" far_ids
	it "a cache lives from build to build and is in no image ($who)" cache
	it "a locked cache has one user at a time ($who)" locked
	it "a bind shows the context without what is ignored, and is keyed by it ($who)" bind
	it "a stage is bound, copied where it is written to ($who)" bind_stage
	it "a mount point changes no directory's time ($who)" mark
	it "one step may mount a cache twice ($who)" twice
	it "a tmpfs has its size, and mounts nest ($who)" tmpfs
	it "a script, an input and an install type do what they say ($who)" script
	it "packages for the build alone go at the end of the phase ($who)" build_only
done
who=$user dir=$(getent passwd $user | cut -d: -f6)/$user
it 'a killed build leaves neither mounts nor the secret' killed
finish
