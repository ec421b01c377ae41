# SPDX-License-Identifier: Apache-2.0
"""A quarantine on live pods: what it cuts, whom it spares, when it ends and what it survives."""

import datetime

from harness.case import NodeCase, note
from harness.probe import OPEN, TIMEOUT, probe
from harness.stream import Stream
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


class Quarantine(NodeCase):
    PODS = {name: {"app": name[4:]} for name in ("lab/client", "lab/server", "lab/expert")}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000),), "lab/client": (("TCP", 9000),)}

    def put(self, **body):
        status, reply = self.node.call("PUT", "/v1/quarantine/lab/client", {"why": "test", **body})
        self.assertEqual(status, 200, reply)
        self.addCleanup(self.node.call, "DELETE", "/v1/quarantine/lab/client")

    def reach(self, source, destination):
        return {family: probe(self.pods[source], self.pods[destination].ip(family), "TCP", 9000, 0.5)
                for family in (4, 6)}

    def assert_cut(self):
        for source, destination in (("lab/client", "lab/server"), ("lab/server", "lab/client")):
            self.assertEqual(self.reach(source, destination), {4: TIMEOUT, 6: TIMEOUT}, (source, destination))

    def wait_open(self):
        wait_for("it is reached again", lambda: self.reach("lab/client", "lab/server") == {4: OPEN, 6: OPEN})

    def streams(self):
        streams = [Stream(self.pods["lab/client"], self.pods["lab/server"].ip(family), "TCP", 9000, per_second=200)
                   for family in (4, 6)]
        for stream in streams:
            self.addCleanup(stream.stop, drain=0)
            wait_for("the connection flows", lambda s=stream: s.replies > 20)
        return streams

    def test_it_cuts_live_connections_both_ways_and_shows_it(self):
        streams = self.streams()
        self.put()
        for stream in streams:
            wait_for("the connection is cut", lambda s=stream: s.is_quiet_for(0.5))
        self.assert_cut()
        states = {e["pod_name"]: e["state"] for e in self.node.endpoints()}
        self.assertEqual(states, {"client": "quarantined", "server": "ready", "expert": "ready"})
        self.assertEqual(self.node.call("DELETE", "/v1/quarantine/lab/client")[0], 200)
        self.wait_open()

    def test_a_forensic_peer_is_spared(self):
        expert = self.pods["lab/expert"].ip(4)
        self.put(forensic_peer=expert)
        self.assert_cut()
        self.assertEqual(self.reach("lab/expert", "lab/client"), {4: OPEN, 6: TIMEOUT})

    def test_it_ends_when_its_time_is_over(self):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
        self.put(until=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.assert_cut()
        self.wait_open()
        late = (datetime.datetime.now(datetime.timezone.utc) - end).total_seconds()
        note(f"a quarantine ended {late:.1f} s after its time")
        self.assertGreater(late, -1.0)

    def test_it_survives_the_death_of_both_processes(self):
        self.put()
        self.node.agent.kill()
        self.assert_cut()
        self.node.start_agent()
        self.node.wait_ready()
        self.assert_cut()
        self.node.dataplane.kill()
        self.node.start_dataplane()
        self.node.wait_ready()
        wait_for("the others are attached again", lambda: self.reach("lab/expert", "lab/server") == {4: OPEN, 6: OPEN})
        self.assert_cut()
        self.assertEqual(self.node.call("DELETE", "/v1/quarantine/lab/client")[0], 200)
        self.wait_open()
