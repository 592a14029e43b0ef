# SPDX-License-Identifier: Apache-2.0
"""The clean recipes, and what is put into them. ⟦ and ⟧ enclose the span that the rule has to name; @W, @V and @N become a
word, another word and a number."""
import collections

Defect = collections.namedtuple("Defect", "rule kind text base forms beside copy")
ALL = []
WORDS = "amber birch cedar delta ember fjord grove heath inlet jetty knoll larch marsh north ocean pinot reeds ridge".split()


def add(rule, kind, text, base="disk", forms="", beside=None, copy=None):
    ALL.append(Defect("IB%d" % rule, kind, text, base, forms, beside or {}, copy))


def line(rule, text, **options):
    """Lines of a stage."""
    add(rule, "line", text + "\n", **options)


def whole(rule, text, **options):
    add(rule, "whole", text, **options)


def layout(rule, text):
    add(rule, "layout", text)


def yaml(rule, text, **options):
    """dib's YAML."""
    add(rule, "yaml", text, **options)


def script(rule, text, forms="rchk", **options):
    """A command: r alone in a RUN, c continued, h in a heredoc, k in a hook."""
    add(rule, "script", text, forms=forms, **options)


def element(rule, files, **options):
    """Files of an element beside its README: {path: text or (mode, text)}."""
    add(rule, "element", files, **options)


def tree(rule, files, **options):
    """Elements beside each other, each with a README."""
    readme = {name + "/README.rst": "What it is for.\n" for name in {path.split("/")[0] for path in files}}
    add(rule, "tree", dict(readme, **files), **options)


def config(text):
    return {".imagebuild.yaml": "lint:\n" + text}


# %% is where lines can be put in.
BASES = {
    "disk": ["""# imagefile=1
#
# A small machine.
FROM debian-minimal
ENV DIB_RELEASE=bookworm
%%

# What it runs.
ELEMENT base
PACKAGE nginx-light
%%
RUN <<EOF
systemctl enable nginx
EOF
%%
""", """ARG RELEASE=bookworm

# Where the pages are made.
FROM debian-minimal AS site
ENV DIB_RELEASE=${RELEASE}
RUN mkdir -p /srv/site && \\
    echo "hello" >/srv/site/index.html

FROM debian-minimal
ENV DIB_RELEASE=${RELEASE}
%%
COPY --from=site /srv/site/ /var/www/html/
%%
COPY <<"CONF" /etc/site.conf
root = /var/www/html
CONF
%%
LAYOUT gpt {
    partition root { ext4 mount=/ }
}
OUTPUT raw
""", """FROM debian-minimal
ENV DIB_RELEASE=bookworm \\
    DIB_GRUB_TIMEOUT=0
%%
# Umläute und — mehr.
LABEL org.example.team="Größe"
%%
"""],
    "oci": ["""FROM debian-minimal
ENV DIB_RELEASE=bookworm
%%
PACKAGE nginx-light
%%
OUTPUT oci
"""],
}
WITH_LAYOUT = """FROM debian-minimal
ENV DIB_RELEASE=bookworm

# The disk.
%s
OUTPUT raw
"""

FULL = "--checksum=sha256:" + "1" * 64

# --- what the compiler reports ---
line(1001, "⟦PACKGE⟧ @W")
line(1005, "RUN ⟦<<END@N⟧\necho @W", base="oci")
line(1006, "ENV A@N=⟦\"⟧@W")
line(1011, "RUN [⟦'⟧echo', '@W']")
line(1012, "ENV A@N=⟦$1⟧")
line(1013, "ENV A@N=⟦$NO_@N⟧")
line(1015, "INCLUDE ⟦@W.inc⟧")
line(1016, "RUN echo @W && \\\n⟦⟧\n    echo @V")
line(1018, "⟦WORKDIR /srv/@W /srv/@V⟧")
line(1100, "RUN ⟦--nmae⟧=@W echo @V")
line(1101, "RUN --order=10 ⟦--order⟧=20 echo @W")
line(1102, "RUN --network=⟦of@W⟧ echo @V")
line(1103, "RUN --phase=⟦instal⟧ echo @W")
line(1104, "RUN --order=⟦@N⟧ echo @W")
line(1105, "RUN --when=⟦ARCH==@W⟧ echo @V")
line(1106, "ENV ⟦A-@N⟧=@W")
line(1107, "EXPOSE ⟦9@N9⟧", base="oci")
line(1108, "⟦MAINTAINER⟧ @W@example.org")
line(1109, "RUN --mount=type=⟦cahce⟧,target=/var/cache/@W echo @V")
line(1110, "OUTPUT ⟦qcow⟧", base="oci")
line(1111, "PACKAGE ⟦<<EOF⟧\n@W\nEOF")
line(1112, "COPY ⟦../@W⟧ /etc/")
line(1112, "COPY ⟦@W.conf⟧ /etc/@W.conf")
line(1204, "ELEMENT ⟦nosuch-@W⟧")
line(1410, "ELEMENT ⟦./@W⟧")
whole(1200, "⟦RUN⟧ echo @W\nFROM debian-minimal\nENV DIB_RELEASE=bookworm\n")
whole(1201, "FROM debian-minimal AS @W\nENV DIB_RELEASE=bookworm\nFROM @W AS ⟦@W⟧\nRUN true\n")
line(1202, "COPY --from=⟦nosuch-@W⟧ /srv/ /srv/")
whole(1205, "FROM ⟦@W:@N⟧\n")
whole(1401, "⟦FROM base⟧\nRUN echo @W\n")
layout(1300, "LAYOUT gpt {\n    ⟦partiton⟧ root { ext4 mount=/ }\n}")
layout(1301, "LAYOUT gpt {\n    partition root { ext4 ⟦mountpoint⟧=/ label=@W }\n}")
layout(1303, "LAYOUT gpt {\n    partition root size=⟦@NG⟧ { ext4 mount=/ label=@W }\n}")
layout(1306, "LAYOUT gpt size=2GiB {\n    partition first size=1GiB    { ext4 mount=/ }\n    partition @W ⟦size=1@NMiB⟧ { ext4 mount=/@W }\n}")
layout(1307, "LAYOUT gpt {\n    partition root ⟦type=linx@N⟧ { ext4 mount=/ }\n}")
layout(1308, "LAYOUT gpt {\n    partition first size=1GiB { ext4 label=@W mount=/ }\n    partition @W { ext4 ⟦label=@W⟧ mount=/@V }\n}")
layout(1309, "LAYOUT gpt {\n    partition root { ext4 ⟦label=a-long-name-for-@W⟧ mount=/ }\n}")
layout(1310, "LAYOUT gpt {\n    partition first size=1GiB { ext4 label=first mount=/ }\n    partition @W { ext4 label=@W ⟦mount=/⟧ }\n}")
element(1405, {"install.d/50-@W": (0o644, "⟦#!/bin/bash⟧\nset -eu\nset -o pipefail\necho @V\n")})
element(1406, {"install.d/50-@W.sh": "⟦#!/bin/bash⟧\nset -eu\nset -o pipefail\necho @V\n"})
element(1407, {"package-installs.yaml": "@W:\n  when: ⟦DIB_RELEASE is @V⟧\n"})

# --- text ---
line(1610, "PACKAGE @W \\⟦  ⟧\n    @V")
line(1611, "# ⟦escape⟧=`")
line(1612, "⟦env⟧ A@N=@W")
line(1612, "⟦Package⟧ @W-@N")
whole(1613, "FROM debian-minimal ⟦as⟧ @W\nENV DIB_RELEASE=bookworm\n")
whole(1614, "FROM debian-minimal\nENV DIB_RELEASE=bookworm⟦⟧\r\nPACKAGE @W\n")
line(1615, "⟦EXPOSE⟧ 8@N")
line(1615, "⟦CMD⟧ [\"@W\"]")
line(1616, "⟦RUN⟧ <<EOF\necho @W\necho @V\necho 3\necho 4\nEOF", beside=config("  run-lines: 4\n"))
line(1617, "CMD ⟦@W --now⟧", base="oci")
line(1618, "⟦CMD⟧ [\"@W\"]\nCMD [\"@V\"]", base="oci")
line(1600, "# check=skip=⟦IB1016⟧\nPACKAGE @W")
line(1601, "# check=skip=⟦no-such-@W⟧\nPACKAGE @V")
line(1602, "# check=skip=⟦IB1612⟧\nenv A@N=@W", beside=config("  require-reason: true\n"))

# --- names ---
line(2004, "ENV A@N=/srv\nENV A@N=/opt B@N=${⟦A@N⟧}/@W")
whole(2005, "ARG RELEASE=bookworm ⟦@W_@N⟧=@V\nFROM debian-minimal\nENV DIB_RELEASE=${RELEASE}\n")
whole(2008, "FROM debian-minimal AS ⟦Web-@W⟧\nENV DIB_RELEASE=bookworm\n")
whole(2011, "⟦FROM⟧ debian-minimal AS @W\nENV DIB_RELEASE=bookworm\n\nFROM debian-minimal\nENV DIB_RELEASE=bookworm\nPACKAGE @V\n")
whole(2012, "FROM --platform=⟦linux/amd64⟧ debian-minimal\nENV DIB_RELEASE=bookworm\nPACKAGE @W\n")
line(2016, "WORKDIR ⟦srv/@W⟧")
line(2017, "COPY <<EOF ⟦etc/@W.conf⟧\n@V\nEOF")
line(2018, "ENV ⟦PATH=/opt/@W/bin⟧")

# --- packages ---
line(6010, "PACKAGE ⟦build-essential⟧\nRUN make -C /usr/src/@W install")
line(6010, "PACKAGE lib@W ⟦lib@W-dev⟧\nRUN make -C /usr/src/@W install")
whole(6013, "FROM ⟦oci:image⟧\nENV DIB_INIT_SYSTEM=systemd\nELEMENT bootloader\nPACKAGE @W\n\nLAYOUT gpt {\n    partition bios type=bios-boot size=1MiB\n    partition root { ext4 mount=/ }\n}\n",
      copy="IB6013/image")
line(6014, "ELEMENT cloud-init ⟦simple-init⟧\nPACKAGE @W", beside={"elements/simple-init/README.rst": "For a test.\n"})
line(6015, "PACKAGE @W-@N @V-@N ⟦@W-@N⟧")
line(6016, "PACKAGE ⟦install⟧ @W")

# --- what is fetched, secrets ---
whole(7002, "FROM oci:image:⟦latest⟧\nENV DIB_INIT_SYSTEM=systemd\nRUN echo @W\nOUTPUT tar\n", copy="IB7002/image")
line(7003, "ADD " + FULL + " ⟦https://@W.example.com/@V⟧ /srv/", beside=config("  trusted-sources: [\"https://files.example.org/\"]\n"))
line(7009, "ENV ⟦@W_PASSWORD⟧=@V@N")
line(7009, "ARG ⟦@W_API_KEY⟧=@V@N\nRUN echo \"$@W_API_KEY\" >/etc/@V")
line(7010, "ENV A@N=⟦AKIA@N4567890123456⟧")
line(7010, "COPY <<\"EOF\" /etc/@W\n⟦-----BEGIN RSA PRIVATE KEY-----⟧\n@V\nEOF")
line(7010, "RUN echo https://⟦@W:@V@N⟧@example.org/ >/etc/@W")
line(7021, "COPY --chmod=⟦0777⟧ <<EOF /etc/@W\n@V\nEOF")
line(7022, "ADD ⟦https://@W.example.org/@V.tar.gz⟧ /srv/")
line(7023, "ADD ⟦http://⟧@W.example.org/@V.tar.gz /srv/")
line(7024, "ADD ⟦https://example.org/@W.git⟧ /srv/@W")
line(7024, "SOURCE @W git /opt/@W https://example.org/@W.git ⟦main⟧")
line(7025, "COPY ⟦id_rsa⟧ /srv/@W/", beside={"id_rsa": "no key\n"})
line(7025, "COPY ⟦@W.key⟧ /srv/@W/", beside={w + ".key": "no key\n" for w in WORDS})

# --- outputs, labels ---
whole(8003, "FROM debian-minimal\nENV DIB_RELEASE=bookworm\nPACKAGE @W\n\n⟦LAYOUT⟧ gpt {\n    partition root { ext4 mount=/ }\n}\nOUTPUT tar\n")
whole(9001, "FROM ⟦debian-minimal⟧\nENV DIB_RELEASE=bookworm\nPACKAGE @W\n", beside=config("  required-labels: [org.example.owner]\n"))
line(9002, "LABEL ⟦org.example.@W=⟧")
line(9003, "LABEL org.opencontainers.image.source=⟦@W.example.org⟧")
line(9004, "LABEL org.opencontainers.image.created=⟦2026-01-@N⟧")
line(9005, "LABEL org.opencontainers.image.licenses=⟦\"@W License @N\"⟧")
line(9006, "LABEL org.opencontainers.image.base.digest=⟦@W-@N⟧")
line(9010, "LABEL ⟦Team-@W⟧=@V")
line(9013, "⟦ENV  A@N=@W⟧")
line(9013, "⟦  PACKAGE @W-@N⟧")

# --- scripts ---
line(2001, "ENV LISTEN_@W=80\nRUN echo \"$LISTEN_@W ⟦$LISTEN_@Wx⟧\" >/etc/@W")
element(4001, {"install.d/50-@W": "⟦#!/bin/bash⟧\nset -u\nset -o pipefail\ncp /etc/@V /srv/\necho @W\n"})
element(4002, {"install.d/50-@W": "⟦#!/bin/bash⟧\nset -e\nset -o pipefail\necho \"$DIB_RELEASE\" >/srv/@V\n"})
element(4003, {"install.d/50-@W": "#!/bin/bash\nset -eu\n⟦zcat /srv/@V.gz⟧ | head -1 >/srv/@W\n"})
element(4004, {"install.d/50-@W": "⟦#!/usr/bin/env bash⟧\nset -eu\nset -o pipefail\necho @V\n"})
script(4005, "export ⟦A@N=$(cat /etc/@W)⟧")
script(4006, "if ⟦which⟧ @W; then echo @V; fi")
script(4011, "⟦cd /opt/@W⟧ && touch @V", forms="r")
script(4012, "⟦sudo⟧ rm -f /etc/@W")
script(4014, "⟦systemctl restart⟧ @W")
script(4015, "if ⟦[[⟧ -e /etc/@W ]]; then rm /etc/@W; fi", forms="rch")
script(4018, "rm -rf ⟦\"$STAGE@N/lib\"⟧", forms="rch")
script(4021, "⟦@W-server⟧ & sleep 1")
script(6001, "⟦apt-get install⟧ --no-install-recommends @W && rm -rf /var/lib/apt/lists/*")
script(6002, "⟦apt-get install⟧ -y @W && rm -rf /var/lib/apt/lists/*")
script(6003, "⟦pip install⟧ @W==1.@N", forms="rch")
script(6004, "apt-get update && ⟦apt⟧ install -y --no-install-recommends @W && rm -rf /var/lib/apt/lists/*")
script(6006, "pip install --no-cache-dir ⟦@W⟧")
script(6007, "⟦apt-get update⟧", forms="r")
script(6008, "⟦apt-get dist-upgrade⟧ -y && rm -rf /var/lib/apt/lists/*")
script(6009, "⟦dnf install⟧ -y @W && dnf clean all", forms="rh")
script(6011, "wget -O- https://example.org/@W >/dev/null; ⟦curl⟧ -fsS https://example.org/@V >/dev/null", forms="rhk")
script(6012, "useradd -u ⟦1@N000⟧ @W")
script(7004, "curl -fsSLo /usr/local/bin/@W ⟦https://example.org/@V-@N⟧")
script(7005, "curl -fsS ⟦http://example.org/@W⟧ >/dev/null")
script(7006, "⟦curl -fsSL https://example.org/@W.sh | sh⟧")
script(7007, "curl ⟦-kfsS⟧ https://example.org/@W >/dev/null")
script(7013, "echo ⟦'@W:@V@N'⟧ | chpasswd")
script(7014, "⟦ssh-keygen -A⟧")
script(7015, "⟦systemd-machine-id-setup⟧")
script(7016, "echo ⟦'root:@W@N'⟧ | chpasswd")
script(7017, "echo '⟦PermitRootLogin yes⟧' >>/etc/ssh/sshd_config")
script(7018, "sed -i 's/^SELINUX=.*/⟦SELINUX=disabled⟧/' /etc/selinux/config")
script(7019, "⟦apt-key add⟧ /root/@W.asc")
script(7020, "chmod ⟦777⟧ /srv/@W")
script(8006, "⟦date⟧ >/etc/@W-date")

# --- elements ---
GOOD = "#!/bin/bash\nset -eu\nset -o pipefail\n"
element(3009, {"install.d/50-@W": "⟦s⟧et -eu\nset -o pipefail\necho @V\n"})
element(3010, {"install.d/@W": "⟦#⟧!/bin/bash\nset -eu\nset -o pipefail\necho @V\n"})
element(3011, {"install.d/50-a": GOOD + "echo @W\n", "install.d/50-b": "⟦#⟧!/bin/bash\nset -eu\nset -o pipefail\necho @V\n"},
        beside=config("  rules: { hook-number-collision: info }\n"))
element(3012, {"install.d/95-@W": "⟦#⟧!/bin/bash\nset -eu\nset -o pipefail\necho @V\n"},
        beside=config("  rules: { hook-reserved-number: info }\n"))
element(3013, {"post-instal.d/50-@W": "⟦#⟧!/bin/bash\nset -eu\nset -o pipefail\necho @V\n"})
element(3014, {"element-deps": "base\n⟦vm # for @W⟧\n"})
element(3015, {"element-deps": "vm\n⟦base⟧\n"})
element(3018, {"element-deps": "base\n⟦deploy-ironic⟧\n"})
element(3022, {"install.d/50-@W": GOOD + "⟦mount -t tmpfs tmpfs /mnt/@V⟧\n"})
element(3024, {"environment.d/10-@W.bash": (0o755, "⟦e⟧xport DIB_A@N=${DIB_A@N:-@V}\n")})
element(3025, {"environment.d/10-@W.bash": "⟦set +e⟧\nexport DIB_A@N=${DIB_A@N:-@V}\n"})
element(3026, {"source-repository-@W": "⟦@W git /opt/@W https://example.org/@W 1.0⟧"})
element(3027, {"source-repository-a": "a git /opt/@W https://example.org/a 1.0\n", "source-repository-b": "b git ⟦/opt/@W⟧ https://example.org/b 1.0\n"})
element(3028, {"pkg-map": "{ \"default\": ⟦\"@W\"⟧ }\n"})
element(3029, {"package-installs.yaml": "⟦#⟧ none of @W\n"})
element(3030, {"finalise.d/50-@W": GOOD + "echo \"⟦$DIB_IMAGE_ROOT_FS_UUID⟧ @V\"\n"})
element(3032, {"package-installs.yaml": "@W:\n  arch: ⟦amd64, arm64⟧\n"})
element(3033, {"package-installs.yaml": "@W:\n  uninstall: ⟦false⟧\n"})
element(3034, {"package-installs.yaml": "@W:\n  ⟦not_arch⟧: arm64\n"})
element(3035, {"package-installs.yaml": "@W:\n  phase: ⟦finalise.d⟧\n"})
element(3036, {"elements-deps": "⟦b⟧ase\n", "install.d/50-@W": GOOD + "echo @V\n"})
element(3038, {"svc-map": "⟦-⟧ @W\n"})
element(3039, {"environment.d/10-@W@1.bash": "⟦e⟧xport DIB_A@N=1\n"})
element(3040, {"package-installs.yaml": "@W:\n  when: ⟦DIB_A@N = yes⟧\n"})
element(3041, {"pkg-map": "{ ⟦\"families\"⟧: { \"debian\": { \"@W\": \"@V\" } } }\n"})
element(4020, {"extra-data.d/50-@W": GOOD + "echo @V >⟦/etc/@W.conf⟧\n"})
element(7008, {"source-repository-@W": "@W git /opt/@W ⟦https://example.org/@W⟧\n"})
element(7011, {"static/root/@W": "⟦-----BEGIN OPENSSH PRIVATE KEY-----⟧\nbm9rZXk=\n-----END OPENSSH PRIVATE KEY-----\n"})
element(7012, {"environment.d/10-@W.bash": "export ⟦DIB_@W_PASSWORD⟧=${DIB_@W_PASSWORD:-}\n"})
element(3021, {"README.rst": None, "install.d/20-app": "⟦#⟧!/bin/bash\nset -eu\nset -o pipefail\necho @W\n"})
element(3031, {"environment.d/10-@W.bash": "export DIB_A@N=${DIB_A@N:-}\n[ -n \"$DIB_A@N\" ] && ⟦export DIB_B@N=@W⟧\n"})
element(4017, {"bin/@W": (0o755, GOOD.replace("-eu", "-u") + "# imagebuild ignore-file=IB4001\n⟦cd /opt/@W⟧\necho @V\n")})
tree(3016, {"one/element-deps": "⟦two⟧\n", "two/element-deps": "one\n", "two/install.d/50-@W": (0o755, GOOD + "echo @W\n")})
tree(3017, {"one/element-deps": "⟦ironic-agent⟧\n", "ironic-agent/install.d/50-@W": (0o755, GOOD + "echo @W\n")})
tree(3037, {"one/@W.conf": "⟦o⟧ne\n", "one/element-deps": "two\n", "two/@W.conf": "two\n", "two/install.d/50-@W": (0o755, GOOD + "echo @W\n")})
script(4013, "⟦vim⟧ /etc/@W")
line(4016, "ENV A@N=@W\nRUN rm -f /etc/⟦$A@N⟧", beside=config("  rules: { unquoted-expansion: warning }\n"))

# --- layouts ---
ROOT = "    partition other { ext4 mount=/ }\n}"
layout(5012, "LAYOUT gpt {\n    partition first type=esp ⟦size=32MiB⟧ { vfat label=@W mount=/boot/efi }\n" + ROOT)
layout(5018, "LAYOUT gpt {\n    partition first size=1GiB { ⟦ext4⟧ label=@W }\n" + ROOT)
layout(5019, "LAYOUT gpt {\n    partition first size=1GiB { ext4 mount=/@W ⟦fstab=no⟧ }\n" + ROOT)
layout(5020, "LAYOUT gpt {\n    partition first size=1GiB { ext4 mount=/@W ⟦passno=1⟧ }\n" + ROOT)
layout(5021, "LAYOUT mbr ⟦sector-size=4096⟧ {\n    partition @W { ext4 mount=/ }\n}")
layout(5022, "LAYOUT gpt ⟦align=63KiB⟧ {\n    partition @W { ext4 mount=/ }\n}")
layout(5025, "LAYOUT gpt {\n    partition first ⟦type=swap⟧ size=1GiB { ext4 mount=/@W }\n" + ROOT)
layout(5030, "LAYOUT gpt {\n    partition first size=1GiB { ext4 label=@W ⟦mount=/tmp⟧ }\n" + ROOT)
layout(5031, "LAYOUT gpt {\n    partition first type=swap size=1GiB { ⟦swap⟧ label=@W }\n" + ROOT)
LVM = """- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: root
        type: '8E00'
        size: 8GiB
- lvm:
    name: lvm
    base: [ root ]
    pvs:
      - name: pv
        base: root
    vgs:
      - name: @W
        base: [ pv ]
    lvs:
%s- mkfs:
    name: fs_root
    base: lv_root
    type: ext4
    mount:
      mount_point: /
      fstab:
        fsck-passno: 1
- mkfs:
    name: fs_var
    base: lv_var
    type: ext4
    mount:
      mount_point: /var
      fstab:
        fsck-passno: 2
"""


def volumes(*lines):
    """The volumes lv_root and lv_var of the group @W; a line of each."""
    return LVM % "".join("      - name: lv_%s\n        base: @W\n        %s\n" % v for v in zip(("root", "var"), lines))


yaml(5026, volumes("extents: 60%VG", "extents: ⟦50%VG⟧"))
yaml(5027, volumes("size: 3GiB", "size: ⟦6GiB⟧"))
yaml(5028, volumes("size: 3GiB\n        type: thin⟧", "size: 1GiB").replace("- name: lv_root", "- ⟦name: lv_root"))
