#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which steps' keys a change reaches. copies of this directory are changed one thing at a time.
. "$(dirname "$0")/../lib.sh"
export SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

# The keys of order.Imagefile in directory $1: "KEY step name" a line.
keys() {
	(cd "$1" && "$IMAGEBUILD" emit keys order.Imagefile 2>/dev/null) | grep -E '^[0-9a-f]{64} '
}

# A fresh copy at $work/$1.
copy() {
	mkdir -p "$work/$1"
	cp -a "$tests/plan/." "$work/$1/"
}

# Prints the first step whose key differs between the original and $work/$1; "none" where none does. That
# all behind it differ too is checked as well.
first_changed() {
	keys "$tests/plan" >"$work/before"
	keys "$work/$1" >"$work/after"
	[ -s "$work/before" ] && [ -s "$work/after" ]
	paste -d' ' "$work/before" "$work/after" | awk '
		{ n = NF / 2; differs = $1 != $(n + 1) }
		differs && !first { first = $2; for (i = 3; i <= n; i++) first = first " " $i }
		!differs && first { bad = 1 }
		END { print bad ? "an unchanged key behind a changed one" : first ? first : "none" }'
}

changes() {
	got=$(first_changed "$1")
	[ "$got" = "$2" ] || { echo "# first changed: $got, not: $2"; return 1; }
}

elsewhere() {
	copy a
	changes a none
}

last_run() {
	copy b
	sed -i 's/echo bye/echo good-bye/' "$work/b/order.Imagefile"
	changes b "run echo-bye" || changes b "run echo-good-bye"
}

a_hook() {
	copy c
	echo ': more' >>"$work/c/elements/app/install.d/50-middle"
	changes c "hook 50-middle"
}

readme() {
	copy d
	echo words >"$work/d/elements/app/README.md"
	changes d none
}

a_tool() {
	copy e
	echo ': more' >>"$work/e/elements/app/bin/app-tool"
	changes e "hook 10-tree"
}

packages() {
	copy f
	printf 'one-more:\n' >>"$work/f/elements/app/package-installs.yaml"
	changes f "package_installs 99-squash-package-install"
}

context() {
	copy g
	echo changed >"$work/g/files/b.txt"
	changes g "copy srv-app"
}

unused() {
	copy h
	echo new >"$work/h/files/c.png"
	changes h none
}

env() {
	copy i
	sed -i 's/MODE=fast/MODE=slow/' "$work/i/order.Imagefile"
	changes i "environ environment"
}

beside() {
	copy j
	echo data >"$work/j/elements/app/post-install.d/data.conf"
	changes j "hook 10-late"
}

secret() {
	(cd "$tests/plan" && "$IMAGEBUILD" emit keys order.Imagefile && "$IMAGEBUILD" emit plan order.Imagefile &&
		"$IMAGEBUILD" plan order.Imagefile) >"$work/texts" 2>&1
	grep -q APP_TOKEN "$work/texts"
	[ "$(grep -c hunter2 "$work/texts")" = 0 ]
	copy k
	sed -i 's/hunter2/hunter3/' "$work/k/order.Imagefile"
	changes k "environ environment"
}

twice() {
	keys "$tests/plan" >"$work/one"
	keys "$tests/plan" >"$work/two"
	cmp "$work/one" "$work/two"
}

it 'keys are the same in another directory' elsewhere
it 'keys are the same a second time' twice
it 'a changed RUN changes its key and those behind it alone' last_run
it 'a changed hook changes its key and those behind it alone' a_hook
it 'a README changes no key' readme
it 'a changed file of bin/ reaches the first hook' a_tool
it 'a changed package-installs reaches the steps that read it' packages
it 'a changed file of the context reaches the COPY that takes it' context
it 'a new file that no COPY takes changes no key' unused
it 'a changed ENV reaches every step' env
it 'a data file beside hooks reaches the hooks of its phase' beside
it 'the value of a secret is in no text, but in the key' secret
finish
