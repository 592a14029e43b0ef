#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/errors.md shows what the compiler says of the recipes in errors/, as printed. UPDATE=1 writes it anew.
. "$(dirname "$0")/../lib.sh"
cd "$tests/docs/errors" || exit 1
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

page() {
	printf '# Messages\n\nWhat a mistake looks like. tests/docs/errors.sh makes this page of the recipes beside it.\n'
	for recipe in *.Imagefile; do
		printf '\n## %s\n\n```\n' "$(sed -n '1s/^# //p' "$recipe")"
		cat "$recipe"
		printf '```\n\n```\n'
		status=0
		"$IMAGEBUILD" plan "$recipe" >/dev/null 2>"$work/said" || status=$?
		sed "s,$top/,,g; s,:/[^ ]*/diskimage_builder/elements,,g" "$work/said"
		printf '```\n'
		[ "$status" -eq 1 ] || echo "status $status"
	done
}
same() {
	page >"$work/errors.md"
	[ "${UPDATE:-}" != 1 ] || cp "$work/errors.md" "$top/docs/errors.md"
	diff -u "$top/docs/errors.md" "$work/errors.md"
	not grep -q '^status' "$work/errors.md"
	[ "$(grep -c '^## ' "$work/errors.md")" -eq 10 ]
}
it 'docs/errors.md has each message as it is printed' same
finish
