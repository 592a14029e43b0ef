#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each rule and each message of the compiler has a page, whose examples are what it says.
. "$(dirname "$0")/../lib.sh"
export XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"

it 'docs/lint has a page for each row, with true examples' python3 "$tests/docs/pages.py" "$top" "$IMAGEBUILD" lint --no-shellcheck --format=plain
finish
