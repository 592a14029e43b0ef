#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pkg-map and svc-map, the programs that scripts in the image call.
. "$(dirname "$0")/../lib.sh"
pkg_map=$top/engine/element/framework/pkg-map/bin/pkg-map
svc_map=$top/engine/element/framework/svc-map/bin/svc-map
library=/usr/lib/python3/dist-packages/diskimage_builder/elements
unset DISTRO_NAME DIB_RELEASE

cat >"$work/map" <<'EOT'
{"release": {"debian": {"bookworm": {"a": "of-release"}}},
 "distro": {"debian": {"a": "of-distro", "b": "b1 b2"}, "rocky": {"d": "q\"\\\/"}},
 "family": {"debian": {"b": "of-family", "c": ""}, "redhat": {"a": "of-redhat"}}, "default": {"a": "of-default", "empty": {}, "d": "dd"} }
EOT

same() {
	[ "$1" = "$2" ] || { printf '# got:\n%s\n# not:\n%s\n' "$1" "$2"; return 1; }
}

sections() {
	same "$("$pkg_map" --pkg-map "$work/map" --distro debian --release bookworm a b c)" "of-release
b1
b2"
	same "$("$pkg_map" --pkg-map="$work/map" --distro=debian --release=sid a)" of-distro
	same "$(DISTRO_NAME=rocky "$pkg_map" --pkg-map "$work/map" a d)" 'of-redhat
q"\/'
	same "$(DISTRO_NAME=gentoo "$pkg_map" --pkg-map "$work/map" a)" of-default
}

missing() {
	status=0
	"$pkg_map" --pkg-map "$work/map" --distro debian a nothing >"$work/out" 2>/dev/null || status=$?
	same "$status" 1
	same "$("$pkg_map" --pkg-map "$work/map" --distro debian --missing-ok --prefix - nothing)" -nothing
	status=0
	"$pkg_map" --pkg-map "$work/none" --distro debian a 2>/dev/null || status=$?
	same "$status" 2
	same "$("$pkg_map" --pkg-map "$work/none" --distro debian --missing-ok a)" a
}

broken() {
	for text in '{' '{"a"' '{"a": 1}' '[]' '{"a": "b" "c"}' 'x'; do
		printf '%s' "$text" >"$work/broken"
		if "$pkg_map" --pkg-map "$work/broken" --distro debian --missing-ok a >/dev/null 2>&1; then
			echo "# taken: $text"
			return 1
		fi
	done
}

services() {
	printf 'web: apache2\nssh: sshd.real\n' >"$work/services"
	same "$(SVC_MAP_FILE="$work/services" "$svc_map" web ssh other we)" "apache2
sshd.real
other
we"
	same "$(SVC_MAP_FILE="$work/none" "$svc_map" web)" web
}

# Every name of every pkg-map of the installed dib, mapped by dib's program and by ours.
as_dib() {
	[ -x "$library/pkg-map/bin/pkg-map" ] && python3 -c 1 || exit 77
	for map in "$library"/*/pkg-map; do
		[ -f "$map" ] || continue
		names=$(grep -o '"[^"]*" *:' "$map" | tr -d '": ' | sort -u)
		for distro in debian centos; do
			python3 "$library/pkg-map/bin/pkg-map" --pkg-map "$map" --distro "$distro" --release 8-stream --missing-ok \
				$names 2>/dev/null | tr ' ' '\n' | grep . >"$work/theirs" || true
			"$pkg_map" --pkg-map "$map" --distro "$distro" --release 8-stream --missing-ok $names >"$work/ours"
			diff "$work/theirs" "$work/ours"
		done
	done
}

it 'the most particular section of a pkg-map wins, a value may be several names or none' sections
it 'a name without a mapping is an error, or itself with --missing-ok' missing
it 'a map that is no JSON of strings is an error' broken
it 'svc-map reads the table of the build' services
it 'pkg-map maps every name of the installed dib as its own program does' as_dib
finish
