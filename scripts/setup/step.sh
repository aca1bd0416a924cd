# Sourced by setup.sh and its steps: naming steps, showing progress, and remembering what is done.

# step NAME COMMAND...: runs one step; says that it goes on when it takes longer than 2 s.
step() {
  local name=$1 begin=$SECONDS status=0
  shift
  # The ticker lives as long as its pipe is open: it ends with this shell, however that ends.
  exec 8> >(tick "$name" 9>&-)
  "$@" 8>&- || status=$?
  exec 8>&-
  if ((status)); then
    echo "set-up: $name failed; run it again with: bash scripts/setup.sh" >&2
    exit "$status"
  fi
  if ((SECONDS - begin >= 2)); then echo "set-up: $name done in $((SECONDS - begin)) s" >&2; fi
}

tick() {
  local waited=0 pause=2 status
  while true; do
    status=0
    read -rt "$pause" _ || status=$?
    ((status > 128)) || return 0 # the pipe was closed, not the time up
    waited=$((waited + pause)) pause=8
    echo "set-up: $1 … $waited s" >&2
  done
}

# digest FILE...: one hash for the contents of all files, and of standard input where a file is "-".
digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# A stamp says what a step was done for. It is written last, by a rename.
is_stamped() { [[ -f .data/stamps/$1 && $(<".data/stamps/$1") == "$2" ]]; }
stamp() {
  echo "$2" >".data/stamps/$1.part"
  mv -f ".data/stamps/$1.part" ".data/stamps/$1"
}
