#!/bin/bash
set -euo pipefail
cp /etc/motd /root/motd
chmod 600 /root/motd
