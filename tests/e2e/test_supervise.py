# SPDX-License-Identifier: Apache-2.0
"""An agent that starts the data plane itself, and what it does when that dies, hangs or is absent."""

import os
import signal
import socket
import time

from harness.case import NodeCase, note
from harness.node import Node
from harness.pod import CniError, Pod
from harness.probe import OPEN, TIMEOUT, probe
from harness.process import Process
from harness.stream import Stream
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


class SupervisingNode(Node):
    """Its agent is the only process that is started."""

    def start_dataplane(self):
        pass

    def start_agent(self):
        command = [os.path.join(self.binaries, "bulkhead-agent"), "--root", self.root, "--supervise"]
        self.agent = Process("bulkhead-agent", command, self.path("agent.out"), self.host.path)
        self.dataplane = self.agent

    def close(self, keep_logs=False):
        self.agent.stop()
        super().close(keep_logs)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Supervise(NodeCase):
    NODE = SupervisingNode
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    def dataplane_pid(self):
        """Waits: an agent that makes its host ports again is without a data plane for a moment."""
        return wait_for("a data plane is connected", lambda: self.node.status()["dataplane_pid"])

    def test_a_killed_data_plane_is_started_again_and_connections_survive(self):
        server = self.pods["lab/server"]
        streams = {family: Stream(self.pods["lab/client"], server.ip(family), "TCP", 9000, per_second=200)
                   for family in (4, 6)}
        for stream in streams.values():
            self.addCleanup(stream.stop, drain=0)
            wait_for("the connection flows", lambda s=stream: s.replies > 50)
        before = self.dataplane_pid()
        os.kill(before, signal.SIGKILL)
        wait_for("another data plane is in force", lambda: self.node.is_ready() and self.dataplane_pid() != before)
        for family, stream in streams.items():
            count = stream.replies
            wait_for(f"the IPv{family} connection goes on", lambda s=stream, n=count: s.replies > n + 50)
            note(f"supervised data plane killed, IPv{family}: blocked for {stream.longest_gap * 1000:.0f} ms")
            self.assertEqual(stream.stop(drain=3), 0, "TCP loses nothing")
        for family in (4, 6):
            self.assertEqual(probe(self.pods["stray/pod"], server.ip(family), "TCP", 9000, 0.5), TIMEOUT)

    def test_a_killed_agent_leaves_the_data_plane_and_its_successor_watches_it(self):
        before = self.dataplane_pid()
        self.node.agent.kill()
        self.assertTrue(is_running(before))
        self.node.start_agent()
        self.node.wait_ready()
        self.assertEqual(self.dataplane_pid(), before)
        os.kill(before, signal.SIGKILL)
        wait_for("it is replaced", lambda: self.node.is_ready() and self.dataplane_pid() != before)

    def test_sigterm_ends_both_and_both_come_back(self):
        # Its own child: one taken over from another agent is not its to end.
        os.kill(self.dataplane_pid(), signal.SIGKILL)
        wait_for("a data plane of its own", self.node.is_ready)
        child = self.dataplane_pid()
        self.assertEqual(self.node.agent.stop(), 0)
        self.assertFalse(is_running(child))
        self.node.start_agent()
        self.node.wait_ready()
        server = self.pods["lab/server"]
        for family in (4, 6):
            wait_for("pods are attached again", lambda f=family: probe(
                self.pods["lab/client"], server.ip(f), "TCP", 9000, 0.5) == OPEN)

    def test_a_deleted_host_port_is_made_again(self):
        for device in ("bulkhead0", "bulkhead1"):
            with self.subTest(device):
                self.node.host.ip("link", "del", device)
                wait_for("the node reaches its pods again", lambda: probe(
                    self.node.host, self.pods["lab/server"].ip(4), "TCP", 9000, 0.3) == OPEN)
                self.assertEqual(probe(self.node.host, self.pods["lab/server"].ip(6), "TCP", 9000), OPEN)


class HungDataPlane(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("UDP", 9000),)}

    def test_reads_answer_while_the_data_plane_hangs_and_drops_are_counted(self):
        client = self.pods["lab/client"]
        os.kill(self.node.dataplane.pid, signal.SIGSTOP)
        try:
            # Something to wait for: this policy cannot be acknowledged.
            self.node.write_policy("more.yaml", POLICY.replace("name: lab,", "name: more,").replace(
                "within: true", "within: true, ingress: [{from: [{namespace: other}]}]"))
            slowest = 0.0
            end = time.monotonic() + 6
            while time.monotonic() < end:
                started = time.monotonic()
                for target in ("/v1/status", "/v1/endpoints", "/v1/policies", "/v1/flows"):
                    self.assertEqual(self.node.call("GET", target)[0], 200, target)
                self.node.metrics()
                slowest = max(slowest, time.monotonic() - started)
            note(f"five reads of a node whose data plane hangs: {slowest * 1000:.0f} ms at worst")
            self.assertLess(slowest, 1.5)
            before = self.node.metrics().sum("bulkhead_port_kernel_drops_total")
            sender = client.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for _ in range(3000):
                try:
                    sender.sendto(b"x" * 64, (self.pods["lab/server"].ip(4), 9000))
                except OSError:
                    pass
            sender.close()
            drops = wait_for("the kernel's drops are seen", lambda: self.node.metrics().sum(
                "bulkhead_port_kernel_drops_total") - before, timeout=5, interval=0.2)
            note(f"3000 datagrams to a TAP that nobody reads: {drops:.0f} counted as dropped")
        finally:
            os.kill(self.node.dataplane.pid, signal.SIGCONT)
        wait_for("the agent is connected again", self.node.is_ready)
        wait_for("the policy is in force", lambda: (lambda status: status["revision_acknowledged"]
                 == status["revision_desired"])(self.node.status()))
        self.node.remove_policy("more.yaml")


class NoDataPlane(NodeCase):
    PODS = {"lab/fixed": {"app": "fixed"}}
    POLICIES = {"lab.yaml": POLICY}

    def test_add_without_a_data_plane_leaves_nothing_behind(self):
        leases = self.node.leases()
        self.node.dataplane.kill()
        pod = Pod(self.node, "lab/early")
        self.addCleanup(pod.netns.close)
        started = time.monotonic()
        with self.assertRaises(CniError) as refused:
            pod.add()
        took = time.monotonic() - started
        note(f"ADD without a data plane: code {refused.exception.code} after {took:.1f} s")
        self.assertEqual(refused.exception.code, 11)
        self.assertTrue(9 < took < 14, took)
        self.assertNotIn("eth0", pod.netns.ip("link", "show").stdout)
        self.assertEqual(self.node.leases(), leases)
        self.assertEqual(len(self.node.endpoints()), 1)
        self.assertEqual(len(os.listdir(self.node.path("var/lib/bulkhead/endpoints"))), 1 + self.counters())
        self.node.start_dataplane()
        self.node.wait_ready()
        pod.add()
        pod.delete()

    def counters(self):
        """Files of the registry that are no endpoints."""
        return sum("@" not in name for name in os.listdir(self.node.path("var/lib/bulkhead/endpoints")))
