#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verb outline: what options change, and its schema.
. "$(dirname "$0")/../lib.sh"
cd "$tests/outline" || exit 1

# has LINE: standard output has it, blanks squeezed.
has() {
	sed 's/  */ /g' "$work/out" | grep -qxF -e "$1" || { echo "no line '$1' in:" && cat "$work/out" && return 1; }
}

options() {
	expect 0 "$IMAGEBUILD" outline --build-arg RELEASE=trixie --build-arg ADMIN_PASSWORD=x stages.Imagefile
	has 'RELEASE trixie The Debian release.'
	has 'ADMIN_PASSWORD <set> For the administrator.'
	has 'web-trixie web qcow2 raw web-trixie.qcow2 web-trixie.raw'
	expect 0 "$IMAGEBUILD" outline -t tar,raw -o out stages.Imagefile --target web
	has 'out web tar raw out.tar out.raw'
	not has 'out plain tar raw out.tar out.raw'
	expect 0 "$IMAGEBUILD" outline -t raw -o out.raw default.Imagefile
	has 'out.raw only raw out.raw'
}
it 'options of a build show what they change' options

several() {
	expect 0 "$IMAGEBUILD" outline default.Imagefile fragment.Imagefile
	has 'LEVEL 3 The level.'
	expect 0 "$IMAGEBUILD" outline - <default.Imagefile
	has 'image only qcow2 image.qcow2'
	expect 2 "$IMAGEBUILD" outline --format=xml default.Imagefile
	expect 1 "$IMAGEBUILD" outline --build-arg RELEASEE=x stages.Imagefile
	says "did you mean 'RELEASE'"
}
it 'it takes several recipes, and standard input' several

schema() {
	/usr/bin/python3 - "$top/docs/schema/outline.schema.json" ./*.json <<'END'
import json, sys
import jsonschema
validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))
for name in sys.argv[2:]:
    validator.validate(json.load(open(name)))
END
}
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
	it 'its JSON is as the schema says' schema
fi
finish
