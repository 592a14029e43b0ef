#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# not a test but what builds and boots share: fixture.sh setup builds recipes/debian.Imagefile once, as an ordinary
# user made for it (as the caller where that is no root), into $IMAGEBUILD_BUILD/tests/image; fixture.sh cleanup removes
# it and the user. Beside the image: seconds, log, and the file `user`.
. "$(dirname "$0")/../lib.sh"
image=$IMAGEBUILD_BUILD/tests/image
user=imagebuild-one

# The program as a user has it: installed, readable by everyone.
install_program() {
	cmake --install "$IMAGEBUILD_BUILD" --prefix "$1" >/dev/null &&
		cp -r "$top/recipes" "$1/" && chmod -R a+rX "$1"
}

setup() {
	cleanup
	mkdir -p "$image"
	stage=$(mktemp -d /var/tmp/imagebuild-stage-XXXXXX)
	chmod 755 "$stage"
	echo "$stage" >"$image/stage"
	install_program "$stage" || return 1
	start=$(date +%s)
	if [ "$(id -u)" -eq 0 ]; then
		make_user $user || return 1
		users= # stays until cleanup
		echo $user >"$image/user"
		as_user $user "$stage/bin/imagebuild" -f "$stage/recipes/debian.Imagefile" -t raw,qcow2 --progress=plain
		status=$?
		home=$(getent passwd $user | cut -d: -f6)
		mv "$home"/debian.* "$image/" || return 1
		chown "$(id -u):$(id -g)" "$image"/debian.*
	else
		(cd "$image" && "$stage/bin/imagebuild" -f "$stage/recipes/debian.Imagefile" -t raw,qcow2 --progress=plain)
		status=$?
	fi
	echo $(($(date +%s) - start)) >"$image/seconds"
	echo "built in $(cat "$image/seconds") s"
	return $status
}

cleanup() {
	! id $user >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ] || drop_user $user
	[ ! -f "$image/stage" ] || rm -rf "$(cat "$image/stage")"
	rm -rf "$image"
}

case $1 in
setup) setup || exit 1 ;;
cleanup) cleanup ;;
esac
