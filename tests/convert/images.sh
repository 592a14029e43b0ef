#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Command lines, image definitions and nodepool's images: what they become, and what is wrong in them.
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$work" || exit 1

convert() { "$IMAGEBUILD" convert "$@"; }
# says STATUS PATTERN WORD...: the call ends so, and says so.
says() {
	wanted=$1 pattern=$2 got=0
	shift 2
	convert "$@" >said 2>err || got=$?
	[ "$got" -eq "$wanted" ] || { echo "status $got, not $wanted: $*"; cat err; return 1; }
	grep -qE -- "$pattern" err || { echo "not said: $pattern"; cat err; return 1; }
}
# command_is EXPECTED WORD...: the recipe of a command, without its first two lines.
command_is() {
	expected=$1
	shift
	convert command --quiet "$@" 2>err | tail -n +3 >got
	printf '%s\n' "$expected" | diff -u - got
}

words() {
	command_is 'FROM debian-minimal
ENV DIB_RELEASE=bookworm
ELEMENT base vm

OUTPUT --name=web qcow2 raw' 'DIB_RELEASE=bookworm disk-image-create -o web -t qcow2,raw debian-minimal vm'
	command_is 'FROM --arch=arm64 ubuntu
ELEMENT vm

PACKAGE vim git

OUTPUT --compress=no qcow2' -- disk-image-create -a aarch64 -unpvim,git ubuntu vm
	command_is "FROM debian-minimal
ENV 'DIB_A=x  y' DIB_IMAGE_SIZE=5
ELEMENT base 'my element'

OUTPUT --checksum=md5,sha256 qcow2" "sudo -E DIB_A='x  y' disk-image-create --check --image-siz=5 debian-minimal \\
 my\\ element"
	command_is 'FROM ubuntu
ELEMENT base dracut-ramdisk

OUTPUT --name=rd qcow2' /usr/bin/ramdisk-image-create --ramdisk-element dracut-ramdisk -o rd ubuntu 2>/dev/null ||
		command_is 'FROM ubuntu
ELEMENT base dracut-ramdisk

OUTPUT --name=rd qcow2' -- /usr/bin/ramdisk-image-create --ramdisk-element dracut-ramdisk -o rd ubuntu
	# of one type the suffix is no part of the name
	command_is 'FROM ubuntu
ELEMENT base

OUTPUT --name=web raw' 'disk-image-create -o web.raw -t raw ubuntu'
}
it 'a command line becomes a recipe' words

ipa() {
	command_is 'FROM debian-minimal
ENV DIB_RELEASE=bookworm \
    DIB_REPOREF_ironic_python_agent=stable/2024.1 \
    DIB_REPOREF_requirements=stable/2024.1 \
    DIB_INSTALLTYPE_pip_and_virtualenv=package
ELEMENT base ironic-python-agent-ramdisk extra-hardware

OUTPUT --name=ipa --checksum=sha256 qcow2' 'ironic-python-agent-builder -o ipa -r bookworm -b stable/2024.1 -e extra-hardware --extra-args="--no-tmpfs" debian-minimal'
}
it 'so does a line of ironic-python-agent-builder' ipa

given_environment() {
	convert command --env DIB_RELEASE=trixie --env ELEMENTS_PATH=/x 'disk-image-create debian-minimal' >got 2>err
	grep -qx 'ENV DIB_RELEASE=trixie' got
	grep -q 'ELEMENTS_PATH is left out' err
}
it 'the environment that is given is taken, what is the caller'\''s is left out by name' given_environment

bad_commands() {
	says 1 'command:1:19: error: the shell would expand this' command "disk-image-create \$X"
	says 1 'command:1:21: error: the shell would expand this' command "disk-image-create \"a\$X\""
	says 1 'command:1:20: error: expected one command' command 'disk-image-create a; reboot'
	says 1 'command:1:19: error: quote without its end' command "disk-image-create 'a"
	says 1 'documents this option and refuses it; set DIB_IMAGE_EXTRA_SIZE' command 'disk-image-create --image-extra-size 3 ubuntu'
	says 1 'unknown option --bogus' command 'disk-image-create --bogus ubuntu'
	says 1 'this option needs a value' command 'disk-image-create ubuntu -o'
	says 1 'the image has no elements' command 'disk-image-create -o web'
	says 1 'expected disk-image-create' command 'rm -rf x'
	says 1 'has several lines' command -- 'A=x
y' disk-image-create ubuntu
	says 2 '' command
}
it 'what a shell would expand or dib refuses is an error at its word' bad_commands

definitions() {
	mkdir -p shapes
	/usr/bin/python3 "$here/images.py" shapes
	images=0
	for yaml in shapes/*.yaml; do
		rm -rf out
		convert yaml --quiet -o out "$yaml" 2>err || { cat "$yaml" err; return 1; }
		for command in "${yaml%.yaml}".*.command; do
			name=${command%.command} name=${name##*.}
			xargs -d '\n' -a "$command" "$IMAGEBUILD" convert command --quiet -- >want 2>err || { cat "$command" err; return 1; }
			# a file NAME.Imagefile has its name without --name
			sed -i "s/^OUTPUT --name=$name /OUTPUT /" want
			diff -u want "out/$name.Imagefile" || { cat "$yaml"; return 1; }
			images=$((images + 1))
		done
	done
	echo "$images"
	[ "$images" -ge 76 ]
}
it 'image definitions become what their command lines become, merged' definitions

several_files() {
	printf -- '- imagename: a\n  elements: [ubuntu]\n' >one.yaml
	printf -- '- elements: [vm]\n' >two.yaml
	convert yaml --quiet one.yaml two.yaml >got
	grep -qx 'ELEMENT base vm' got
}
it 'several files are one list' several_files

bad_definitions() {
	printf -- '- elements: [a]\n  elemets: [b]\n' >bad.yaml
	says 1 "bad.yaml:2:3: error: unknown key 'elemets'; did you mean 'elements'" yaml bad.yaml
	for value in 1 1.5 yes 2024-01-02 null '[x]'; do
		printf -- '- elements: [ubuntu]\n  environment: { A: %s }\n' "$value" >bad.yaml
		says 1 'bad.yaml:2:21: error: expected a string' yaml bad.yaml
	done
	printf -- '- elements: [ubuntu]\n  image-size: "5"\n' >bad.yaml
	says 1 'expected a whole number' yaml bad.yaml
	printf -- '- elements: [ubuntu]\n  image-extra-size: 5\n' >bad.yaml
	says 1 'set DIB_IMAGE_EXTRA_SIZE' yaml bad.yaml
	printf -- 'elements: [ubuntu]\n' >bad.yaml
	says 1 'expected a list of image definitions' yaml bad.yaml
	says 2 'nowhere.yaml' yaml nowhere.yaml
	head -c 20000 /dev/zero | tr '\0' '[' >bad.yaml
	says 1 error yaml bad.yaml
	printf -- '- imagename: "a\\0b"\n  elements: [u]\n' >bad.yaml
	says 1 '' yaml bad.yaml || says 0 '' yaml bad.yaml
}
it 'types and keys of definitions are checked, located' bad_definitions

nodepool() {
	cat >pool.yaml <<-'END'
		labels: []
		diskimages:
		  - name: base
		    abstract: true
		    elements: [debian-minimal, vm]
		    release: bookworm
		    env-vars: { DIB_A: one, DIB_B: two }
		  - name: node
		    parent: base
		    elements: [cloud-init]
		    env-vars: { DIB_B: three }
		    formats: [qcow2, raw]
		    rebuild-age: 86400
	END
	convert nodepool -o pool pool.yaml 2>err
	[ "$(ls pool)" = node.Imagefile ]
	tail -n +3 pool/node.Imagefile | diff -u - /dev/fd/3 3<<-'END'
		FROM debian-minimal
		ENV DIB_RELEASE=bookworm \
		    DIB_A=one \
		    DIB_B=three
		ELEMENT base vm cloud-init

		OUTPUT qcow2 raw
	END
	grep -q 'pool.yaml:13:5: warning: rebuild-age is left out' err
	printf 'diskimages:\n  - name: a\n    parent: b\n  - name: b\n    parent: a\n' >pool.yaml
	says 1 'its own parent' nodepool pool.yaml
	printf 'diskimages:\n  - name: a\n    parent: z\n' >pool.yaml
	says 1 'no diskimage has the name z' nodepool pool.yaml
	printf 'diskimages: 3\n' >pool.yaml
	says 1 'a list of diskimages' nodepool pool.yaml
}
it "nodepool's images inherit; cycles and missing parents are errors" nodepool

compiles() {
	for recipe in out/*.Imagefile pool/*.Imagefile; do
		"$IMAGEBUILD" fmt --check "$recipe"
		"$IMAGEBUILD" emit ir "$recipe" >/dev/null
	done
}
it 'the recipes are formatted and compile' compiles
finish
