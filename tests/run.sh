#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the shell tests and goldens of the directories (or single scripts) that it is given, or of all; TAP
# on standard output. UPDATE=1 rewrites goldens. Status 1: a test failed; 77: all were skipped.
#   tests/run.sh lang plan
#   UPDATE=1 tests/run.sh lang
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- arch docs lang fmt outline plan lint convert dockerfile elements resolve block hostile run build output

run_one() {
	echo "# $1"
	shift
	"$@"
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || echo "not ok - $* # exit status $status"
}

run_directory() {
	for script in "$1"/*.sh; do
		[ -x "$script" ] && [ -z "$(sed -n '2,6s/^# not a test.*/x/p' "$script")" ] && run_one "$script" "$script"
	done
	for recipe in "$1"/*.Imagefile; do
		[ -f "$recipe" ] || continue
		run_one "$1/*.Imagefile" "$here/golden.sh" "$1"
		break
	done
}

for what; do
	[ ! -e "$here/$what" ] || what=$here/$what
	if [ -d "$what" ]; then
		run_directory "$what"
	elif [ -x "$what" ]; then
		run_one "$what" "$what"
	fi
done | awk '
	/^ok / && !/# SKIP/ { passed++ }
	/^not ok / { failed++ }
	/^ok / || /^not ok / { n++; sub(/ok/, "ok " n) }
	/^1\.\.0/ { sub(/^1\.\.0 /, ""); print; next }
	{ print; fflush() }
	END { print "1.." n + 0; exit failed ? 1 : passed ? 0 : 77 }'
