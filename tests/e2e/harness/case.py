# SPDX-License-Identifier: Apache-2.0
"""The base of the suites: one node a class, its packets accounted for at the end."""

import sys
import unittest

from harness.echo import Echo
from harness.node import Node
from harness.probe import OPEN, REFUSED, TIMEOUT, probe, probe_all

PATIENCE = 10.0  # what a busy machine may take for something that takes milliseconds on a quiet one


class ReachCase(unittest.TestCase):
    """Single connections: source, ip, protocol, port."""

    def assert_open(self, *target):
        self.assertEqual(probe(*target, timeout=PATIENCE), OPEN)

    def assert_silent(self, *target):
        """Denied: nothing comes back."""
        self.assertEqual(probe(*target), TIMEOUT)

    def assert_refused(self, *target):
        self.assertEqual(probe(*target, timeout=PATIENCE), REFUSED)


class NodeCase(ReachCase):
    """Subclasses declare pods (inventory), policies (files) and servers; a node is made of them."""

    PODS = {}      # "ns/name": labels
    POLICIES = {}  # file name: text
    SERVERS = {}   # "ns/name": ((protocol, port), ...)
    CONFIG = {}
    NODE = Node

    @classmethod
    def setUpClass(cls):
        cls.echo = Echo()
        cls.node = cls.NODE(config=dict(cls.CONFIG))
        try:
            if cls.PODS:
                cls.node.declare(cls.PODS)
            for name, text in cls.POLICIES.items():
                cls.node.write_policy(name, text)
            cls.node.start()
            cls.pods = {name: cls.node.pod(name) for name in cls.PODS}
            for name, servers in cls.SERVERS.items():
                for protocol, port in servers:
                    cls.echo.listen(cls.pods[name].netns, name, port, protocol)
        except BaseException:
            cls.echo.close()
            cls.node.close()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.node.agent.is_running() and cls.node.dataplane.is_running():
                cls.node.conservation()
        finally:
            cls.echo.close()
            cls.node.close()

    def outcomes(self, checks, timeout=1.0):
        """checks: (source, destination pod, protocol, port, family) by name -> outcomes by check."""
        targets = [(self.pods[source], self.pods[destination].ip(family), protocol, port)
                   for source, destination, protocol, port, family in checks]
        return dict(zip(checks, probe_all(targets, timeout)))

    def assert_reach(self, allowed, denied, timeout=1.5):
        """(source, destination, protocol, port): allowed passes and denied times out, both families."""
        checks = {(*check, family): expected for expected, group in ((OPEN, allowed), (TIMEOUT, denied))
                  for check in group for family in (4, 6)}
        observed = self.outcomes(list(checks), timeout)
        late = [check for check, expected in checks.items() if expected == OPEN and observed[check] == TIMEOUT]
        observed.update(self.outcomes(late, PATIENCE))
        wrong = [f"{check}: expected {expected}, observed {observed[check]}"
                 for check, expected in checks.items() if observed[check] != expected]
        self.assertEqual(wrong, [])

    def assert_dropped(self, reason, send, at_least=1):
        """`send` raises the counter of `reason`; returns by how much."""
        from harness.wait import wait_for
        before = self.node.metrics().drops(reason)
        send()
        try:
            return wait_for(f"drops_total{{reason={reason}}} rises by {at_least}",
                            lambda: (lambda n: n if n >= at_least else 0)(
                                self.node.metrics().drops(reason) - before), timeout=PATIENCE, interval=0.05)
        except AssertionError as error:
            rose = {labels["reason"]: value for name, labels, value in self.node.metrics().samples
                    if name == "bulkhead_drops_total" and value}
            raise AssertionError(f"{error}; drops so far: {rose}") from None


def note(text):
    """A figure worth reading in the output."""
    print(f"     {text}", file=sys.stdout, flush=True)
