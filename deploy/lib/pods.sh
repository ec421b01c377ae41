# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: the pods, as real containers where containerd works, else as network
# namespaces that the same CNI binary wires.

pods=(frontend/web backend/db monitoring/prober loadbalancer/client legacy/box)
servers=(TCP/80 TCP/443 UDP/443 TCP/3306 TCP/9100 UDP/53 TCP/8443)
runtime=''
declare -A pod_netns=() pod_ip=()

container_of() { echo "bulkhead-demo-${1/\//-}"; }

# in_cni_view COMMAND...: where /etc/cni/net.d and /usr/lib/cni are the demo's own; only there.
in_cni_view() {
  # shellcheck disable=SC2016
  unshare -m sh -c 'work="$1"; shift
    mount -t overlay overlay -o "lowerdir=/etc,upperdir=$work/etc-upper,workdir=$work/etc-work" /etc &&
    mount --bind "$work/etc-upper/cni/net.d" /etc/cni/net.d &&
    mount --bind "$work/cni-bin" /usr/lib/cni && exec "$@"' sh "$work" "$@"
}

ctr_demo() { ctr -a "$work/containerd.sock" -n bulkhead-demo "$@"; }

start_containerd() {
  mkdir -p "$work/etc-upper/cni/net.d" "$work/etc-work" "$work/cni-bin"
  cp "$work/cni/10-bulkhead.conflist" "$work/etc-upper/cni/net.d/"
  cp /usr/lib/cni/host-local /usr/lib/cni/loopback "$work/cni-bin/"
  cp "$bin/bulkhead-cni" "$work/cni-bin/"
  cat > "$work/containerd.toml" << CONFIG
version = 2
root = "$work/containerd"
state = "$work/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/containerd.sock"
CONFIG
  start containerd containerd --config "$work/containerd.toml"
  local attempt
  for attempt in $(seq 1 200); do
    ctr_demo version > /dev/null 2>&1 && break
    sleep 0.05
  done
  make_image "$work/image.tar" && ctr_demo images import "$work/image.tar" > /dev/null
}

start_container() {
  BULKHEAD_POD="$1" BULKHEAD_ROOT="$work" in_cni_view ctr -a "$work/containerd.sock" -n bulkhead-demo run -d --cni \
    "$image" "$(container_of "$1")" /bin/sh /bin/pod-serve "${servers[@]}"
}

remove_containers() {
  local container attempt
  for container in $(ctr_demo containers ls -q 2> /dev/null); do
    ctr_demo tasks kill -s KILL "$container" > /dev/null 2>&1
    for attempt in $(seq 1 100); do
      ctr_demo tasks rm "$container" > /dev/null 2>&1
      ctr_demo containers rm "$container" > /dev/null 2>&1 && break
      sleep 0.05
    done
  done
}

# cni VERB POD NETNS: the plugin as a runtime would call it.
cni() {
  jq '.plugins[0] + {cniVersion, name}' "$work/cni/10-bulkhead.conflist" |
    CNI_COMMAND="$1" CNI_CONTAINERID="$(container_of "$2")" CNI_NETNS="$3" CNI_IFNAME=eth0 CNI_PATH="$bin:/usr/lib/cni" \
      BULKHEAD_ROOT="$work" CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=${2%/*};K8S_POD_NAME=${2#*/}" \
      "$bin/bulkhead-cni"
}

start_namespace_pod() {
  local name
  name="$(container_of "$1")"
  make_namespace "$name"
  cni ADD "$1" "/run/netns/$name" > /dev/null
  start "pod-${1/\//-}" ip netns exec "$name" sh "$here/lib/pod_serve.sh" "${servers[@]}"
  record process "$started" "$1"
}

# BULKHEAD_DEMO_RUNTIME=namespaces does without containerd.
try_containers() {
  [ "${BULKHEAD_DEMO_RUNTIME:-containerd}" = containerd ] || { echo "not asked for" > "$work/container-error.log"; return 1; }
  command -v containerd > /dev/null && command -v runc > /dev/null && start_containerd &&
    start_container "${pods[0]}" 2> "$work/container-error.log"
}

start_pods() {
  local pod pid
  if try_containers; then
    runtime=containerd
    for pod in "${pods[@]:1}"; do start_container "$pod"; done
    say "pods are real containers: containerd, runc, wired by \`ctr run --cni\` through bulkhead-cni"
  else
    runtime=namespaces
    [ -S "$work/containerd.sock" ] && remove_containers
    say "pods are network namespaces, wired by the same bulkhead-cni; containerd:" \
      "$(tail -n 1 "$work/container-error.log" 2> /dev/null || echo "not installed, or it does not start")"
    for pod in "${pods[@]}"; do start_namespace_pod "$pod"; done
  fi
  for pod in "${pods[@]}"; do
    if [ "$runtime" = containerd ]; then
      pid="$(ctr_demo tasks ls | awk -v name="$(container_of "$pod")" '$1 == name { print $2 }')"
      pod_netns[$pod]="/proc/$pid/ns/net"
    else
      pod_netns[$pod]="/run/netns/$(container_of "$pod")"
    fi
  done
  read_addresses
}

read_addresses() {
  local pod addresses
  addresses="$(ask_agent endpoints -o json |
    jq -r '(.endpoints? // .)[] | "\(.pod_namespace)/\(.pod_name) \(.ips | join(" "))"')"
  for pod in "${pods[@]}"; do
    pod_ip[$pod,4]="$(awk -v pod="$pod" '$1 == pod { for (i = 2; i <= NF; ++i) if ($i !~ /:/) print $i }' <<< "$addresses")"
    pod_ip[$pod,6]="$(awk -v pod="$pod" '$1 == pod { for (i = 2; i <= NF; ++i) if ($i ~ /:/) print $i }' <<< "$addresses")"
    [ -n "${pod_ip[$pod,4]}" ] && [ -n "${pod_ip[$pod,6]}" ] || die "$pod has no address"
    say "$(printf '%-22s %-12s %s' "$pod" "${pod_ip[$pod,4]}" "${pod_ip[$pod,6]}")"
  done
}

# in_pod POD COMMAND...: inside the container itself, or its namespace.
in_pod() {
  local pod="$1"
  shift
  if [ "$runtime" = containerd ]; then
    ctr_demo tasks exec --exec-id "x$RANDOM$RANDOM" "$(container_of "$pod")" "$@"
  else
    ip netns exec "$(container_of "$pod")" "$@"
  fi
}

# from_pod POD COMMAND...: a program of this machine, in the pod's network.
from_pod() {
  local pod="$1"
  shift
  nsenter --net="${pod_netns[$pod]}" "$@"
}
