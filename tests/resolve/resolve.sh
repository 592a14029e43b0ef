#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Closures against those of dib's own resolver, whose answer depends on Python's order of sets.
. "$(dirname "$0")/../lib.sh"
here=$tests/resolve
dib=/usr/lib/python3/dist-packages/diskimage_builder/elements
resolver=$IMAGEBUILD_BUILD/tests/resolve/resolve
[ -d "$dib" ] || skip_all "needs the package python3-diskimage-builder"
[ -x "$resolver" ] || skip_all "needs $resolver"

same_closures() {
	cd "$work"
	/usr/bin/python3 "$here/dib.py" requests "$dib:$here/library" >requests
	"$resolver" "$dib" "$here/library" <requests >ours
	for seed in 1 2 3 4 5 6 7 8; do
		PYTHONHASHSEED=$seed /usr/bin/python3 "$here/dib.py" resolve "$dib:$here/library" <requests >"dib.$seed"
	done
	/usr/bin/python3 "$here/dib.py" compare "$here/exceptions" requests ours dib.?
}
it "elements resolve as dib's own resolver has them, or are listed with a reason" same_closures
finish
