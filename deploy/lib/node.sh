# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: the node. It is a network namespace of its own, so that neither the
# machine's network nor an installed Bulkhead is touched, with an uplink to a made-up Internet.

node=bulkhead-demo-node
internet=bulkhead-demo-internet
internet_v4=198.51.100.10
internet_v6=2001:db8:51::10
pod_cidrs=(10.77.0.0/16 fd77::/64)

on_node() { nsenter --net="/run/netns/$node" "$@"; }

make_namespace() {
  ip netns add "$1"
  record netns "$1"
  ip -n "$1" link set lo up
}

make_node() {
  make_namespace "$node"
  make_namespace "$internet"
  ip -n "$node" link add uplink type veth peer name eth0 netns "$internet"
  ip -n "$node" addr add 198.51.100.1/24 dev uplink
  ip -n "$node" addr add 2001:db8:51::1/64 dev uplink nodad
  ip -n "$internet" addr add "$internet_v4/24" dev eth0
  ip -n "$internet" addr add "$internet_v6/64" dev eth0 nodad
  ip -n "$node" link set uplink up
  ip -n "$internet" link set eth0 up
  ip -n "$node" route add default via "$internet_v4"
  ip -n "$node" -6 route add default via "$internet_v6"
  ip -n "$internet" route add "${pod_cidrs[0]}" via 198.51.100.1
  ip -n "$internet" -6 route add "${pod_cidrs[1]}" via 2001:db8:51::1
}

reserve_hugepages() {
  local before free wanted=128
  before="$(cat /proc/sys/vm/nr_hugepages)"
  free="$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)"
  if [ "${free:-0}" -ge "$wanted" ]; then
    say "hugepages: $free free ones are there already"
    return
  fi
  record hugepages "$before"
  echo $((before + wanted - free)) > /proc/sys/vm/nr_hugepages 2> /dev/null || true
  free="$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)"
  if [ "${free:-0}" -ge "$wanted" ]; then
    say "hugepages: reserved $wanted of 2 MB, given back at the end"
  else
    echo "$before" > /proc/sys/vm/nr_hugepages 2> /dev/null || true
    say "hugepages: none to be had here; running without"
  fi
}

write_configuration() {
  mkdir -p "$work"/{etc/bulkhead/policies.d,var/lib/bulkhead,var/log/bulkhead,run/bulkhead,cni}
  cp "$here"/demo-policies/*.yaml "$work/etc/bulkhead/policies.d/"
  cat > "$work/etc/bulkhead/config.yaml" << CONFIG
instance: demo
default: deny
cluster:
  pod_cidrs: ["${pod_cidrs[0]}", "${pod_cidrs[1]}"]
workers: 1
metrics: {listen: "127.0.0.1:9470"}
CONFIG
  jq -n --arg socket "$work/run/bulkhead/agent.sock" --arg leases "$work/ipam" --arg v4 "${pod_cidrs[0]}" \
    --arg v6 "${pod_cidrs[1]}" '{cniVersion: "1.0.0", name: "bulkhead-demo", plugins: [{type: "bulkhead-cni",
      socket: $socket, ipam: {type: "host-local", dataDir: $leases, ranges: [[{subnet: $v4}], [{subnet: $v6}]]}}]}' \
    > "$work/cni/10-bulkhead.conflist"
}

ask_agent() { BULKHEAD_ROOT="$work" "$bin/bulkhead" "$@"; }
status_says() { ask_agent status -o json 2> /dev/null | jq -e "$1" > /dev/null; }

start_daemons() {
  local begun
  begun="$(now_ms)"
  start dataplane nsenter --net="/run/netns/$node" "$bin/bulkhead-dataplane" --root "$work" --instance demo --workers 1
  start agent nsenter --net="/run/netns/$node" "$bin/bulkhead-agent" --root "$work"
  wait_until 20 "agent and data plane are ready" \
    status_says '.dataplane_connected and .revision_acknowledged > 0'
  say "bulkhead-dataplane and bulkhead-agent are up after $(($(now_ms) - begun)) ms:"
  ask_agent status | indent
}
