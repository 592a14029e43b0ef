#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input and bad machines, end to end: the documented exit status, a message that says where, and nothing left.
. "$(dirname "$0")/../lib.sh"
user=
if [ "$(id -u)" -eq 0 ]; then
	user=bad$$
	make_user $user || skip_all "cannot make a user"
	home=$(getent passwd $user | cut -d: -f6)
else
	home=$work/home
	mkdir "$home"
fi
stage=$work/stage
cmake --install "$IMAGEBUILD_BUILD" --prefix "$stage" >/dev/null || exit 1
cp -r "$tests/elements" "$stage/elements"
chmod -R a+rX "$stage"
room=$home/room

# build WORDS...: the program as the user, in $room.
build() {
	if [ -n "$user" ]; then
		as_user $user sh -c 'cd "$1" && shift && exec "$@"' - "$room" "$stage/bin/imagebuild" \
			--element-path "$stage/elements" --progress=plain "$@"
	else
		(cd "$room" && HOME=$home exec "$stage/bin/imagebuild" --element-path "$stage/elements" --progress=plain "$@")
	fi
}

# recipe TEXT: $room with an Imagefile of it.
recipe() {
	rm -rf "$room"
	mkdir -p "$room"
	printf '%b' "$1" >"$room/Imagefile"
	[ -z "$user" ] || chown -R $user: "$room"
	ls -A "$room" >"$work/before"
	own_mounts >"$work/mounts"
}

# Mounts that name our program, user or directories; others come and go on their own.
own_mounts() {
	grep -e "$home" -e "$work" -e ' /imagebuild' /proc/self/mountinfo || true
}

# Nothing but what was there; no mount, no process, no draft.
nothing_left() {
	ls -A "$room" | diff "$work/before" -
	own_mounts | diff "$work/mounts" -
	[ -z "$user" ] || not pgrep -l -U $user
	for dir in "$home"/.cache/imagebuild/tmp "$home"/.cache/imagebuild/*/tmp; do
		[ ! -d "$dir" ] || [ -z "$(ls -A "$dir")" ] || { ls -lA "$dir" && return 1; }
	done
}
tiny='FROM tiny\nLAYOUT none packages=no size=256MiB { ext4 mount=/ }\nOUTPUT raw\n'

good() {
	recipe "${tiny}RUN echo hello >/etc/hello\n"
	expect 0 build
	[ -s "$room/image.raw" ]
	/sbin/e2fsck -fn "$room/image.raw"
	/sbin/debugfs -R 'cat /etc/hello' "$room/image.raw" 2>/dev/null | grep -qx hello
	rm "$room/image.raw"
	nothing_left
}
it 'a tiny image is built in the same way' good

unknown_instruction() {
	recipe 'FORM tiny\nELEMNT vm\n'
	expect 1 build
	says "^Imagefile:1:1: error: unknown instruction 'FORM'; did you mean 'FROM'? \[IB1001\]"
	says "^Imagefile:2:1: error: unknown instruction 'ELEMNT'; did you mean 'ELEMENT'? \[IB1001\]"
	nothing_left
}
it 'unknown instructions are all named, with their places' unknown_instruction

unknown_element() {
	recipe 'FROM tinny\n'
	expect 1 build
	says "^Imagefile:1:6: error: unknown element or stage 'tinny'; did you mean 'tiny'? \[IB1204\]"
	nothing_left
}
it 'an unknown element is named with the nearest one' unknown_element

unknown_flag_key_size() {
	recipe 'FROM tiny\nRUN --phse=install true\nLAYOUT gpt { partition p size=8G { ext4 mount=/ labl=x } }\n'
	expect 1 build
	says '^Imagefile:2:[0-9]*: error: .*phse'
	nothing_left
	recipe 'FROM tiny\nLAYOUT gpt {\npartition p size=8G { ext4 mount=/ labl=x }\n}\n'
	expect 1 build
	says '^Imagefile:3:.*: error: .*8G'
	says '^Imagefile:3:.*: error: .*labl'
	nothing_left
}
it 'unknown flags and keys and sizes without a unit are errors at their places' unknown_flag_key_size

no_file() {
	recipe 'FROM tiny\n'
	expect 2 build -f nothing.Imagefile
	says "nothing.Imagefile.*No such file"
	expect 2 build --no-such-option
	nothing_left
}
it 'a recipe that is not there and an unknown option are usage errors' no_file

no_source() {
	recipe "${tiny}COPY nothing /etc/\n"
	expect 1 build
	says '^Imagefile:4:6: error: '
	nothing_left
}
it 'a COPY of a file that is not there is an error at its word' no_source

leaves_context() {
	recipe "${tiny}COPY ../secret /etc/\n"
	expect 1 build
	says '^Imagefile:4:6: error: '
	recipe "${tiny}COPY out /etc/\n"
	ln -s /etc/passwd "$room/out"
	ls -A "$room" >"$work/before"
	got=0
	build >"$work/out" 2>"$work/err" || got=$?
	if [ "$got" -eq 0 ]; then
		# a link may be copied as a link, never followed
		/sbin/debugfs -R 'stat /etc/out' "$room/image.raw" 2>/dev/null | grep -q 'Type: symlink'
		rm "$room/image.raw"
	fi
	recipe "${tiny}COPY dir/passwd /etc/\n"
	ln -s /etc "$room/dir"
	ls -A "$room" >"$work/before"
	expect 1 build
	says '^Imagefile:4:6: error: '
	nothing_left
}
it 'a COPY cannot leave the context, by a symlink either' leaves_context

failing_run() {
	recipe "${tiny}RUN echo before; echo the reason >&2; exit 3\n"
	expect 4 build
	says '^Imagefile:4:.*: error: .*status 3'
	says 'the reason'
	says 'log'
	nothing_left
}
it 'a failed RUN is shown at its line with the end of its output and leaves nothing' failing_run

no_system() {
	recipe 'FROM vm\n'
	expect 1 build
	says 'operating system'
	nothing_left
}
it 'a recipe without an operating system is refused before any step' no_system

too_full() {
	recipe 'FROM tiny\nRUN true\nLAYOUT gpt packages=no size=64MiB {\npartition a size=60MiB { ext4 mount=/ }\npartition b size=60MiB { ext4 mount=/x }\n}\nOUTPUT raw\n'
	expect 1 build
	says '^Imagefile:[345]:.*IB1306'
	not grep -q 'RUN true' "$work/err"
	nothing_left
}
it 'an overfull layout is refused with its arithmetic before any step' too_full

too_small() {
	recipe 'FROM tiny\nLAYOUT none packages=no size=2MiB { ext2 mount=/ }\nOUTPUT raw\n'
	got=0
	build >"$work/out" 2>"$work/err" || got=$?
	cat "$work/err"
	[ "$got" -eq 1 ] || [ "$got" -eq 5 ]
	grep -qiE 'space|full|small|fit|missing|larger' "$work/err"
	nothing_left
}
it 'a file system that is too small for its files says so and leaves no image' too_small

hostile_names() {
	recipe "${tiny}COPY d/ /data/\n"
	mkdir "$room/d"
	(cd "$room/d" && : >'a b' && : >'-rf' && : >"$(printf 'new\nline')" && : >"$(printf '\377bytes')" && : >'$(touch x)' &&
		: >"$(printf '%0255d' 7)")
	[ -z "$user" ] || chown -R $user: "$room"
	ls -A "$room" >"$work/before"
	expect 0 build
	/sbin/debugfs -R 'ls -p /data' "$room/image.raw" 2>/dev/null >"$work/names"
	grep -aq '/a b/' "$work/names"
	grep -aq '/-rf/' "$work/names"
	grep -aqF '/$(touch x)/' "$work/names"
	grep -aq "/$(printf '%0255d' 7)/" "$work/names"
	/sbin/e2fsck -fn "$room/image.raw"
	rm "$room/image.raw"
	nothing_left
}
it 'files with hostile names are copied like any other' hostile_names

unreachable() {
	recipe 'FROM debian-minimal\nENV DIB_DISTRIBUTION_MIRROR=http://127.0.0.1:9/debian\nOUTPUT raw\n'
	expect 4 build
	says '^.*: error: '
	nothing_left
}
it 'an archive that cannot be reached fails its step and leaves nothing' unreachable

killed() {
	recipe "${tiny}RUN echo started; sleep 300\n"
	if [ -n "$user" ]; then
		build >"$work/out" 2>"$work/err" &
	else
		build >"$work/out" 2>"$work/err" &
	fi
	for _ in $(seq 600); do
		grep -q 'RUN echo started' "$work/err" && break
		sleep 0.1
	done
	grep -q 'RUN echo started' "$work/err"
	sleep 1
	program=$(pgrep -n -f "^$stage/bin/imagebuild" ${user:+-U $user} || true)
	program=$(pgrep -o -f "^$stage/bin/imagebuild" ${user:+-U $user})
	kill -KILL "$program"
	sleep 2
	[ -z "$user" ] || not pgrep -l -U $user
	own_mounts | diff "$work/mounts" -
	recipe "${tiny}RUN echo other\n"
	expect 0 build
	rm "$room/image.raw"
	nothing_left
}
it 'what a SIGKILL leaves is removed by the next command' killed

interrupted() {
	recipe "${tiny}RUN echo started; sleep 301\n"
	build >"$work/out" 2>"$work/err" &
	waiter=$!
	for _ in $(seq 600); do
		grep -q 'RUN echo started' "$work/err" && break
		sleep 0.1
	done
	sleep 1
	kill -TERM "$(pgrep -o -f "^$stage/bin/imagebuild" ${user:+-U $user})"
	got=0
	wait $waiter || got=$?
	echo "status $got"
	[ "$got" -eq 143 ]
	nothing_left
}
it 'SIGTERM ends the build with status 143 and leaves nothing' interrupted

no_subids() {
	[ -n "$user" ] || exit 77
	recipe "$tiny"
	for file in subuid subgid; do
		grep "^$user:" /etc/$file >"$work/$file"
		sed -i "/^$user:/d" /etc/$file
	done
	got=0
	expect 3 build || got=$?
	cat "$work/subuid" >>/etc/subuid
	cat "$work/subgid" >>/etc/subgid
	[ "$got" -eq 0 ]
	says 'no subordinate ids'
	nothing_left
}
it 'a user without subordinate ids is told so before any step' no_subids

# on_small DIRECTORY WORDS...: builds with DIRECTORY on a file system of 3 MiB; the exit status in $got, what is
# left there in $left.
on_small() {
	dir=$1
	shift
	mkdir -p "$dir"
	mount -t tmpfs -o size=3m,mode=755 tmpfs "$dir" || exit 77
	[ "$dir" != "$room" ] || cp "$work/saved" "$dir/Imagefile"
	chown -R $user: "$dir"
	own_mounts >"$work/mounts"
	got=0
	build "$@" >"$work/out" 2>"$work/err" || got=$?
	cat "$work/err"
	left=$(find "$dir" -type f ! -name Imagefile ! -name lock ! -name version)
	own_mounts | diff "$work/mounts" - || got=99
	umount "$dir"
	own_mounts >"$work/mounts"
}

full_store() {
	[ -n "$user" ] || exit 77
	recipe "${tiny}RUN echo different >/etc/x\n"
	cp "$room/Imagefile" "$work/saved"
	on_small "$home/small" --store "$home/small/store"
	rmdir "$home/small"
	[ "$got" -eq 3 ]
	says 'of space in .*small/store'
	[ -z "$left" ]
	nothing_left
}
it 'a store without room is refused before any step' full_store

full_output() {
	[ -n "$user" ] || exit 77
	recipe "${tiny}RUN echo different >/etc/x\n"
	cp "$room/Imagefile" "$work/saved"
	on_small "$room"
	[ "$got" -eq 3 ] || [ "$got" -eq 5 ]
	says "[Ss]pace"
	echo "left: $left"
	[ -z "$left" ]
}
it 'a full disk under the image is said, and nothing half-made is left' full_output
same_file() {
	recipe 'FROM tiny\nOUTPUT tar\n'
	cp "$room/Imagefile" "$room/Other"
	ls -A "$room" >"$work/before"
	expect 2 build --dry-run -o same -f Imagefile -f Other
	says "Other: an earlier recipe of this command makes '.*/same.tar'"
	expect 2 build -o sub/
	says "the image's name 'sub/' ends in '/'"
	nothing_left
}
it 'two recipes that would write one file are refused, and a name that is none' same_file

finish
