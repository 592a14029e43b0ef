#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What convert does around the conversions: where results go, the report, exit statuses.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1

# status WANTED WORD...: runs convert, keeps what it printed.
status() {
	wanted=$1
	shift
	got=0
	"$IMAGEBUILD" convert "$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" -eq "$wanted" ] || { echo "status $got, not $wanted"; cat "$work/out" "$work/err"; return 1; }
}
mkdir -p app/static other/tree/app
printf 'base\nvm\n' >app/element-deps
printf 'web\n' >app/element-provides
cp -r app/element-* other/tree/app
echo hello >app/static/file
ln -s nowhere app/static/link
mkdir app/static/empty

printed() {
	status 0 element other/tree/app
	printf 'ELEMENT base vm\nPROVIDES web\n' | diff - out
	grep -q '^app/element-deps: ELEMENT$' err
	status 0 --quiet element other/tree
	[ ! -s err ]
}
it 'one recipe goes to standard output, the report to standard error' printed

json() {
	status 0 --format=json element other/tree/app
	python3 -c 'import json; print([e["became"] for e in json.load(open("err"))])' |
		grep -qxF "['ELEMENT', 'PROVIDES']"
}
it 'the report can be JSON' json

written() {
	status 2 element app
	grep -q -- '-o DIR' err
	status 0 -o made/here element app
	(cd made/here && find . | sort) >got
	printf '%s\n' . ./app ./app/Imagefile ./app/static ./app/static/empty ./app/static/file ./app/static/link | diff - got
	cmp app/static/file made/here/app/static/file
	[ "$(readlink made/here/app/static/link)" = nowhere ]
}
it 'several files need a directory, and have theirs' written

kept() {
	mkdir -p there/app
	echo mine >there/app/Imagefile
	status 2 -o there element app
	grep -q -- '--force' err
	[ "$(find there | wc -l)" -eq 3 ]
	grep -q mine there/app/Imagefile
	status 0 --force -o there element app
	grep -q ELEMENT there/app/Imagefile
}
it 'what is there is not overwritten without --force, and then nothing is written' kept

usage() {
	status 2
	status 2 elemnt app
	grep -q 'element' err
	status 2 element
	status 2 element nowhere
	mkdir -p nothing
	status 1 element nothing
	grep -q 'IB1503' err
	status 1 element made/here/app
	[ ! -s out ]
}
it 'bad input is an error and makes nothing' usage
finish
