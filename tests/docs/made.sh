#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is made of the tables: the reference in the tree, man pages, completions. UPDATE=1 rewrites the reference.
. "$(dirname "$0")/../lib.sh"
made=${IMAGEBUILD%/*}/docs

reference() {
	[ "${UPDATE:-}" != 1 ] || cp "$made/reference.md" "$top/docs/reference.md"
	diff -u "$top/docs/reference.md" "$made/reference.md"
}
it 'docs/reference.md is what the tables say' reference

# A row that is missing there shows in the next UPDATE=1; a wrong one must not stay.
rules() {
	[ "${UPDATE:-}" != 1 ] || cp "$made/rules.md" "$top/docs/lint/README.md"
	diff -u "$top/docs/lint/README.md" "$made/rules.md"
}
it 'docs/lint/README.md has the rows of the tables' rules

# pages: no warning of the formatter, and each row is a heading of its own.
pages() {
	for page in imagebuild.1 imagebuild-lint.1 Imagefile.5; do
		man --warnings=w -l "$made/$page" >"$work/$page" 2>"$work/warnings" || return 1
		[ ! -s "$work/warnings" ] || { cat "$work/warnings" && return 1; }
		! grep '@[A-Z]*@' "$work/$page" || return 1
	done
	for keyword in $(sed -n 's/^DIRECTIVE(\([A-Z]*\),.*/\1/p' "$top/parser/directives.def"); do
		grep -q "^ *$keyword$" "$work/Imagefile.5" || { echo "$keyword" && return 1; }
	done
	grep -q -- '--build-arg=N=V' "$work/imagebuild.1"
}
it 'the man pages format without a warning and have each instruction' pages

# complete WORD...: what bash offers for the last word, split as bash does at "=".
complete() {
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imagebuild; ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
		- "$made/imagebuild.bash" imagebuild "$@" | tr '\n' ' '
}
offers() {
	want=$1
	shift
	got=$(complete "$@")
	[ "$got" = "$want" ] || { echo "$*: '$got', not '$want'" && return 1; }
}
bash_offers() {
	cd "$work" && mkdir -p sub && : >web.Imagefile &&
		offers 'plan ' pla &&
		offers 'ast ' emit as &&
		offers '' plan --format = js &&
		offers 'own dib ' plan --library = '' &&
		offers 'dib ' build --library d &&
		offers '--element-path= ' --elem &&
		offers 'web.Imagefile ' plan -f we &&
		offers 'sub ' build --store su &&
		offers 'qcow2 ' -t qc &&
		offers 'prune ' cache pr &&
		offers '' cache --target
}
it 'bash completes verbs, options, choices and files' bash_offers

zsh_offers() {
	zsh -f -c '_arguments() { print -rl -- "$@" }; _describe() { print -rl -- ${(P)2} }; _files() { :; }
		words=(imagebuild plan ""); CURRENT=3; source "$1"; words=(imagebuild ""); CURRENT=2; _imagebuild' \
		- "$made/_imagebuild" >"$work/zsh" 2>&1 &&
		grep -qx '\*--library=\[which element library comes first\]:own|dib:(own dib)' "$work/zsh" &&
		grep -q '^graph:draw elements' "$work/zsh"
}
if command -v zsh >/dev/null; then
	it 'zsh completes the same' zsh_offers
fi
finish
