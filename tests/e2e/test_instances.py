# SPDX-License-Identifier: Apache-2.0
"""Two instances on one node, several workers, no hugepages."""

import os

from harness.case import NodeCase, ReachCase, note
from harness.echo import Echo
from harness.node import METRICS_PORT, OUTSIDE_IPS, Node
from harness.stream import Stream
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""
PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
OUT_POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {egress: [{to: [{world: true}]}]}
"""
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}


class TwoInstances(ReachCase):
    def test_two_instances_share_a_node(self):
        echo = Echo()
        self.addCleanup(echo.close)
        first = Node(instance="one")
        self.addCleanup(first.close)
        second = Node(instance="two", host=first.host, cidrs=("10.89.0.0/16", "fd89::/64"),
                      metrics_port=METRICS_PORT + 1)
        self.addCleanup(second.close)
        pods = {}
        for node in (first, second):
            node.declare(PODS)
            node.write_policy("lab.yaml", POLICY)
            node.start()
            for name in PODS:
                pods[node.instance, name] = node.pod(name)
            echo.listen(pods[node.instance, "lab/server"].netns, node.instance, 9000)
        for node in (first, second):
            for family in (4, 6):
                target = pods[node.instance, "lab/server"].ip(family)
                with self.subTest(f"{node.instance}, IPv{family}"):
                    self.assert_open(pods[node.instance, "lab/client"], target, "TCP", 9000)
                    self.assert_silent(pods[node.instance, "stray/pod"], target, "TCP", 9000)
        self.assert_silent(pods["one", "lab/client"], pods["two", "lab/server"].ip(4), "TCP", 9000)
        first.conservation()
        second.conservation()
        self.assertEqual(first.agent.stop(), 0)
        self.assertEqual(first.dataplane.stop(), 0)
        for family in (4, 6):
            self.assert_open(pods["two", "lab/client"], pods["two", "lab/server"].ip(family), "TCP", 9000)

    def test_the_first_instance_leaves_and_the_second_still_reaches_the_outside(self):
        echo = Echo()
        self.addCleanup(echo.close)
        first = Node(instance="one")
        self.addCleanup(first.close)
        for switch in FORWARDING:
            first.host.sysctl(switch, 0)
        second = Node(instance="two", host=first.host, cidrs=("10.89.0.0/16", "fd89::/64"),
                      metrics_port=METRICS_PORT + 1)
        self.addCleanup(second.close)
        echo.listen(first.outside, "outside", 9000, "UDP")
        for node in (first, second):  # the first one switches forwarding on, the second finds it so
            node.declare(PODS)
            node.write_policy("out.yaml", OUT_POLICY)
            node.start()
        pod, closed = second.pod("lab/client"), second.pod("stray/pod")
        streams = {family: Stream(pod, address, "UDP", 9000, per_second=100)
                   for family, address in ((4, OUTSIDE_IPS[0]), (6, OUTSIDE_IPS[1]))}
        for stream in streams.values():
            self.addCleanup(stream.stop, drain=0)
            wait_for("the stream flows", lambda s=stream: s.replies > 20)
        self.unwire(first)
        self.assertEqual([self.switched(first.host, switch) for switch in FORWARDING], ["1", "1"])
        for family, stream in streams.items():
            at_end = stream.replies
            wait_for(f"the IPv{family} stream goes on", lambda s=stream, n=at_end: s.replies > n + 50)
            self.assert_silent(closed, OUTSIDE_IPS[family == 6], "UDP", 9000)
            self.assertEqual(stream.stop(), 0, f"IPv{family}")
        second.conservation()
        self.unwire(second)
        self.assertEqual([self.switched(first.host, switch) for switch in FORWARDING], ["0", "0"])
        left = first.host.run("sh", "-c", "ip link; ip rule; ip -6 rule; nft list tables").stdout
        self.assertNotRegex(left, "bhone|bhtwo|520[0-9]|bulkhead")

    def unwire(self, node):
        """Both programs end, then what outlives them is taken away."""
        for pod in node.pods:
            pod.close()
        self.assertEqual(node.agent.stop(), 0)
        self.assertEqual(node.dataplane.stop(), 0)
        node.host.run(os.path.join(node.binaries, "bulkhead-agent"), "--root", node.root, "--unwire")

    def switched(self, host, switch):
        return host.run("sysctl", "-n", switch).stdout.strip()


class _Small:
    """What must hold whatever the memory and the number of workers."""

    def test_allowed_passes_and_denied_times_out(self):
        self.assert_reach(allowed=[("lab/client", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")],
                          denied=[("stray/pod", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")])
        note(f"workers: {self.node.status()['workers']}, io: {self.node.status()['io_method']}")


class NoHugepages(_Small, NodeCase):
    PODS, POLICIES, SERVERS, CONFIG = PODS, {"lab.yaml": POLICY}, SERVERS, {"memory": "plain"}


class TwoWorkers(_Small, NodeCase):
    PODS, POLICIES, SERVERS, CONFIG = PODS, {"lab.yaml": POLICY}, SERVERS, {"workers": 2}


class ReadAndWrite(_Small, NodeCase):
    """The fallback where io_uring is missing."""

    PODS, POLICIES, SERVERS, CONFIG = PODS, {"lab.yaml": POLICY}, SERVERS, {"io": "epoll"}
