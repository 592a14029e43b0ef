#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nasty.sh EXTMK: a tree of 2900 hard cases into ext2, ext3, ext4 and tar, and back: every entry must
# be the same. File systems are checked by e2fsck and read by the kernel. Needs root and loop devices.
set -u
extmk=$1
here=$(dirname "$(readlink -f "$0")")
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
for tool in e2fsck mke2fs python3 bsdtar; do
	command -v "$tool" >/dev/null || { echo "needs $tool"; exit 77; }
done
losetup -f >/dev/null 2>&1 || { echo "needs loop devices"; exit 77; }
temp=$(mktemp -d /tmp/imagebuild-nasty-XXXXXX)
trap 'umount -q "$temp/mnt"; umount -q "$temp/tmpfs"; rm -rf "$temp"' EXIT
cd "$temp" || exit 1
mkdir mnt tmpfs a a1k empty
MIB=1048576
count=0 failures=0

ok() { # STATUS SENTENCE
	count=$((count + 1))
	[ "$1" = 0 ] && { echo "ok $count - $2"; return; }
	failures=$((failures + 1))
	echo "not ok $count - $2"
}

manifest() { python3 "$here/manifest.py" "$@"; }

# TREE TYPE MIB OPTIONS
round_trip() {
	local image=$temp/x.img what="$2 of $3 MiB with '$4' holds tree '$1'"
	rm -f "$image"
	"$extmk" "$2" "$image" "0:$(($3 * MIB))" "$1" "$4" || { ok 1 "$what"; return; }
	e2fsck -fn "$image" >fsck.log 2>&1 || { sed 's/^/# /' fsck.log; ok 1 "$what: e2fsck"; return; }
	mount -o ro,loop "$image" mnt || { ok 1 "$what: mount"; return; }
	manifest mnt ${5-} >got
	umount mnt
	diff "$1.list${5-}" got >difference
	local status=$?
	cut -c1-300 difference | head -5 | sed 's/^/# /'
	ok "$status" "$what"
}

python3 "$here/nasty.py" a && python3 "$here/nasty.py" a1k --1k || exit 1
manifest a >a.list
manifest a1k >a1k.list
manifest a --no-times >a.list--no-times
[ "$(wc -l <a.list)" -gt 2800 ]
ok $? "the tree has its entries"

for type in ext2 ext3 ext4; do
	round_trip a $type 600 ""
	round_trip a1k $type 300 ""
done
round_trip a ext4 2000 "-i 4096 -J size=64"
round_trip a ext4 600 "-O ^metadata_csum"
round_trip a ext4 600 "-O ^has_journal,^dir_index -m 0"
round_trip a ext2 600 "-O ^filetype"
round_trip a ext4 600 "-I 512 -E resize=100000000"
round_trip a1k ext3 300 "-b 2048"

mkdir many
(cd many && seq 1 9000 | sed 's/^/a-name-that-is-long-enough-/' | xargs touch -d @1600000000)
manifest many >many.list
round_trip many ext4 64 "-b 1024"

# equal bytes, from another file system and in pieces
mount -t tmpfs -o size=256m tmpfs tmpfs && cp -a a/. tmpfs/
ok $? "a copy on tmpfs"
for type in ext2 ext3 ext4; do
	rm -f one two pieces
	"$extmk" $type one "0:$((600 * MIB))" a &&
		"$extmk" $type two "0:$((600 * MIB))" tmpfs && cmp one two
	ok $? "$type is the same from a copy on another file system"
	first=$((7 * MIB + 512)) second=$((300 * MIB + 1024)) third=$((293 * MIB - 1536))
	"$extmk" $type pieces "$((400 * MIB)):$first,0:$second,$((500 * MIB + 512)):$third" a
	{
		dd if=pieces bs=1M iflag=skip_bytes,count_bytes skip=$((400 * MIB)) count=$first
		dd if=pieces bs=1M iflag=skip_bytes,count_bytes count=$second
		dd if=pieces bs=1M iflag=skip_bytes,count_bytes skip=$((500 * MIB + 512)) count=$third
	} 2>/dev/null | cmp - one
	ok $? "$type is the same in three pieces of a file"
done

# sizes
for size in 1 2 4 16 511 512 3000 40000; do
	rm -f x.img
	"$extmk" ext4 x.img "0:$((size * MIB))" empty && e2fsck -fn x.img >fsck.log 2>&1
	ok $? "an empty ext4 of $size MiB"
done
rm -f x.img
message=$("$extmk" ext4 x.img "0:$((8 * MIB))" a "-N 4000" 2>&1)
[[ $? = 1 && $message == "the files do not fit: "*" MiB are missing; make"* ]]
ok $? "what is missing is said: $message"
message=$("$extmk" ext4 x.img "0:$((600 * MIB))" a "-N 100" 2>&1)
[[ $? = 1 && $message == *"inodes are needed"* ]]
ok $? "what is missing is said: $message"
for bad in "-i 1" "-Z" "-O bigalloc" "-J size=600" "-b 3000" "-E resize=5" "-m 90" "-i"; do
	"$extmk" ext4 x.img "0:$((600 * MIB))" empty "$bad" 2>/dev/null
	[ $? = 1 ]
	ok $? "'$bad' is refused"
done

# the same decisions as mke2fs
geometry() { dumpe2fs "$1" 2>/dev/null | grep -Ev 'name:|UUID|Overhead|created|time:|checked|Lifetime|Seed|hecksum|csum'; }
for case in "ext4 100" "ext3 100" "ext2 3000" "ext4 600 -i 4096 -J size=64" "ext4 9000 -E resize=100000000" "ext3 700 -m 1 -N 5000" "ext4 2" \
	"ext4 900 -O ^resize_inode,meta_bg" "ext4 900 -T largefile -I 512" "ext4 5000000 -N 100000"; do
	read -r type size options <<<"$case"
	rm -f one two
	truncate -s "${size}M" two
	# shellcheck disable=SC2086
	"$extmk" "$type" one "0:$((size * MIB))" - "$options" && mke2fs -q -F -t "$type" $options two
	diff <(geometry one) <(geometry two) | head -5
	[ "${PIPESTATUS[0]}" = 0 ]
	ok $? "mke2fs makes the same of '$case'"
done

# tar; times before 1970 lose their fraction there
python3 - <<'END'
import os
for name in os.listdir("a/times"):
    path = "a/times/" + name
    t = os.lstat(path).st_mtime_ns
    if t < 0:
        os.utime(path, ns=(0, t // 10**9 * 10**9))
END
touch -d @1600000000 a/times
manifest a | sed 1d >a.list
"$extmk" tar a.tar - a && cp -a a/times tmpfs/ && "$extmk" tar b.tar - tmpfs && cmp a.tar b.tar
ok $? "tar is the same from a copy on another file system"
mkdir gnu bsd own
tar -C gnu --xattrs --xattrs-include='*' --acls -xpf a.tar 2>&1 | grep -v 'time stamp'
manifest gnu | sed 1d | diff a.list - >difference
ok $? "GNU tar reads all back"
LC_ALL=C.UTF-8 bsdtar -C bsd -xpf a.tar 2>/dev/null
manifest bsd | sed 1d | diff a.list - >difference
ok $? "bsdtar reads all back"
"$extmk" unpack a.tar - own
manifest own | sed 1d | diff a.list - >difference
ok $? "archive_extract reads all back"

# the same in a user namespace, through an overlay
mkdir a-small user
chmod 755 . user
chown 100000:100000 user
python3 "$here/nasty.py" a-small --small-ids
"$extmk" tar small.tar - a-small
python3 "$here/userns.py" bash -ec '
	cd user
	mkdir lower upper work merged
	"$0" unpack ../small.tar - lower
	mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged
	chmod 0600 merged/contents/n1   # copies it up
	chmod 0644 merged/contents/n1
	rm merged/contents/n4095 && rm -r merged/dirs
	"$0" ext4 ../user/x.img "0:629145600" merged
	"$0" tar ../user/x.tar - merged
' "$extmk"
ok $? "a user namespace unpacks and reads an overlay"
rm -r a-small/dirs a-small/contents/n4095
mount -o ro,loop user/x.img mnt
for dir in a-small mnt; do
	manifest $dir --userns | sed 1d | grep -Ev "^\[b'(times/-|contents'|times')" >$dir.list
done
umount mnt
diff a-small.list mnt.list >difference
ok $? "what it made is the same"
cut -c1-300 difference | head -5 | sed 's/^/# /'
e2fsck -fn user/x.img >fsck.log 2>&1
ok $? "and clean"
mkdir small && tar -C small --xattrs --xattrs-include='*' --acls -xpf user/x.tar 2>/dev/null
manifest small --userns | sed 1d | grep -Ev "^\[b'(times/-|contents'|times')" | diff a-small.list - >difference
ok $? "its tar too"

# members that lead out
mkdir out && echo secret >out/secret
python3 - <<'END'
import io
import tarfile

F, S, L, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
for number, members in enumerate([
    [("../evil", F, "")], [("a/../../evil", F, "")], [("l", S, "../out"), ("l/evil", F, "")],
    [("h", L, "../out/secret")], [("l", S, "../out"), ("h", L, "l/secret")], [("l", S, "/"), ("l/tmp", D, "")],
]):
    with tarfile.open("evil%d.tar" % number, "w") as t:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, 4 if kind == F else 0
            t.addfile(member, io.BytesIO(b"evil"))
END
for archive in evil*.tar; do
	rm -rf in && mkdir in
	"$extmk" unpack "$archive" - in 2>message
	[ $? = 1 ] && [ "$(ls out)" = secret ] && [ ! -e evil ] && [ ! -e in/h ]
	ok $? "$archive: $(cat message)"
done

echo "1..$count"
exit $((failures > 0))
