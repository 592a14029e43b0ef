#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stages that continue and read each other, several products, --target; as an ordinary user, and as root the same.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar

user=stages$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir -p "$dir/el"
cp -r "$tests/elements/tiny" "$dir/el/"

# hook NAME PHASE/HOOK: a script of the element NAME, from standard input.
hook() {
	mkdir -p "$dir/el/$1/${2%/*}"
	cat >"$dir/el/$1/$2"
	chmod 755 "$dir/el/$1/$2"
}

own() {
	find "$dir" ! -user $user -exec chown -h $user: {} +
}

build() {
	own
	as_user $user sh -c 'cd r && exec "$@" >../events' sh \
		"$IMAGEBUILD" build --progress=json --element-path el "$@" -f r.Imagefile
}

# The steps that ran, "phase text" each.
ran() {
	sed -n 's/^{"event": *"finished".*"phase": *"\([^"]*\)", *"text": *"\(.*\)", *"log".*/\1 \2/p' "$home/events"
}

content() {
	tar -xOf "$dir/$1.tar" "./$2"
}

# listed IMAGE PATH: mode and owner.
listed() {
	tar --numeric-owner -tvf "$dir/$1.tar" | awk -v want="./$2" '{ sub("/$", "", $6) } $6 == want { print $1, $2 }'
}

recipe() {
	cat >"$dir/r.Imagefile"
}

hook logged root.d/50-logged <<'END'
#!/bin/sh
mkdir -p "$TMP_HOOKS_PATH/cleanup.d"
printf '#!/bin/sh\necho made >>"$TMP_MOUNT_PATH/finished"\n' >"$TMP_HOOKS_PATH/cleanup.d/80-made"
chmod 755 "$TMP_HOOKS_PATH/cleanup.d/80-made"
END
hook logged install.d/10-once <<'END'
#!/bin/sh
echo "install $LEVEL" >>/installed
END
hook logged pre-finalise.d/10-once <<'END'
#!/bin/sh
echo "pre-finalise $LEVEL" >>"$TMP_MOUNT_PATH/finished"
END
hook logged finalise.d/10-once <<'END'
#!/bin/sh
echo "finalise $LEVEL" >>/finished
END
hook logged cleanup.d/10-once <<'END'
#!/bin/sh
echo "cleanup $LEVEL" >>"$TMP_MOUNT_PATH/finished"
END
hook more install.d/20-more <<'END'
#!/bin/sh
echo "more $LEVEL" >>/installed
END
hook more finalise.d/20-more <<'END'
#!/bin/sh
echo "more $LEVEL" >>/finished
END

two_products() {
	recipe <<-'END'
		FROM tiny AS base
		ELEMENT logged
		ENV LEVEL=base
		ARG ARGUMENT=given
		WORKDIR /opt/work
		SHELL ["/bin/bash", "-ec"]
		RUN echo "$RANDOM" >random
		RUN --phase=finalise echo "recipe $LEVEL" >>/finished
		USER web

		FROM base AS one
		ENV LEVEL=one
		RUN { pwd; id -u; [[ x == x ]] && echo "$ARGUMENT $LEVEL"; } >/tmp/seen
		USER root
		RUN cat /tmp/seen >/seen
		OUTPUT tar

		FROM one AS two
		ELEMENT more
		ENV LEVEL=two
		RUN --phase=finalise echo "recipe $LEVEL" >>/finished
		OUTPUT tar
	END
	expect 0 build
	[ "$(ran | grep -c 'root.d/10-tiny')" -eq 1 ]
	[ "$(ran | grep -c 'RUN echo \\"\$RANDOM')" -eq 1 ]
	[ "$(content r-one opt/work/random)" = "$(content r-two opt/work/random)" ]
}
it 'two products share the stages before them, whose steps run once' two_products

inherited() {
	[ "$(content r-one seen)" = "$(printf '/opt/work\n33\ngiven one')" ]
	[ "$(content r-two seen)" = "$(content r-one seen)" ]
}
it 'a stage has the WORKDIR, USER, SHELL, ARG and ENV of the one it continues' inherited

phases() {
	[ "$(content r-one installed)" = "install base" ]
	[ "$(content r-two installed)" = "$(printf 'install base\nmore two')" ]
}
it 'elements of the stage before do not install again, new ones do' phases

# said WORD LEVEL...: what /finished holds then.
said() {
	printf '%s %s\n' "$@"
	echo made
}

finished() {
	[ "$(content r-one finished)" = "$(said pre-finalise one finalise one recipe base cleanup one)" ]
	[ "$(content r-two finished)" = \
		"$(said pre-finalise two finalise two more two recipe base recipe two cleanup two)" ]
	[ "$(tar -tvf "$dir/r-two.tar" ./etc/resolv.conf | awk '{ print $6, $7, $8 }')" = \
		"./etc/resolv.conf -> /run/nowhere" ]
	not tar -tf "$dir/r-two.tar" ./etc/resolv.conf.ORIG
}
it 'each product is finished once, with the hooks and lines of all its stages' finished

again() {
	expect 0 build
	[ -z "$(ran)" ] || { ran; return 1; }
	grep -q "two.tar' is up to date" "$home/events"
}
it 'a second build has nothing to do' again

target() {
	rm "$dir"/r-*.tar
	expect 0 build --target one
	[ -f "$dir/r-one.tar" ]
	[ ! -e "$dir/r-two.tar" ]
	expect 0 build --target base -t tar
	[ "$(content r-base finished)" = "$(said pre-finalise base finalise base recipe base cleanup base)" ]
	[ "$(ran | grep -c '^root\|^install')" -eq 0 ] || { ran; return 1; }
}
it '--target makes that stage alone, also one that is no product by itself' target

edited() {
	sed -i 's/>random/>random; echo edited >edited/' "$dir/r.Imagefile"
	expect 0 build
	[ "$(content r-one opt/work/edited)" = edited ]
	[ "$(content r-two opt/work/edited)" = edited ]
	[ "$(ran | grep -c 'cat /tmp/seen')" -eq 1 ]
	[ "$(ran | grep -c 'root.d/10-tiny')" -eq 0 ]
}
it 'a changed line of a stage runs those that continue it again' edited

sources() {
	recipe <<-'END'
		FROM tiny AS files
		ELEMENT logged
		ENV LEVEL=files
		RUN --phase=post-root <<MAKE
		cd "$TMP_MOUNT_PATH"
		mkdir -p data/sub data/deep/er
		echo a >data/a
		echo b >data/sub/b
		echo c >data/c.txt
		ln data/a data/sub/hard
		ln -s a data/link
		ln -s /data/a abslink
		ln -s /data alias
		cp usr/bin/cat data/suid
		chown 33:34 data/a data/suid
		chmod 4755 data/suid
		mkfifo data/pipe
		truncate -s 10M data/hole
		mknod data/null c 1 3
		python3 -c 'import os; os.setxattr("data/c.txt", "user.word", b"kept")'
		touch -d 2020-01-01 data/a data/deep
		MAKE

		FROM tiny
		ENV DIB_IMAGE_SIZE=1
		COPY --from=files /data /all
		COPY --from=files /data/a /one
		COPY --from=files --chown=web:web --chmod=640 /data/*.txt /data/a /some/
		COPY --from=files /abslink /alias/link /followed/
		COPY --from=files /alias/sub /sub/
		OUTPUT tar
	END
	expect 0 build
}
it 'COPY --from takes files, directories and globs of another stage' sources

kept() {
	[ "$(content r all/sub/b)" = b ]
	[ "$(content r one)" = a ]
	[ "$(content r sub/b)" = b ]
	[ "$(listed r all/suid)" = "-rwsr-xr-x 0/0" ]
	[ "$(listed r all/sub/hard)" = "hrw-r--r-- 0/0" ]
	[ "$(listed r all/link)" = "lrwxrwxrwx 0/0" ]
	[ "$(listed r all/pipe)" = "prw-r--r-- 0/0" ]
	[ "$(tar -tvf "$dir/r.tar" ./all/null | awk '{ print $1, $3 }')" = "crw-r--r-- 1,3" ]
	[ "$(tar --no-recursion -tvf "$dir/r.tar" ./all/a ./all/deep | awk '{ print $4 }' | sort -u)" = 2020-01-01 ]
	tar --xattrs --xattrs-include='*' -tvvf "$dir/r.tar" ./all/c.txt | grep -q user.word
	[ "$(listed r some/a)" = "-rw-r----- 33/34" ]
	[ "$(listed r followed/abslink)" = "-rw-r--r-- 0/0" ]
}
it 'with modes, times, links, pipes, devices and extended attributes, owned by root unless --chown says' kept

holes() {
	own
	as_user $user "$IMAGEBUILD" build --quiet --element-path r/el -t raw -o r/holes -f r/r.Imagefile
	cd "$work" && debugfs -R 'stat /all/hole' "$dir/holes.raw" 2>/dev/null | grep -q 'Blockcount: 0$'
}
if command -v debugfs >/dev/null; then
	it 'holes stay holes' holes
fi

unfinished() {
	ran >"$work/ran"
	not grep -q 'cleanup.d\|finalise' "$work/ran"
	tar -tf "$dir/r.tar" >"$work/list"
	not grep -qx './finished' "$work/list"
}
it 'a stage that is only read is never finished' unfinished

cached() {
	expect 0 build
	[ -z "$(ran)" ]
	sed -i 's/echo b >/echo changed >/' "$dir/r.Imagefile"
	expect 0 build
	[ "$(content r sub/b)" = changed ]
}
it 'what is read is copied again when its stage changed' cached

mounted() {
	recipe <<-'END'
		FROM tiny AS files
		RUN echo one >/file

		FROM tiny
		RUN --mount=from=files,source=/file,target=/in cat /in >/out
		OUTPUT tar
	END
	expect 0 build
	[ "$(content r out)" = one ]
	expect 0 build
	[ -z "$(ran)" ]
	sed -i 's/echo one/echo two/' "$dir/r.Imagefile"
	expect 0 build
	[ "$(content r out)" = two ]
}
it 'RUN --mount=from= reads another stage, and runs again when that changed' mounted

long() {
	{
		echo "FROM tiny AS s0"
		for i in $(seq 1 40); do
			printf 'FROM s%d AS s%d\nRUN echo %d >>/count\n' $((i - 1)) "$i" "$i"
		done
		echo "OUTPUT tar"
	} | recipe
	expect 0 build
	[ "$(content r count | wc -l)" -eq 40 ]
}
it 'forty stages in a row are one image' long

imported() {
	mkdir -p "$work/tree/etc"
	printf 'ID=imported\nVERSION_ID=7\n' >"$work/tree/etc/os-release"
	tar -C "$work/tree" -cf "$dir/in.tar" .
	recipe <<-'END'
		FROM tar:in.tar AS base
		COPY <<TEXT /one
		one
		TEXT

		FROM base
		COPY --from=base /one /two
		OUTPUT tar
	END
	expect 0 build
	[ "$(content r one)$(content r two)" = oneone ]
}
it 'a stage that starts from an archive is continued and read as any other' imported

missing() {
	recipe <<-'END'
		FROM tiny AS files

		FROM tiny
		COPY --from=files /etc/passwd /nosuch /x/
		OUTPUT tar
	END
	expect 4 build
	says "^r.Imagefile:4:31: error: .*'nosuch' is not in stage 'files'"
	sed -i "s,/etc/passwd /nosuch,/etc/*.none," "$dir/r.Imagefile"
	expect 4 build
	says "^r.Imagefile:4:19: error: .*'etc/\*.none' matches nothing in stage 'files'"
	sed -i "s,/etc/\*.none,/etc/../../../etc/hostname," "$dir/r.Imagefile"
	not build
}
it 'a path that is not there is an error at its word' missing

disks() {
	recipe <<-'END'
		FROM tiny AS base
		LAYOUT gpt size=64MiB packages=no {
			partition root {
				ext4 mount=/
			}
		}
		RUN mkdir -p /srv/data && echo kept >/srv/data/file

		FROM base
		LAYOUT gpt name=system size=200MiB packages=no {
			partition root {
				ext4 mount=/
			}
		}
		LAYOUT mbr name=data size=64MiB packages=no {
			partition srv {
				ext4 mount=/srv label=srv
			}
		}
		OUTPUT raw tar
	END
	expect 0 build
	[ "$(content r etc/fstab)" = \
		"$(printf 'LABEL=%s ext4 defaults 0 %s\n' 'cloudimg-rootfs /' 1 'srv /srv' 2)" ]
	sfdisk -d "$dir/r-system.raw" | grep -q '^label: gpt'
	sfdisk -d "$dir/r-data.raw" | grep -q '^label: dos'
	sgdisk -v "$dir/r-system.raw" | grep -q 'No problems found'
	for disk in system data; do
		dd if="$dir/r-$disk.raw" "of=$work/$disk" bs=1M skip=1 conv=sparse status=none
		[ $disk != system ] || truncate -s -1M "$work/$disk"
		e2fsck -fn "$work/$disk"
	done
	[ "$(debugfs -R 'cat /data/file' "$work/data")" = kept ]
	[ "$(debugfs -R 'ls -p /srv' "$work/system" | grep -vc '/\.*/[0-9]*/$\|^$')" -eq 0 ]
	[ "$(blkid -p -s UUID -o value "$work/data")" != "$(blkid -p -s UUID -o value "$work/system")" ]
}
if (need sfdisk sgdisk e2fsck debugfs blkid) >/dev/null; then
	it 'two LAYOUTs are two disks, with one fstab, and the LAYOUT of the stage before is not theirs' disks
fi

one_disk() {
	rm "$dir/r-data.raw"
	expect 0 build
	[ -z "$(ran)" ]
	[ -f "$dir/r-data.raw" ]
	grep -q "r-system.raw' is up to date" "$home/events"
}
if [ -f "$dir/r-data.raw" ]; then
	it 'a disk that is missing is written alone' one_disk
fi

as_root() {
	recipe <<-'END'
		FROM tiny AS base
		ELEMENT logged
		ENV LEVEL=base
		RUN echo base >/base

		FROM base AS files
		RUN echo file >/file

		FROM base
		COPY --from=files /file /etc /
		OUTPUT tar
	END
	expect 0 build
	tar --numeric-owner -tvf "$dir/r.tar" | awk '{ print $1, $2, $6 }' >"$work/user-list"
	mkdir "$work/root"
	cp "$dir/r.Imagefile" "$work/root/"
	cd "$work/root"
	expect 0 env "XDG_CACHE_HOME=$work/root/cache" "XDG_STATE_HOME=$work/root/state" "HOME=$work/root" \
		"$IMAGEBUILD" build --element-path "$dir/el" -f r.Imagefile
	tar --numeric-owner -tvf r.tar | awk '{ print $1, $2, $6 }' | diff "$work/user-list" -
}
it 'root builds the same tree' as_root
finish
