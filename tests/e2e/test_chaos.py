# SPDX-License-Identifier: Apache-2.0
"""Killing either daemon under traffic: what was allowed goes on, what was closed stays closed."""

import time

from harness.case import NodeCase, note
from harness.stream import Stream
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


class Chaos(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    def stream(self, protocol, family, **options):
        stream = Stream(self.pods["lab/client"], self.pods["lab/server"].ip(family), protocol, 9000, **options)
        self.addCleanup(stream.stop, drain=0)
        return stream

    def assert_enforcement(self):
        server = self.pods["lab/server"]
        for family in (4, 6):
            self.assert_open(self.pods["lab/client"], server.ip(family), "TCP", 9000)
            self.assert_silent(self.pods["stray/pod"], server.ip(family), "TCP", 9000)

    def test_killing_the_agent_loses_no_packet_and_enforcement_stays(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                stream = self.stream("UDP", family, per_second=1000)
                wait_for("the stream flows", lambda: stream.replies > 500)
                self.node.agent.kill()
                self.assert_enforcement()
                at_restart = stream.sent
                self.node.start_agent()
                self.node.wait_ready()
                wait_for("the stream outlives the restart", lambda: stream.sent > at_restart + 500)
                lost = stream.stop()
                note(f"agent killed and restarted under 1 kpps, IPv{family}: {stream.sent} sent, {lost} lost")
                self.assertEqual(lost, 0)
        self.assert_enforcement()
        self.assertEqual(len(self.node.endpoints()), len(self.PODS))

    def test_connections_survive_a_killed_data_plane(self):
        streams = {family: self.stream("TCP", family, per_second=200) for family in (4, 6)}
        for stream in streams.values():
            wait_for("the connection flows", lambda s=stream: s.replies > 50)
        self.node.conservation()
        killed = time.monotonic()
        self.node.dataplane.kill()
        self.node.start_dataplane()
        self.node.wait_ready()
        note(f"data plane killed: ready again after {(time.monotonic() - killed) * 1000:.0f} ms")
        for family, stream in streams.items():
            at_restart = stream.replies
            wait_for(f"the IPv{family} connection goes on", lambda s=stream, n=at_restart: s.replies > n + 50)
            note(f"IPv{family} connection survived, blocked for {stream.longest_gap * 1000:.0f} ms")
            self.assertEqual(stream.stop(drain=3), 0, "TCP loses nothing")
        self.assert_enforcement()

    def test_both_daemons_killed_come_back_with_every_pod(self):
        self.node.agent.kill()
        self.node.dataplane.kill()
        self.node.start_dataplane()
        self.node.start_agent()
        self.node.wait_ready()
        wait_for("every endpoint is ready again", lambda: [e["state"] for e in self.node.endpoints()]
                 == ["ready"] * len(self.PODS))
        self.assert_enforcement()

    def test_sigterm_ends_both_with_status_0_and_they_start_again(self):
        self.assertEqual(self.node.dataplane.stop(), 0)
        wait_for("the status says how long it has been out of date",
                 lambda: self.node.status()["policy_stale_seconds"] > 0.1)
        self.assertEqual(self.node.agent.stop(), 0)
        self.node.start_dataplane()
        self.node.start_agent()
        self.node.wait_ready()
        wait_for("it is up to date again", lambda: self.node.status()["policy_stale_seconds"] == 0)
        self.assert_enforcement()
