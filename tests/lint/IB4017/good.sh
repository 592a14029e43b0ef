#!/bin/sh
set -eu
cd /opt/tool
rm -r build
