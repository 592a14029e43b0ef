#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# not a test but a tool: boot.sh IMAGE bios|uefi [SECONDS [PATH TEXT]] starts IMAGE (nothing is written to it) in
# QEMU without hardware help, waits for "login:" on the serial console, prints the seconds that it took. With PATH and
# TEXT its web server must then answer for PATH with TEXT. Status 1: one of them did not come within SECONDS (default
# 300). BOOT_LOG: a file that keeps what the console said.
set -eu
image=$1
firmware=$2
limit=${3:-300}
path=${4:-}
text=${5:-}
port=$((20000 + $$ % 20000))
work=$(mktemp -d)
log=${BOOT_LOG:-$work/console}
pid=
clean_up() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

case $image in
*.qcow2) format=qcow2 ;;
*) format=raw ;;
esac
case $firmware in
bios) set -- ;;
uefi) set -- -bios /usr/share/ovmf/OVMF.fd ;;
*) echo "boot.sh: '$firmware': expected bios or uefi" >&2 && exit 2 ;;
esac

answers() {
	[ -n "$path" ] || return 0
	curl -s --max-time 20 "http://127.0.0.1:$port$path" | grep -q -e "$text" || return 1
	echo "$firmware: $path answers '$text' after $(($(date +%s) - start)) s"
}

prompt=
: >"$log"
start=$(date +%s)
qemu-system-x86_64 -machine q35 -accel tcg -smp 2 -m 1024 -snapshot "$@" \
	-drive "file=$image,format=$format,if=virtio" -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:80" -device virtio-net-pci,netdev=net \
	-display none -monitor none -serial "file:$log" -no-reboot >"$work/qemu" 2>&1 &
pid=$!
while [ $(($(date +%s) - start)) -lt "$limit" ]; do
	if [ -z "$prompt" ] && grep -aq 'login:' "$log"; then
		prompt=1
		echo "$firmware: login prompt after $(($(date +%s) - start)) s"
	fi
	if [ -n "$prompt" ] && answers; then
		exit 0
	fi
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.5
done
echo "$firmware: no $([ -n "$prompt" ] && echo "answer to $path" || echo "login prompt") after $(($(date +%s) - start)) s" >&2
cat "$work/qemu" >&2
tail -n 30 "$log" | tr -cd '[:print:]\n' >&2
exit 1
