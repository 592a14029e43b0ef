#!/bin/sh
cd /opt/tool
rm -r build
