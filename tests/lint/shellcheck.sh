#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# IB4019 is shellcheck's findings at their places in recipes and hooks: of one that the test makes, and of the real one.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
export XDG_CONFIG_HOME="$work/none"
mkdir bin

# It notes its words and the scripts, and prints said.
cat >bin/shellcheck <<'END'
#!/bin/sh
here=${0%/*}/..
printf '%s\n' "$@" >>"$here/words"
for file; do
	[ ! -f "$file" ] || { echo "== $file"; cat "$file"; } >>"$here/scripts"
done
cat "$here/said"
exit 1
END
chmod 755 bin/shellcheck

lint() { PATH="$work/bin:$PATH" "$IMAGEBUILD" lint --format=plain "$@"; }
# comment FILE LINE COLUMN ENDLINE ENDCOLUMN LEVEL CODE TEXT
comment() {
	printf '{"comments":[{"file":"%s","line":%s,"column":%s,"endLine":%s,"endColumn":%s,"level":"%s","code":%s,"message":"%s","fix":null}]}\n' "$@"
}
recipe() {
	printf '%s\n' '# imagefile=1' 'FROM debian-minimal' 'ENV DIB_RELEASE=bookworm' "$@"
}

# place WANTED: the only finding of shellcheck is at that place.
place() {
	lint recipe.Imagefile >out 2>err || [ $? -eq 1 ]
	[ ! -s err ] || { cat err; return 1; }
	sed -n 's/^recipe.Imagefile:\([0-9:]*\): .*\[IB4019\]$/\1/p' out >got
	[ "$(cat got)" = "$1" ] || { echo "not at $1:"; cat out; return 1; }
}

continued() {
	recipe 'RUN echo one && \' '    # a comment' '    echo two' >recipe.Imagefile
	: >scripts
	comment 0 1 1 1 5 warning 2001 'First.' >said
	place 4:5
	grep -q 'echo two' scripts
	# where the text goes on, wherever its columns lie
	at=$(grep -o '^.*echo two' scripts | tail -n 1 | sed 's/echo two//' | wc -c)
	comment 0 1 "$at" 1 $((at + 4)) warning 2001 'Second.' >said
	place 6:5
}
it 'a place in a continued RUN is that of its line' continued

heredoc() {
	recipe 'RUN <<END' '	echo "größer" $(date -d @0)' 'END' >recipe.Imagefile
	comment 0 1 16 1 29 warning 2046 'Quote this.' >said
	place 5:18
	grep -q 'warning: SC2046: quote this \[IB4019\]$' out
}
it 'columns count characters, and a tab is one' heredoc

hooks() {
	mkdir -p element/install.d
	printf '#!/bin/bash\nset -eu\nset -o pipefail\nls *\n' >element/install.d/50-x
	printf '#!/usr/bin/python3\nprint(1)\n' >element/install.d/51-y
	chmod 755 element/install.d/*
	comment 0 4 4 4 5 info 2035 'Names with dashes.' >said
	: >words
	lint element >out || [ $? -eq 1 ]
	grep -qx 'element/install.d/50-x:4:4: info: SC2035: names with dashes \[IB4019\]' out
	grep -qx -e --shell=bash words
	not grep -qx -e '--shell=sh' words
	not grep -qx 1 words
}
it 'a hook is read as its shebang says; what is no shell is not read' hooks

hostile() {
	recipe 'RUN echo one' >recipe.Imagefile
	comment 0 999999999 1 -4 7 error 2001 'Far.' >said
	place 5:1
	comment 7 1 1 1 2 error 2001 'Another file.' >said
	place ''
	for text in '' '{' '[]' '{"comments":7}' '{"comments":[7,{"file":3}]}'; do
		echo "$text" >said
		lint recipe.Imagefile >out 2>err || [ $? -eq 1 ]
		not grep -q IB4019 out
	done
	echo >said
	lint recipe.Imagefile >out 2>err
	grep -qx "imagebuild: shellcheck failed: scripts are judged by imagebuild's own rules alone" err
}
it 'whatever it prints, lint goes on' hostile

silenced() {
	recipe '# imagebuild ignore=SC2001' 'RUN echo one' >recipe.Imagefile
	comment 0 1 1 1 5 warning 2001 'First.' >said
	lint recipe.Imagefile
	comment 0 1 1 1 5 warning 2002 'Second.' >said
	lint recipe.Imagefile >out || [ $? -eq 1 ]
	grep -q SC2002 out
	printf 'lint:\n  rules:\n    shellcheck: off\n' >.imagebuild.yaml
	lint recipe.Imagefile >out || [ $? -eq 1 ]
	rm .imagebuild.yaml
	not grep -q SC2002 out
}
it 'its numbers can be silenced, and the rule switched off' silenced

absent() {
	mkdir -p none
	for program in timeout; do
		ln -sf "$(command -v $program)" none/
	done
	recipe 'RUN echo one' 'RUN echo two' >recipe.Imagefile
	PATH=$work/none "$IMAGEBUILD" lint recipe.Imagefile >out 2>err
	[ ! -s out ]
	echo "imagebuild: shellcheck is not installed: scripts are judged by imagebuild's own rules alone" | diff - err
	PATH=$work/none "$IMAGEBUILD" lint --no-shellcheck recipe.Imagefile 2>err
	[ ! -s err ]
}
it 'where it is not installed lint says so once and goes on' absent

real() {
	command -v shellcheck >/dev/null || { echo 'shellcheck is not installed'; exit 77; }
	recipe 'RUN echo "ü" && \' '    rm -f $(cat /etc/obsolete)' 'SHELL ["/bin/bash", "-e", "-c"]' 'RUN <<END' \
		'if true; then rm -f `cat /etc/obsolete`; fi' 'END' >recipe.Imagefile
	"$IMAGEBUILD" lint --format=plain --fail-level=none recipe.Imagefile >out
	grep -q '^recipe.Imagefile:5:11: warning: SC2046: .*\[IB4019\]$' out
	grep -q '^recipe.Imagefile:8:21: style: SC2006: .*\[IB4019\]$' out
	# what own rules say, and what comes from outside, is not said twice
	recipe 'RUN cd $DIB_PLACE; [[ -e x ]]; which x' >recipe.Imagefile
	"$IMAGEBUILD" lint --format=plain --fail-level=none recipe.Imagefile >out
	not grep IB4019 out
}
it 'the real one finds what it finds' real

shipped() {
	command -v shellcheck >/dev/null || { echo 'shellcheck is not installed'; exit 77; }
	"$IMAGEBUILD" lint --format=plain --fail-level=style "$top/recipes" "$top/elements"
}
it 'nothing is found in what is shipped' shipped
finish
