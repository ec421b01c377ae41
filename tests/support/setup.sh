#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the missing Debian packages of the groups named (see the file packages beside this one).
# Starts no service: Debian's packages start theirs on installation unless policy-rc.d forbids it.
# usage: setup.sh GROUP...
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/privilege.sh"

policy_rc_d=/usr/sbin/policy-rc.d
wrote_policy=false

missing_packages() {
  local group package status
  for group in "$@"; do
    awk -v group="$group" '$1 == group { print $2 }' "$here/packages"
  done | sort -u | while read -r package; do
    status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)"
    [ "$status" = installed ] || echo "$package"
  done
}

# `apt-get update` takes a lock that DPkg::Lock::Timeout does not cover.
update_lists() {
  local attempt
  for attempt in $(seq 1 30); do
    as_root apt-get -qq update && return 0
    echo "setup: package lists are busy or unreachable, trying again ($attempt/30)" >&2
    sleep 5
  done
  return 1
}

forbid_services() {
  [ -e "$policy_rc_d" ] && return 0
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy_rc_d" > /dev/null
  wrote_policy=true
  as_root chmod 755 "$policy_rc_d"
}
allow_services() { if $wrote_policy; then as_root rm -f "$policy_rc_d"; fi; }

[ $# -gt 0 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }
mapfile -t missing < <(missing_packages "$@")
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: every package of: $* is installed"
  exit 0
fi
if ! command -v apt-get > /dev/null; then
  echo "setup: no apt-get here; install these by hand: ${missing[*]}" >&2
  exit 1
fi
echo "setup: installing ${#missing[@]} packages by apt: ${missing[*]}"
trap allow_services EXIT
update_lists
forbid_services
as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600 \
  -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" < /dev/null
echo "setup: done"
