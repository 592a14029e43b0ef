# SPDX-License-Identifier: Apache-2.0
# Which loaders to install. After 15-block-device.bash, which may set DIB_BLOCK_DEVICE. On amd64 an EFI layout has
# a BIOS boot partition as well.
case "${DIB_BLOCK_DEVICE:-}:${ARCH:-}" in
    *:arm64 | *:aarch64) DIB_BOOTLOADER_FIRMWARE=efi-arm64 ;;
    *:ppc*) DIB_BOOTLOADER_FIRMWARE=ieee1275 ;;
    mbr:* | gpt:*) DIB_BOOTLOADER_FIRMWARE=bios ;;
    *) DIB_BOOTLOADER_FIRMWARE=bios+efi ;;
esac
export DIB_BOOTLOADER_FIRMWARE
