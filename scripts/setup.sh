#!/usr/bin/env bash
# Everything a fresh clone needs, in named steps. Each step looks at what is there and does the rest, so this may be
# killed anywhere and run again; with nothing to do it takes a fraction of a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup/step.sh

mkdir -p .data/stamps
if command -v flock >/dev/null; then
  # Children inherit the lock: even a step whose set-up was killed keeps the next set-up waiting until it has ended.
  exec 9>.data/setup.lock
  flock -n 9 || { echo 'set-up: another set-up works in this clone; waiting for it' >&2; flock 9; }
fi

step 'prerequisites' bash scripts/setup/prerequisites.sh
step 'npm packages' bash scripts/setup/npm.sh
step 'native addons' bash scripts/setup/native.sh
step 'Temporal' bash scripts/setup/temporal.sh
step 'encoder' bash scripts/setup/encoder.sh
step 'sample corpus' bash scripts/setup/corpus.sh
bash scripts/setup/predictors.sh # shows its own progress
# Shows its own progress, and finds by itself what is already built.
node_modules/.bin/tsx scripts/cli.ts setup samples
