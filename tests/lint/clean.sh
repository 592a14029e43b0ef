#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What we ship, and the recipes that README and docs show, give no finding.
. "$(dirname "$0")/../lib.sh"
export XDG_CONFIG_HOME="$work/none" SOURCE_DATE_EPOCH=1700000000
cd "$work" || exit 1

shipped() {
	"$IMAGEBUILD" lint --no-shellcheck --format=plain --fail-level=style "$top/recipes" "$top/elements"
}
it 'recipes and elements that are shipped are clean' shipped

# Each block with a FROM; the files that it copies are not there (IB1112), nor what it includes.
shown() {
	python3 - "$top" README.md docs/language.md docs/layout.md docs/elements.md docs/outputs.md <<'END'
import os, re, sys
n = 0
top, pages = sys.argv[1], sys.argv[2:]
for page in pages:
    for block in re.findall(r"^```(?:Imagefile)?\n(.*?)^```$", open(os.path.join(top, page)).read(), re.S | re.M):
        if re.search(r"^FROM \S", block, re.M):
            n += 1
            open("%s-%d.Imagefile" % (os.path.basename(page), n), "w").write(block)
END
	ls ./*.Imagefile
	"$IMAGEBUILD" lint --no-shellcheck --format=plain --fail-level=none ./*.Imagefile >said
	grep -v '\[IB1112\]$' said >found || [ $? -eq 1 ]
	cat found
	[ ! -s found ]
}
it 'recipes in README and docs are clean' shown
finish
