# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: iperf3 through Bulkhead beside the kernel's own way, veth + bridge +
# stateful nftables.

make_kernel_peer() {
  local end index=0
  make_namespace bulkhead-demo-bridge
  ip -n bulkhead-demo-bridge link add br0 type bridge
  ip -n bulkhead-demo-bridge link set br0 up
  for end in one two; do
    index=$((index + 1))
    make_namespace "bulkhead-demo-$end"
    ip -n bulkhead-demo-bridge link add "$end" type veth peer name eth0 netns "bulkhead-demo-$end"
    ip -n bulkhead-demo-bridge link set "$end" master br0 up
    ip -n "bulkhead-demo-$end" addr add "10.78.0.$index/24" dev eth0
    ip -n "bulkhead-demo-$end" link set eth0 up
  done
  modprobe br_netfilter 2> /dev/null || true
  nsenter --net=/run/netns/bulkhead-demo-bridge sh -c 'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables' ||
    say "this kernel has no br_netfilter: the bridge runs without nftables, which favours it"
  nsenter --net=/run/netns/bulkhead-demo-bridge nft -f - << 'RULES'
table inet peer {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    tcp dport { 80, 443, 3306, 5201 } ct state new accept
  }
}
RULES
}

# measure SERVER_NETNS CLIENT_NETNS ADDRESS PORT: prints Gbit/s of one TCP stream.
measure() {
  local server
  nsenter --net="$1" iperf3 -s -1 -p "$4" > /dev/null 2>&1 &
  server=$!
  wait_until 5 "iperf3 listens" nsenter --net="$1" sh -c "ss -Hltn 'sport = :$4' | grep -q ."
  timeout 30 nsenter --net="$2" iperf3 -c "$3" -p "$4" -t 3 -O 1 -J > "$work/iperf.json" 2> "$work/iperf.log"
  kill "$server" 2> /dev/null
  wait "$server" 2> /dev/null
  jq -r '(.end.sum_received.bits_per_second // 0) / 1e9' "$work/iperf.json"
}

compare_throughput() {
  local round ours=() theirs=() best_ours best_theirs
  make_kernel_peer
  stop_server_on_443
  for round in 1 2 3; do
    ours+=("$(measure "${pod_netns[frontend/web]}" "${pod_netns[loadbalancer/client]}" "${pod_ip[frontend/web,4]}" 443)")
    theirs+=("$(measure /run/netns/bulkhead-demo-one /run/netns/bulkhead-demo-two 10.78.0.1 5201)")
  done
  best_ours="$(printf '%s\n' "${ours[@]}" | sort -g | sed -n 2p)"
  best_theirs="$(printf '%s\n' "${theirs[@]}" | sort -g | sed -n 2p)"
  awk -v ours="$best_ours" -v theirs="$best_theirs" 'BEGIN {
    printf "   iperf3, one TCP stream, median of 3, interleaved:\n"
    printf "   bulkhead, policy on            %6.2f Gbit/s\n   veth + bridge + stateful nft   %6.2f Gbit/s\n", ours, theirs
    printf "   ratio                          %6.2f\n", (theirs > 0 ? ours / theirs : 0); exit !(ours > 0) }' ||
    { failures=$((failures + 1)); say "${red}iperf3 failed: $(cat "$work/iperf.log")$plain"; }
}

# iperf3 serves on the shop's HTTPS port, which the policy opens: its echo server makes room.
stop_server_on_443() {
  local pid
  pid="$(nsenter --net="${pod_netns[frontend/web]}" ss -Hltnp 'sport = :443' | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -1)"
  [ -n "$pid" ] && kill "$pid"
}
