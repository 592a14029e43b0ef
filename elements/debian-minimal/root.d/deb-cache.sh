#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deb-cache.sh link|save ROOT CACHE: called by mmdebstrap. Links the packages in CACHE into the
# archives of ROOT, or saves there what has been fetched beside them.

if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then
    set -x
fi
set -eu
set -o pipefail

archives=$2/var/cache/apt/archives
pool=$2/var/cache/apt/pool

case "$1" in
    link)
        mkdir -p "$archives" "$pool"
        mount --bind "$3" "$pool"
        # Relative, so that they hold in and out of the chroot.
        find "$pool" -maxdepth 1 -name '*.deb' -printf '../pool/%f\n' \
            | xargs -r ln -s -t "$archives"
        ;;
    save)
        # Copied under another name first: two builds may do this at the same time.
        find "$archives" -maxdepth 1 -name '*.deb' -type f -printf '%f\n' | while read -r deb; do
            cp "$archives/$deb" "$pool/.$deb.$$"
            mv -f "$pool/.$deb.$$" "$pool/$deb"
        done
        umount "$pool"
        ;;
esac
