# SPDX-License-Identifier: Apache-2.0
"""Open first, then exactly as open as what was seen: policies suggested from the flows of a node."""

from harness.case import NodeCase
from harness.wait import wait_for

PODS = {"shop/web": {"app": "web"}, "data/db": {"app": "db"}, "stray/box": {"app": "box"}}
SEEN = (("shop/web", "data/db", "TCP", 3306), ("shop/web", "data/db", "UDP", 53))


class Suggest(NodeCase):
    PODS = PODS
    CONFIG = {"default": "allow"}
    SERVERS = {name: (("TCP", 3306), ("UDP", 53), ("TCP", 80)) for name in PODS}

    def suggest(self):
        return self.node.command("policy", "suggest", self.node.path("etc/bulkhead/policies.d"),
                                 "--config", self.node.path("etc/bulkhead/config.yaml"))

    def is_recorded(self):
        done = self.suggest()
        return done.stdout if done.stdout.count("port: 3306") == 2 and done.stdout.count("port: 53") == 2 else ""

    def test_what_was_seen_stays_open_and_the_rest_is_closed(self):
        everything = [(source, destination, protocol, port) for source in PODS for destination in PODS
                      if source != destination for protocol, port in (("TCP", 3306), ("UDP", 53), ("TCP", 80))]
        self.assert_reach(allowed=SEEN, denied=[])
        policies = wait_for("the agent has the flows", self.is_recorded)
        self.node.apply("suggested.yaml", policies)
        # Nothing was seen of stray: it stays as it was, but the others no longer talk to it.
        self.assert_reach(allowed=SEEN, denied=[cell for cell in everything if cell not in SEEN])
        check = self.node.command("policy", "check", self.node.path("etc/bulkhead/policies.d"))
        self.assertEqual(check.returncode, 0, check.stdout)
