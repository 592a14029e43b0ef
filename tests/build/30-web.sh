#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The image of recipes/web.Imagefile: it has what the first stage made, and nothing of its cache and its secret.
. "$(dirname "$0")/../lib.sh"
need qemu-img tar
image=$IMAGEBUILD_BUILD/tests/image
[ -f "$image/web.qcow2" ] || skip_all "needs the images of fixture.sh setup"
key=$(cat "$(cat "$image/stage")/key")

pages() {
	tar -tvf "$image/web.tar" >"$work/list"
	grep -q 'www-data.* \./var/www/html/index.html$' "$work/list"
	grep -q ' \./var/www/html/signature.txt$' "$work/list"
	[ "$(tar -xOf "$image/web.tar" ./var/www/html/title.txt)" = "It works" ]
	tar -xf "$image/web.tar" -C "$work" ./var/www/html
	cd "$work/var/www/html"
	{ sha256sum ./index.html && echo "$key"; } | sha256sum | cmp - signature.txt
}
it 'the pages of the first stage are there, signed with the secret' pages

neither() {
	not grep -q -e ' \./var/cache/site' -e ' \./srv/site' -e ' \./src' -e 'run/secrets' "$work/list"
	not grep -qaF "$key" "$image/web.tar"
	qemu-img convert -O raw "$image/web.qcow2" "$work/web.raw"
	not grep -qaF "$key" "$work/web.raw"
	# the search finds what is there
	grep -qaF 'server_tokens off' "$work/web.raw"
}
it 'neither the cache nor the secret is in the image' neither
finish
