#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One mistake is one message: 2000 mutations of the good recipes. SEED=N makes others.
. "$(dirname "$0")/../lib.sh"
cd "$tests/lang" || exit 1

mutations() {
	set -- "$top"/recipes/*.Imagefile
	for ast in *.ast; do
		[ -f "${ast%.ast}.err" ] || set -- "$@" "${ast%.ast}.Imagefile"
	done
	/usr/bin/python3 mutations.py "$IMAGEBUILD" 2000 "${SEED:-1}" "$@"
}
it 'a mistake has one message, but for seven of a hundred, and the compiler outlives all' mutations
finish
