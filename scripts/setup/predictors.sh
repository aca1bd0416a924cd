#!/usr/bin/env bash
# Predictors work in their encoder's space: those of the sample's are in the clone, another's are trained here, on the
# sample corpus, again when the encoder, the corpus or the training changed.
set -euo pipefail
source scripts/setup/step.sh
source scripts/setup/setting.sh

sample=minilm-l6-v2-int8
name=$(setting RETRIEVER_ENCODER "$sample")
if [[ $name == "$sample" ]]; then exit 0; fi

encoder=models/$name
[[ -d $encoder ]] || encoder=.data/models/$name
trained=.data/predictors/$name
key=$(digest scripts/training/* .data/corpus/wikipedia-sample.jsonl "$encoder/manifest.json")
if [[ -f $trained/manifest.json ]] && is_stamped "predictors-$name" "$key"; then exit 0; fi
rm -rf "$trained" "$trained.part"
node_modules/.bin/tsx scripts/cli.ts setup predictors --encoder "$name" --out "$trained.part" >&2
mv "$trained.part" "$trained"
stamp "predictors-$name" "$key"
