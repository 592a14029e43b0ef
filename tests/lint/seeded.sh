#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Defects put into clean recipes, scripts, elements and layouts are found where they are, and nothing else is.
. "$(dirname "$0")/../lib.sh"
export XDG_CONFIG_HOME="$work/none" SOURCE_DATE_EPOCH=1700000000
mkdir "$work/cases"

status=0
python3 -B "$tests/lint/seeded/seed.py" "$top" "$IMAGEBUILD" "$work/cases" >"$work/list" 2>&1 || status=$?
sed -n '1,2s/^./# &/p' "$work/list"

seeded() {
	cat "$work/list"
	[ "$status" -eq 0 ]
}
it 'at least 95 % of the defects are found at the exact span, and nothing else is' seeded
finish
