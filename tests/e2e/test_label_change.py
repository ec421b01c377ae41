# SPDX-License-Identifier: Apache-2.0
"""A change of labels that keeps a connection allowed must not cost it a packet."""

from harness.case import NodeCase, note
from harness.stream import Stream
from harness.wait import wait_for

POLICIES = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: clients, namespace: clients}
spec: {egress: [{to: [{namespace: servers}]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: servers, namespace: servers}
spec:
  ingress:
  - from: [{namespace: clients, pods: {app: one}}]
  - from: [{namespace: clients, pods: {app: two}}]
  - from: [{namespace: clients, pods: {app: three}}]
"""


class LabelChange(NodeCase):
    PODS = {"clients/a": {"app": "one"}, "clients/b": {"app": "one"}, "servers/echo": {"app": "echo"}}
    POLICIES = {"policies.yaml": POLICIES}
    SERVERS = {"servers/echo": (("TCP", 9000), ("UDP", 9000))}

    def survive(self, what, changes):
        """Every change, in turn, under streams of both pods, protocols and families."""
        streams = {}
        for pod in ("clients/a", "clients/b"):
            for protocol in ("TCP", "UDP"):
                for family in (4, 6):
                    server = self.pods["servers/echo"].ip(family)
                    stream = Stream(self.pods[pod], server, protocol, 9000, per_second=300)
                    self.addCleanup(stream.stop, drain=0)
                    streams[f"{pod} {protocol} IPv{family}"] = stream
        for stream in streams.values():
            wait_for("the stream flows", lambda s=stream: s.replies > 50)
        for labels in changes:
            before = self.node.status()["revision_acknowledged"]
            self.node.declare({**self.PODS, **{pod: {"app": app} for pod, app in labels.items()}})
            self.node.wait_published(before)
            for stream in streams.values():
                count = stream.sent
                wait_for("the stream goes on", lambda s=stream, n=count: s.sent > n + 20)
        lost = {name: stream.stop(drain=5) for name, stream in streams.items()}
        sent = sum(stream.sent for stream in streams.values())
        note(f"{what}: {sent} messages in {len(streams)} streams, {sum(lost.values())} lost")
        self.assertEqual({name: count for name, count in lost.items() if count}, {})
        self.node.declare(self.PODS)

    def test_one_pod_that_changes_its_identity_loses_nothing(self):
        self.survive("one pod relabelled", [{"clients/a": "two"}, {"clients/a": "three"}, {"clients/a": "one"}] * 3)

    def test_pods_that_part_lose_nothing(self):
        """Both leave one identity at the same moment, for two that nobody has had before."""
        self.survive("an identity that parts", [{"clients/a": "two", "clients/b": "three"}, {}] * 5)
