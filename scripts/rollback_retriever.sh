#!/bin/sh
# Takes all users back to a release, at once and without Temporal:  scripts/rollback_retriever.sh v-1 [--dry-run]
# Exit code 0: done and verified; 2: wrong usage, nothing was changed; 1: not (yet) verified, or not on the gateway's
# disk; 137: not verified, since a file of the release could not be read in 10 s (node cannot end otherwise then).
#
# The last resort, so it leans on nothing around it: any POSIX shell, any folder, through links, without HOME, a user's
# name, a writable folder, or much of a PATH.
set -eu
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin
unset CDPATH
# What was set for other programs may keep node from starting; a cache needs a folder that can be written.
unset NODE_OPTIONS NODE_REPL_EXTERNAL_MODULE
export TSX_DISABLE_CACHE=1 PATH

self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
here=$(cd "$(dirname "$self")" && pwd -P)
cd "$here/.."

command -v node >/dev/null || { echo "node is not in PATH ($PATH): add its folder, and run this again" >&2; exit 1; }
exec node scripts/retriever.mjs rollback "$@"
