#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# not a test but what tests of images of `tiny` share: $dir is where r.Imagefile lies, $home/events what the build told.

# The steps that ran, "phase text" each.
ran() {
	sed -n 's/^{"event": *"finished".*"phase": *"\([^"]*\)", *"text": *"\(.*\)", *"log".*/\1 \2/p' "$home/events"
}

# Mode and owner of a path of the image.
listed() {
	tar --numeric-owner -tvf "$dir/r.tar" | awk -v want="./$1" '{ sub("/$", "", $6) } $6 == want { print $1, $2 }'
}

content() {
	tar -xOf "$dir/r.tar" "./$1"
}

# Standard input between FROM and OUTPUT.
recipe() {
	{
		echo "FROM ${base:-tiny}"
		cat
		echo "OUTPUT tar"
	} >"$dir/r.Imagefile"
}
