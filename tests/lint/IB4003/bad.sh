#!/bin/bash
set -eu
zcat /usr/share/doc/base-files/README.gz | head -1 >/root/readme
