#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One image three times: of elements, of the recipe that they convert to, and of what that exports to, built by Debian's own
# disk-image-create as root. The trees are equal but for what three-trees.expected gives a reason for.
. "$(dirname "$0")/../lib.sh"
here=$tests/build
need_root
need disk-image-create mmdebstrap python3
/usr/bin/python3 -c 'import diskimage_builder' 2>/dev/null || skip_all "needs diskimage_builder"
mkdir "$work/home"
kernel=$(dpkg --print-architecture) # the one that Debian's debian-minimal takes

# hook PATH LINE...: an executable hook of the element app.
hook() {
	path=$work/original/app/$1
	shift
	mkdir -p "${path%/*}"
	printf '%s\n' "$@" >"$path"
	chmod 755 "$path"
}
hook root.d/60-app '#!/bin/bash' 'set -eu' 'sudo mkdir -p "$TARGET_ROOT/srv/app"'
hook extra-data.d/50-app '#!/bin/bash' 'set -eu' 'echo "$DIB_APP_SIZE" >"$TMP_HOOKS_PATH/app.size"'
hook pre-install.d/50-app '#!/bin/sh' 'set -eu' 'echo "$DIB_APP_NAME" >/srv/app/name'
hook install.d/50-app '#!/bin/bash' 'set -eu' 'install -m 640 -o www-data -g adm "$(dirname "$0")/../app.size" /srv/app/size'
hook install.d/60-perl '#!/usr/bin/perl' 'open(my $f, ">", "/srv/app/perl") or die;' 'print $f "written by perl\n";'
hook install.d/099-order '#!/bin/sh' 'set -eu' 'echo 099 >>/srv/app/order'
hook install.d/100-order '#!/bin/sh' 'set -eu' 'echo 100 >>/srv/app/order'
hook install.d/99a-order '#!/bin/sh' 'set -eu' 'echo 99a >>/srv/app/order'
hook post-install.d/50-app '#!/bin/sh' 'set -eu' 'command -v less >/srv/app/less' 'ln -s app /srv/other'
hook post-root.d/50-app '#!/bin/bash' 'set -eu' 'sudo touch "$TMP_MOUNT_PATH/srv/app/post-root"'
hook finalise.d/50-app '#!/bin/sh' 'set -eu' 'chmod 700 /srv/app'
hook cleanup.d/50-app '#!/bin/bash' 'set -eu' 'sudo rm "$TARGET_ROOT/srv/app/post-root"'
hook static/usr/local/bin/app '#!/bin/sh' 'echo app'
mkdir -p "$work/original/app/environment.d"
printf 'export DIB_APP_SIZE=${DIB_APP_SIZE:-3}\nexport DIB_APP_NAME=app\n' >"$work/original/app/environment.d/20-app.bash"
# netbase, python3 and rsync: what dib installs besides, see three-trees.expected.
printf 'less:\ncurl:\ngit:\nnetbase:\npython3:\nrsync:\nsensible-pkg:\n  phase: post-install.d\n' >"$work/original/app/package-installs.yaml"
printf '{"default": {"sensible-pkg": "sensible-utils"}}\n' >"$work/original/app/pkg-map"
printf 'install-static\npackage-installs\npkg-map\n' >"$work/original/app/element-deps"

# clean COMMAND...: with what a login as root has.
clean() {
	env -i HOME="$work/home" USER=root LOGNAME=root DIB_NO_TMPFS=1 SOURCE_DATE_EPOCH=1700000000 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
		${no_proxy:+"no_proxy=$no_proxy"} "$@"
}

# built NAME: NAME.Imagefile with the elements of NAME/ as NAME/image.tar, which has the image's name in it.
built() {
	expect 0 clean "$IMAGEBUILD" -f "$1.Imagefile" -o "$1/image" --element-path "$1" --progress=plain
	[ -s "$1/image.tar" ]
}

# lines: what both recipes go on with; exported they are hooks of an element.
lines() {
	cat <<-'END'
		COPY --chown=www-data:adm --chmod=640 site/ /srv/site/
		RUN echo last >>/srv/app/order
		COPY <<'EOF' /srv/site/note
		$HOME stays
		EOF
		WORKDIR /srv/site/here
		RUN --phase=post-install --order=7 ["touch", "a b"]
		PACKAGE tree
	END
}
mkdir -p "$work/site/deep"
echo page >"$work/site/deep/index.html"
ln -s deep/index.html "$work/site/index.html"

original() {
	cd "$work"
	printf '%s\n' 'FROM debian-minimal' "ENV DIB_RELEASE=bookworm DIB_DEBIAN_KERNEL=$kernel" 'ELEMENT app' 'PACKAGE nano' >original.Imagefile
	{ lines && echo OUTPUT tar; } >>original.Imagefile
	built original
}
it 'the elements build' original

converted() {
	cd "$work"
	expect 0 "$IMAGEBUILD" convert -o converted element original/app
	expect 0 "$IMAGEBUILD" convert command \
		"DIB_RELEASE=bookworm DIB_DEBIAN_KERNEL=$kernel disk-image-create -n -t tar -p nano -o image debian-minimal app"
	{ cat out && lines; } >converted.Imagefile
	built converted
	"$here/compare-trees" original/image.tar converted/image.tar
}
it 'what they convert to builds the same tree' converted

exported() {
	cd "$work"
	expect 0 "$IMAGEBUILD" export --dib exported --element-path converted converted.Imagefile
	mkdir dib
	cd dib
	# a pipe, as our steps have
	clean ../exported/build -o image </dev/null 2>&1 | cat >log
	tail -n 20 log
	[ -s image.tar ]
}
it "Debian's disk-image-create builds what that exports to" exported

compared() {
	cd "$work"
	"$here/compare-trees" --expected "$here/three-trees.expected" original/image.tar dib/image.tar
}
it 'the trees are equal but for what three-trees.expected gives a reason for' compared
finish
