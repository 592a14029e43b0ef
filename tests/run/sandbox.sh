#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Steps in the sandbox, each by sandboxtool: as whoever runs this, and where that is root again as a user made for it.
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
tool=${IMAGEBUILD_BUILD:=$(dirname "$tests")/build}/tests/run/sandboxtool
bin=$(dirname "$tests")/engine/sandbox/bin
export IMAGEBUILD_BUILD
failed=0 who='' user=sandbox-test-user

if [ "${1-}" = --as-user ]; then
	who=' (as a user)'
elif [ "$(id -u)" = 0 ] && command -v newuidmap >/dev/null; then
	touch /etc/subuid /etc/subgid
	if useradd -m "$user"; then
		runuser -u "$user" -- sh "$0" --as-user || failed=1
		userdel -r "$user" 2>/dev/null
	fi
fi
"$tool" -P || { echo "1..0 # SKIP the sandbox does not work here"; exit 77; }

top=$(mktemp -d) || exit 1
trap 'cleanup' EXIT
mkdir "$top/store" "$top/dir"
cd "$top" || exit 1

# Files of mapped ids can only be removed inside.
cleanup() {
	"$tool" -S "$top/store" -l base sh -c "rm -rf /imagebuild/store/layers" >/dev/null 2>&1
	cd / && chmod -R u+rwx "$top" && rm -rf "$top"
}
run() { "$tool" -S store -d dir -B "$bin" "$@" >out 2>err </dev/null; }
ok() {
	if [ "$1" = 0 ]; then
		echo "ok - $2$who"
	else
		failed=1
		echo "not ok - $2$who"
		sed 's/^/# out: /' out
		sed 's/^/# err: /' err
	fi
}
# is TEXT EXPECTED NAME
is() {
	if [ "$1" = "$2" ]; then ok 0 "$3"; else echo "# got '$1', expected '$2'"; ok 1 "$3"; fi
}
has() { grep -q "$1" "$2"; ok $? "$3"; }

# A tree with bash and some tools of the host: layer "base".
run -D base bash -euc '
	cd $TARGET_ROOT
	mkdir -p bin dev etc proc sys tmp root lower/sub
	for p in bash ls cat stat id mknod env sleep; do cp "$(command -v $p)" bin/; done
	ln -s bash bin/sh
	ldd bin/* | grep -o "/[^ )]*" | grep -v : | sort -u | while read -r f; do
		[ -e ".$f" ] || { mkdir -p ".${f%/*}"; cp "$f" ".$f"; }
	done
	echo "u:x:1000:100:u:/home/u:/bin/sh" >etc/passwd
	printf "g:x:100:\nextra:x:200:u\nother:x:300:\n" >etc/group
	echo one >lower/file; echo two >lower/sub/file; echo three >etc/conf
	mkdir ../hooks/install.d && echo "echo \$BASH_VERSION >/shell" >../hooks/install.d/10-x && chmod +x ../hooks/install.d/10-x'
has '^status 0$' err 'a step writes a layer'

run -l base sh -c 'id -u; id -g; id -G; umask; hostname; ls /proc/self/fd | wc -l; cat /proc/1/comm; sh -c "ps -o pid= -p \$\$"' </dev/null
is "$(head -n 5 out | tr '\n' ' ')" '0 0 0 0022 imagebuild ' 'a host step is root with umask 022 and a constant host name'
is "$(sed -n 6p out)" 5 'only the three standard files are open, and as 3 the log'
exec 9<"$tool" && run -l base sh -c 'ls /proc/self/fd | wc -l'
is "$(cat out)" 5 'descriptors of the caller are closed'
run -l base sh -c 'echo kept >&3'
has '^kept$' out 'descriptor 3 of a host step is the log'
exec 9<&-
run -l base sh -c 'touch /etc/x /usr/x /x 2>/dev/null; ls /etc/x /usr/x /x 2>/dev/null; touch /tmp/sandbox-private; ls /tmp'
has '^sandbox-private$' out 'the host is read-only and /tmp writable'
[ ! -e /tmp/sandbox-private ]
ok $? '/tmp of the sandbox is private'
run -l base ls /imagebuild/build/mnt/etc
is "$(cat out)" "$(printf 'conf\ngroup\npasswd')" 'one layer alone mounts read-only'
run -l base -v "$top/dir" ls -d "$top/dir"
has '^status 0$' err 'directories below /tmp that the build needs stay visible'

for old in '' -o; do
	name=${old:+ (old overlay)}
	run $old -D change$old -l base bash -euc '
		cd $TARGET_ROOT
		rm etc/conf; rm -r lower; mkdir lower; echo new >lower/new; mkdir made; mv made renamed; mv bin bin2; mv bin2 bin'
	has '^status 0$' err "files go, directories are replaced and renamed$name"
	run $old -l change$old -l base -T sh -c 'ls lower etc; ls -d renamed bin/bash'
	is "$(grep -v : out | grep . | LC_ALL=C sort | tr '\n' ' ')" 'bin/bash group new passwd renamed ' "the merged tree shows it$name"
	run $old -l change$old -l base sh -c 'cd /imagebuild/store/layers/change'$old'/fs/mnt; stat -c "%F %t:%T" etc/conf; getfattr --absolute-names --only-values -n user.overlay.opaque lower'
	is "$(cat out)" "$(printf 'character special file 0:0\ny')" "whiteouts are 0:0, opaque is user.overlay.opaque$name"
done

echo mine >dir/file
run -D out1 -l base sh -c 'echo changed >file; echo added >added; mkdir d'
is "$(cat dir/file) $(ls dir)" 'mine file' 'the caller'\''s directory is not written'
run -D out2 -l out1 -l base sh -c 'cat file added; rm file; ls; cat '"$top"'/dir/added'
is "$(cat out | tr '\n' ' ')" 'changed added added d added ' 'later steps see what earlier ones wrote there'
mkdir -p dir/.cache/store
"$tool" -S dir/.cache/store -d dir -D a sh -c 'echo x >x; cat x' >out 2>err
is "$(cat out)" x 'the store may lie below the caller'\''s directory'
"$tool" -S dir/.cache/store -d dir -D b -l a sh -c 'cat x; echo y >y; cat y' >out 2>err
is "$(tr '\n' ' ' <out)" 'x y ' 'also for the second step'
"$tool" -S dir/.cache/store -d dir -l b -l a cat x y >out 2>err
is "$(tr '\n' ' ' <out)" 'x y ' 'and for one that writes nothing'
"$tool" -S dir/.cache/store -l a sh -c 'rm -rf /imagebuild/store/layers' >/dev/null 2>&1

run -D dev -l base bash -euc '
	cd $TARGET_ROOT/dev
	mknod null c 1 3; mknod -m 666 zero c 1 5; mknod sda b 8 0; (umask 077; mknod tty c 5 0)
	chmod 640 sda; chown 0:6 sda
	stat -c "%n %F %a %u:%g" *; for f in *; do getfattr --only-values -n user.imagebuild.dev $f; echo; done
	chroot .. sh -c "echo x >/dev/null; stat -c %F /dev/null /dev/zero /dev/sda"
	mkfifo fifo; mknod p p; stat -c %F fifo p'
is "$(grep 'regular' out | tr '\n' ' ')" 'null regular empty file 644 0:0 sda regular empty file 640 0:6 tty regular empty file 600 0:0 zero regular empty file 666 0:0 regular empty file ' 'mknod makes stand-ins with mode and owner'
is "$(grep '^[cb] ' out | tr '\n' ' ')" 'c 1 3 b 8 0 c 5 0 c 1 5 ' 'stand-ins know their numbers'
is "$(grep -c 'character special' out)" 2 'in a chroot the common ones are devices'
is "$(grep -c '^fifo' out)" 2 'fifos are themselves'
has '^status 0$' err 'mknod succeeds'
! grep -q '^left' err
ok $? 'nodes bound at chroot are not left as mounts'

run -D m -l base bash -euc '
	cd $TARGET_ROOT
	mount -t sysfs -o ro sysfs sys; ls sys/class/net; umount -f sys
	mount --bind /sys sys; test -d sys/class; umount sys
	mount --bind /dev dev; echo x >dev/null; test ! -s dev/null; stat -c %F dev/null; umount dev
	mount -t devpts -o newinstance devpts dev; umount -l dev
	mount -t tmpfs tmpfs tmp; umount -fl tmp; mount -t proc proc proc; umount -f proc
	ls -A sys dev tmp proc'
has '^status 0$' err 'sysfs, /dev, devpts, forced umount work as for root'
has 'character special file' out 'a bound /dev has its nodes'
! grep -q '^left\|^other' err
ok $? 'what was unmounted is not left'

run -D left -l base bash -euc 'cd $TARGET_ROOT; mkdir -p /tmp/src; echo s >/tmp/src/f; mount --bind /imagebuild/store tmp; mount -t proc proc proc; mount --bind '"$top"'/dir root'
is "$(grep '^left' err | LC_ALL=C sort | tr '\n' ' ')" "left /imagebuild/store /imagebuild/build/mnt/tmp left /proc /imagebuild/build/mnt/proc left $top/dir /imagebuild/build/mnt/root " 'bind mounts left behind are told with their sources'
run -D replay -l left -l base -b "$top/dir=/imagebuild/build/mnt/root" sh -c 'ls $TARGET_ROOT/root; umount $TARGET_ROOT/root'
has '^added\|^file' out 'a bind is made again'
has '^gone /imagebuild/build/mnt/root$' err 'a bind that a step unmounts is gone'
run -D other -l base sh -c 'mount -t tmpfs tmpfs $TARGET_ROOT/tmp'
has '^other$' err 'another kind of mount is told'

run -D hook -l base -c -m -k /tmp/in_target.d/install.d/10-x
has '^status 0$' err 'a hook without #! is run by bash in the chroot'
run -D hook2 -l hook -l base -c sh -c 'cat /shell; ls -A /tmp /dev /proc /sys'
has '^[0-9]' out 'it was bash'
is "$(grep -c . out)" 5 'hooks and mounts leave nothing in the layer'
run -D hook4 -l base -c -m sh -c 'ls /dev'
is "$(tr '\n' ' ' <out)" 'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ' 'the target has a minimal /dev'
run -D hook3 -l base -c -k -m sh -c 'echo x >/tmp/in_target.d/y'
has 'Read-only' out 'hooks are read-only in the target'
run -D cb -l base -c -b "$top/dir=/run/secrets/deep=ro" -b "$top/dir/file=/etc/secret=ro=file" sh -c 'cat /run/secrets/deep/file /etc/secret'
is "$(tr '\n' ' ' <out)" 'mine mine ' 'binds in the chroot, also of files'
run -l cb -l base ls -A /imagebuild/build/mnt /imagebuild/build/mnt/etc
! grep -q 'run\|secret' out
ok $? 'their mount points are not in the layer'
for u in 'u:1000:100:100 200' 'u~g:1000:100:100' '1000~other:1000:300:300' '7:7:0:0'; do
	run -D "user${u%%:*}" -l base -c -u "$(echo "${u%%:*}" | tr '~' :)" sh -c 'id -u; id -g; id -G'
	is "$(tr '\n' ':' <out)" "${u#*:}:" "user ${u%%:*}"
done
run -l base -c -u nobody-here id
has "user: no user 'nobody-here'" err 'an unknown user is an error'
run -l base -c /bin/none
has 'error run: /bin/none: No such file' err 'what cannot be run is an error with its stage'
run -l base -c -w /none /bin/ls
has 'error working directory: /none' err 'so is a missing working directory'
run -l base sh -c 'exit 7'
has '^status 7$' err 'a failing step has its status'

run -D fn -l base -F /imagebuild/build/mnt/made
has '^status 0$' err 'a function runs in the step'
run -l fn -l base stat -c '%a %u %s' /imagebuild/build/mnt/made
is "$(cat out)" '600 0 0' 'its change is in the layer'
run -D fn2 -l base -F /none/made
has '^error make /none/made: No such file or directory' err 'its error comes back'

mkfifo dir/fifo
run -l base sh -c 'sync fifo'
has '^status 0$' err 'fsync does nothing, also where it cannot'
run -l base -n sh -c 'ls /sys/class/net >/dev/null; ip -o addr 2>/dev/null || cat /proc/net/dev; (exec 3<>/dev/tcp/127.0.0.1/1) 2>&1'
is "$(grep -c 'eth0\|ens\|enp' out)" 0 'offline there is no network but lo'
run -D daemon -l base bash -c 'setsid sh -c "while :; do date >$TARGET_ROOT/tick; sleep 0.05; done" & sleep 0.2'
has '^status 0$' err 'a step may leave a process running'
run -D daemon2 -l daemon -l base sh -c 'a=$(stat -c %y $TARGET_ROOT/tick); sleep 0.3; [ "$a" = "$(stat -c %y $TARGET_ROOT/tick)" ]'
has '^status 0$' err 'which does not outlive it'
run -l base -t 1 sleep 60
is "$(tr '\n' ' ' <err)" 'timed out signal 9 ' 'a step over its time is killed'

for u in 'sudo id -u' 'sudo -E -H -n -- id -u' 'sudo -E A=0 sh -c "echo \$A"' 'sudo -Hiu root id -u' 'sudo -u root A=1 id -u'; do
	run -l base sh -c "$u"
	is "$(cat out)" 0 "$u"
done
run -l base sh -c 'sudo -u nobody id -un'
is "$(cat out)" nobody 'sudo -u nobody'

mkdir inner
run -D in -l base -v "$(dirname "$tool")" bash -c 'export T='"$tool"'; cd /tmp; mkdir n; mount -t tmpfs n n; mkdir n/store; $T -S n/store -B /imagebuild/bin -D a bash -c "mknod -m 600 \$TARGET_ROOT/null c 1 3; getfattr --absolute-names --only-values -n user.imagebuild.dev \$TARGET_ROOT/null; echo; echo \$container; mount -t sysfs s \$TARGET_ROOT && ls \$TARGET_ROOT/class >/dev/null && umount -f \$TARGET_ROOT && echo done"'
is "$(grep -v status out | tr '\n' ' ')" 'c 1 3 lxc done ' 'inside another sandbox shims do what the notifier cannot'

before=$(cat /proc/self/mounts) scratch=$(ls store/tmp | grep -c .)
"$tool" -S store -d dir -D killed -l base sh -c 'setsid sleep 987 & sleep 987' >/dev/null 2>&1 &
pid=$!
i=0
while [ "$(pgrep -cf 'sleep 987')" -lt 3 ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
[ $i -lt 50 ]
ok $? 'a long step runs'
kill -9 $pid
wait $pid 2>/dev/null
i=0
while pgrep -f 'sleep 987' >/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
[ $i -lt 50 ]
ok $? 'killing the caller kills everything'
run -l base true
is "$(ls store/tmp | grep -c .)" $((scratch + 2)) 'of a killed build only its scratch directory and lock stay'
is "$(cat /proc/self/mounts)" "$before" 'no mount is visible outside'
exit $failed
