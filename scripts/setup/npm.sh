#!/usr/bin/env bash
# node_modules exactly as package-lock.json says. Install scripts stay off: what needs compiling, native.sh compiles.
set -euo pipefail
node scripts/setup/lock-matches.mjs || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
# npm links the commands of packages, but not the clone's own: `npx retriever` would link it into a cache at each call.
[[ -e node_modules/.bin/retriever ]] || ln -sfn ../../scripts/retriever.mjs node_modules/.bin/retriever
