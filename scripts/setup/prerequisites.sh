#!/usr/bin/env bash
# Checks for the tools and libraries the build needs; installs Debian's packages where it may, else names the command.
set -euo pipefail

needs() { echo "set-up: $1 is missing. $2" >&2; exit 1; }

command -v node >/dev/null && command -v npm >/dev/null ||
  needs 'Node.js 20.19 or newer, with npm' 'Install it from your distribution or with: nvm install 20'
version=$(node --version)
IFS=. read -r major minor _ <<<"${version#v}"
((major > 20 || (major == 20 && minor >= 19))) ||
  needs "Node.js 20.19 or newer (here: $version)" 'Install it from your distribution or with: nvm install 20'

missing_packages() {
  command -v flock >/dev/null || echo util-linux
  command -v python3 >/dev/null || echo python3
  has_pip || echo python3-pip
  command -v g++ >/dev/null || { echo build-essential libfaiss-dev libopenblas-dev && return; }
  if has_header faiss/IndexIVFFlat.h cblas.h; then return; fi # both at once, as each costs a compiler's start
  has_header faiss/IndexIVFFlat.h || echo libfaiss-dev
  has_header cblas.h || echo libopenblas-dev
}
has_header() { printf '#include <%s>\n' "$@" | g++ -E -x c++ - >/dev/null 2>&1; }
# Finding the module is much quicker than starting pip.
has_pip() { python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)' 2>/dev/null; }

mapfile -t packages < <(missing_packages)
((${#packages[@]})) || exit 0
install="apt-get install -y ${packages[*]}"
command -v apt-get >/dev/null || needs "${packages[*]} (as Debian names them)" "On Debian or Ubuntu: sudo $install"

as_root=()
if ((EUID != 0)); then
  sudo -n true 2>/dev/null || needs "${packages[*]}" "Install with: sudo $install"
  as_root=(sudo -n)
fi
echo "set-up: installing ${packages[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
install_packages() { "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }
# The package lists may be absent or stale: then fetch them and try once more.
install_packages 2>/dev/null || { "${as_root[@]}" apt-get update -qq && install_packages; } ||
  needs "${packages[*]}" "Installing failed; try: sudo apt-get update && sudo $install"
