#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each rule's inputs, tests/lint/IBnnnn/: bad* (a recipe, a script, YAML, an element's directory) is said of as bad.expected
# has it, the rule among it; good* breaks nothing. `options`: more words for lint. bad.fixed: bad after --fix.
# It runs in the rule's directory, so that no path is in a golden. UPDATE=1 rewrites what there is.
. "$(dirname "$0")/../lib.sh"
cd "$top/tests/lint" || exit 1
export XDG_CONFIG_HOME="$work/none" SOURCE_DATE_EPOCH=1700000000

# lint WORD...: of the rule in the working directory, with its options.
lint() {
	# shellcheck disable=SC2046 # a word each
	"$IMAGEBUILD" lint --no-shellcheck $(cat options 2>/dev/null) "$@"
}

# The inputs that are called bad or good; what belongs to them is no input.
inputs() {
	find . -maxdepth 1 -name "$1*" ! -name '*.expected' ! -name '*.fixed' ! -name '*.imageignore' | sort | sed 's|^\./||'
}

bad() {
	words=$(inputs bad)
	[ -n "$words" ] || { echo "no bad input"; return 1; }
	# shellcheck disable=SC2086 # a list
	lint --format=tty $words >"$work/got" 2>"$work/err" || [ $? -eq 1 ] || { cat "$work/err"; return 1; }
	[ "${UPDATE:-}" != 1 ] || cp "$work/got" bad.expected
	diff -u bad.expected "$work/got" || return 1
	grep -qF "[$1]" "$work/got" || { echo "$1 is not reported"; return 1; }
}

good() {
	words=$(inputs good)
	[ -n "$words" ] || { echo "no good input"; return 1; }
	# shellcheck disable=SC2086
	lint --format=plain --fail-level=style $words || return 1
}

# A copy is mended, so that the rule finds nothing; once more changes nothing.
fixed() {
	rm -rf "$work/fix" && cp -r . "$work/fix" || return 1
	(
		cd "$work/fix" || exit 1
		words=$(inputs bad)
		for round in 1 2; do
			# shellcheck disable=SC2086
			lint --quiet --format=plain --fix $words >"$work/left" || [ $? -eq 1 ] || exit 1
			[ $round -eq 2 ] || cp -r "$work/fix" "$work/once"
		done
		diff -r . "$work/once" || exit 1
		not grep -F "[$1]" "$work/left"
	) || return 1
	for word in $(inputs bad); do
		[ "${UPDATE:-}" != 1 ] || { rm -rf bad.fixed && cp -r "$work/fix/$word" bad.fixed; }
		diff -ru bad.fixed "$work/fix/$word" || return 1
	done
	rm -rf "$work/once"
}

for rule in IB*/; do
	rule=${rule%/}
	cd "$rule" || exit 1
	it "$rule: what is bad is found" bad "$rule"
	it "$rule: what is good is left alone" good
	[ ! -e bad.fixed ] || it "$rule: --fix mends it, once" fixed "$rule"
	cd ..
done

# Other rows are the compiler's own, with their tests in tests/lang and tests/plan. A rule that looks at more than its
# inputs has a script that begins with its name.
complete() {
	sed -nE 's/^RULE\(([0-9]+),.*/IB\1/p' "$top"/engine/lint/rules/*.def >"$work/rules"
	[ -s "$work/rules" ]
	missing=$(while read -r rule; do [ -d "$rule" ] || grep -q "^# $rule " ./*.sh || echo "$rule"; done <"$work/rules")
	[ -z "$missing" ] || { echo "no tests/lint/$missing" && return 1; }
}
it 'each rule has its inputs' complete
finish
