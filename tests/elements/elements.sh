#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shipped elements as files: what can be said of them without a build.
. "$(dirname "$0")/../lib.sh"
need bash awk

elements=$top/elements

hooks() {
	find "$elements" -path '*.d/*' -type f -regex '.*/\(root\|extra-data\|pre-install\|install\|post-install\|post-root\|block-device\|pre-finalise\|finalise\|cleanup\)\.d/[0-9A-Za-z_-]+'
}

# none SENTENCE < LIST: fails with the list unless it is empty
none() {
	cat >"$work/list"
	[ -s "$work/list" ] || return 0
	cat "$work/list"
	return 1
}

executable() {
	find $(hooks) "$elements"/*/bin/* ! -perm -111 | none
}
strict() {
	for hook in $(hooks) "$elements"/*/bin/*; do
		[ "$(head -n 1 "$hook")" = '#!/bin/bash' ] || echo "$hook: not #!/bin/bash"
		for line in 'set -eu' 'set -o pipefail' 'if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then'; do
			grep -q -x -F -e "$line" "$hook" || echo "$hook: no $line"
		done
		bash -n "$hook" || echo "$hook: is not bash"
	done 2>&1 | none
}
environment() {
	for file in "$elements"/*/environment.d/*; do
		[ ! -x "$file" ] || echo "$file: executable"
		bash -n "$file" 2>&1 || echo "$file: is not bash"
		# Read with ARCH alone it must not stop the phase.
		ARCH=amd64 bash -euo pipefail -c '. "$1"' - "$file" 2>&1 || echo "$file: stops the phase"
	done | none
}
tidy() {
	grep -r -l "$(printf '\t')" "$elements" --include='*' | none
}
described() {
	for dir in "$elements"/*/; do
		[ -s "$dir/README.rst" ] || echo "$dir: no README.rst"
		[ ! -f "$dir/element-deps" ] || LC_ALL=C sort -c "$dir/element-deps" 2>&1
	done | none
}
no_mirror() {
	grep -r -n -i -E '(https?|ftp)://[a-z0-9]' "$elements" "$top/recipes" | none
}

# What the sources of a host come to: both formats, what is Debian's and what is not.
sources() {
	mkdir -p "$work/parts"
	cat >"$work/parts/a.list" <<-'LIST'
		# deb http://commented.example/debian bookworm main
		deb http://one.example/debian/ bookworm main contrib
		deb-src http://one.example/debian bookworm main
		deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://two.example/mirror/d bookworm-updates main
		deb https://other.example/packages bookworm main
		deb cdrom:[Debian]/ bookworm main
		deb file:/srv/debian bookworm main
	LIST
	cat >"$work/parts/b.sources" <<-'SOURCES'
		Types: deb deb-src
		URIs: http://three.example/debian http://four.example/debian
		# a remark
		Suites: bookworm
		 bookworm-updates
		Components: main

		Types: deb
		Enabled: no
		URIs: http://off.example/debian
		Suites: bookworm

		Types: deb
		URIs: http://three.example/debian-security
		Suites: bookworm-security
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	SOURCES
	cat >"$work/want" <<-'WANT'
		http://one.example/debian bookworm
		https://two.example/mirror/d bookworm-updates
		file:/srv/debian bookworm
		http://three.example/debian bookworm
		http://three.example/debian bookworm-updates
		http://four.example/debian bookworm
		http://four.example/debian bookworm-updates
		http://three.example/debian-security bookworm-security
	WANT
	awk -f "$elements/debian-minimal/mmdebstrap/sources.awk" "$work/parts/a.list" "$work/parts/b.sources" >"$work/got"
	diff -u "$work/want" "$work/got"
}

it 'every hook can be executed' executable
it 'every hook is strict bash and can be traced' strict
it 'environment files are data that pass by themselves' environment
it 'no element has tabs' tidy
it 'every element says what it is, and its dependencies are sorted' described
it 'no host of an archive is named' no_mirror
it "the host's Debian archives are found in both formats" sources
finish
