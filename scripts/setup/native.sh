#!/usr/bin/env bash
# Compiles our addon and faiss-node's own source against libfaiss, when a source, a flag or the library changed.
set -euo pipefail
source scripts/setup/step.sh

ours=native/build/retriever-index.node
theirs=node_modules/faiss-node/build/Release/faiss-node.node
flags=(-shared -fPIC -O3 -std=c++17 -fopenmp -DNAPI_CPP_EXCEPTIONS -DNAPI_VERSION=8
  -I node_modules/node-api-headers/include -I node_modules/node-addon-api)
# libfaiss is linked in; hidden, as both addons bring a copy into one process.
libraries=(-Wl,--exclude-libs,ALL -lfaiss -lopenblas -llapack)

sources=(native/*.cc native/*.h node_modules/faiss-node/src/faiss.cc scripts/setup/native.sh)
platform="$(node --version) $(uname -sm) $(stat -c '%s %Y' "$(g++ -print-file-name=libfaiss.a)" 2>/dev/null || true)"
key=$(echo "$platform" | digest "${sources[@]}" -)
if [[ -f $ours && -f $theirs ]] && is_stamped native "$key"; then exit 0; fi

# compile OUTPUT ARGUMENT...: the output appears whole or not at all.
compile() {
  mkdir -p "$(dirname "$1")"
  g++ "${flags[@]}" "${@:2}" "${libraries[@]}" -o "$1.part"
  mv -f "$1.part" "$1"
}
compile "$theirs" -include native/faiss-node-shim.h node_modules/faiss-node/src/faiss.cc &
compiling=$!
compile "$ours" -fvisibility=hidden -Wall -Wextra native/*.cc
wait "$compiling"
stamp native "$key"
