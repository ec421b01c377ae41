# SPDX-License-Identifier: Apache-2.0
"""Runtimes that never call DEL: what they lose is noticed, and the addresses come back to IPAM."""

import unittest

from harness.node import Node
from harness.pod import CniError, Pod
from harness.wait import wait_for

POOL = 5  # of a /29: its network, broadcast and gateway addresses are nobody's


class LostDelete(unittest.TestCase):
    def setUp(self):
        self.node = Node(cidrs=("10.88.0.0/29", "fd88::/125")).start()
        self.addCleanup(self.node.close)

    def fill(self, name):
        return [self.node.pod(f"lab/{name}-{number}") for number in range(POOL)]

    def lose(self, pods):
        for pod in pods:
            pod.is_added = False
            pod.netns.close()

    def expect_full(self):
        pod = Pod(self.node, "lab/one-too-many")
        self.addCleanup(pod.netns.close)
        with self.assertRaises(CniError) as refused:
            pod.add()
        self.assertIn("host-local", refused.exception.message)

    def test_a_full_pool_has_room_again_when_its_pods_died_without_a_delete(self):
        first = self.fill("first")
        self.expect_full()
        self.lose(first)
        wait_for("the dead pods are noticed", lambda: not self.node.endpoints())
        second = self.fill("second")
        self.assertEqual({pod.ip(4) for pod in second}, {pod.ip(4) for pod in first})
        self.expect_full()

    def test_what_was_lost_while_the_agent_was_dead_is_freed_as_well(self):
        first = self.fill("first")
        self.node.agent.kill()
        self.lose(first)
        self.node.start_agent()
        self.node.wait_ready()
        wait_for("the dead pods are noticed", lambda: not self.node.endpoints())
        self.node.agent.kill()
        self.node.start_agent()
        self.node.wait_ready()
        self.fill("second")

    def test_a_late_delete_finds_nothing_left_to_do(self):
        pods = self.fill("first")
        self.lose(pods)
        wait_for("the dead pods are noticed", lambda: not self.node.endpoints())
        for pod in pods:
            pod.delete(netns="")
        self.assertEqual(self.node.leases(), set())
        status, lost = self.node.call("GET", "/v1/attachments?lost=1&network=e2e")
        self.assertEqual((status, lost), (200, []))
