#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pages that are followed step by step show what their commands print. UPDATE=1 writes that into them.
. "$(dirname "$0")/../lib.sh"
export XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state" SOURCE_DATE_EPOCH=1700000000 NO_COLOR=1 PATH="${IMAGEBUILD%/*}:$PATH"

followed() {
	if [ "$1" = migrating-from-dib ] && ! command -v disk-image-create; then
		echo "needs disk-image-create, for dib's elements"
		exit 77
	fi
	python3 "$tests/docs/console.py" "$top/docs/$1.md"
}
for page in migrating-from-dib from-dockerfile; do
	it "docs/$page.md shows what its commands print" followed $page
done

# A page that is not true is refused: another output, a command that fails.
untrue() {
	unset UPDATE
	printf 'The file `a/b`:\n\n```sh\n#!/bin/sh\necho hello\n```\n\n```console\n$ a/b\nhello\n$ echo a \\\nb\na b\n```\n' >"$work/page.md"
	python3 "$tests/docs/console.py" "$work/page.md"
	for change in 's/^hello/hallo/' 's/^a b$//' 's,^\$ a/b,$ a/c,'; do
		sed "$change" "$work/page.md" >"$work/other.md"
		not python3 "$tests/docs/console.py" "$work/other.md"
	done
}
it 'a page that shows something else, or whose command fails, is refused' untrue
finish
