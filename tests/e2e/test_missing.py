# SPDX-License-Identifier: Apache-2.0
"""A node that lacks something: one line says what and how to mend it, preflight agrees, nothing is half made."""

import json
import os

from harness.case import ReachCase
from harness.node import Node
from harness.process import Process
from harness.wait import wait_for


class LackingNode(Node):
    """Its programs run behind `prefix`, in a mount namespace in which `setup` was done."""

    setup, prefix = ":", []

    def lacking(self, program, *arguments):
        command = [*self.prefix, os.path.join(self.binaries, program), *arguments]
        return ["unshare", "-m", "sh", "-c", f"{self.setup} && exec \"$@\"", "sh", *command]

    def start_dataplane(self):
        command = self.lacking("bulkhead-dataplane", "--root", self.root, "--workers", "1")
        self.dataplane = Process("bulkhead-dataplane", command, self.path("dataplane.out"), self.host.path)

    def start_agent(self):
        command = self.lacking("bulkhead-agent", "--root", self.root)
        self.agent = Process("bulkhead-agent", command, self.path("agent.out"), self.host.path)

    def preflight(self):
        """name -> check"""
        done = self.host.run(*self.lacking("bulkhead", "preflight", "--root", self.root, "-o", "json"), check=False)
        return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


class Missing(ReachCase):
    def node(self, setup=":", prefix=()):
        node = LackingNode(config={"memory": "plain"})
        self.addCleanup(node.close)
        node.setup, node.prefix = setup, list(prefix)
        return node

    def assert_told(self, node, check, cause, mend):
        """The agent says it once, however often it tries; preflight says the same; the node is as it was."""
        before = node.host.ip("-o", "link").stdout, node.host.ip("rule").stdout
        forwarding = node.host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout
        node.start_dataplane()
        node.start_agent()
        tries = "agent {} connected".format
        wait_for("it has tried twice", lambda: node.dataplane.log_text().count(tries(node.agent.pid)) >= 2)
        lines = [line for line in node.agent.log_text().splitlines() if "cannot enforce yet" in line]
        self.assertEqual(len(lines), 1, node.agent.log_text())
        self.assertIn(cause, lines[0])
        self.assertIn(mend, lines[0])
        found = node.preflight()[check]
        self.assertEqual(found["health"], "bad", found)
        self.assertTrue(found["mend"])
        self.assertFalse(node.status()["dataplane_connected"])
        # It goes on trying; between two tries nothing of one is left.
        wait_for("no device and no rule is left", lambda: before
                 == (node.host.ip("-o", "link").stdout, node.host.ip("rule").stdout))
        wait_for("forwarding is put back", lambda: forwarding
                 == node.host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout)
        self.assertNotIn("bulkhead", node.host.run("nft", "list", "tables").stdout)

    def test_without_the_tun_device(self):
        node = self.node(setup="mount -t tmpfs none /dev/net")
        self.assert_told(node, "tun", "cannot open /dev/net/tun", "modprobe tun")

    def test_without_nft(self):
        node = self.node(setup="mount --bind /dev/null /usr/sbin/nft")
        self.assert_told(node, "masquerade", "cannot run nft", "nftables")

    def test_without_the_right_to_make_devices(self):
        drop = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
        node = self.node(prefix=drop)
        self.assert_told(node, "capabilities", "cannot attach to TAP", "CAP_NET_ADMIN")

    def test_with_too_few_descriptors(self):
        node = self.node(prefix=("prlimit", "--nofile=4095:4095"))
        node.start_dataplane()
        wait_for("the data plane gives up", lambda: not node.dataplane.is_running())
        self.assertEqual(node.dataplane.child.returncode, 1)
        lines = node.dataplane.log_text().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("LimitNOFILE", lines[0])
        self.assertEqual(node.preflight()["descriptors"]["health"], "bad")
        node.prefix = ["prlimit", "--nofile=4096:4096"]  # the twin
        node.start_dataplane()
        node.start_agent()
        node.wait_ready()
