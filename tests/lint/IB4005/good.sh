#!/bin/bash
set -eu
RELEASE=$(cat /etc/release)
export RELEASE
echo "$RELEASE"
