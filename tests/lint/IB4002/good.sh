#!/bin/bash
set -eu
cp "$SOURCE_FILE" /root/motd
