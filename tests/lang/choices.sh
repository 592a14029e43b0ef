#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An option's unknown word: the near one, or all that are allowed.
. "$(dirname "$0")/../lib.sh"

says() {
	want=$1
	shift
	! "$IMAGEBUILD" "$@" 2>"$work/said" || return 1
	grep -qF "$want" "$work/said"
}

it 'an unknown --progress lists the choices' says "expected auto, tty, plain or json" build --progress=zzzzzz
it 'a near --progress is named' says "did you mean 'plain'?" build --progress=plian
it 'an unknown --refresh lists the choices' says "expected packages, base, sources or all" build --refresh=zzzzzz
it 'an unknown -t lists the formats' says "expected raw, tar, qcow2" build -t zzzzzz
it 'an unknown emit stage lists the stages' says "expected ast, ir, plan, keys, layout or facts" emit zzzzzz
it 'an unknown word of cache lists the words' says "expected path or prune" cache zzzzzz
finish
