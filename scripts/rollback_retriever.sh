#!/usr/bin/env bash
# Takes all users back to a release, at once and without Temporal:  scripts/rollback_retriever.sh v-1 [--dry-run]
# Exit code 0: done and verified; 2: wrong usage, nothing was changed; 1: not (yet) verified, or not on the gateway's
# disk; 137: not verified, since a file of the release could not be read in 10 s (node can not end otherwise then).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ -f dist/scripts/rollback.js ] && [ ! -d node_modules/tsx ]; then
  exec node dist/scripts/rollback.js "$@"
fi
exec node --import tsx scripts/rollback.ts "$@"
