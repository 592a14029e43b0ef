# SPDX-License-Identifier: Apache-2.0
# Prints "URI SUITE" for each Debian archive that apt's configuration files name, in
# either of their two formats. An archive is Debian's when it is checked with Debian's
# keyring, or when its path ends in /debian or /debian-security.

function emit(uris, suites, signed,    u, s, nu, ns, i, j) {
    nu = split(uris, u)
    ns = split(suites, s)
    for (i = 1; i <= nu; i++) {
        if (u[i] !~ /^(https?|file|copy):/)
            continue
        sub(/\/+$/, "", u[i])
        if (signed !~ /debian-archive/ && u[i] !~ /\/debian(-security)?$/)
            continue
        for (j = 1; j <= ns; j++)
            print u[i], s[j]
    }
}

function end_of_stanza() {
    if ((" " field["types"] " ") ~ / deb / && tolower(field["enabled"]) !~ /^ *(no|false|0|off|without|disable)/)
        emit(field["uris"], field["suites"], field["signed-by"])
    split("", field)
    name = ""
}

FNR == 1 { end_of_stanza() }
/^[ \t]*#/ { next }

FILENAME ~ /\.sources$/ {
    if ($0 ~ /^[ \t]*$/) {
        end_of_stanza()
    } else if ($0 ~ /^[ \t]/) {
        field[name] = field[name] " " $0
    } else if ((at = index($0, ":")) > 0) {
        name = tolower(substr($0, 1, at - 1))
        field[name] = substr($0, at + 1)
    }
    next
}

$1 == "deb" {
    options = ""
    if (match($0, /\[[^]]*\]/)) {
        options = substr($0, RSTART, RLENGTH)
        $0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
    }
    emit($2, $3, options)
}

END { end_of_stanza() }
