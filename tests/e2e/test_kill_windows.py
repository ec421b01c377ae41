# SPDX-License-Identifier: Apache-2.0
"""kill -9 of agent and data plane at random moments of ADD and DEL: nothing is left, nothing slips through."""

import os
import random
import threading

from harness.case import NodeCase, note
from harness.pod import CniError, Pod
from harness.stream import Stream
from harness.wait import wait_for
from test_first_packet import EagerSender

CYCLES = int(os.environ.get("BULKHEAD_CYCLES", "40"))
POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: servers, namespace: servers}
spec: {ingress: [{from: [{namespace: friends}], ports: [UDP/9000]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: churn, namespace: churn}
spec: {egress: [{to: [{namespace: servers}], ports: [UDP/9000]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: friends, namespace: friends}
spec: {egress: [{to: [{namespace: servers}], ports: [UDP/9000]}]}
"""


def descriptors_of(pid):
    """How many TAP queues and namespaces a process holds."""
    folder, held = f"/proc/{pid}/fd", 0
    for name in os.listdir(folder):
        try:
            target = os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        held += target == "/dev/net/tun" or target.startswith("net:")
    return held


class KillWindows(NodeCase):
    PODS = {"servers/echo": {"app": "echo"}, "friends/client": {"app": "client"}}
    POLICIES = {"policy.yaml": POLICY}
    SERVERS = {"servers/echo": (("UDP", 9000),)}

    def kill_at(self, milliseconds, victims):
        """Kills and starts again, `milliseconds` from now."""
        def strike():
            for victim in victims:
                getattr(self.node, victim).kill()
            for victim in victims:
                getattr(self.node, f"start_{victim}")()
        timer = threading.Timer(milliseconds / 1000, strike)
        timer.start()
        return timer

    def under_fire(self, choice, work):
        victims = choice.choice((("agent",), ("dataplane",), ("agent", "dataplane"), ()))
        timer = self.kill_at(choice.uniform(0, 120), victims)
        try:
            return work()
        finally:
            timer.join()

    def cycle(self, choice):
        """One pod's life. True when its ADD succeeded."""
        pod = Pod(self.node, f"churn/pod-{choice.randrange(4)}")
        target = self.pods["servers/echo"]
        eager = EagerSender(pod.netns, [target.ip(4), target.ip(6)], 9000)
        try:
            self.under_fire(choice, pod.add)
            is_added = True
        except CniError:
            is_added = False
        # A runtime calls DEL whatever ADD said; it must succeed with everything dead.
        try:
            self.under_fire(choice, lambda: pod.delete(netns=choice.choice((None, ""))))
        finally:
            eager.stop()
            pod.netns.close()
        return is_added

    def test_nothing_is_left_and_nothing_slips_through(self):
        seed = int(os.environ.get("BULKHEAD_SEED", random.randrange(2**31)))
        note(f"BULKHEAD_SEED={seed}, {CYCLES} cycles")
        choice = random.Random(seed)
        before = self.echo.count("servers/echo", 9000, "UDP")
        added = sum(self.cycle(choice) for _ in range(CYCLES))
        note(f"{added} of {CYCLES} pods were added under fire")
        self.assertEqual(self.echo.count("servers/echo", 9000, "UDP"), before, "a forbidden packet arrived")
        self.node.wait_ready()
        # One more ADD takes up what was left of those that nobody could finish.
        last = Pod(self.node, "churn/last").add()
        last.close()
        wait_for("only the lasting pods are known", lambda: sorted(
            e["pod_name"] for e in self.node.endpoints()) == ["client", "echo"])
        lasting = {ip for pod in self.pods.values() for ip in pod.ips}
        self.assertEqual(self.node.leases(), lasting)
        status, lost = self.node.call("GET", "/v1/attachments?lost=1&network=e2e")
        self.assertEqual((status, lost), (200, []))
        self.assertEqual(os.listdir(self.node.path("var/lib/bulkhead/tombstones")), [])
        links = self.node.host.ip("-o", "link").stdout
        self.assertEqual(sum(": bulkhead" in line for line in links.splitlines()), 2, links)
        # Two ports of the node and two pods; the agent holds a second descriptor of each at most.
        wait_for("no TAP of a dead pod is held", lambda: descriptors_of(self.node.dataplane.pid) <= 4)
        self.assertLessEqual(descriptors_of(self.node.agent.pid), 4)
        for family in (4, 6):
            stream = Stream(self.pods["friends/client"], self.pods["servers/echo"].ip(family), "UDP", 9000,
                            per_second=200)
            wait_for("what is allowed still passes", lambda s=stream: s.replies > 20)
            stream.stop()
