# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: a Prometheus of the demo's own, and what it scraped.

start_prometheus() {
  mkdir -p "$work/prometheus"
  cat > "$work/prometheus.yml" << 'CONFIG'
global: {scrape_interval: 1s}
scrape_configs:
- job_name: bulkhead
  static_configs: [{targets: ["127.0.0.1:9470"]}]
CONFIG
  start prometheus nsenter --net="/run/netns/$node" prometheus --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/prometheus" --web.listen-address=127.0.0.1:9090
}

# ask QUERY: lines `labels value`.
ask() {
  on_node curl -sf --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
    jq -r '.data.result[] | (.metric | del(.__name__, .instance, .job) | to_entries | map("\(.key)=\(.value)") | join(" "))
      + "  " + .value[1]'
}
scraped_lately() { [ "$(ask 'up{job="bulkhead"}' 2> /dev/null | grep -c '1$')" -gt 0 ] && [ -n "$(ask "$1" 2> /dev/null)" ]; }

show_metrics() {
  local query
  wait_until 20 "Prometheus has scraped the agent" scraped_lately 'bulkhead_drops_total{reason="denied_egress"} > 0'
  say "$(prometheus --version 2>&1 | head -1 | cut -d'(' -f1)scraped 127.0.0.1:9470/metrics; it answers:"
  for query in 'sum by (outcome) (bulkhead_packets_total)' 'bulkhead_drops_total > 0' \
    'topk(3, bulkhead_decisions_total)' 'bulkhead_policy_revision' 'bulkhead_endpoints'; do
    say "$bold$query$plain"
    ask "$query" | sed 's/^ *//' | indent
  done
}
