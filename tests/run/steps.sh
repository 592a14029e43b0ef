#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Steps, layers, keys, logs and what is left behind, on a root that needs no network (tests/elements/tiny).
. "$(dirname "$0")/../lib.sh"
. "$tests/run/tiny.sh"
need_root
need newuidmap tar

user=steps$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
store=$home/.cache/imagebuild
dir=$home/r
mkdir "$dir"

# Not chown -R: a change of the owner that is none changes the ctime, and so what is up to date.
own() {
	find "$dir" ! -user $user -exec chown -h $user: {} +
}

# Builds r.Imagefile as the user; the events go to events.
build() {
	own
	as_user $user sh -c 'cd r && exec "$@" >../events' sh \
		env "IMAGEBUILD_OVERLAY=${overlay:-}" "$IMAGEBUILD" build --progress=json \
		--element-path "$tests/elements" "$@" -f r.Imagefile
}

is_clean() {
	left=$(find "$store/tmp" -mindepth 1)
	[ -z "$left" ] || { echo "left in the store: $left"; return 1; }
	not pgrep -u $user . >/dev/null || { echo "left running:"; ps -u $user -f; return 1; }
}

first() {
	mkdir -p "$dir/site/sub"
	echo one >"$dir/site/a"
	echo two >"$dir/site/sub/b"
	ln -sf a "$dir/site/l"
	recipe <<-'END'
		ENV TINY_WORD=hello
		COPY --chown=web:web --chmod=u=rwX,go=rX site/ /srv/site/
		COPY <<TEXT /etc/motd
		word is ${TINY_WORD}
		TEXT
		WORKDIR /opt/deep/er
		RUN pwd >/out && id -u >>/out && echo "$TINY_WORD" >>/out && echo "$0" >>/out
		RUN ["/bin/touch", "/exec form"]
		RUN <<SCRIPT
		#!/bin/bash
		[[ x == x ]] && echo "bash $DISTRO_NAME" >/script
		SCRIPT
		USER web
		RUN id -u >/tmp/id; id -g >>/tmp/id; cat /tmp/id
		USER root
		RUN cat /tmp/id >/ids; rm /tmp/id
		RUN --phase=post-root echo "$PWD" >host-side; echo here >"$TMP_MOUNT_PATH/by-host"
	END
	expect 0 build
}
it 'an ordinary user builds a recipe of RUN, COPY, WORKDIR and USER' first

contents() {

	[ "$(content out)" = "$(printf '/opt/deep/er\n0\nhello\n/tmp/.imagebuild-run')" ]
	[ "$(content etc/motd)" = "word is hello" ]
	[ "$(content script)" = "bash tiny" ]
	[ "$(content ids)" = "$(printf '33\n34')" ]
	[ "$(content by-host)" = here ]
	[ "$(content srv/site/sub/b)" = two ]
	[ "$(listed srv/site/a)" = "-rw-r--r-- 33/34" ]
	[ "$(listed srv/site/sub)" = "drwxr-xr-x 33/34" ]
	[ "$(listed srv/site/l)" = "lrwxrwxrwx 33/34" ]
	[ "$(listed etc/motd)" = "-rw-r--r-- 0/0" ]
	tar -tf "$dir/r.tar" >"$work/list"
	grep -qxF './exec form' "$work/list"
	not grep -q 'imagebuild-run\|in_target' "$work/list"
}
it 'the image has what the steps wrote, owned by whom they said' contents

resolv() {
	[ "$(tar -tvf "$dir/r.tar" ./etc/resolv.conf | awk '{ print $6, $7, $8 }')" = \
		"./etc/resolv.conf -> /run/nowhere" ]
	not grep -q 'resolv.conf.ORIG' "$work/list"
}
it "the target's own resolv.conf is back" resolv

published() {
	[ "$(cat "$dir/host-side")" = "$dir" ]
	[ "$(stat -c %U "$dir/host-side")" = $user ]
}
it 'what a host hook writes into the working directory is there after the build' published

again() {

	before=$(stat -c '%i %Y %Z' "$dir/r.tar")
	expect 0 build
	[ -z "$(ran)" ] || { ran; return 1; }
	[ "$(stat -c '%i %Y %Z' "$dir/r.tar")" = "$before" ]
}
it 'a second build runs no step and writes nothing' again

removed() {
	rm "$dir/r.tar" "$dir/host-side"
	expect 0 build
	[ -z "$(ran)" ] || { ran; return 1; }
	[ -f "$dir/r.tar" ]
	[ -f "$dir/host-side" ]
}
it 'what was removed of the outputs is made again from the layers' removed

edited() {
	sed -i 's|rm /tmp/id$|rm /tmp/id; echo more >/more|' "$dir/r.Imagefile"
	expect 0 build
	ran >"$work/ran"
	grep -q '^install RUN cat' "$work/ran"
	grep -q '^post-root RUN' "$work/ran"
	not grep -q '^root \|^install COPY\|RUN pwd' "$work/ran"
	[ "$(content more)" = more ]
}
it 'editing a RUN runs it and what is ordered after it, and nothing else' edited

# The step before COPY has begun, so the plan is made; while it runs a file changes.
changed_meanwhile() {
	recipe <<-'END'
		RUN --order=40 sleep 3
		COPY --order=50 word /word
	END
	echo one >"$dir/word"
	: >"$home/events"
	{
		n=0
		until grep -q 'started.*RUN sleep 3' "$home/events" || [ $n -ge 300 ]; do
			n=$((n + 1))
			sleep 0.1
		done
		echo two >"$dir/word"
	} &
	expect 0 build
	wait
	[ "$(content word)" = two ]
	echo one >"$dir/word"
	expect 0 build
	[ "$(content word)" = one ]
	ran | grep -q 'COPY word'
	! ran | grep -q 'RUN sleep'
}
it 'a file that changes during the build is copied under the key of what was copied' changed_meanwhile

# Equal bytes under another name are another file where the destination is a directory of the target.
renamed() {
	cp "$dir/r.Imagefile" "$work/kept"
	echo same >"$dir/a" && echo same >"$dir/b"
	for name in a b; do
		printf 'COPY %s /etc\n' $name | recipe
		expect 0 build
		[ "$(tar -xOf "$dir/r.tar" ./etc/$name)" = same ]
	done
	cp "$work/kept" "$dir/r.Imagefile"
}
it 'a file that is copied into a directory is keyed by its name' renamed

uncached() {
	expect 0 build --no-cache
	ran | grep -q '^root '
	expect 0 build
	[ -z "$(ran)" ] || { ran; return 1; }
}
it '--no-cache runs everything, and its layers are the ones that are found afterwards' uncached

conditions() {
	recipe <<-'END'
		ENV TINY_WORD=left
		RUN --when=TINY_WORD=left echo left >/left
		RUN --when=TINY_WORD!=left echo right >/right
		COPY --when=TINY_WORD!=left r.Imagefile /copied
	END
	expect 0 build
	tar -tf "$dir/r.tar" >"$work/list"
	grep -qx ./left "$work/list"
	! grep -qx './right\|./copied' "$work/list"
	recipe <<-'END'
		RUN --when=NO_SUCH=x true
	END
	expect 4 build
	says '^r.Imagefile:2:.*NO_SUCH'
}
it '--when leaves steps out, and an unset variable in it is an error' conditions

flags() {
	recipe <<-'END'
		RUN --network=none cat /proc/net/dev >/net
		RUN --no-cache cat /proc/sys/kernel/random/uuid >/uuid
		RUN echo after
	END
	expect 0 build
	[ "$(content net | sed -n 's/^ *\([a-z0-9]*\):.*/\1/p')" = lo ]
	uuid=$(content uuid)
	expect 0 build
	[ "$(ran | wc -l)" -ge 2 ]
	! ran | grep -q 'cat /proc/net'
	[ "$(content uuid)" != "$uuid" ]
}
it '--network=none leaves only lo, --no-cache runs a step in every build' flags

named() {
	mkdir -p "$dir/el/named/environment.d"
	echo 'export WHO=$IMAGE_NAME' >"$dir/el/named/environment.d/20-name.bash"
	recipe <<-'END'
		ELEMENT named
		RUN echo "$WHO" >/who
	END
	for name in r other r; do
		expect 0 build --element-path "$dir/el" -o $name
	done
	[ -z "$(ran)" ]
	[ "$(content who)" = r ]
	[ "$(tar -xOf "$dir/other.tar" ./who)" = other ]
	rm -r "$dir/el" "$dir/other.tar"
}
it 'a name that environment.d reads is in the keys' named

moved() {
	recipe <<-'END'
		RUN cat /etc/resolv.conf >/seen
	END
	expect 0 build
	[ "$(content seen)" = "$(cat /etc/resolv.conf)" ]
	sed -i 's|>/seen|>/seen; echo again|' "$dir/r.Imagefile"
	echo 'nameserver 192.0.2.1' >"$work/resolv.conf"
	chmod 644 "$work/resolv.conf"
	own
	expect 0 unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$work/resolv.conf" \
		runuser -u $user -- sh -c "cd '$dir' && HOME=$home '$IMAGEBUILD' build --progress=json --element-path \
		'$tests/elements' -f r.Imagefile >../events"
	[ "$(content seen)" = 'nameserver 192.0.2.1' ] || { content seen; return 1; }
	not ran_root
	[ "$(tar -tvf "$dir/r.tar" ./etc/resolv.conf | awk '{ print $6, $7, $8 }')" = \
		"./etc/resolv.conf -> /run/nowhere" ]
	is_clean
}
ran_root() {
	ran | grep '^root '
}
it 'on another network the steps that run see its resolv.conf, and no other step runs' moved

failing() {
	rm -f "$dir/r.tar"
	recipe <<-'END'
		RUN echo before; echo the reason >&2; exit 7
	END
	expect 4 build
	says '^r.Imagefile:2:'
	says 'status 7'
	says 'the reason'
	log=$(sed -n 's/.*log: \(.*\.log\).*/\1/p' "$work/err")
	grep -q 'the reason' "$log"
	[ ! -e "$dir/r.tar" ]
	is_clean
}
it 'a failing RUN is shown at its line with its output and log, and leaves nothing' failing

slow() {
	recipe <<-'END'
		RUN sleep 1000
	END
	expect 4 build --step-timeout=1
	says '^r.Imagefile:2:.*longer than 1 s'
	is_clean
}
it 'a step that takes longer than --step-timeout fails' slow

killed() {
	recipe <<-'END'
		RUN sleep 1000
	END
	own
	as_user $user sh -c "cd r && exec $IMAGEBUILD build --element-path $tests/elements -f r.Imagefile" &
	n=0
	until pgrep -u $user -x sleep >/dev/null; do
		n=$((n + 1))
		[ $n -lt 200 ]
		sleep 0.1
	done
	caller=$(pgrep -u $user -o -x imagebuild)
	kill "-$1" "$caller"
	wait || true
	n=0
	while pgrep -u $user . >/dev/null; do
		n=$((n + 1))
		[ $n -lt 50 ]
		sleep 0.1
	done
	not grep -q "$home\| /imagebuild/" /proc/mounts
	recipe </dev/null
	expect 0 build
	is_clean
}
it 'after SIGKILL no process and no mount stays, and the next build clears the store' killed KILL
it 'SIGTERM ends a build just as cleanly' killed TERM

made_hooks() {
	mkdir -p "$dir/elements/maker/extra-data.d" "$dir/elements/maker/install.d"
	cat >"$dir/elements/maker/extra-data.d/10-make" <<-'END'
		printf 'echo "made $0 $TINY_WORD" >/made\n' >"$TMP_HOOKS_PATH/install.d/20-made"
		chmod +x "$TMP_HOOKS_PATH/install.d/20-made"
		rm "$TMP_HOOKS_PATH/install.d/30-gone"
		mkdir "$TMP_HOOKS_PATH/finalise.d" "$TMP_HOOKS_PATH/post-root.d"
		printf 'echo late >/late\n' >"$TMP_HOOKS_PATH/finalise.d/50-late"
		printf 'cp "$TMP_MOUNT_PATH/made" "$TMP_MOUNT_PATH/copy"\n' >"$TMP_HOOKS_PATH/post-root.d/50-copy"
		chmod +x "$TMP_HOOKS_PATH"/*/50-*
		type get_image_element_array die >/dev/null
		get_image_element_array | grep -q maker
	END
	printf '#!/bin/bash\nset -e\n[ -f /made ] && touch /after\n' >"$dir/elements/maker/install.d/25-after"
	printf '#!/bin/bash\ntouch /gone\n' >"$dir/elements/maker/install.d/30-gone"
	mkfifo "$dir/elements/maker/install.d/pipe"
	chmod +x "$dir"/elements/maker/*/*
	recipe <<-'END'
		ELEMENT maker
	END
	expect 0 build
	[ "$(content made)" = "made /tmp/in_target.d/install.d/20-made none" ]
	tar -tf "$dir/r.tar" >"$work/list"
	grep -qx ./after "$work/list"
	not grep -qx ./gone "$work/list"
	[ "$(content late)" = late ] # in phases for which the plan has nothing
	[ "$(content copy)" = "$(content made)" ]
	expect 0 build
	[ -z "$(ran)" ]
}
it 'hooks that a hook makes run in their place, those that it removes do not' made_hooks

mounts() {
	mkdir -p "$dir/elements/binder/root.d" "$dir/elements/binder/post-root.d"
	cat >"$dir/elements/binder/root.d/50-bind" <<-'END'
		#!/bin/bash
		set -e
		mkdir -p "$DIB_IMAGE_CACHE/steps" "$TARGET_ROOT/var/cache/x"
		sudo mount --bind "$DIB_IMAGE_CACHE/steps" "$TARGET_ROOT/var/cache/x"
		echo kept >"$TARGET_ROOT/var/cache/x/kept"
	END
	printf '#!/bin/bash\n[ -f "$TMP_MOUNT_PATH/var/cache/x/kept" ]\n' >"$dir/elements/binder/post-root.d/50-see"
	chmod +x "$dir"/elements/binder/*/*
	recipe <<-'END'
		ELEMENT binder
		RUN cat /var/cache/x/kept
		RUN --phase=finalise ls -A /var/cache/x >/seen
	END
	expect 0 build
	[ -z "$(content seen)" ]
	[ "$(cat "$home/.cache/image-create/steps/kept")" = kept ]
}
it 'a bind mount of root.d is there until post-root is done, and no longer' mounts

old_overlay() {
	rm -rf "$dir/elements"
	recipe <<-'END'
		RUN rm -r /root && mkdir /root && rm /etc/passwd
	END
	overlay=mount expect 0 build
	tar -tf "$dir/r.tar" >"$work/list"
	not grep -qx ./etc/passwd "$work/list"
}
it 'layers stacked by mount(2) give the same' old_overlay

as_root() {
	mkdir "$work/root"
	cp "$dir/r.Imagefile" "$work/root/"
	cd "$work/root"
	expect 0 env "XDG_CACHE_HOME=$work/root/cache" "XDG_STATE_HOME=$work/root/state" "HOME=$work/root" \
		"$IMAGEBUILD" build --element-path "$tests/elements" -f r.Imagefile
	tar --numeric-owner -tvf r.tar | awk '{ print $1, $2, $6 }' >"$work/root-list"
	tar --numeric-owner -tvf "$dir/r.tar" | awk '{ print $1, $2, $6 }' | diff - "$work/root-list"
}
it 'root builds the same tree' as_root

products() {
	cat >"$dir/r.Imagefile" <<-'END'
		FROM tiny AS one
		OUTPUT tar
		FROM tiny AS two
		OUTPUT --name=named tar
	END
	expect 0 build
	[ -f "$dir/r-one.tar" ]
	[ -f "$dir/named.tar" ]
	rm "$dir/r-one.tar" "$dir/named.tar"
	expect 0 build --target one
	[ -f "$dir/r-one.tar" ]
	[ ! -e "$dir/named.tar" ]
	expect 2 build -o x
	expect 0 build -o x --target two
	[ -f "$dir/x.tar" ]
}
it 'two products have names of their own, also alone' products

labels() {
	recipe <<-'END'
		ELEMENT manifests
		LABEL a=1 b="two words"
		LABEL a=3
	END
	expect 0 build
	[ "$(content etc/dib-manifests/image_labels)" = "$(printf 'b=two words\na=3')" ]
	cmp "$dir/r.d/image_labels" - <<-'END'
		b=two words
		a=3
	END
	mkdir -p "$home/elsewhere"
	own
	chown $user: "$home/elsewhere"
	expect 0 build -o "$home/elsewhere/x"
	[ -s "$home/elsewhere/x.tar" ]
	grep -q 'outside of the working directory' "$home/events"
}
it 'LABEL is in the manifests; an image elsewhere keeps them to itself' labels

home_view() {
	mkdir -p "$dir/el/homely/root.d" "$home/.ssh" "$home/.config"
	cat >"$dir/el/homely/root.d/50-home" <<-'END'
		#!/bin/bash
		set -eu
		for name in rsa dsa; do
		    [ ! -f "$HOME/.ssh/id_$name.pub" ] || cat "$HOME/.ssh/id_$name.pub" >>"$TARGET_ROOT/etc/keys"
		done
		[ ! -e ~/.ssh/id_rsa ] || touch "$TARGET_ROOT/etc/private"
		[ ! -e ${HOME}/.config/other ] || cat ${HOME}/.config/other >>"$TARGET_ROOT/etc/keys"
		echo x 2>/dev/null >>"$HOME/.ssh/id_rsa.pub" && touch "$TARGET_ROOT/etc/written"
		ls -A "$HOME" | grep -q unnamed && touch "$TARGET_ROOT/etc/unnamed"
		true
	END
	chmod 755 "$dir/el/homely/root.d/50-home"
	echo 'ssh-rsa one' >"$home/.ssh/id_rsa.pub"
	echo '-----BEGIN OPENSSH PRIVATE KEY-----' >"$home/.ssh/id_rsa"
	echo other >"$home/.config/other"
	echo no >"$home/unnamed"
	chown -R $user: "$home/.ssh" "$home/.config" "$home/unnamed"
	recipe <<-'END'
		ELEMENT homely
	END
	expect 0 build --element-path "$dir/el"
	[ "$(content etc/keys)" = "$(printf 'ssh-rsa one\nother')" ]
	not content etc/private 2>/dev/null
	not content etc/written 2>/dev/null
	not content etc/unnamed 2>/dev/null
	[ "$(cat "$home/.ssh/id_rsa.pub")" = 'ssh-rsa one' ]
	expect 0 build --element-path "$dir/el"
	[ -z "$(ran)" ]
	echo 'ssh-rsa two' >"$home/.ssh/id_rsa.pub"
	expect 0 build --element-path "$dir/el"
	ran | grep -q 50-home
	content etc/keys | grep -q 'ssh-rsa two'
}
it 'a host hook sees the files of HOME that it names, read-only and keyed, and no private key' home_view

finish
