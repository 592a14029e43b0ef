#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The files for pre-commit, GitHub, GitLab and containers, and docs/ci.md: used as those systems use them, with the program
# as it is installed.
. "$(dirname "$0")/../lib.sh"
files=$tests/lint/ci/files.py
need git cmake
export HOME="$work/home" XDG_CONFIG_HOME="$work/none" GIT_CONFIG_NOSYSTEM=1 RUNNER_TEMP="$work/runner" GITHUB_OUTPUT="$work/output"
unset GITHUB_ACTIONS GITLAB_CI IMAGEBUILD_DATA_DIR
mkdir "$HOME"
git config --global user.name test
git config --global user.email test@localhost
git config --global init.defaultBranch main
cmake --install "$IMAGEBUILD_BUILD" --prefix "$RUNNER_TEMP/imagebuild" >/dev/null || exit 1
PATH=$RUNNER_TEMP/imagebuild/bin:$PATH

it 'the files parse and name only what there is' python3 "$files" check "$top"

# A project with a sound recipe, an element, and a recipe that is not formatted.
project() {
	rm -rf "$work/project" && mkdir -p "$work/project/recipes" "$work/project/elements/hello/install.d" && cd "$work/project"
	printf '# imagefile=1\nFROM debian-minimal\nENV DIB_RELEASE=bookworm\n' >recipes/web.Imagefile
	cp recipes/web.Imagefile Imagefile
	printf '#!/bin/bash\nset -eu\nset -o pipefail\necho hello >/etc/hello\n' >elements/hello/install.d/50-hello
	chmod +x elements/hello/install.d/50-hello
	printf 'Says hello.\n' >elements/hello/README.rst
	: >elements/hello/element-deps
	git init -q && git add -A && git commit -qm sound
}

installed() {
	project
	imagebuild lint --explain IB1204 | grep -q '^# IB1204 '
	imagebuild lint --fail-level=error recipes elements
}
it 'the installed program has its pages, and lints' installed

pre_commit() {
	command -v pre-commit >/dev/null || { echo 'needs pre-commit' && exit 77; }
	project
	git init -q "$work/hooks"
	cp "$top/.pre-commit-hooks.yaml" "$work/hooks/"
	git -C "$work/hooks" add -A && git -C "$work/hooks" commit -qm hooks
	revision=$(git -C "$work/hooks" rev-parse HEAD)
	python3 "$files" block "$top" 0 | sed "s|REPOSITORY|$work/hooks|; s|REVISION|$revision|" >.pre-commit-config.yaml
	git add -A && git commit -qm hooks
	expect 0 pre-commit run --all-files
	[ "$(grep -c 'Passed$' "$work/out")" -eq 3 ]
	pre-commit install >/dev/null
	printf 'from debian-minimal\nOUTPUT qcow3\n' >recipes/bad.Imagefile
	echo '# imagebuild ignore=no-such-rule' >>elements/hello/install.d/50-hello
	git add -A
	expect 1 git commit -qm bad
	says '^recipes/bad.Imagefile:2:8: error: .*IB1110'
	grep -q 'files were modified by this hook' "$work/err"
	grep -q '^FROM debian-minimal$' recipes/bad.Imagefile
	grep -q 'lint elements.*Failed' "$work/err"
	not grep -q web.Imagefile "$work/err"
	pre-commit try-repo "$work/hooks" imagebuild-lint --files recipes/web.Imagefile >"$work/out"
	grep -q 'Passed$' "$work/out"
}
it 'pre-commit runs the hooks on what is committed' pre_commit

# action STATUS INPUT...: the step that lints, run as GitHub's runner does.
action() {
	wanted=$1
	shift
	python3 "$files" step "$top" "$@" >"$work/step"
	: >"$GITHUB_OUTPUT"
	GITHUB_ACTIONS=true expect "$wanted" sh -e "$work/step"
}
github() {
	project
	action 0 fail-level=error
	printf 'FROM debian-minimal\nOUTPUT qcow3 qcow4\n' >recipes/bad.Imagefile
	action 1 'paths=recipes elements' fail-level=error sarif=out.sarif
	grep -q '^::error file=recipes/bad.Imagefile,line=2,endLine=2,col=8,endColumn=13,title=IB1110 unknown-format::' "$work/out"
	grep -q '"uri": "recipes/bad.Imagefile"' out.sarif
	[ "$(cat "$GITHUB_OUTPUT")" = "findings=$(grep -c '^::' "$work/out")" ]
	action 0 paths=recipes fail-level=none
	action 2 paths=nowhere
	[ ! -s "$GITHUB_OUTPUT" ]
	printf 'lint:\n  rules:\n    IB1016: error\n' >lint.yaml
	printf 'FROM debian-minimal\nENV DIB_RELEASE=bookworm\nRUN a \\\n\n  b\n' >recipes/bad.Imagefile
	action 1 paths=recipes fail-level=error config=lint.yaml
	imagebuild lint --format baseline=known recipes >/dev/null || true
	action 0 paths=recipes baseline=known
}
it "the action's step lints, annotates, and counts" github

gitlab() {
	project
	printf 'FROM debian-minimal\nOUTPUT qcow3\n' >recipes/bad.Imagefile
	python3 "$files" job "$top" >"$work/job"
	GITLAB_CI=true expect 1 sh -e "$work/job"
	grep -q '^recipes/bad.Imagefile:2:8: error: ' "$work/out"
	grep -q '"path": "recipes/bad.Imagefile"' "$(sed -n 's/^# //p' "$work/job")"
}
it 'the job for GitLab writes the report that it declares' gitlab

# No container is built here: that needs a registry. Its packages are those that the program is linked with.
container() {
	command -v dpkg-query >/dev/null || exit 77
	sed -n '/apt-get -q -y install/,/rm -rf/p' "$top/Containerfile" | grep -oE '\b(lib[a-z0-9-]+|shellcheck)\b' | sort -u >"$work/listed"
	objdump -p "$RUNNER_TEMP/imagebuild/bin/imagebuild" | sed -n 's/^  NEEDED *//p' | while read -r library; do
		path=$(ldd "$RUNNER_TEMP/imagebuild/bin/imagebuild" | sed -n "s|^\t$library => \([^ ]*\).*|\1|p")
		dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "/usr$path"
	done | sed 's/:.*//' | grep -vxE 'libc6|lib(a|ub)san[0-9]+' | { cat && echo shellcheck; } | sort -u >"$work/needed"
	comm -3 "$work/listed" "$work/needed"
	[ -z "$(comm -13 "$work/listed" "$work/needed")" ]
	grep -q '^RUN ./setup.sh program && cmake --install build --prefix /usr' "$top/Containerfile"
	sh -n "$top/setup.sh"
}
it 'the image for CI has the libraries that the program needs' container

commands() {
	project
	cp Imagefile x
	cp Imagefile web.Imagefile
	for page in "$top/docs/ci.md" "$top/docs/lint.md"; do
		python3 "$files" commands "$page" >"$work/commands"
		[ -s "$work/commands" ]
		while read -r command; do
			status=0
			sh -c "$command" >"$work/out" 2>&1 || status=$?
			[ $status -le 1 ] || { echo "$status: $command" && cat "$work/out" && return 1; }
		done <"$work/commands"
	done
	sed -n '/^```yaml$/,/^```$/{//!p}' "$top/docs/lint.md" >config.yaml
	: >lint-baseline.txt
	imagebuild lint --config config.yaml Imagefile || [ $? -eq 1 ]
	[ -s lint.sarif ]
	[ -s junit.xml ]
}
it 'the commands of docs/ci.md and docs/lint.md run' commands
finish
