#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The formats: validators accept them, they agree, hostile text stays text, fingerprints stay when lines move.
. "$(dirname "$0")/../lib.sh"
here=$tests/lint/formats
export XDG_CONFIG_HOME="$work/none" SOURCE_DATE_EPOCH=1700000000
unset GITHUB_ACTIONS GITLAB_CI
for npm in "$IMAGEBUILD_BUILD/npm" "$top/build/npm"; do
	multitool=$npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
	[ ! -x "$multitool" ] || break
done

lint() { "$IMAGEBUILD" lint --no-shellcheck "$@"; }
# formats STATUS DIR WORD...: each format of one run to a file of DIR.
formats() {
	wanted=$1 dir=$2
	shift 2
	mkdir -p "$dir"
	for form in plain json sarif github gitlab checkstyle junit; do
		set -- "--format=$form=$dir/$form" "$@"
	done
	expect "$wanted" lint "$@"
}

# Names and texts with what each format escapes, in a directory of its own.
mkdir "$work/hostile" "$work/clean" && cd "$work/hostile" || exit 1
{
	printf '# imagebuild ignore=no-such\nFROM debian-minimal\n'
	printf 'ELEMENT v\033]8;;x%%0A::error::\303\251 ]]>&amp;"<b>"\n'
	printf 'RUN echo \302\233\303\251\360\237\230\200 && \\\n\n  true\n'
	printf '# imagebuild ignore=IB1016 reason=it is%%0A <so>\nRUN echo \\\n\n  true\n'
	printf 'ELEMENT nope nope  nope\n'
} >'a b%:,]]>&"<é.Imagefile'
printf 'FROM debian-minimal\nRUN echo \377\nOUTPUT x%%\r\n' >"$(printf 'new\nline\377.Imagefile')"
printf '#!/bin/sh\n# check=skip=IB1202\ntrue \377 # check=skip=nothing\n' >script
printf 'FROM debian-minimal\nENV DIB_RELEASE=bookworm\n' >sound.Imagefile
cp sound.Imagefile "$work/clean/Imagefile"

agree() {
	formats 1 "$work/out-hostile" ./*.Imagefile ./script sound.Imagefile
	python3 "$here/check.py" "$work/out-hostile"
	grep -q '"inSource"' "$work/out-hostile/sarif"
	grep -q '"justification": "it is%0A <so>"' "$work/out-hostile/sarif"
	[ "$(grep -c IB1601 "$work/out-hostile/plain")" -ge 1 ]
	expect 1 lint --format=tty ./*.Imagefile ./script
	not grep -q "$(printf '[\033\r]')" "$work/out"
}
it 'all formats say the same of names and texts that are hostile' agree

escapes() {
	[ "${UPDATE:-}" != 1 ] || cp "$work/out-hostile/github" "$here/hostile.github"
	diff -u "$here/hostile.github" "$work/out-hostile/github"
}
it 'workflow commands are escaped as expected' escapes

clean() {
	cd "$work/clean"
	formats 0 "$work/out-clean" Imagefile
	python3 "$here/check.py" "$work/out-clean"
	[ ! -s "$work/out-clean/plain" ]
	[ ! -s "$work/out-clean/github" ]
	[ "$(cat "$work/out-clean/gitlab")" = '[]' ]
	grep -q '"results": \[\]' "$work/out-clean/sarif"
}
it 'without a finding each format is whole and empty' clean

xml() {
	for out in hostile clean; do
		xmllint --noout --schema "$here/checkstyle.xsd" "$work/out-$out/checkstyle"
		xmllint --noout --schema "$here/junit.xsd" "$work/out-$out/junit"
	done
	sed 's/severity="error"/severity="style"/' "$work/out-hostile/checkstyle" >"$work/wrong"
	not xmllint --noout --schema "$here/checkstyle.xsd" "$work/wrong"
}
command -v xmllint >/dev/null || xml() { echo 'needs xmllint' && exit 77; }
it 'checkstyle and junit are valid by their schemas' xml

# The validator prints its errors and ends with 0. What GitHub asks for on top has rules of its own.
validate() { "$multitool" validate --rule-kind 'Sarif;Gh' "$1" >"$work/said" 2>&1 && grep -q '^Analysis completed' "$work/said"; }
sarif() {
	[ -x "$multitool" ] || { echo 'needs @microsoft/sarif-multitool: ./setup.sh test installs it' && exit 77; }
	for out in hostile clean; do
		cp "$work/out-$out/sarif" "$work/$out.sarif"
		validate "$work/$out.sarif"
		not grep ': error ' "$work/said"
	done
	sed 's/"ruleIndex": 0/"ruleIndex": 99/; s/"columnKind"/"columnkind"/' "$work/hostile.sarif" >"$work/wrong.sarif"
	validate "$work/wrong.sarif"
	grep -q ': error SARIF1009: ' "$work/said"
	grep -q ': error JSON1005: ' "$work/said"
	python3 - "$work/hostile.sarif" "$multitool" <<-'END'
		import json, os, sys
		import jsonschema
		with open(os.path.join(os.path.dirname(sys.argv[2]), "sarif-2.1.0.json"), encoding="utf-8-sig") as f:
		    schema = json.load(f)
		with open(sys.argv[1]) as f:
		    jsonschema.validate(json.load(f), schema)
	END
}
it 'SARIF is valid by the multitool and by the schema of OASIS' sarif

# prints FILE: rule and fingerprint of each finding.
prints() { lint --format=json "$1" | sed -n 's/^      "\(rule\|fingerprint\)": //p' | paste - -; }
stable() {
	mkdir -p "$work/move" && cd "$work/move"
	printf 'FROM debian-minimal\nELEMENT nope\nRUN true\nELEMENT  nope\nOUTPUT nope\n' >Imagefile
	prints Imagefile >before
	[ "$(wc -l <before)" -ge 3 ]
	[ "$(sort -u before | wc -l)" -eq "$(wc -l <before)" ]
	{ sed 1q Imagefile && printf '# one\n\nRUN false\n' && sed 1d Imagefile; } >moved
	mv moved Imagefile
	prints ./Imagefile >after
	diff -u before after
	sed -i 's/nope$/other/' Imagefile
	prints Imagefile >other
	not diff before other >/dev/null
}
it 'fingerprints are distinct for equal lines, and stay when lines move' stable

# What SARIF says of a fix, done by its regions, is what --fix writes.
fixes() {
	mkdir -p "$work/fix" && cd "$work/fix"
	printf '# é\nFROM debian-minimal\nENV DIB_RELEASE=bookworm\n# imagebuild ignore=IB1016\nRUN echo é\n# check=skip=IB1016,IB6015\nPACKAGE jq jq\n' >Imagefile
	expect 0 lint --fail-level=none --format=sarif=sarif Imagefile
	python3 - <<-'END' >want
		import json
		text = open("Imagefile").read()
		starts = [0] + [i + 1 for i, c in enumerate(text) if c == "\n"]
		pos = lambda line, column: starts[line - 1] + column - 1
		edits = []
		for r in json.load(open("sarif"))["runs"][0]["results"]:
		    for fix in r.get("fixes", []):
		        for e in fix["artifactChanges"][0]["replacements"]:
		            d = e["deletedRegion"]
		            edits.append((pos(d["startLine"], d["startColumn"]), pos(d["endLine"], d["endColumn"]), e["insertedContent"]["text"]))
		assert edits
		done, mended = 0, ""
		for start, end, new in sorted(edits):
		    if start >= done:
		        mended, done = mended + text[done:start] + new, end
		print(mended + text[done:], end="")
	END
	expect 0 lint --quiet --fix --fail-level=none --format=plain Imagefile
	diff -u want Imagefile
}
it 'a fix in SARIF is what --fix writes' fixes

outputs() {
	cd "$work/clean"
	printf 'FROM debian-minimal\nELEMENT nope\n' >bad.Imagefile
	expect 2 lint --format=plain --format=json bad.Imagefile
	says 'both go to standard output'
	expect 2 lint --format=plain=x --format=json=x bad.Imagefile
	says 'both go to x'
	expect 5 lint --format=sarif=nowhere/x bad.Imagefile
	says 'nowhere/x'
	GITHUB_ACTIONS=true expect 1 lint bad.Imagefile
	grep -q '^::error file=bad.Imagefile,line=2,' "$work/out"
	GITHUB_ACTIONS=true expect 1 lint --format=plain bad.Imagefile
	grep -q '^bad.Imagefile:2:9: error: ' "$work/out"
	GITLAB_CI=true expect 1 lint bad.Imagefile
	grep -q '^bad.Imagefile:2:9: error: ' "$work/out"
	grep -q '"check_name": "IB1204"' gl-code-quality-report.json
	GITHUB_ACTIONS=true IMAGEBUILD_LINT_FORMAT='json sarif=twin' expect 1 lint bad.Imagefile
	grep -q '"findings"' "$work/out"
	grep -q '"2.1.0"' twin
}
it 'formats go where they are told to, and follow the CI system' outputs

twins() {
	cd "$work/clean"
	printf '# imagebuild ignore=IB1601\nFROM debian-minimal\nENV DIB_RELEASE=bookworm\n' >warned.Imagefile
	expect 1 lint warned.Imagefile
	IMAGEBUILD_LINT_FAIL_LEVEL=error expect 0 lint warned.Imagefile
	IMAGEBUILD_LINT_FAIL_LEVEL=error expect 1 lint --fail-level=warning warned.Imagefile
	IMAGEBUILD_LINT_FAIL_LEVEL=x expect 2 lint warned.Imagefile
	printf 'lint:\n  rules:\n    IB1600: off\n' >config.yaml
	IMAGEBUILD_LINT_CONFIG=config.yaml expect 0 lint warned.Imagefile
	lint --format=baseline=known warned.Imagefile || true
	IMAGEBUILD_LINT_BASELINE=known expect 0 lint warned.Imagefile
	printf 'lint:\n  baseline: known\n' >config.yaml
	expect 0 lint --config=config.yaml warned.Imagefile
	IMAGEBUILD_LINT_BASELINE='' expect 1 lint warned.Imagefile
}
it 'variables stand for options that are not given' twins
finish
