# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: what this demo made, written down so that any later run can undo it.
# Everything lives in $work; processes are known by process group and by having $work in their
# environment, so that a reused number is never killed.

state=/run/bulkhead-demo
work=''

record() { echo "$*" >> "$state/made"; }

# One demo at a time: the kernel frees the lock however its holder ends. What it starts must not
# inherit descriptor 8.
lock_state() {
  local owner=''
  exec 8>> "$state.lock"
  # The one that ended last may have taken the file away after it was opened here.
  flock -n 8 && [ "$state.lock" -ef /dev/fd/8 ] && return
  [ -f "$state/owner" ] && read -r owner < "$state/owner"
  die "another demo is running${owner:+ (pid $owner)}; wait for it, or end it with Ctrl-C there"
}

claim_state() {
  lock_state
  if [ -f "$state/made" ]; then
    say "undoing what an earlier demo left"
    clean_up
  fi
  mkdir -p "$state"
  echo $$ > "$state/owner"
  work="$(mktemp -d /tmp/bulkhead-demo.XXXXXX)"
  chmod 755 "$work"
  record work "$work"
}

# start NAME COMMAND...: in the background, logged, remembered. The pid is in $started.
start() {
  local name="$1"
  shift
  BULKHEAD_DEMO="$work" setsid "$@" > "$work/$name.log" 2>&1 < /dev/null 8>&- &
  started=$!
  disown
  record process "$started" "$name"
}

is_ours() { grep -qz "^BULKHEAD_DEMO=$work\$" "/proc/$1/environ" 2> /dev/null; }

# Everything that `start` began under this pid and what that began in turn, as long as it lives.
family_of() {
  local pid
  for pid in $(pgrep -g "$1"); do ! is_ours "$pid" || echo "$pid"; done
}

stop_process() {
  local signal attempt family
  for signal in TERM KILL; do
    for attempt in $(seq 1 100); do
      mapfile -t family < <(family_of "$1")
      [ ${#family[@]} -gt 0 ] || return 0
      [ "$attempt" -gt 1 ] || kill -s "$signal" "${family[@]}" 2> /dev/null
      sleep 0.05
    done
  done
}

clean_up() {
  [ -f "$state/made" ] || { rm -rf "$state"; return 0; }
  local kind first rest
  work="$(sed -n 's/^work //p' "$state/made" | head -1)"
  [ -S "$work/containerd.sock" ] && remove_containers
  while read -r kind first rest; do
    case "$kind" in
      process) stop_process "$first" ;;
      netns) ip netns del "$first" 2> /dev/null ;;
      hugepages) echo "$first" > /proc/sys/vm/nr_hugepages ;;
      *) ;;
    esac
  done < <(tac "$state/made")
  if [ -n "$work" ]; then
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r |
      while read -r first; do umount -l "$first"; done
    rm -rf "$work"
  fi
  rm -rf "$state"
}
