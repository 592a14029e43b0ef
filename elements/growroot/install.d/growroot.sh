#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Grows the partition under / to what is free behind it, then the file system.
set -eu

device=$(findmnt -n -o SOURCE --nofsroot /)
type=$(findmnt -n -o FSTYPE /)
name=$(basename "$(readlink -f "$device")")
sys=/sys/class/block/$name

if [ -e "$sys/partition" ]; then
    disk=/dev/$(basename "$(dirname "$(readlink -f "$sys")")")
    # 1 says that there is nothing to grow.
    growpart "$disk" "$(cat "$sys/partition")" || [ $? -eq 1 ]
fi

case "$type" in
    ext?) resize2fs "$device" ;;
    xfs) xfs_growfs / ;;
    btrfs) btrfs filesystem resize max / ;;
    *) echo "growroot: leaves a root of type $type as it is" ;;
esac
