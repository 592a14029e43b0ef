#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: the table of docs/architecture.md.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# What each directory of engine/ may include beside itself.
may_include() {
	case $1 in
	support) ;;
	element | cache | sandbox | block) echo support ;;
	base) echo support block ;;
	plan) echo support element base cache sandbox block output ;;
	run) echo support element base plan cache sandbox ;;
	lint) echo support element plan block convert ;;
	convert) echo support element plan block ;;
	output) echo support ;;
	cli) echo build.h plan/plan.h lint/lint.h convert/convert.h element/element.h cache/cache.h output/output.h support ;;
	esac
}

# Prints "file: header" for each #include "..." of the .c and .h files below the directories.
includes() {
	grep -rHn --include='*.[chly]' '^#include "' "$@" | sed 's/:[0-9]*:#include "\(.*\)".*/: \1/'
}

engine_layers() {
	bad=0
	for dir in engine/*/; do
		dir=$(basename "$dir")
		allowed=" $dir $(may_include "$dir") "
		includes "engine/$dir" >"$work/list"
		while read -r file header; do
			case $header in */*) ;; *) [ "$header" = build.h ] || continue ;; esac
			case $allowed in
			*" ${header%%/*} "* | *" $header "*) continue ;;
			esac
			echo "$file $header"
			bad=1
		done <"$work/list"
	done
	return $bad
}
it 'a directory of the engine includes only what lies beneath it' engine_layers

one_header() {
	bad=0
	includes engine >"$work/list"
	while read -r file header; do
		dir=${header%%/*}
		case $header in
		support/* | "$dir") continue ;;
		"$dir/$dir.h" | *.def) continue ;;
		esac
		case $file in "engine/$dir/"*) continue ;; esac
		echo "$file $header"
		bad=1
	done <"$work/list"
	return $bad
}
it 'a directory is seen from outside through its one header' one_header

parser_alone() {
	includes parser | not grep -E ': (\.\./|engine/|(element|base|plan|cache|sandbox|run|block|output|cli)/)'
	not grep -rnE --include='*.[cly]' '^[^*]*[^a-z_](fork|mount|socket|system|popen|execve)\(' parser
}
it 'the parser sees nothing of the engine and calls nothing of the machine' parser_alone

parser_symbols() {
	[ -f "$IMAGEBUILD_BUILD/parser/libimgparse.a" ] || exit 77
	nm -u "$IMAGEBUILD_BUILD/parser/libimgparse.a" | not grep -wE 'fork|vfork|mount|socket|system|popen|execve|clone'
}
it 'the parser links against none of fork, mount, socket, exec' parser_symbols

no_cli_below() {
	includes engine --exclude-dir=cli | not grep ': cli/'
}
it 'nothing includes the command line' no_cli_below

syntax_tree() {
	grep -rln '<imagebuild/ast.h>' engine | not grep -vE '^engine/(lint|convert|cli)/'
}
it 'only the front end, lint and convert see the syntax tree' syntax_tree

quiet_below() {
	grep -rnE --include='*.c' '(^|[^a-z_])(printf|puts|putchar|perror|exit)\(|fprintf\(std' engine parser |
		not grep -vE '^engine/cli/|^parser/support/oom.c|_exit\('
}
it 'nothing outside the command line prints or exits' quiet_below
finish
