#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A recipe of 10 MB of each shape ends: compiled, or refused with at most as many messages as a reader bears. The
# bound on processor time is far above what linear work takes and far below what quadratic work would
# (tests/bench/run --only=shapes measures).
. "$(dirname "$0")/../lib.sh"
here=$tests/hostile

ends() {
	/usr/bin/python3 "$here/shapes.py" "$1" 10 >"$work/Imagefile"
	status=0
	(
		ulimit -t 120
		exec "$IMAGEBUILD" emit ir "$work/Imagefile" >/dev/null 2>"$work/said"
	) || status=$?
	[ "$status" -le 1 ] || { echo "status $status" && tail -3 "$work/said" && return 1; }
	errors=$(grep -c ': error: ' "$work/said") || true
	[ "$errors" -le 1000 ] || { echo "$errors messages" && return 1; }
	[ "$status" -eq 0 ] || [ "$errors" -gt 0 ]
}
for shape in $(/usr/bin/python3 "$here/shapes.py" list); do
	it "10 MB of $shape end" ends "$shape"
done
finish
