#!/bin/bash
set -eu
export RELEASE=$(cat /etc/release)
echo "$RELEASE"
