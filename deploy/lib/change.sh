# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: one denied connection explained, and a policy edited under open ones.

explain_denied() {
  local from=monitoring/prober to=backend/db flow
  say "${from} may collect metrics of ${to} (TCP/9100), but why not its data (TCP/3306)?"
  say "\$ bulkhead policy explain --from $from --to $to --protocol TCP --port 3306"
  "$bin/bulkhead" policy explain "$work/etc/bulkhead/policies.d" --config "$work/etc/bulkhead/config.yaml" \
    --from "$from" --to "$to" --protocol TCP --port 3306 | indent
  say "and what the data plane wrote down when it was tried:"
  flow="$(ask_agent flows --verdict deny -o json 2> /dev/null |
    jq -c 'select(.source.pod == "prober" and .destination.pod == "db" and .destination.port == 3306) |
      {time, verdict, reason, source, destination, protocol, direction, rule, revision}' |
    head -1 | sed 's/,"/, "/g')"
  indent <<< "${flow:-no flow record}"
  [ -n "$flow" ] || failures=$((failures + 1))
}

change_policy() {
  local family cut opened pause file="$work/etc/bulkhead/policies.d/frontend.yaml"
  say "the client holds a connection to the web shop's port 80 and keeps trying 8443, which is closed;"
  say "then: sed -i 's#TCP/80,#TCP/8443,#' frontend.yaml"
  for family in 4 6; do
    local address="${pod_ip[frontend/web,$family]}"
    sed 's#TCP/80,#TCP/8443,#' "$here/demo-policies/frontend.yaml" > "$work/edited.yaml"
    read -r cut opened pause < <(nice -n -10 python3 "$here/lib/time_edit.py" "${pod_netns[loadbalancer/client]}" "$address" 80 8443 \
      "$work/edited.yaml" "$file" 2> "$work/time_edit.log")
    if [ -z "${pause:-}" ] || [ "$cut" = - ] || [ "$opened" = - ]; then
      failures=$((failures + 1))
      say "${red}IPv$family: cut after ${cut:--} ms, opened after ${opened:--} ms$(tail -n 1 "$work/time_edit.log")$plain"
    else
      say "IPv$family: open connection cut within $cut ms, closed port opened within $opened ms" \
        "(probe 1 ms, worst $pause)"
    fi
    cp "$here/demo-policies/frontend.yaml" "$work/edited.yaml" && mv "$work/edited.yaml" "$file"
    wait_until 5 "port 80 is open again" timeout 0.3 nsenter --net="${pod_netns[loadbalancer/client]}" \
      bash -c "exec 3<> /dev/tcp/$address/80" 2> /dev/null
  done
}
