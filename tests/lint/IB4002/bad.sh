#!/bin/bash
set -e
cp "$SOURCE_FILE" /root/motd
