#!/usr/bin/env bash
# The sample corpus, made again when its source or the code that cleans and chunks it changed.
set -euo pipefail
source scripts/setup/step.sh

corpus=.data/corpus/wikipedia-sample.jsonl
key=$(digest scripts/setup/make-corpus.ts scripts/setup/downloads.txt retrieval/corpus/*.ts)
if [[ -f $corpus ]] && is_stamped corpus "$key"; then exit 0; fi
node_modules/.bin/tsx scripts/cli.ts setup corpus >&2
stamp corpus "$key"
