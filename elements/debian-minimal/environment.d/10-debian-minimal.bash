# SPDX-License-Identifier: Apache-2.0
# What the image is. Read in every phase, on the host and in the image.
export DISTRO_NAME=debian
export DIB_RELEASE=${DIB_RELEASE:-bookworm}
export DIB_INIT_SYSTEM=systemd
export EFI_BOOT_DIR=EFI/debian

if [ -n "${DIB_DEBIAN_DISTRIBUTION_MIRROR:-}" ]; then
    export DIB_DISTRIBUTION_MIRROR=$DIB_DEBIAN_DISTRIBUTION_MIRROR
fi

export DIB_DEBIAN_COMPONENTS=${DIB_DEBIAN_COMPONENTS:-main}
export DIB_DEBIAN_COMPONENTS_WS=${DIB_DEBIAN_COMPONENTS//,/ }
export DIB_DEBOOTSTRAP_DEFAULT_LOCALE=${DIB_DEBOOTSTRAP_DEFAULT_LOCALE:-C.UTF-8}

if [ -z "${DIB_DEBIAN_KERNEL:-}" ]; then
    case "${ARCH:-amd64}" in
        amd64 | x86_64) DIB_DEBIAN_KERNEL=cloud-amd64 ;;
        arm64 | aarch64) DIB_DEBIAN_KERNEL=cloud-arm64 ;;
        i386) DIB_DEBIAN_KERNEL=686 ;;
        armhf) DIB_DEBIAN_KERNEL=armmp ;;
        ppc64el | ppc64le) DIB_DEBIAN_KERNEL=powerpc64le ;;
        *) DIB_DEBIAN_KERNEL=$ARCH ;;
    esac
fi
export DIB_DEBIAN_KERNEL
