# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: one denied connection explained, and a policy edited under open ones.

explain_denied() {
  local from=monitoring/prober to=backend/db flow
  say "${from} may collect metrics of ${to} (TCP/9100), but why not its data (TCP/3306)?"
  say "\$ bulkhead policy explain --from $from --to $to --protocol TCP --port 3306"
  "$bin/bulkhead" policy explain "$work/etc/bulkhead/policies.d" --config "$work/etc/bulkhead/config.yaml" \
    --from "$from" --to "$to" --protocol TCP --port 3306 | sed 's/^/     /'
  say "and what the data plane wrote down when it was tried:"
  flow="$(ask_agent flows --verdict deny -o json 2> /dev/null |
    jq -c 'select(.source.pod == "prober" and .destination.pod == "db" and .destination.port == 3306)' | head -1)"
  say "  ${flow:-no flow record}"
  [ -n "$flow" ] || failures=$((failures + 1))
}

# Runs in the client's network: keeps a connection busy and writes the time of each answer.
hold_connection() {
  # shellcheck disable=SC2016
  from_pod "$1" bash -c 'exec 3<> "/dev/tcp/$1/$2" || exit 1
    while echo x >&3 && read -r -t 2 -u 3; do echo "${EPOCHREALTIME/[.,]/}" > "$3.new"; mv "$3.new" "$3"; sleep 0.002; done' \
    bash "$2" "$3" "$4" 2> /dev/null
}

# Tries to connect until it works; writes when it did.
await_connection() {
  # shellcheck disable=SC2016
  from_pod "$1" timeout 15 bash -c 'until timeout 0.05 bash -c "exec 3<> /dev/tcp/$1/$2" 2> /dev/null; do :; done
    echo "${EPOCHREALTIME/[.,]/}" > "$3"' bash "$2" "$3" "$4"
}

change_policy() {
  local family edited cut_us open_us file="$work/etc/bulkhead/policies.d/frontend.yaml"
  say "the client holds a connection to the web shop's port 80 open and keeps trying 8443, which is closed"
  for family in 4 6; do
    local address="${pod_ip[frontend/web,$family]}" alive="$work/alive$family" opened="$work/opened$family"
    hold_connection loadbalancer/client "$address" 80 "$alive" &
    local holder=$!
    wait_until 5 "the connection to port 80 answers" test -s "$alive"
    await_connection loadbalancer/client "$address" 8443 "$opened" &
    local waiter=$!
    sed 's#TCP/80,#TCP/8443,#' "$here/demo-policies/frontend.yaml" > "$work/edited.yaml"
    edited="${EPOCHREALTIME/[.,]/}"
    mv "$work/edited.yaml" "$file"
    if ! timeout 10 tail --pid="$waiter" -f /dev/null; then
      kill "$waiter" 2> /dev/null
      failures=$((failures + 1))
      say "${red}IPv$family: port 8443 was never opened$plain"
    fi
    wait "$holder"
    cut_us=$(($(cat "$alive") - edited))
    [ "$cut_us" -ge 0 ] || cut_us=0  # on a busy machine no answer may fit between the edit and the cut
    open_us=$(($(cat "$opened" 2> /dev/null || echo "$edited") - edited))
    say "IPv$family: sed 's#TCP/80,#TCP/8443,#' frontend.yaml: the open connection was cut after" \
      "$((cut_us / 1000)).$((cut_us % 1000 / 100)) ms, the closed port opened after" \
      "$((open_us / 1000)).$((open_us % 1000 / 100)) ms"
    cp "$here/demo-policies/frontend.yaml" "$work/edited.yaml" && mv "$work/edited.yaml" "$file"
    wait_until 5 "port 80 is open again" timeout 0.3 nsenter --net="${pod_netns[loadbalancer/client]}" \
      bash -c "exec 3<> /dev/tcp/$address/80" 2> /dev/null
  done
}
