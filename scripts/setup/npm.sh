#!/usr/bin/env bash
# node_modules exactly as package-lock.json says. Install scripts stay off: what needs compiling, native.sh compiles.
set -euo pipefail
node scripts/setup/lock-matches.mjs || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
