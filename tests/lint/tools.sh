#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# IB8002 looks for programs on PATH, so it cannot have a golden.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
export XDG_CONFIG_HOME="$work/none"
printf 'FROM debian-minimal\nENV DIB_RELEASE=bookworm\nOUTPUT raw qcow2\n' >x.Imagefile
mkdir none with
printf '#!/bin/sh\n' >with/qemu-img && chmod +x with/qemu-img
program=$(command -v "$IMAGEBUILD")

# on PATH STATUS WORD...
on() {
	directory=$1
	status=$2
	shift 2
	expect "$status" env PATH="$work/$directory" "$program" lint --no-shellcheck --format=plain "$@" x.Imagefile
}

missing() {
	on none 1 --rule=IB8002=warning
	grep -q '^x.Imagefile:3:12: warning: .*qemu-img.* \[IB8002\]$' "$work/out"
	[ "$(wc -l <"$work/out")" -eq 1 ]
	on with 0 --rule=IB8002=warning
	on none 0
}
it 'a format that no program here writes is found, where the rule is on' missing
finish
