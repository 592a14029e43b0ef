# SPDX-License-Identifier: Apache-2.0
# What a shell test begins with:  . "$(dirname "$0")/../lib.sh"
# A test is a function; `it 'a sentence that is true' function` runs it under set -e and prints one
# line of TAP without its number (run.sh numbers them). `finish` ends the script. A function that
# exits with 77 is skipped. $work is a directory of the script's own, removed at its end.
# Set by ctest, or found here: IMAGEBUILD (the program), IMAGEBUILD_BUILD (the build directory).

set -u
export LC_ALL=C.UTF-8
tests=$(cd "$(dirname "$0")/.." && pwd)
top=$(dirname "$tests")
: "${IMAGEBUILD_BUILD:=$top/build}" "${IMAGEBUILD:=$IMAGEBUILD_BUILD/imagebuild}"
export IMAGEBUILD IMAGEBUILD_BUILD
failures=0
users=
work=$(mktemp -d "${TMPDIR:-/tmp}/imagebuild-test-XXXXXX")
chmod 755 "$work"

clean_up() {
	for user in $users; do
		drop_user "$user"
	done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

it() {
	sentence=$1
	shift
	# not in a condition: there set -e would do nothing
	(
		set -e
		"$@"
	) >"$work/.said" 2>&1
	case $? in
	0) echo "ok - $sentence" ;;
	77) echo "ok - $sentence # SKIP $(tail -n 1 "$work/.said")" ;;
	*)
		failures=$((failures + 1))
		echo "not ok - $sentence"
		sed 's/^/# /' "$work/.said" | tail -n 60
		;;
	esac
}

finish() {
	[ "$failures" -eq 0 ] || exit 1
	exit 0
}

# Ends the script as skipped.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 77
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs root, to make the users that it builds as"
}

need() {
	for program; do
		command -v "$program" >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
			skip_all "needs $program"
	done
}

# Makes an ordinary user with subordinate ids and a home, anew where an earlier run was killed. Not inside a
# test's function: what the subshell learns of users is lost with it.
make_user() {
	! id "$1" >/dev/null 2>&1 || drop_user "$1"
	useradd --create-home --shell /bin/bash "$1" || return 1
	grep -q "^$1:" /etc/subuid || usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$1"
	users="$users $1"
}

drop_user() {
	pkill -KILL -U "$1" 2>/dev/null && sleep 1
	home=$(getent passwd "$1" | cut -d: -f6)
	userdel "$1" 2>/dev/null
	# what the store holds belongs to subordinate ids
	[ -z "$home" ] || [ "$home" = / ] || rm -rf "$home"
}

# Runs a command as USER with that user's home and nothing of our environment but the proxies.
as_user() {
	user=$1
	shift
	home=$(getent passwd "$user" | cut -d: -f6)
	(
		cd "$home" || exit 1
		exec runuser -u "$user" -- env -i "HOME=$home" "USER=$user" "LC_ALL=$LC_ALL" \
			PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
			${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
			${no_proxy:+"no_proxy=$no_proxy"} "$@"
	)
}

# not COMMAND...: fails where it succeeds. (set -e does not look at a command behind "!".)
not() {
	if "$@"; then
		return 1
	fi
}

# expect STATUS COMMAND...: the command's output in $work/out and $work/err.
expect() {
	expected=$1
	shift
	status=0
	"$@" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq "$expected" ] && return 0
	echo "exit status $status, not $expected: $*"
	cat "$work/out" "$work/err"
	return 1
}

# says PATTERN: the last command's standard error holds a line that matches.
says() {
	grep -q -e "$1" "$work/err" && return 0
	echo "no line matches '$1' in:"
	cat "$work/err"
	return 1
}
