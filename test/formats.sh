#!/usr/bin/env bash
# Runs the tests of file formats on the oldest and the newest Node that package.json allows: what one of them writes the
# other has to read. Both are pinned in scripts/setup/downloads.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

formats=(test/platform test/retrieval/corpus test/retrieval/release/npy.test.ts test/retrieval/release/npz.test.ts
  test/retrieval/encoder/safetensors.test.ts test/activities/audit/decisions.test.ts test/activities/evaluation/history-log.test.ts
  test/serving/gateway/ingest-log.test.ts)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for which in oldest newest; do
  archive=$(bash scripts/setup/download.sh "node-$which")
  mkdir "$folder/$which"
  tar -xzf "$archive" -C "$folder/$which" package/bin/node
  node=$folder/$which/package/bin/node
  allowed=$("$node" --print 'require("./package.json").engines.node')
  if [[ $which == oldest && $allowed != ">=$("$node" --print 'process.versions.node')" ]]; then
    echo "formats: package.json allows Node $allowed; downloads.txt pins another one as the oldest" >&2
    exit 1
  fi
  echo "file formats on Node $("$node" --version)"
  "$node" node_modules/vitest/vitest.mjs run "${formats[@]}"
done
