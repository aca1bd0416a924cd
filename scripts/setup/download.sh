#!/usr/bin/env bash
# download.sh NAME: prints the path of a file pinned in downloads.txt, fetched once and kept by content outside the
# clone. A kept file that is damaged is thrown away and fetched again; an interrupted fetch leaves nothing that counts.
set -euo pipefail

folder=$(dirname "${BASH_SOURCE[0]}")
source "$folder/setting.sh"
table=$folder/downloads.txt

fail() { echo "set-up: $*" >&2; exit 1; }
shared=$(setting XDG_CACHE_HOME "${HOME:+$HOME/.cache}")
cache=$(setting RETRIEVER_CACHE "${shared:+$shared/retriever-rollout}")
[[ -n $cache ]] || fail 'RETRIEVER_CACHE: has to name a folder, since HOME names none'
matches() { [[ $(sha256sum "$1" | cut -d ' ' -f 1) == "$2" ]]; }

# Each way to fetch leaves exactly one file in the folder it is given.
fetch_wheel() {
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$1" "${@:2}" >&2
}
fetch_maven() {
  command -v mvn >/dev/null || { echo 'set-up: mvn is not here' >&2; return 1; }
  local plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1 said
  # Maven reports errors, and nothing else of use, on its standard output.
  said=$(cd "$1" && mvn --quiet --batch-mode "$plugin:copy" -Dartifact="$2" -DoutputDirectory=.) ||
    { echo "$said" >&2 && return 1; }
}
fetch_npm() { npm pack --silent --pack-destination "$1" "$2" >&2; }
fetch_url() {
  command -v curl >/dev/null || { echo 'set-up: curl is not here; install it with: apt-get install -y curl' >&2; return 1; }
  curl --fail --silent --show-error --location --output "$1/file" "$2"
}
# The program, which has the name of the archive's purpose, is the only executable in the archive.
fetch_archive() {
  fetch_url "$1" "$2" || return
  mkdir "$1/unpacked" && tar -xzf "$1/file" -C "$1/unpacked" || return
  find "$1/unpacked" -type f -name 'temporal*' -perm -u+x -exec mv {} "$1/file" \;
  rm -rf "$1/unpacked"
}

name=${1:?name of a download}
read -r _ sha256 how what < <(grep "^$name " "$table") || fail "$name is not in $table"
kept=$cache/sha256/$sha256
mkdir -p "$cache/sha256"

# One download at a time, whichever clone asks; so all that lies in the folder for unfinished ones is left over.
exec 7>"$cache/lock"
flock 7
if [[ -f $kept ]]; then
  if matches "$kept" "$sha256"; then echo "$kept" && exit 0; fi
  echo "set-up: the cached $name is damaged; fetching it again" >&2
  rm -f "$kept"
fi
rm -rf "$cache/unfinished"
mkdir "$cache/unfinished"
read -ra arguments <<<"$what"
"fetch_$how" "$cache/unfinished" "${arguments[@]}" 7>&- || fail "could not fetch $name ($what)"
fetched=$(find "$cache/unfinished" -type f)
matches "$fetched" "$sha256" || fail "$name ($what) is not the pinned file: its sha256 is not $sha256"
mv -f "$fetched" "$kept"
echo "$kept"
