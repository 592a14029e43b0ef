#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# convert element: each shape of an element, against shapes.expected (UPDATE=1 rewrites it); then all of dib's elements and
# made ones (CONVERT_SEED and CONVERT_COUNT choose others) plan to what the originals do.
. "$(dirname "$0")/../lib.sh"
here=$tests/convert
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"
mkdir "$work/shapes" && cd "$work/shapes" || exit 1

# file PATH [MODE]: of standard input.
file() {
	mkdir -p "$(dirname "$1")"
	cat >"$1"
	chmod "${2:-644}" "$1"
}

file names/element-deps <<'END'
base

  package-installs
source-repositories
pkg-map
END
printf 'operating-system\n' | file names/element-provides
file names/README.rst <<'END'
=====
names
=====

What this element does, in one paragraph that goes on for more than one line of a hundred columns, so that
it is wrapped.

More of it.
END
echo 'a b' | file odd-names/element-deps

printf 'package-installs\n' | file packages/element-deps
file packages/README.md <<'END'
# packages

Packages in every way.
END
echo '{"from-json": null, "curl": {"phase": "pre-install.d"}}' | file packages/package-installs.json
file packages/package-installs.yaml <<'END'
# What every image has.
one:
two:
g++:
gone:
  uninstall: true
tool:
  build-only: True
  phase: post-install.d
kernel:
  - arch: amd64, i386
  - not-arch: arm64,ppc64el
    when: RELEASE = a b
# On its own line,
# with a longer comment.
conditional:
  when:
    - A = 1
    - B != 2
  installtype: source
END
echo '{"default": {"one": "one-1"}}' | file packages/pkg-map
echo 'web: {debian: nginx}' | file packages/svc-map
echo 'package-installs' | file packages-kept/element-deps
printf 'odd:\n  uninstall: false\n' | file packages-kept/package-installs.yaml
echo '{"python3": {"dib_python_version": "3"}}' | file packages-kept/package-installs.json
printf 'old\n-gone # again\n' | file packages-kept/install.d/package-installs-packages
printf 'late:\n' | file packages-unneeded/package-installs.yaml

file environment/environment.d/10-environment.bash <<'END'
# Where from.
export MIRROR=${MIRROR:-http://deb.example/}
export EMPTY="${EMPTY:-}"
export BOTH="pool ${SUITE:-main}"
export QUOTED='it is $5'

export REF=${OTHER-none}
END
echo 'export LATE=1' | file environment/environment.d/80-late
printf 'set -e\nexport RELEASE=$(date)\n' | file environment/environment.d/20-logic.bash 755
printf 'export Y=1\nexport X=${Y}\n' | file environment/environment.d/30-unknown
echo 'NOT_EXPORTED=1' | file environment/environment.d/40-local
printf 'export A="\\x"\n' | file environment/environment.d/50-backslash
echo 'export N=1' | file environment/environment.d/unnumbered
echo 'export TWO=1' | file environment/environment.d/60-a
echo 'export TWO=2' | file environment/environment.d/60-b

for phase in root extra-data pre-install install post-install post-root block-device pre-finalise finalise cleanup; do
	printf '#!/bin/bash\nset -eu\necho %s\n' $phase | file hooks/$phase.d/50-$phase 755
done
printf '#!/bin/sh -e\ncat <<EOF\n$x \\\nEOF\n' | file hooks/install.d/00-terminator 755
printf '#!/usr/bin/env bash\ntrue\n' | file hooks/install.d/90-env 755
printf '#!/bin/bash\n. "$(dirname "$0")/data"\n' | file hooks/install.d/60-beside 755
echo 'data' | file hooks/install.d/data
printf '#!/usr/bin/python3\npass\n' | file hooks/install.d/61-python 755
printf 'true\n' | file hooks/install.d/62-no-shebang 755
printf '#!/bin/bash\ntrue\n' | file hooks/install.d/63-not-executable
printf '#!/bin/bash\ntrue\n' | file hooks/install.d/64-dotted.sh 755
printf '#!/bin/bash\ntrue\n' | file hooks/install.d/5-one-digit 755
printf '#!/bin/bash\ntrue\r\n' | file hooks/install.d/65-returns 755
printf '#!/bin/bash\ntrue' | file hooks/install.d/66-no-newline 755
printf '#!/bin/bash\ntrue\n' | file hooks/install.d/67-mode 700
{ echo '#!/bin/bash' && seq -f 'echo %g' 60; } | file hooks/install.d/68-long 755
printf '#!/bin/bash\nls ~/.netrc\n' | file hooks/root.d/60-home 755
ln -s 50-install hooks/install.d/70-link
printf '#!/bin/bash\ntrue\n' | file hooks/install.d/x-source-install/50-typed 755

printf 'source-repositories\n' | file sources/element-deps
printf '# Of the tool.\ntool git /opt/tool https://git.example/tool.git v1\nlist file /tmp/list https://www.example/list\n' |
	file sources/source-repository-tool
printf 'late tar /tmp/late https://www.example/$VERSION.tar.gz .\n' | file sources/source-repository-late
printf 'tool git /opt/tool https://git.example/tool.git\n' | file sources-unneeded/source-repository-tool

echo 'hello' | file data/static/etc/motd
ln -s motd data/static/etc/issue
mkdir -p data/static/var/empty
printf '#!/bin/sh\n' | file data/bin/tool 755
echo '[Unit]' | file data/init-scripts/systemd/tool.service
echo '- local_loop: {name: image0}' | file data/block-device-default.yaml
echo 'x' | file data/__pycache__/x.pyc
echo 'y' | file data/.hidden
printf 'Only words.\n' | file marker/README.rst

converted() {
	"$IMAGEBUILD" convert element . -o "$work/out" 2>"$work/said" || { cat "$work/said"; return 1; }
	{
		for made in "$work"/out/*/Imagefile; do
			name=${made%/Imagefile}
			printf '===== %s\n' "${name##*/}"
			cat "$made"
		done
		printf '===== what is said\n'
		sed 's/ \[IB/\n&/; s/\n//' "$work/said"
	} >"$work/got"
	[ "${UPDATE:-}" != 1 ] || cp "$work/got" "$here/shapes.expected"
	diff -u "$here/shapes.expected" "$work/got"
}
it 'each shape becomes what is expected' converted

kept() {
	cd "$work/shapes"
	find . -mindepth 2 ! -type d ! -path '*/__pycache__/*' | sort >"$work/sources"
	while read -r path; do
		grep -qE "^${path#./}: |^${path#./}/" "$work/said" && continue
		# part of a directory that is kept
		cmp "$path" "$work/out/$path"
	done <"$work/sources"
}
it 'nothing is left out in silence' kept

formatted() {
	for made in "$work"/out/*/Imagefile; do
		"$IMAGEBUILD" fmt --check "$made"
	done
	"$IMAGEBUILD" lint --no-shellcheck --format=plain --fail-level=error "$work"/out/*/Imagefile
}
it 'fragments are formatted, and lint finds no error' formatted

same() {
	python3 "$here/same.py" "$IMAGEBUILD" "$work/shapes" "$work/out"
}
it 'each shape plans to the same hooks' same

twice() {
	mkdir -p twice
	for name in one other; do
		printf 'RUN --order=50 --name=same <<EOF\n#!/bin/sh\ntrue\nEOF\n' | file twice/$name.Imagefile
	done
	printf 'FROM debian-minimal\nENV DIB_RELEASE=bookworm\nELEMENT one other\n' >twice/Imagefile
	status=0
	"$IMAGEBUILD" plan --element-path twice twice/Imagefile >/dev/null 2>"$work/said" || status=$?
	[ "$status" -eq 1 ]
	grep -q "'50-same' of install.*IB1404" "$work/said"
}
it 'two named RUNs are one hook too many' twice

dib=/usr/lib/python3/dist-packages/diskimage_builder/elements
of_dib() {
	[ -d "$dib" ] || { echo "needs dib's elements"; exit 77; }
	"$IMAGEBUILD" convert --quiet element "$dib" -o "$work/dib"
	python3 "$here/same.py" "$IMAGEBUILD" "$dib" "$work/dib" | tee "$work/said"
	[ "$(tail -n 1 "$work/said" | cut -d' ' -f1)" -ge 100 ]
}
it 'all elements of dib plan to the same hooks' of_dib

made() {
	python3 "$here/make_elements.py" "${CONVERT_SEED:-1}" "${CONVERT_COUNT:-40}" "$work/made"
	"$IMAGEBUILD" convert --quiet element "$work/made" -o "$work/made-out"
	python3 "$here/same.py" "$IMAGEBUILD" "$work/made" "$work/made-out"
	"$IMAGEBUILD" convert --quiet --verify element "$work/made"
}
it 'elements made at random plan to the same hooks' made

refused() {
	cd "$work"
	mkdir -p refused/odd
	printf 'package-installs\n' | file refused/odd/element-deps
	printf 'one:\n  arch: pdp11\n' | file refused/odd/package-installs.yaml
	"$IMAGEBUILD" convert element refused -o refused-out 2>said
	grep -q "'odd' stays as it is: in a fragment, .*pdp11.*IB1501" said
	diff -r refused refused-out
}
it 'what a fragment cannot hold leaves the element as it is' refused
finish
