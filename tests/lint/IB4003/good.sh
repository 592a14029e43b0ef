#!/bin/bash
set -eu
set -o pipefail
zcat /usr/share/doc/base-files/README.gz | head -1 >/root/readme
