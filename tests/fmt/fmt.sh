#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verb fmt, and every recipe of the tests formatted: idempotent, comments kept, IR unchanged.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1
fmt="$IMAGEBUILD fmt"

ours() {
	$fmt --check recipes/*.Imagefile tests/fmt/*.fmt
}
it 'the recipes that we ship are formatted' ours

# The blocks of the pages, but for those in another language, in which a line begins with an instruction, and README.md's,
# which is indented.
examples() {
	mkdir "$work/examples"
	ls docs/*.md | grep -v -e errors.md | xargs cat | awk -v dir="$work/examples" '/^```/ { open = !open; inside = open && $0 == "```"; n++; next } inside { print >(dir "/" n) }'
	for block in "$work"/examples/*; do
		grep -qE '^(FROM|LAYOUT|RUN|COPY|ENV|ARG|PROVIDES) ' "$block" || rm "$block"
	done
	sed -n '/^    FROM debian-minimal/,/^    OUTPUT/s/^    //p' README.md >"$work/examples/readme"
	[ "$(find "$work/examples" -size +0 | wc -l)" -gt 3 ]
	$fmt --check "$work"/examples/*
}
it 'the examples of README.md and docs/ are formatted' examples

check_says() {
	printf 'FROM a\n' >"$work/good"
	printf 'from  a\n' >"$work/bad"
	expect 0 $fmt --check "$work/good"
	[ ! -s "$work/out" ]
	expect 1 $fmt --check "$work/good" "$work/bad"
	[ "$(cat "$work/out")" = "$work/bad" ]
}
it '--check names the files that differ, and ends with 1' check_says

write_keeps() {
	printf 'from  a\n' >"$work/loose"
	printf 'FROM a\n' >"$work/good"
	chmod 640 "$work/loose"
	ln -s loose "$work/link"
	touch -d @1 "$work/good"
	before=$(stat -c '%i %Y' "$work/good")
	expect 0 $fmt --write "$work/link" "$work/good"
	[ "$(cat "$work/loose")" = 'FROM a' ]
	[ "$(stat -c %a "$work/loose")" = 640 ]
	[ -L "$work/link" ]
	[ "$(stat -c '%i %Y' "$work/good")" = "$before" ]
}
it '--write keeps mode and symlinks, and leaves alone what is formatted' write_keeps

errors() {
	printf 'FORM a\n' >"$work/broken"
	cp "$work/broken" "$work/copy"
	expect 1 $fmt --write "$work/broken"
	says "did you mean 'FROM'"
	cmp "$work/broken" "$work/copy"
	expect 1 $fmt "$work/broken"
	[ ! -s "$work/out" ]
	expect 2 $fmt "$work/missing"
	expect 2 $fmt --write -
	says 'standard input cannot be rewritten'
	expect 2 $fmt --check --write "$work/broken"
	says 'exclude each other'
	expect 2 $fmt --target=x "$work/broken"
}
it 'a recipe with errors is left as it is' errors

standard_input() {
	[ "$(printf 'from  a' | $fmt -)" = 'FROM a' ]
	printf 'from  a' | expect 1 $fmt --check -
}
it '- is standard input' standard_input

# The places of things, which formatting moves.
without_places() {
	sed -E '/^ *"([a-z]+-)?at": /d; /^ *"(file|context|stem)": /d' "$1"
}

comments() {
	awk 1 "$1" | LC_ALL=C sed '1s/^\xef\xbb\xbf//' | sed -nE 's/^[ \t]*(#.*[^ \t\r]|#)[ \t\r]*$/\1/p'
}

# Recipes whose text is wrong are not formatted; what they say is the business of lang and plan.
golden() {
	$fmt - <"$1" >"$work/once" 2>/dev/null || return 0
	formatted=$((formatted + 1))
	$fmt - <"$work/once" >"$work/twice"
	cmp "$work/once" "$work/twice"
	comments "$1" >"$work/comments"
	comments "$work/once" >"$work/comments-after"
	diff "$work/comments" "$work/comments-after"
	"$IMAGEBUILD" emit ir "$1" >"$work/ir" 2>/dev/null || return 0
	compiled=$((compiled + 1))
	without_places "$work/ir" >"$work/before"
	cp "$work/once" "$1"
	"$IMAGEBUILD" emit ir "$1" >"$work/ir"
	without_places "$work/ir" >"$work/after"
	diff "$work/before" "$work/after"
}

all_goldens() {
	formatted=0 compiled=0
	cp -r tests/lang tests/plan tests/fmt tests/block recipes "$work"
	for recipe in "$work"/lang/*.Imagefile "$work"/plan/*.Imagefile "$work"/fmt/*.Imagefile \
		"$work"/block/*.Imagefile "$work"/recipes/*.Imagefile; do
		echo "$recipe"
		golden "$recipe"
	done
	echo "$formatted formatted, $compiled compiled"
	[ "$formatted" -gt 60 ] && [ "$compiled" -gt 30 ]
}
it 'every recipe of the tests keeps its comments and its IR, and stays as formatted' all_goldens
finish
