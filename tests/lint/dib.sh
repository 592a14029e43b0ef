#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lint of the elements of Debian's diskimage-builder and of ours: docs/lint-on-dib.md has each error and warning of the
# former, of which 95 in 100 errors are true; the latter have none.
. "$(dirname "$0")/../lib.sh"
export XDG_CONFIG_HOME="$work/none"
library=/usr/lib/python3/dist-packages/diskimage_builder

ours() {
	cd "$top"
	expect 0 "$IMAGEBUILD" lint --no-shellcheck --fail-level=style --format=plain elements recipes
}
it 'nothing is found in our elements and recipes' ours

# "file line rule" of each error and warning
found() {
	(cd "$library" && "$IMAGEBUILD" lint --no-shellcheck --fail-level=none --format=plain elements) |
		sed -nE 's|^elements/([^:]*):([0-9]+):[0-9]+: (error\|warning): .*\[(IB[0-9]+)\]$|\1 \2 \4|p'
}

judged() {
	sed -nE 's/^\| ([^ |]+) \| ([0-9]+) \| (IB[0-9]+) \| (true|false) \| [^|]+ \|$/\1 \2 \3/p' "$top/docs/lint-on-dib.md"
}

dib() {
	[ "$(dpkg-query -W -f '${Version}' python3-diskimage-builder 2>/dev/null)" = 3.13.0-2 ] ||
		{ echo "python3-diskimage-builder 3.13.0-2 is not installed"; exit 77; }
	found | sort >"$work/found"
	judged | sort >"$work/judged"
	[ -s "$work/found" ]
	diff -u "$work/judged" "$work/found"
}
it "what is found in dib's elements is judged in docs/lint-on-dib.md" dib

# counts WORD: the rows of the page's section, and those that are true, as its first table has them.
counts() {
	section=$(sed -n "/^## $2/,/^## [^$3]/p" "$top/docs/lint-on-dib.md")
	all=$(echo "$section" | grep -c '| IB')
	good=$(echo "$section" | grep -c '| IB[0-9]* | true |')
	grep -qx "| $1 | $all | $good |" "$top/docs/lint-on-dib.md" || { echo "$1: $all, of which $good are true"; return 1; }
}

true_ones() {
	counts error Errors E
	[ $((good * 100)) -ge $((all * 95)) ]
	counts warning Warnings W
}
it 'the counts of the page are those of its tables, and 95 in 100 errors are true' true_ones
finish
