#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ENV and ARG of a fragment are written for bash too: there a word has to mean what it means here.
. "$(dirname "$0")/../lib.sh"

cat >"$work/words.Imagefile" <<'END'
ARG A=one EMPTY= PATHS=/usr/lib/x.tar.gz SPACES="  two  words  " STAR=a*b?c[d] LONG=aXbXcX
ENV W01=plain W02="double  quoted" W03='single $A "x"' W04=a\ b W05=it\'s W06="it's" W07=\$A W08="\$A \" \\ \x"
ENV W10=$A W11=${A} W12=x${A}y W13="x $A y" W14=$A$A W15='$A'$A"$A"
ENV W20=${EMPTY:-d} W21=${EMPTY-d} W22=${NONE:-d} W23=${NONE-d} W24=${A:+w} W25=${EMPTY:+w} W26=${EMPTY+w} W27=${NONE+w}
ENV W30=${NONE:-"a  b"} W31="${NONE:-a  b}" W32=${NONE:-'$A'} W33=${NONE:-$A} W34="x${NONE:-"$A" '*'}y" W35=${NONE:-${EMPTY:-{deep\}}}
ENV W40=${PATHS#/*/} W41=${PATHS##/*/} W42=${PATHS%.*} W43=${PATHS%%.*} W44=${PATHS#/u?r} W45=${PATHS#"/*"} W46=${PATHS%\*}
ENV W50=${LONG/X/-} W51=${LONG//X/-} W52=${LONG/X} W53=${LONG//X/$A} W54=${LONG/[/y} W55=${PATHS//\//:} W56=${LONG//X/&} W57=${LONG/"#"a/y}
ENV W60=$SPACES W61="$SPACES" W62=$STAR W63=~ W64=a:~/b W65=`x` W66='{a,b}' W67=(x) W68=a;b W69=a|b&c<d>e W70=#no W71=!x
ENV W80="a\
b" W81=$ARCH W82=${TARGETARCH:-x}$TARGETARCH W83=${ARCH#a} W84=${A:?gone} W85=$ W86=a$ W87="$ b" W88=ü W89="tab	x"
ENV A=two B=$A
ENV C=$A
END

same() {
	"$IMAGEBUILD" emit ir "$work/words.Imagefile" >"$work/ir" || return 1
	/usr/bin/python3 - "$work/ir" <<'END'
import json, subprocess, sys

ops = [o for o in json.load(open(sys.argv[1]))["stages"][0]["ops"] if "bash" in o]
lines, values, last = [], {}, None
for o in ops:
    name, _, default = o["bash"].partition("=")
    word = o["bash"] if o["op"] == "env" else "%s=${%s:-%s}" % (name, name, default)
    if o["at"] == last:  # one instruction is one export
        lines[-1] += " " + word
    else:
        lines.append("export " + word)
    last = o["at"]
    values[o["key"]] = o["value"]
script = "set -ue\n" + "\n".join(lines) + "\nexec env -0\n"
ran = subprocess.run(["bash", "-c", script], env={"ARCH": values["W81"], "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE)
got = dict(v.split("=", 1) for v in ran.stdout.decode().split("\0") if v)
bad = ran.returncode
for key, value in values.items():
    if got.get(key) != value:
        print(key, repr(value), "is in bash", repr(got.get(key)))
        bad = 1
assert len(values) > 60
sys.exit(bad)
END
}
it 'a word means the same in the language and in bash' same
finish
