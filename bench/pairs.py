# SPDX-License-Identifier: Apache-2.0
"""Two pairs of pods to measure between: through Bulkhead, and through the kernel's own way."""

import contextlib
import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from harness import netns  # noqa: E402
from harness.node import Node  # noqa: E402

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: server, namespace: server}
spec: {ingress: [{from: [{namespace: client, pods: {app: client}}], ports: [TCP/5201, UDP/5201]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: client, namespace: client}
spec: {egress: [{to: [{namespace: server, pods: {app: server}}], ports: [TCP/5201, UDP/5201]}]}
"""
# As many rules as a modest cluster has, none of which fits: Bulkhead gets 100 policies, nftables
# 100 rules behind the one for established connections.
FILLER = 100
PORT = 5201


class Pair:
    """Namespaces `client` and `server`, and the server's address."""

    def __init__(self, name, client, server, address):
        self.name, self.client, self.server, self.address = name, client, server, address


def filler_policies():
    return "---".join(f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: filler-{n}, namespace: server}}
spec:
  podSelector: {{matchLabels: {{app: server}}}}
  policyTypes: [Ingress]
  ingress: [{{from: [{{podSelector: {{matchLabels: {{app: other-{n}}}}}}}], ports: [{{port: {10000 + n}}}]}}]
""" for n in range(FILLER))


@contextlib.contextmanager
def bulkhead_pair(config=None):
    Node.binaries = os.environ.get("BULKHEAD_BIN", os.path.join(ROOT, "build", "release", "bin"))
    node = Node(config=config)
    try:
        node.declare({"client/one": {"app": "client"}, "server/one": {"app": "server"}})
        node.write_policy("policy.yaml", POLICY)
        node.write_policy("filler.yaml", filler_policies())
        node.start()
        client, server = node.pod("client/one"), node.pod("server/one")
        yield Pair("bulkhead", client.netns, server.netns, server.ip(4)), node
        node.conservation()
    finally:
        node.close()


@contextlib.contextmanager
def kernel_pair():
    """veth + bridge + stateful nftables on the bridge (br_netfilter)."""
    bridge, client, server = (netns.Namespace(name) for name in ("bridge", "kclient", "kserver"))
    try:
        bridge.ip("link", "add", "br0", "type", "bridge")
        bridge.ip("link", "set", "br0", "up")
        for index, end in ((1, client), (2, server)):
            bridge.ip("link", "add", f"port{index}", "type", "veth", "peer", "name", "eth0", "netns", end.name)
            bridge.ip("link", "set", f"port{index}", "master", "br0", "up")
            end.ip("addr", "add", f"10.97.0.{index}/24", "dev", "eth0")
            end.ip("link", "set", "eth0", "up")
        for family in ("ip", "ip6"):
            bridge.sysctl(f"net.bridge.bridge-nf-call-{family}tables", 1)
        fillers = "\n".join(f"    ip saddr 10.98.0.{n} tcp dport {10000 + n} accept" for n in range(FILLER))
        rules = f"""
table inet peer {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
{fillers}
    ip saddr 10.97.0.1 meta l4proto {{ tcp, udp }} th dport {PORT} ct state new accept
  }}
}}
"""
        bridge.run("nft", "-f", "-", input=rules)
        yield Pair("veth+bridge+nft", client, server, "10.97.0.2")
    finally:
        for namespace in (client, server, bridge):
            namespace.close()


def compare(title, unit, ours, theirs, measure, rounds=5, lower_is_better=False):
    """measure(pair) -> a figure; interleaved, median of `rounds`; returns (ours, theirs, ratio)."""
    figures = {ours.name: [], theirs.name: []}
    for number in range(rounds):
        for pair in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            figures[pair.name].append(measure(pair))
        print(f"  round {number + 1}/{rounds}: " + ", ".join(f"{name} {values[-1]:.2f}"
                                                            for name, values in figures.items()), flush=True)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratio = medians[ours.name] / medians[theirs.name] if medians[theirs.name] else 0.0
    print(f"{title}, {unit}, median of {rounds}, interleaved{' (lower is better)' if lower_is_better else ''}")
    for name, value in medians.items():
        print(f"  {name:18} {value:10.2f}")
    print(f"  {'ratio':18} {ratio:10.2f}", flush=True)
    return medians[ours.name], medians[theirs.name], ratio


def verdict(what, is_met, bound):
    """Prints whether the figure meets its bound; 0 if so."""
    print(f"{what}: {'met' if is_met else 'NOT met'} ({bound})")
    return 0 if is_met else 1


def begin():
    """Refuses without root; says what the figures depend on."""
    if os.geteuid() != 0:
        sys.exit(f"{os.path.basename(sys.argv[0])}: needs root for network namespaces: run it through sudo")
    with open("/proc/cpuinfo", encoding="utf-8") as text:
        model = next((line.split(":", 1)[1].strip() for line in text if line.startswith("model name")), "unknown")
    print(f"{os.cpu_count()} cores, {model}; load average before: {os.getloadavg()[0]:.2f}", flush=True)


def describe(node):
    """How the data plane under measurement runs."""
    status = node.status()
    memory = re.search(r"memory (\w+)", node.dataplane.log_text())
    print(f"io: {status['io_method']}, workers: {status['workers']}, memory: {memory.group(1) if memory else '?'}",
          flush=True)
