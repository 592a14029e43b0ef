#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The bounds of docs/limits.md: what is at one passes, what is one past it is an error. limits.py prints the TAP.
. "$(dirname "$0")/../lib.sh"
/usr/bin/python3 "$tests/hostile/limits.py" "$IMAGEBUILD" "$top/docs/limits.md" || failures=1
finish
