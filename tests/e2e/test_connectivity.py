# SPDX-License-Identifier: Apache-2.0
"""What policies allow passes and everything else times out: TCP, UDP, ICMP, both families."""

import json
import socket

from harness import frames
from harness.case import NodeCase, note
from harness.node import NODE_IPS, OUTSIDE_IPS, uplink_nat
from harness.probe import OPEN, TIMEOUT, probe
from harness.wait import wait_for

PODS = {"frontend/web": {"app": "web"}, "backend/db": {"app": "db"}, "open/door": {"app": "door"},
        "stray/pod": {"app": "stray"}}

POLICIES = {
    "frontend.yaml": """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: frontend, namespace: frontend}
spec:
  egress:
  - to: [{namespace: backend, pods: {app: db}}]
    ports: [TCP/3306, UDP/3306]
""",
    "backend.yaml": """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: backend}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: frontend}}
      podSelector: {matchLabels: {app: web}}
    ports: [{protocol: TCP, port: 3306}, {protocol: UDP, port: 3306}]
""",
    "open.yaml": """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: everything, namespace: open}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{}]
  egress: [{}]
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: stray-may-ping-open, namespace: stray}
spec:
  egress: [{to: [{namespace: open}]}]
""",
}


class Connectivity(NodeCase):
    PODS, POLICIES = PODS, POLICIES
    SERVERS = {name: (("TCP", 3306), ("UDP", 3306), ("TCP", 80), ("UDP", 53)) for name in PODS}

    def test_allowed_passes_and_denied_times_out(self):
        self.assert_reach(
            allowed=[("frontend/web", "backend/db", protocol, 3306) for protocol in ("TCP", "UDP")]
            + [("stray/pod", "open/door", protocol, port)
               for protocol, port in (("TCP", 80), ("UDP", 53), ("ICMP", 0))],
            denied=[("frontend/web", "backend/db", "TCP", 80), ("frontend/web", "backend/db", "UDP", 53),
                    ("frontend/web", "backend/db", "ICMP", 0), ("backend/db", "frontend/web", "TCP", 80),
                    ("backend/db", "frontend/web", "UDP", 53), ("stray/pod", "backend/db", "TCP", 3306),
                    ("stray/pod", "backend/db", "UDP", 3306), ("open/door", "stray/pod", "TCP", 80),
                    ("open/door", "backend/db", "TCP", 3306), ("open/door", "stray/pod", "ICMP", 0)])

    def test_the_matrix_of_the_offline_command_is_what_the_wire_does(self):
        probes = (("TCP", 80), ("TCP", 3306), ("UDP", 53), ("UDP", 3306))
        arguments = [word for protocol, port in probes for word in ("--probe", f"{protocol}/{port}")]
        done = self.node.command("policy", "matrix", self.node.path("etc/bulkhead/policies.d"), *arguments,
                                 "--config", self.node.path("etc/bulkhead/config.yaml"), "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        cells = {(cell["from"], cell["to"], cell["protocol"], cell["port"]): cell["verdict"]
                 for cell in json.loads(done.stdout)["cells"] if cell["from"] != cell["to"]}
        self.assertEqual(len(cells), len(PODS) * (len(PODS) - 1) * len(probes))
        observed = self.outcomes([(*cell, family) for cell in cells for family in (4, 6)])
        wrong = [f"{check}: matrix says {cells[check[:4]]}, observed {outcome}"
                 for check, outcome in observed.items()
                 if outcome != (OPEN if cells[check[:4]] == "allow" else TIMEOUT)]
        self.assertEqual(wrong, [])

    def test_a_closed_port_of_an_allowed_peer_refuses_at_once(self):
        for family in (4, 6):
            self.assert_refused(self.pods["stray/pod"], self.pods["open/door"].ip(family), "TCP", 81)

    def test_the_node_reaches_every_pod_and_only_open_pods_reach_the_node(self):
        for index, family in enumerate((4, 6)):
            self.echo.listen(self.node.host, "node", 7000 + family)
            for name in ("backend/db", "stray/pod"):
                with self.subTest(f"node to {name}, IPv{family}"):
                    self.assert_open(self.node.host, self.pods[name].ip(family), "TCP", 80)
            self.assert_open(self.pods["open/door"], NODE_IPS[index], "TCP", 7000 + family)
            self.assert_silent(self.pods["backend/db"], NODE_IPS[index], "TCP", 7000 + family)

    def test_the_outside_is_reached_masqueraded_by_open_pods_only(self):
        for index, family in enumerate((4, 6)):
            self.echo.listen(self.node.outside, "outside", 7100 + family)
            with self.subTest(f"IPv{family}"):
                self.assert_open(self.pods["open/door"], OUTSIDE_IPS[index], "TCP", 7100 + family)
                self.assert_silent(self.pods["backend/db"], OUTSIDE_IPS[index], "TCP", 7100 + family)

    def test_a_masqueraded_client_of_a_node_port_is_judged_as_outside(self):
        """DNAT and masquerade give the packet a node address; it is still no packet of the node's."""
        rules = "table inet h_nodeport {\n chain in { type nat hook prerouting priority dstnat;\n"
        for port, pod in ((30080, "backend/db"), (30081, "open/door")):
            rules += f"  ip daddr {NODE_IPS[0]} tcp dport {port} dnat ip to {self.pods[pod].ip(4)}:80\n"
            rules += f"  ip6 daddr {NODE_IPS[1]} tcp dport {port} dnat ip6 to [{self.pods[pod].ip(6)}]:80\n"
        rules += " }\n chain out { type nat hook postrouting priority srcnat;\n"
        rules += "  iifname uplink ct status dnat masquerade\n }\n}\n"
        uplink_nat(self.node, rules)
        self.addCleanup(self.node.host.run, "nft", "delete", "table", "inet", "h_nodeport")
        for index, family in enumerate((4, 6)):
            with self.subTest(f"IPv{family}"):
                self.assert_open(self.node.outside, NODE_IPS[index], "TCP", 30081)
                self.assert_silent(self.node.outside, NODE_IPS[index], "TCP", 30080)
                self.assert_open(self.node.host, self.pods["backend/db"].ip(family), "TCP", 80)

    def test_large_transfers_arrive_whole(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                source = self.pods["stray/pod"].socket(
                    socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM)
                with source:
                    source.settimeout(10)
                    source.connect((self.pods["open/door"].ip(family), 80))
                    data = bytes(range(256)) * 256
                    back = b""
                    source.sendall(data)
                    while len(back) < len(data):
                        back += source.recv(65536)
                    self.assertEqual(back, data)

    def test_fragmented_datagrams_pass_where_allowed_only(self):
        """3000 bytes of UDP over an MTU of 1500: the kernel makes the fragments."""
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                kind = socket.AF_INET6 if family == 6 else socket.AF_INET
                with self.pods["stray/pod"].socket(kind, socket.SOCK_DGRAM) as source:
                    source.settimeout(3)
                    source.sendto(b"x" * 3000, (self.pods["open/door"].ip(family), 53))
                    self.assertEqual(len(source.recv(65536)), 3000)
                before = self.echo.count("backend/db", 53, "UDP")
                with self.pods["stray/pod"].socket(kind, socket.SOCK_DGRAM) as source:
                    self.assert_dropped("denied_egress",
                                        lambda: source.sendto(b"x" * 3000, (self.pods["backend/db"].ip(family), 53)))
                self.assertEqual(self.echo.count("backend/db", 53, "UDP"), before)

    def test_explain_names_the_rule_that_the_counters_name(self):
        web, db = self.pods["frontend/web"], self.pods["backend/db"]
        allowed = self.node.call("POST", "/v1/explain", {"from": "frontend/web", "to": "backend/db",
                                                         "protocol": "TCP", "port": 3306})[1]
        denied = self.node.call("POST", "/v1/explain", {"from": "stray/pod", "to": "backend/db",
                                                        "protocol": "TCP", "port": 3306})[1]
        self.assertEqual(allowed["verdict"], "allow")
        self.assertEqual(allowed["ingress"]["rule"], "NetworkPolicy/backend/db/ingress/0")
        self.assertEqual(allowed["egress"]["rule"], "Segment/frontend/frontend/egress/0")
        self.assertEqual(denied["verdict"], "deny")
        self.assertEqual(denied["egress"]["rule"], "default/isolated")
        before = self.node.metrics()
        self.assert_open(web, db.ip(4), "TCP", 3306)

        def rose():
            return self.node.metrics().sum("bulkhead_decisions_total", policy_namespace="backend", verdict="allow",
                                           direction="ingress") > before.sum(
                "bulkhead_decisions_total", policy_namespace="backend", verdict="allow", direction="ingress")
        wait_for("decisions_total of backend rises", rose)

    def test_counters_agree_with_what_was_sent(self):
        source = self.pods["stray/pod"]
        metrics = self.node.metrics()
        sender = frames.FrameSender(source)
        target = self.pods["backend/db"].ip(4)
        datagram = frames.udp(source.ip(4), target, 40000, 9, b"count me")
        for _ in range(100):
            sender.send_ip(frames.ipv4(source.ip(4), target, frames.UDP, datagram))
        sender.close()
        wait_for("100 denied packets are counted", lambda: self.node.metrics().drops("denied_egress")
                 - metrics.drops("denied_egress") >= 100)
        self.assertEqual(self.node.metrics().drops("denied_egress") - metrics.drops("denied_egress"), 100)
        note("100 frames sent to a closed peer, drops_total{reason=\"denied_egress\"} rose by 100")
