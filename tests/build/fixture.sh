#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# not a test but what builds and boots share: fixture.sh setup builds the recipes once, as an ordinary user made for it
# (as the caller where that is no root), into $IMAGEBUILD_BUILD/tests/image; fixture.sh cleanup removes them and the
# user. Beside the images: `user` (its name) and `stage` (where the program is installed).
. "$(dirname "$0")/../lib.sh"
image=$IMAGEBUILD_BUILD/tests/image
user=image$(printf %s "$IMAGEBUILD_BUILD" | cksum | cut -c1-6) # one a build directory

# The program as a user has it: installed, readable by everyone.
install_program() {
	cmake --install "$IMAGEBUILD_BUILD" --prefix "$1" >/dev/null &&
		cp -r "$top/recipes" "$1/" && chmod -R a+rX "$1"
}

# build NAME FORMATS OPTION...: recipes/NAME.Imagefile into $image.
build() {
	name=$1 formats=$2
	shift 2
	set -- "$stage/bin/imagebuild" -f "$stage/recipes/$name.Imagefile" -t "$formats" --progress=plain "$@"
	start=$(date +%s)
	if [ "$(id -u)" -eq 0 ]; then
		as_user $user "$@" && mv "$(getent passwd $user | cut -d: -f6)/$name".* "$image/" || return 1
		chown "$(id -u):$(id -g)" "$image/$name".*
	else
		(cd "$image" && "$@") || return 1
	fi
	echo "$name: built in $(($(date +%s) - start)) s"
}

setup() {
	cleanup
	mkdir -p "$image"
	stage=$(mktemp -d /var/tmp/imagebuild-stage-XXXXXX)
	chmod 755 "$stage"
	echo "$stage" >"$image/stage"
	install_program "$stage" || return 1
	if [ "$(id -u)" -eq 0 ]; then
		make_user $user || return 1
		users= # stays until cleanup
		echo $user >"$image/user"
	fi
	echo "key of the web recipe's signature: $(tr -dc a-f0-9 </dev/urandom | head -c 40)" >"$stage/key"
	chmod 644 "$stage/key"
	build debian raw,qcow2 && build web qcow2,tar --secret "id=sign-key,src=$stage/key"
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
