# To be sourced. setting NAME DEFAULT: prints the variable of that name as domain/core/settings.ts reads it: blanks and line ends
# around it do not count, an empty one is as good as none, and one of blanks alone is refused.
setting() {
  local value=${!1-}
  if [[ -z $value ]]; then printf '%s' "$2"; return; fi
  value=${value#"${value%%[![:space:]]*}"}
  value=${value%"${value##*[![:space:]]}"}
  if [[ -z $value ]]; then echo "$1: holds nothing but blanks: unset it, or give it a value" >&2; return 2; fi
  printf '%s' "$value"
}
