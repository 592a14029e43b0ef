#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What lint does around the rules: inputs, levels, suppressions, baseline, --fix, exit statuses.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
export XDG_CONFIG_HOME="$work/none"

lint() { "$IMAGEBUILD" lint --no-shellcheck --format=plain "$@"; }
# status WANTED WORD...: runs lint, keeps what it printed.
status() {
	wanted=$1
	shift
	got=0
	lint "$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" -eq "$wanted" ] || { echo "status $got, not $wanted"; cat "$work/out" "$work/err"; return 1; }
}
# recipe LINE...: a sound recipe with the lines behind its FROM.
recipe() {
	printf '%s\n' '# imagefile=1' 'FROM debian-minimal' 'ENV DIB_RELEASE=bookworm' "$@"
}

told_apart() {
	mkdir -p tree/hook/install.d tree/empty
	recipe >tree/Imagefile
	recipe >tree/web.Imagefile
	printf 'PACKAGE nginx-light\n' >tree/part.Imagefile
	printf '#!/bin/bash\nset -eu\nset -o pipefail\nexec 2>&1\n' >tree/hook/install.d/50-hook
	printf -- '- local_loop:\n    name: image0\n' >layout
	printf '#!/bin/sh\nset -e\n' >script
	printf 'no recipe\n' >tree/notes
	files="tree/Imagefile tree/web.Imagefile tree/part.Imagefile tree/hook/install.d/50-hook layout script"
	for file in $files; do
		echo '# imagebuild ignore-file=IB9999' >>$file
	done
	status 1 tree layout script
	for file in $files; do
		grep -q "^$file:.*IB1601" out || { echo "$file is not judged"; return 1; }
	done
	not grep notes out
}
it 'recipes, fragments, elements, YAML and scripts are told apart by content' told_apart

images() {
	printf -- '- imagename: a\n  elements: [ubuntu]\n  min-tmpfs: 2\n  environment: { A: 1 }\n' >images.yaml
	status 1 images.yaml
	grep -q '^images.yaml:4:21: error: expected a string' out
	[ "$(wc -l <out)" -eq 1 ]
	printf 'diskimages:\n  - name: a\n    parent: b\n' >pool.yaml
	status 1 pool.yaml
	grep -q '^pool.yaml:3:13: error: no diskimage' out
	printf -- '- imagename: a\n  elements: [ubuntu]\n' >images.yaml
	status 0 images.yaml
	[ ! -s out ]
}
it 'image definitions and nodepool are judged by their own keys' images

statuses() {
	recipe >sound.Imagefile
	status 0 sound.Imagefile
	recipe 'OUTPUT qcow3' >wrong.Imagefile
	status 1 wrong.Imagefile
	status 1 --fail-level=none wrong.Imagefile || status 0 --fail-level=none wrong.Imagefile
	status 2 nowhere.Imagefile
	status 2 --format=nothing sound.Imagefile
	status 2 --rule=IB1601=loud sound.Imagefile
	status 2 --explain IB0001
}
it 'exit statuses: 0 nothing, 1 findings, 2 usage and what cannot be read' statuses

standard_input() {
	recipe 'OUTPUT qcow3' | status 1 --stdin-filename=some/Imagefile -
	grep -q '^some/Imagefile:4:8: error: ' out
}
it 'standard input has the name that it is given' standard_input

suppressed() {
	recipe '# check=skip=IB9999' >wrong.Imagefile
	status 1 wrong.Imagefile
	grep -q '^wrong.Imagefile:4:14: .*\[IB1601\]$' out
	# an unused one; silenced by a comment that is used
	recipe '# check=skip=IB1016' 'PACKAGE a' >unused.Imagefile
	status 1 unused.Imagefile
	grep -q '^unused.Imagefile:4:14: .*\[IB1600\]$' out
	[ "$(wc -l <out)" -eq 1 ]
	recipe '# imagebuild ignore=empty-continuation reason=the table is written so' 'PACKAGE a \' '' '    b' >used.Imagefile
	status 0 used.Imagefile
	[ ! -s out ]
	{ echo '# check=skip=IB1016'; recipe 'PACKAGE a \' '' '    b'; } >file.Imagefile
	status 0 file.Imagefile
	[ ! -s out ]
	recipe 'PACKAGE a \' '' '    b' '# imagebuild ignore-file=IB1016' >file.Imagefile
	status 0 file.Imagefile
	recipe 'PACKAGE a \' '' '    b' >bare.Imagefile
	status 1 bare.Imagefile
	# what the compiler calls an error stays one
	recipe '# check=skip=IB1110' 'OUTPUT qcow3' >error.Imagefile
	status 1 error.Imagefile
	grep -q '\[IB1110\]$' out
	grep -q '\[IB1600\]$' out
}
it 'comments silence rules for an instruction or a file, and are reported where they silence nothing' suppressed

reasons() {
	printf 'lint:\n  require-reason: true\n' >.imagebuild.yaml
	recipe '# check=skip=IB1016' 'PACKAGE a \' '' '    b' >reason.Imagefile
	status 1 reason.Imagefile
	grep -q '\[IB1602\]$' out
	recipe '# check=skip=IB1016;reason=as it came' 'PACKAGE a \' '' '    b' >reason.Imagefile
	status 0 reason.Imagefile
	rm .imagebuild.yaml
}
it 'with require-reason a suppression has one' reasons

levels() {
	recipe 'PACKAGE a \' '' '    b' >bare.Imagefile
	status 0 --rule=IB1016=off bare.Imagefile
	status 1 --rule=empty-continuation=error --fail-level=error bare.Imagefile
	grep -q ': error: .*\[IB1016\]' out
	status 0 --fail-level=error bare.Imagefile
	printf 'lint:\n  rules: { IB1016: info }\n  fail-level: warning\n' >.imagebuild.yaml
	mkdir -p deep/er
	cp bare.Imagefile deep/er/
	status 0 deep/er/bare.Imagefile
	grep -q ': info: .*\[IB1016\]' out
	printf 'lint:\n  rulez: {}\n' >.imagebuild.yaml
	status 2 bare.Imagefile
	grep -q "unknown key 'rulez'; did you mean 'rules'?" err
	rm .imagebuild.yaml
}
it 'levels: --rule over .imagebuild.yaml, which is found upwards; mistakes in it are located' levels

baseline() {
	recipe 'PACKAGE a \' '' '    b' >old.Imagefile
	status 1 old.Imagefile
	"$IMAGEBUILD" lint --no-shellcheck --format=baseline=known old.Imagefile && return 1
	status 0 --baseline=known old.Imagefile
	[ ! -s out ]
	# lines above move it; a second one is new
	recipe 'ENV X=1' '' 'PACKAGE a \' '' '    b' 'PACKAGE c \' '' '    d' >old.Imagefile
	status 1 --baseline=known old.Imagefile
	[ "$(wc -l <out)" -eq 1 ]
	status 2 --baseline=nowhere old.Imagefile
}
it 'a baseline hides what was there before, also where lines move' baseline

mended() {
	recipe '# check=skip=IB1016' 'PACKAGE a' >fix.Imagefile
	status 0 --fix fix.Imagefile
	grep -q 'mended 1 finding' err
	recipe 'PACKAGE a' | cmp - fix.Imagefile
	cp fix.Imagefile before
	status 0 --fix fix.Imagefile
	cmp before fix.Imagefile
	# what overlaps is mended in a second round of the same run
	recipe 'env   X=1' >fix.Imagefile
	status 0 --fix fix.Imagefile
	recipe 'ENV X=1' | cmp - fix.Imagefile
	status 2 --fix - </dev/null
}
it '--fix mends what is safe, once' mended

listed() {
	"$IMAGEBUILD" lint --list >list
	grep -q '^IB1600  warning fix  unused-suppression ' list
	"$IMAGEBUILD" lint --explain unused-suppression | head -n 1 | grep -qx '# IB1600 unused-suppression'
}
it '--list and --explain know each rule by number and name' listed

hostile() {
	mkdir -p bad/install.d
	head -c 300000 /dev/urandom >bad/install.d/10-noise
	chmod +x bad/install.d/10-noise
	ln -s loop bad/install.d/loop
	ln -s / bad/install.d/root
	head -c 2000000 /dev/zero | tr '\0' '(' >bad/install.d/20-deep
	printf '#!/bin/bash\n%s' "$(head -c 50000 /dev/zero | tr '\0' '(')" >bad/install.d/30-nested
	status 1 bad || status 0 bad
	head -c 200000 /dev/urandom | status 1 -
}
it 'noise, loops of links and deep nesting end with a status' hostile
nested() {
	recipe '# imagebuild ignore=IB1016' 'RUN true && \' '' '  true' '# imagebuild ignore-file=IB1016' 'RUN false && \' '' '  true' >Imagefile
	status 0 Imagefile
	recipe '# imagebuild ignore=IB1016' 'RUN true && \' '' '  true' '# imagebuild ignore-file=IB1016' >Imagefile
	status 1 Imagefile
	[ "$(grep -c IB1600 out)" -eq 1 ]
	grep -q '^Imagefile:8:26: .*IB1600' out
}
it 'of two comments that silence a finding the nearer one counts' nested

# What is quadratic takes minutes here.
many() {
	for i in $(seq 20000); do
		printf '# check=skip=IB1612\nrun true %s\n' "$i"
	done | { recipe && cat; } >Imagefile
	timeout 20 "$IMAGEBUILD" lint --no-shellcheck --format=json Imagefile >out
	not grep IB1600 out
	[ "$(grep -c '"rule": "IB1612"' out)" -eq 20000 ]
}
it '20 000 findings with a comment each are not slow' many

one_line() {
	{ printf '#!/bin/bash\n' && yes 'which a; ' | head -n 20000 | tr -d '\n' && echo; } >script
	timeout 30 "$IMAGEBUILD" lint --no-shellcheck --fail-level=none --format=json script >out
	[ "$(grep -c '"line": 2,' out)" -ge 20000 ]
}
it 'nor are 20 000 in one line' one_line
finish
