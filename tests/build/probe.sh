#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What hooks see, here and under Debian's own disk-image-create, both as root: elements/probe tells, and the difference
# is that of elements/probe.expected.
. "$(dirname "$0")/../lib.sh"
need_root
need disk-image-create mmdebstrap python3
dib=$(/usr/bin/python3 -c 'import diskimage_builder as d; print(d.__path__[0])' 2>/dev/null) || skip_all "needs diskimage_builder"
mkdir "$work/dib" "$work/own" "$work/home"

# clean COMMAND...: with what a login as root has. DIB_NO_TMPFS is dib's option --no-tmpfs.
clean() {
	env -i HOME="$work/home" USER=root LOGNAME=root DIB_NO_TMPFS=1 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
		${no_proxy:+"no_proxy=$no_proxy"} "$@"
}

run_dib() {
	cd "$work/dib"
	# a pipe, as our steps have
	clean ELEMENTS_PATH="$tests/elements:$top/elements" \
		disk-image-create -n -t tar -o out debian-minimal probe </dev/null 2>&1 | cat >"$work/dib.log"
	tail -n 20 "$work/dib.log"
	[ -s out.tar ]
}
it "Debian's disk-image-create builds with the probe" run_dib

run_own() {
	cd "$work/own"
	printf '%s\n' 'FROM debian-minimal' 'ELEMENT probe' 'OUTPUT tar' >probe.Imagefile
	expect 0 clean ELEMENTS_PATH="$tests/elements" \
		"$IMAGEBUILD" -f probe.Imagefile -o out --env DIB_NO_TMPFS=1 --progress=plain
	[ -s out.tar ]
	cat "$work/home"/.local/state/imagebuild/logs/*/*.log >"$work/own.log"
}
it 'imagebuild builds with the probe' run_own

compare() {
	"$tests/elements/probe-extract" --expected "$tests/elements/probe.expected" \
		--replace-in "1:$work/dib=@DIRECTORY@" --replace-in "2:$work/own=@DIRECTORY@" \
		--replace "$work/home=@HOME@" --replace "$top=@SOURCE@" \
		--replace-in "1:$dib=@DIB@" --replace-in "2:$dib=@DIB@" \
		--replace-in 2:/imagebuild/build/image=@IMAGE@ --replace-in 2:/imagebuild/build=@BUILD@ \
		"$work/dib.log" "$work/own.log"
}
it 'hooks see the same but for what probe.expected gives a reason for' compare
finish
