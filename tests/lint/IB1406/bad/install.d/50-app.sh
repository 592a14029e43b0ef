#!/bin/bash
set -eu
set -o pipefail
echo app
