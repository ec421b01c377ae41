# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: what the demo says.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
# What a command printed, set apart and no wider than 100 columns.
indent() { fold -s -w 94 | sed 's/^/     /; s/ *$//'; }
die() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# wait_until SECONDS WHAT COMMAND...: until the command succeeds.
wait_until() {
  local seconds="$1" what="$2" deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "not within $seconds s: $what$(last_logs)"
    sleep 0.05
  done
}

last_logs() {
  local log
  for log in "$work"/*.log; do
    [ -s "$log" ] && printf '\n--- %s\n%s' "$(basename "$log")" "$(tail -n 8 "$log")"
  done
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
