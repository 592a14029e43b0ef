#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One foreign library, one wrapper. A wrapper that has several files shares its name's beginning.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# The header, as a pattern, and the files that may include it.
wrappers() {
	cat <<-'END'
		yaml\.h yaml.c
		jansson\.h json.c
		archive(_entry)?\.h archive*.c
		libfdisk/ ptable.c
		openssl/ crypto.c
		(ext2fs|et)/ ext*.[ch]
		seccomp\.h bpf.c
	END
}

one_wrapper() {
	bad=0
	wrappers >"$work/rows"
	while read -r header files; do
		grep -rlE --include='*.[chly]' "^#include <$header" engine parser include >"$work/users" || true
		while read -r file; do
			# shellcheck disable=SC2254 # a pattern on purpose
			case $file in
			engine/support/$files) ;;
			*) echo "$file includes <$header>" && bad=1 ;;
			esac
		done <"$work/users"
	done <"$work/rows"
	return $bad
}
it 'a foreign library is included by its wrapper alone' one_wrapper

known_headers() {
	# libc, the kernel, ourselves; all else must be in the table above
	grep -rhoE --include='*.[chly]' '^#include <[^>]*>' engine parser include | sed 's/#include <//; s/>//' |
		sort -u >"$work/headers"
	wrappers | cut -d' ' -f1 >"$work/patterns"
	bad=0
	while read -r header; do
		case $header in
		imagebuild/* | linux/*) continue ;;
		esac
		echo "$header" | grep -qE -f "$work/patterns" && continue
		for dir in /usr/include /usr/include/*-linux-gnu /usr/lib/gcc/*/*/include; do
			[ -f "$dir/$header" ] && found=$dir/$header && break
		done
		case $(dpkg -S "${found:-/nonexistent}" 2>/dev/null) in
		libc6-dev* | linux-libc-dev* | libgcc-*) ;;
		*) echo "<$header> is of no library that has a wrapper" && bad=1 ;;
		esac
	done <"$work/headers"
	return $bad
}
command -v dpkg >/dev/null && it 'every other header is of libc or the kernel' known_headers
finish
