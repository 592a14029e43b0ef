#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images of the element `tiny` and fragments: each instruction of one, data beside it, two stages with
# different variables.
. "$(dirname "$0")/../lib.sh"
need_root
need newuidmap tar

user=fragments$$
make_user $user || skip_all "cannot make a user"
home=$(getent passwd $user | cut -d: -f6)
dir=$home/r
mkdir -p "$dir/web/static/etc" "$dir/web/install.d" "$dir/web/bin" "$dir/web/site" "$dir/elements"

# build FILE...: as the user; the events go to events.
build() {
	chown -R -h $user: "$dir"
	as_user $user sh -c 'cd r && exec "$@" >../events' sh \
		"$IMAGEBUILD" build --progress=json --element-path "$tests/elements" "$@"
}

# content TAR PATH
content() {
	tar -xOf "$dir/$1.tar" "./$2"
}

ran() {
	grep -c '^{"event": *"finished".*"phase": *"' "$home/events" || true
}

cat >"$dir/web/Imagefile" <<'END'
PROVIDES httpd
ELEMENT package-installs install-static local ./inner
ARG PORT=80 NAME=nobody
ENV --order=20 URL=http://${NAME}:$PORT/ QUOTED="it's  ${HOME_OF:-a 'b'} \$x"
PACKAGE server
RUN echo "$URL|$PORT|$QUOTED" >/url
RUN --order=40 echo early >>/order
RUN --phase=extra-data cp beside "$TMP_HOOKS_PATH/from-host"
RUN echo script >/script
RUN cat /tmp/in_target.d/from-host >/from-host
COPY --chown=web:web site/ /srv/${NAME}/
COPY <<X /etc/port
port ${PORT}
X
WORKDIR /opt/web
RUN pwd >/where && id -u >>/where
USER web
RUN id -u >/tmp/id
USER root
RUN cat /tmp/id >>/where
PACKAGE later
LABEL kind=server made-by=web
END
mkdir "$dir/web/inner"
echo 'RUN --order=45 echo inner >>/order' >"$dir/web/inner/Imagefile"
echo 'ENV NAME=local' >"$dir/elements/local.Imagefile"
echo beside >"$dir/web/beside"
echo page >"$dir/web/site/index.html"
echo conf >"$dir/web/static/etc/web.conf"
printf '#!/bin/sh -e\necho hook >>/order\n' >"$dir/web/install.d/43-hook"
printf '#!/bin/sh -e\necho "$@" >>/installed\n' >"$dir/web/bin/install-packages"
chmod 755 "$dir/web/install.d/43-hook" "$dir/web/bin/install-packages"
echo '{"default": {"server": "server-light", "data": "web-data"}}' >"$dir/web/pkg-map"
echo 'data:' >"$dir/web/package-installs.yaml"
cat >"$dir/last.Imagefile" <<'END'
RUN --order=99 cat /etc/port >/last
END
cat >"$dir/r.Imagefile" <<'END'
FROM tiny AS one
ELEMENT install-bin pkg-map manifests ./web
RUN --order=40 echo recipe >>/order
OUTPUT --name=one tar

FROM tiny AS two
ENV PORT=8080 NAME=me
ELEMENT install-bin pkg-map manifests ./web ./last.Imagefile
LABEL made-by=me
OUTPUT --name=two tar
END

built() {
	expect 0 build -f r.Imagefile || return 1
	for name in one two; do
		tar -tf "$dir/$name.tar" >"$work/$name"
		grep -qx ./etc/web.conf "$work/$name" && not grep -q Imagefile "$work/$name" || return 1
	done
}
it 'two stages that use one fragment are built' built

environment() {
	[ "$(content one url)" = "http://local:80/|80|it's  a b \$x" ] && [ "$(content two url)" = "http://local:8080/|8080|it's  a b \$x" ]
}
it 'ARG yields to ENV, ENV wins, and bash puts in what another element set' environment

words() {
	[ "$(content one etc/port)" = 'port 80' ] && [ "$(content two etc/port)" = 'port 8080' ] &&
		grep -qx ./srv/nobody/index.html "$work/one" && grep -qx ./srv/me/index.html "$work/two" &&
		[ "$(content two last)" = 'port 8080' ]
}
it 'words have what the stage sets, else the defaults' words

order() {
	printf '%s\n' early recipe hook inner | diff - "$work/order"
}
content one order >"$work/order"
it 'its steps run among the hooks, by number' order

paths() {
	[ "$(content one from-host)" = beside ] && [ "$(content one script)" = script ] &&
		[ "$(content one where)" = "/opt/web
0
33" ]
}
it 'its paths are its own directory, also for RUN on the host; WORKDIR and USER hold' paths

packages() {
	[ "$(content one installed)" = "server-light web-data
later" ]
}
it 'PACKAGE joins the transaction, with the pkg-map beside it' packages

labels() {
	content two etc/dib-manifests/image_labels >"$work/labels"
	printf 'kind=server\nmade-by=me\n' | diff - "$work/labels"
}
it 'LABELs merge, and the recipe has the last word' labels

cached() {
	expect 0 build -f r.Imagefile && [ "$(ran)" -eq 0 ] || return 1
	sed -i 's/^RUN pwd/RUN true; pwd/' "$dir/web/Imagefile"
	expect 0 build -f r.Imagefile && [ "$(ran)" -gt 0 ] && content one where >/dev/null
}
it 'a second build runs nothing, a changed line its step and what follows' cached

data() {
	echo other >"$dir/web/site/index.html"
	expect 0 build -f r.Imagefile && [ "$(content one srv/nobody/index.html)" = other ]
}
it 'changed data is noticed' data

failing() {
	sed -i 's/^RUN echo script.*/RUN exit 3/' "$dir/web/Imagefile"
	expect 4 build -f r.Imagefile && says 'web/Imagefile:9:1: error: RUN exit 3 (element web) exited with status 3'
}
it 'a step that fails is shown at its line of the fragment' failing
finish
