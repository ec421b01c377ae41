# SPDX-License-Identifier: Apache-2.0
"""Two instances on one node, several workers, no hugepages."""

from harness.case import NodeCase, ReachCase, note
from harness.echo import Echo
from harness.node import METRICS_PORT, Node

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""
PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
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
