# SPDX-License-Identifier: Apache-2.0
# Sourced by programs that need root for some of what they do.

# as_root COMMAND...: runs it as root, by sudo when we are not. Fails with one clear line if it can't.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo -E -- "$@"
  else
    echo "$(basename "$0"): needs root for '$1', and there is no sudo: run it as root" >&2
    return 1
  fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || sudo -n true 2> /dev/null; }

# become_root PROGRAM ARGUMENTS...: goes on only as root; starts PROGRAM again through sudo if not.
become_root() {
  [ "$(id -u)" -eq 0 ] && return 0
  if ! command -v sudo > /dev/null; then
    echo "$(basename "$1"): needs root, and there is no sudo: run it as root" >&2
    exit 1
  fi
  echo "$(basename "$1"): needs root, going on through sudo" >&2
  exec sudo -E -- "$@"
}
