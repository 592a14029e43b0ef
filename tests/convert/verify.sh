#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# convert --verify on Debian's dib elements and on changed results; export, read back as dib reads it.
. "$(dirname "$0")/../lib.sh"
dib=/usr/lib/python3/dist-packages/diskimage_builder/elements
export XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state" SOURCE_DATE_EPOCH=1700000000
cd "$work" || exit 1

all_the_same() {
	[ -d $dib ] || { echo "dib is not installed"; exit 77; }
	"$IMAGEBUILD" convert element $dib --verify --quiet 2>err || { cat err; return 1; }
	# what dib itself cannot resolve, or what needs a device: the same message on both sides
	grep -c ': neither can be planned: ' err >count || true
	[ "$(cat count)" -le 3 ]
	"$IMAGEBUILD" convert element $dib --verify 2>&1 | tail -n 1 |
		grep -qxE '([0-9]+) of \1 elements are the same in .*'
}
it "--verify finds each of dib's elements the same after conversion" all_the_same

# element NAME: one hook, one variable, one package.
element() {
	mkdir -p "$1/install.d" "$1/environment.d"
	printf '#!/bin/bash\nset -eu\necho hook\n' >"$1/install.d/50-hook"
	chmod 755 "$1/install.d/50-hook"
	echo 'export DIB_APP_SIZE=${DIB_APP_SIZE:-3}' >"$1/environment.d/20-app"
	printf 'less:\n' >"$1/package-installs.yaml"
	printf 'package-installs\n' >"$1/element-deps"
}

facts() {
	printf 'FROM scratch\nENV DIB_INIT_SYSTEM=systemd DISTRO_NAME=debian DIB_RELEASE=bookworm\nELEMENT %s\n' "$2" |
		"$IMAGEBUILD" emit facts --element-path "$1" - >facts.out || return 1
	cat facts.out
}

each_part_counts() {
	mkdir -p one
	element one/app
	facts one app >first
	for change in 'echo more >>app/install.d/50-hook' 'chmod 700 app/install.d/50-hook' 'mv app/install.d/50-hook app/install.d/51-hook' \
		'mkdir app/post-install.d && mv app/install.d/50-hook app/post-install.d/' \
		'echo "export DIB_APP_SIZE=4" >app/environment.d/20-app' 'echo "vim:" >app/package-installs.yaml' \
		'mkdir app/data && echo x >app/data/x' 'mv app/environment.d/20-app app/environment.d/30-app'; do
		rm -rf two
		cp -a one two
		(cd two && eval "$change")
		facts two app >second
		! cmp -s first second || { echo "not seen: $change"; return 1; }
	done
	rm -rf two
	cp -a one two
	printf 'export DIB_APP_SIZE="${DIB_APP_SIZE:-3}"\n# a comment\n' >two/app/environment.d/20-app
	facts two app >second
	cmp first second
}
it 'facts differ where a hook, its mode, number or phase, a variable, a package or data differ, and not with quotes' each_part_counts

recipe() {
	cat <<-'END'
		ARG TITLE="It works"
		FROM debian-minimal
		ENV DIB_RELEASE=bookworm DIB_GRUB_TIMEOUT=0
		ELEMENT base ./app
		PACKAGE less vim
		RUN <<'EOF'
		echo "$TITLE" >/srv/title
		EOF
		COPY --chown=www-data:www-data site/ /srv/site/
		COPY one.conf /etc/one.conf
		RUN --phase=post-install ["touch", "/srv/a b"]
		WORKDIR /srv/x
		RUN --order=95 --when=DIB_RELEASE=bookworm pwd >here
		PACKAGE --remove nano
		OUTPUT --checksum=md5,sha256 tar raw
	END
}

exported() {
	rm -rf export
	mkdir -p export/site
	cd export
	element app
	recipe >web.Imagefile
	echo page >site/index.html
	echo 1 >one.conf
	"$IMAGEBUILD" export --dib out web.Imagefile
	"$IMAGEBUILD" emit facts web.Imagefile >recipe.facts
	# dib's own command, read back: its environment by --env
	sed -n 's/^export \([A-Z_]*=.*\)$/\1/p' out/build | grep -v '^ELEMENTS_PATH' >env
	command=$(sed -n 's/ "\$@"$//p' out/build)
	xargs -a env "$IMAGEBUILD" convert command --quiet -- env >back.Imagefile 2>err ||
		eval "\"$IMAGEBUILD\" convert command --quiet -- $(tr '\n' ' ' <env) $command" >back.Imagefile
	"$IMAGEBUILD" emit facts --element-path out/elements back.Imagefile >export.facts
	diff -u recipe.facts export.facts
}
it 'an exported recipe has the facts of the recipe' exported

needed() {
	mkdir -p need
	cd need
	printf 'SOURCE app file /srv/app https://example.org/app\nPACKAGE less\n' >app.Imagefile
	printf 'FROM debian-minimal\nENV DIB_RELEASE=bookworm\nELEMENT ./app.Imagefile\nOUTPUT tar\n' >one.Imagefile
	sed 's/^ELEMENT.*/RUN true/' one.Imagefile >two.Imagefile
	"$IMAGEBUILD" export --dib one one.Imagefile
	echo source-repositories | diff - one/elements/imagefile-one/element-deps
	grep -q ' app imagefile-one -n ' one/build
	"$IMAGEBUILD" export --dib two two.Imagefile
	[ ! -e two/elements/imagefile-two/element-deps ]
}
it "an export needs dib's elements that read its files, and no others" needed

refused() {
	cat >no.Imagefile <<-'END'
		FROM debian-minimal AS first
		ENV DIB_RELEASE=bookworm
		FROM debian-minimal
		ENV DIB_RELEASE=bookworm
		COPY --from=first /etc/hostname /etc/other
		RUN --mount=type=tmpfs,target=/x true
		RUN --network=none true
		OUTPUT oci
	END
	status=0
	"$IMAGEBUILD" export --dib no no.Imagefile 2>err || status=$?
	[ $status -eq 1 ]
	for line in 1:1 5:13 6:13 7:1 8:8; do
		grep -q "^no.Imagefile:$line: error: .*\[IB1504\]" err || { echo "no error at $line"; cat err; return 1; }
	done
	[ ! -e no ]
}
it 'export refuses by line what dib cannot do, all of it at once, and writes nothing' refused
finish
