#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bootstrap-hook.sh begin|end ROOT CACHE: mmdebstrap calls this before it fetches anything and when all is
# installed. CACHE is the directory of packages fetched by earlier builds, or empty.

if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then
    set -x
fi
set -eu
set -o pipefail

root=$2
cache=$3
pool=$root/var/cache/apt/pool
archives=$root/var/cache/apt/archives
pin=$root/etc/apt/preferences.d/bootstrap

# The top-level directories are links into /usr from the start. Otherwise the package
# usrmerge would convert the tree, and bring all of Perl to do so.
function merge_usr {
    local dir

    for dir in bin sbin lib; do
        mkdir -p "$root/usr/$dir"
        ln -s "usr/$dir" "$root/$dir"
    done
    if [ "$(APT_CONFIG=${MMDEBSTRAP_APT_CONFIG:-} apt-config dump --format %v APT::Architecture)" = amd64 ]; then
        mkdir -p "$root/usr/lib64"
        ln -s usr/lib64 "$root/lib64"
    fi
    mkdir -p "$(dirname "$pin")"
    printf 'Package: usrmerge\nPin: release *\nPin-Priority: -1\n' > "$pin"
}

# Packages fetched before are offered to apt by links, beside which it puts those that it
# fetches. Relative links hold in the chroot and out of it.
function open_pool {
    mkdir -p "$archives" "$pool"
    mount --bind "$cache" "$pool"
    find "$pool" -maxdepth 1 -name '*.deb' -printf '../pool/%f\n' | xargs -r ln -s -t "$archives"
}

# Saves what is new, under another name first: two builds may do so at the same time.
function close_pool {
    find "$archives" -maxdepth 1 -name '*.deb' -type f -printf '%f\n' | while read -r deb; do
        cp "$archives/$deb" "$pool/.$deb.$$"
        mv -f "$pool/.$deb.$$" "$pool/$deb"
    done
    umount "$pool"
}

case "$1" in
    begin)
        merge_usr
        if [ -n "$cache" ]; then
            open_pool
        fi
        ;;
    end)
        rm "$pin"
        if [ -n "$cache" ]; then
            close_pool
        fi
        ;;
esac
