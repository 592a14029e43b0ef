#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All set-up on a fresh Debian 12:
#   ./setup.sh image    installs what is needed, builds the program, builds recipes/debian.Imagefile
#   ./setup.sh program  installs what the program is built with and builds it, for CI
#   ./setup.sh test     installs what the tests need, builds, runs the tests (more words go to ctest)
# Only apt runs as root: as root directly, else through sudo. Under sudo all else runs as the caller.
# IMAGEBUILD_CMAKE: further words for cmake.
set -eu
cd "$(dirname "$0")"

build="cmake gcc make pkg-config flex bison libyaml-dev libarchive-dev libfdisk-dev libssl-dev libext2fs-dev
	libseccomp-dev libjansson-dev"
# what a build of an image runs
tools="mmdebstrap uidmap qemu-utils dosfstools mtools debian-archive-keyring ca-certificates"
tests="clang libclang-rt-14-dev binutils e2fsprogs fdisk gdisk qemu-system-x86 ovmf seabios strace acl attr
	libcap2-bin procps passwd curl python3 libarchive-tools python3-diskimage-builder
	debootstrap sudo graphviz python3-jsonschema man-db zsh skopeo umoci libxml2-utils git pre-commit shellcheck"

missing() {
	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			printf '%s ' "$package"
	done
}

install() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	set -- $(missing "$@")
	[ $# -gt 0 ] || return 0
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	echo "installing $*"
	$sudo apt-get -q update
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@"
}

compile() {
	# shellcheck disable=SC2086
	cmake -S . -B build ${IMAGEBUILD_CMAKE:-}
	cmake --build build -j "$(nproc)"
}

# What the tests need of npm; without a network they are skipped, and say so.
npm_packages() {
	# npm removes what one call does not name
	[ -d build/npm/node_modules/dockerfile-ast ] && [ -d build/npm/node_modules/@microsoft/sarif-multitool ] &&
		[ -d build/npm/node_modules/dockerfile-utils ] ||
		npm install --silent --no-save --no-audit --no-fund --prefix build/npm dockerfile-ast@0.7.1 \
			@microsoft/sarif-multitool@5.7.0 dockerfile-utils@0.16.3 ||
		echo "npm: packages are not to be had: tests/dockerfile and a part of tests/lint are skipped"
}

run() {
	verb=$1
	shift
	compile
	case $verb in
	image) build/imagebuild -f recipes/debian.Imagefile -o build/debian "$@" ;;
	test) npm_packages && ctest --test-dir build --output-on-failure "$@" ;;
	esac
}

case ${1:-} in
image) packages="$build $tools" ;;
program)
	packages=$build
	IMAGEBUILD_CMAKE="-DBUILD_TESTING=OFF ${IMAGEBUILD_CMAKE:-}"
	;;
test)
	packages="$build $tools $tests"
	command -v npm >/dev/null || packages="$packages nodejs npm"
	;;
*)
	echo "usage: ./setup.sh image|program|test" >&2
	exit 2
	;;
esac
# shellcheck disable=SC2086
install $packages
if [ "$(id -u)" -eq 0 ] && [ "${SUDO_UID:-0}" -ne 0 ]; then
	exec sudo -u "#$SUDO_UID" -H env IMAGEBUILD_CMAKE="${IMAGEBUILD_CMAKE:-}" ./setup.sh "$@"
fi
run "$@"
